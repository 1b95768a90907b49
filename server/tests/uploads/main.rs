//! The real binary under uploads that mean harm, or meet with it: its memory stays flat, its disk clean.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod fuzz;
mod memory;
