//! The limiter of a single node: one table of buckets per limit, in memory.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use app::{
    error::{AppError, AppResult, ErrorCode},
    ports::{Limit, Limiter},
};
use async_trait::async_trait;
use governor::{
    Quota, RateLimiter,
    clock::{Clock, MonotonicClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};

/// A table is swept after at least this many tokens were taken from it.
const SWEEP_AFTER: usize = 1_024;

type Buckets<C> = RateLimiter<String, DashMapStateStore<String>, C, NoOpMiddleware<<C as Clock>::Instant>>;

struct Table<C: Clock> {
    buckets: Buckets<C>,
    taken: AtomicUsize,
    sweep_at: AtomicUsize,
}

/// Counts in this process.
pub struct LocalLimiter<C: Clock = MonotonicClock> {
    clock: C,
    /// The limits are a handful of constants, so this map stays small.
    tables: RwLock<HashMap<Limit, Arc<Table<C>>>>,
}

impl LocalLimiter {
    /// A limiter by the system's monotonic clock.
    pub fn new() -> Self {
        Self::with_clock(MonotonicClock)
    }
}

impl Default for LocalLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock + Clone> LocalLimiter<C> {
    /// A limiter by this clock.
    pub fn with_clock(clock: C) -> Self {
        Self { clock, tables: RwLock::default() }
    }

    fn table(&self, limit: Limit) -> AppResult<Arc<Table<C>>> {
        let known = self.tables.read().unwrap_or_else(PoisonError::into_inner).get(&limit).cloned();
        if let Some(table) = known {
            return Ok(table);
        }
        let quota = Quota::with_period(Duration::from_millis(u64::from(limit.period_ms)))
            .zip(NonZeroU32::new(limit.burst))
            .map(|(quota, burst)| quota.allow_burst(burst))
            .ok_or_else(|| AppError::internal(format!("the limit {} lets nothing through", limit.name)))?;
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(limit).or_insert_with(|| {
            Arc::new(Table {
                buckets: RateLimiter::dashmap_with_clock(quota, self.clock.clone()),
                taken: AtomicUsize::new(0),
                sweep_at: AtomicUsize::new(SWEEP_AFTER),
            })
        });
        Ok(table.clone())
    }
}

impl<C: Clock> Table<C> {
    /// Forgets the buckets that are full again, which says the same as having none. Done once in as many
    /// takes as there are buckets, so that it costs a constant per take and the table stays in
    /// proportion to the keys in use.
    fn sweep_if_due(&self) {
        if self.taken.fetch_add(1, Ordering::Relaxed) + 1 < self.sweep_at.load(Ordering::Relaxed) {
            return;
        }
        self.taken.store(0, Ordering::Relaxed);
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
        self.sweep_at.store(self.buckets.len().max(SWEEP_AFTER), Ordering::Relaxed);
    }
}

#[async_trait]
impl<C> Limiter for LocalLimiter<C>
where
    C: Clock + Clone + Send + Sync + 'static,
    C::Instant: Send + Sync,
{
    async fn take(&self, limit: Limit, key: &str) -> AppResult<()> {
        let table = self.table(limit)?;
        table.sweep_if_due();
        match table.buckets.check_key(&key.to_owned()) {
            Ok(()) => Ok(()),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
                Err(AppError::new(ErrorCode::TooManyRequests).retry_after(seconds))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use governor::clock::FakeRelativeClock;

    use super::*;

    const LIMIT: Limit = Limit { name: "test", burst: 3, period_ms: 2_000 };

    #[tokio::test]
    async fn a_burst_passes_and_what_follows_is_told_how_long_to_wait() {
        let clock = FakeRelativeClock::default();
        let limiter = LocalLimiter::with_clock(clock.clone());
        for _ in 0..3 {
            limiter.take(LIMIT, "a").await.unwrap();
        }
        let refused = limiter.take(LIMIT, "a").await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after), (ErrorCode::TooManyRequests, Some(2)));
        limiter.take(LIMIT, "b").await.expect("another key has its own bucket");

        clock.advance(Duration::from_millis(1_500));
        let refused = limiter.take(LIMIT, "a").await.unwrap_err();
        assert_eq!(refused.retry_after, Some(1), "half a second is rounded up");
        clock.advance(Duration::from_millis(500));
        limiter.take(LIMIT, "a").await.unwrap();
        limiter.take(LIMIT, "a").await.unwrap_err();
    }

    #[tokio::test]
    async fn keys_that_fell_silent_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let limiter = LocalLimiter::with_clock(clock.clone());
        for key in 0..SWEEP_AFTER - 1 {
            limiter.take(LIMIT, &key.to_string()).await.unwrap();
        }
        clock.advance(Duration::from_secs(60));
        limiter.take(LIMIT, "one more").await.unwrap();
        assert_eq!(limiter.table(LIMIT).unwrap().buckets.len(), 1);
    }

    #[tokio::test]
    async fn a_limit_that_lets_nothing_through_is_a_fault_of_ours() {
        let never = Limit { burst: 0, ..LIMIT };
        assert_eq!(LocalLimiter::new().take(never, "a").await.unwrap_err().code, ErrorCode::Internal);
    }
}
