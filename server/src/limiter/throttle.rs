//! Delays that grow with each wrong guess, in the process.

use std::{sync::Arc, time::Duration};

use app::{
    domain::Timestamp,
    error::{AppError, AppResult, ErrorCode},
    ports::{Clock, Throttle},
};
use async_trait::async_trait;
use moka::sync::Cache;

/// The longest wait.
pub(super) const LONGEST_SECONDS: i64 = 900;
/// After this long without a failure a key starts afresh.
pub(super) const FORGET: Duration = Duration::from_secs(3600);
/// Keys that are remembered; an attacker who brings more makes us forget the oldest.
const KEYS: u64 = 100_000;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    until: Timestamp,
}

/// Remembers failures for an hour.
pub struct LocalThrottle {
    failures: Cache<String, Failures>,
    clock: Arc<dyn Clock>,
}

impl LocalThrottle {
    /// Nobody has failed yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { failures: Cache::builder().max_capacity(KEYS).time_to_live(FORGET).build(), clock }
    }
}

#[async_trait]
impl Throttle for LocalThrottle {
    async fn check(&self, key: &str) -> AppResult<()> {
        let left = self
            .failures
            .get(key)
            .map_or(0, |failures| failures.until.as_millis().saturating_sub(self.clock.now().as_millis()));
        if left <= 0 {
            return Ok(());
        }
        let seconds = u32::try_from((left + 999) / 1000).unwrap_or(u32::MAX);
        Err(AppError::new(ErrorCode::TooManyRequests).retry_after(seconds))
    }

    async fn failed(&self, key: &str, free: u32) -> AppResult<()> {
        let now = self.clock.now();
        self.failures.entry(key.to_owned()).and_upsert_with(|entry| {
            let count = entry.map_or(0, |entry| entry.into_value().count).saturating_add(1);
            let until = match count.checked_sub(free) {
                None | Some(0) => now,
                Some(over) => now.plus_seconds((1_i64 << over.min(20)).min(LONGEST_SECONDS)),
            };
            Failures { count, until }
        });
        Ok(())
    }

    async fn succeeded(&self, key: &str) -> AppResult<()> {
        self.failures.invalidate(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    struct Hands(AtomicI64);
    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn each_wrong_guess_after_the_free_ones_doubles_the_wait() {
        let hands = Arc::new(Hands(AtomicI64::new(0)));
        let throttle = LocalThrottle::new(hands.clone());
        for _ in 0..5 {
            throttle.check("ada").await.unwrap();
            throttle.failed("ada", 5).await.unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..4 {
            throttle.check("ada").await.unwrap();
            throttle.failed("ada", 5).await.unwrap();
            let wait = throttle.check("ada").await.unwrap_err().retry_after.unwrap();
            waits.push(wait);
            hands.0.fetch_add(i64::from(wait) * 1000, Ordering::Relaxed);
        }
        assert_eq!(waits, [2, 4, 8, 16]);
        assert!(throttle.check("grace").await.is_ok());
        throttle.succeeded("ada").await.unwrap();
        throttle.failed("ada", 5).await.unwrap();
        assert!(throttle.check("ada").await.is_ok());
    }
}
