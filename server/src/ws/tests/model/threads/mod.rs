//! The hub and the queues over locks that try every order in which threads can come to them (`loom`).
//!
//! The files of the product are compiled here a second time; only what `sync` names is another. Not a
//! `--cfg` of its own, since that would build everything twice.
//!
//! `LOOM_MAX_PREEMPTIONS=3` and more look further; without a bound a model can take hours.

#![allow(dead_code, clippy::duplicate_mod)]

#[path = "../../../delivery.rs"]
mod delivery;
#[path = "../../../doubts.rs"]
mod doubts;
#[path = "../../../hub.rs"]
mod hub;
#[path = "../../../outbox.rs"]
mod outbox;
#[path = "../../../pressure.rs"]
mod pressure;
#[path = "../../../reading.rs"]
mod reading;
#[path = "../../../registry.rs"]
mod registry;
#[path = "../../../room.rs"]
mod room;

mod following;
mod queue;
mod sync;

use crate::ws::{close, encode};

/// How often a thread is interrupted where it need not be. Most faults of this kind need one or two.
const PREEMPTIONS: usize = 2;

/// Runs the check under every order of its threads.
fn explore(check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    builder.max_branches = 100_000;
    builder.check(check);
}
