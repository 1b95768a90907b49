//! No limits: for measuring, on this machine alone.

use app::{
    error::AppResult,
    ports::{Limit, Limiter, Throttle},
};
use async_trait::async_trait;

/// Lets everything through.
pub struct Unlimited;

#[async_trait]
impl Limiter for Unlimited {
    async fn take(&self, _limit: Limit, _key: &str) -> AppResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Throttle for Unlimited {
    async fn check(&self, _key: &str) -> AppResult<()> {
        Ok(())
    }

    async fn failed(&self, _key: &str, _free: u32) -> AppResult<()> {
        Ok(())
    }

    async fn succeeded(&self, _key: &str) -> AppResult<()> {
        Ok(())
    }
}
