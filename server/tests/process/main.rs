//! The real binary, stopped in the middle of its work: what was acknowledged is there. And the proxy that the
//! harness of faults puts in between.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod kill;
mod proxy;
mod slow;
