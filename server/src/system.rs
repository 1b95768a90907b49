//! Time and chance, from the system.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use app::{
    domain::Timestamp,
    ports::{Clock, IdSource},
};

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Ids in the form of a BSON `ObjectId`: seconds, five bytes of this process, a counter.
pub struct SystemIds {
    process: [u8; 5],
    counter: AtomicU32,
}

impl SystemIds {
    /// A source of its own: two never give the same id.
    pub fn new() -> Self {
        let chance = random();
        let mut process = [0; 5];
        process.copy_from_slice(&chance[..5]);
        let counter = u32::from_le_bytes([chance[5], chance[6], chance[7], 0]);
        Self { process, counter: AtomicU32::new(counter) }
    }
}

impl Default for SystemIds {
    fn default() -> Self {
        Self::new()
    }
}

impl IdSource for SystemIds {
    fn id(&self, now: Timestamp) -> [u8; 12] {
        let mut id = [0; 12];
        let seconds = u32::try_from(now.as_millis() / 1000).unwrap_or(u32::MAX);
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        id[4..9].copy_from_slice(&self.process);
        let count = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        id[9..].copy_from_slice(&count[1..]);
        id
    }

    fn secret(&self) -> [u8; 32] {
        random()
    }
}

/// 32 bytes from the system's source.
///
/// # Panics
/// If the system has no randomness to give; nothing safe can be done without it.
#[allow(clippy::expect_used)]
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_with_time_and_never_repeat() {
        let ids = SystemIds::new();
        let early = ids.id(Timestamp::from_millis(1_000));
        let late = ids.id(Timestamp::from_millis(2_000));
        assert!(early < late);
        let all: std::collections::HashSet<_> =
            (0..10_000).map(|_| ids.id(Timestamp::from_millis(0))).collect();
        assert_eq!(all.len(), 10_000);
    }
}
