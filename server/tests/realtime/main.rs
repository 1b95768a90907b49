//! What nodes share: the contract suites of bus, presence, limiter and throttle, against the adapters of a
//! single node and those of many; and whole nodes beside each other, also when Redis or one of them is lost.
//!
//! `REDIS_URL` has to name a Redis, and `redis-server` has to be installed.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod bus;
mod cluster;
mod limiter;
mod loss;
mod nodes;
mod presence;
