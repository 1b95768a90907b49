//! The faults, one scenario each.

mod answer;
mod cuts;
mod disk;
mod malformed;
mod node;
mod primary;
mod redis;
mod sabotaged;
mod wire;

pub use sabotaged::trials as sabotaged;

use crate::trial::Scenario;

/// Every scenario, those that wait the longest first: none of them is to be the last, alone.
pub const ALL: &[Scenario] = &[
    wire::BLACK_HOLE,
    primary::MINORITY,
    node::KILLED,
    node::STOPPED,
    answer::LOST,
    malformed::MALFORMED,
    primary::STEPS_DOWN,
    primary::KILLED,
    primary::FROZEN,
    redis::KILLED,
    redis::FLUSHED,
    redis::FROZEN,
    redis::CLIENTS_KILLED,
    cuts::SENDS,
    cuts::FRAMES,
    wire::SLOW,
    wire::HALF_OPEN,
    disk::FULL,
    disk::KILLED,
];
