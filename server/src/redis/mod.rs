//! The link to Redis, which the adapters of bus, presence and limits share: connecting, connecting again,
//! and knowing whether it is there.
//!
//! Not here: what is kept or said there. Redis is never needed for an answer: whoever uses the link has
//! something to do without it.

mod client;
mod link;

pub use client::{Client, Connection};
pub use link::{Health, Link, LinkError, Up};
