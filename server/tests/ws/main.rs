//! The sockets of the composed server: who is admitted, what arrives, and what is answered.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod delivery;
mod drafts;
mod ending;
mod frames;
mod presence;
mod privacy;
mod reading;
mod resume;
