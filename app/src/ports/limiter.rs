//! How often somebody may do something, and how long they wait after guessing wrong.

use async_trait::async_trait;

use crate::error::AppResult;

/// A bucket that holds `burst` tokens and gains one every `period_ms` milliseconds (the generic cell
/// rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    /// What is limited; together with the key it names the bucket.
    pub name: &'static str,
    /// How many may come at once.
    pub burst: u32,
    /// After how many milliseconds there is room for one more.
    pub period_ms: u32,
}

/// Counts over all nodes.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Takes one token, or fails with `too_many_requests` and the seconds to wait.
    async fn take(&self, limit: Limit, key: &str) -> AppResult<()>;
}

/// Delays that grow with each failure (OWASP ASVS 5.0.0, 6.3.1).
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Fails with `too_many_requests` and the seconds to wait while the key has to wait.
    async fn check(&self, key: &str) -> AppResult<()>;

    /// Counts a failure: the first `free` cost nothing, each further one doubles the wait.
    async fn failed(&self, key: &str, free: u32) -> AppResult<()>;

    /// Forgets the key's failures.
    async fn succeeded(&self, key: &str) -> AppResult<()>;
}
