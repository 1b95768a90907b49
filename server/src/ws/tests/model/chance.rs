//! Runs in which a seed decides what happens when: one thread, and a clock that stands still until everybody
//! waits for it. A run is the same each time it is run.
//!
//! `SAMVAD_MODEL_SEEDS=100000` runs so many, and `SAMVAD_MODEL_SEED=7` begins with that one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::random::Random;

/// Seeds that are run unless somebody asks for more.
const SEEDS: u64 = 300;

/// Numbers that a seed decides.
#[derive(Clone, Debug)]
pub struct Chance(Arc<Mutex<Random>>);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Random::of(seed))))
    }

    /// A number below this one.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).within(0..bound)
    }

    /// True once in so many times.
    pub fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Goes on at once, lets others run before, or waits for some milliseconds.
    pub async fn pause(&self) {
        match self.below(5) {
            0 => {}
            1 | 2 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_millis(self.below(5))).await,
        }
    }
}

/// Runs the check with one seed after the other. A failure names the seed.
pub fn with_seeds(check: impl AsyncFn(Chance)) {
    with_one_seed_in(1, check);
}

/// The same with one seed in so many, for a check that takes so much longer.
pub fn with_one_seed_in(share: usize, check: impl AsyncFn(Chance)) {
    let number = |name, otherwise| match std::env::var(name) {
        Ok(text) => text.parse().expect("a number"),
        Err(_) => otherwise,
    };
    let first: u64 = number("SAMVAD_MODEL_SEED", 1);
    for seed in (first..first + number("SAMVAD_MODEL_SEEDS", SEEDS)).step_by(share) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let run = AssertUnwindSafe(|| runtime.unwrap().block_on(check(Chance::new(seed))));
        if let Err(cause) = catch_unwind(run) {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            let text = text.or(cause.downcast_ref::<&str>().copied()).unwrap_or_default();
            panic!("with SAMVAD_MODEL_SEED={seed}: {text}");
        }
    }
}
