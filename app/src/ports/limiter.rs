//! How often somebody may do something.

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
