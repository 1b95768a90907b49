//! The `samvad` program.

fn main() {}
