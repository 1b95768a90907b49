//! Limits that hold over all nodes: counted in Redis, by its clock. While Redis is away each node counts by
//! itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ::redis::{Script, cmd};
use app::{
    error::{AppError, AppResult, ErrorCode},
    ports::{Clock, Limit, Limiter, Throttle},
};
use async_trait::async_trait;

use super::{
    LocalLimiter, LocalThrottle,
    throttle::{FORGET, LONGEST_SECONDS},
};
use crate::redis::{Link, LinkError};

/// Says once that Redis is there and yet does not count. That it is away is said by the link.
#[derive(Default)]
struct Refusals(AtomicBool);

impl Refusals {
    /// What came of a command, or `None` if the node has to count by itself.
    fn note<T>(&self, done: Result<T, LinkError>) -> Option<T> {
        match done {
            Ok(done) => {
                if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
                    tracing::info!("Redis counts again");
                }
                Some(done)
            }
            Err(LinkError::Away) => None,
            Err(error) => {
                if !self.0.swap(true, Ordering::Relaxed) {
                    let error = AppError::from(error);
                    tracing::warn!(error = error.chain(), "Redis does not count: limits are this node's own");
                }
                None
            }
        }
    }
}

/// Counts over all nodes.
pub struct RedisLimiter {
    link: Link,
    take: Script,
    own: LocalLimiter,
    refusals: Refusals,
}

impl RedisLimiter {
    /// A limiter over a link that somebody keeps.
    pub fn new(link: Link) -> Self {
        Self {
            link,
            take: Script::new(include_str!("redis/take.lua")),
            own: LocalLimiter::new(),
            refusals: Refusals::default(),
        }
    }
}

#[async_trait]
impl Limiter for RedisLimiter {
    async fn take(&self, limit: Limit, key: &str) -> AppResult<()> {
        if limit.burst == 0 || limit.period_ms == 0 {
            return Err(AppError::internal(format!("the limit {} lets nothing through", limit.name)));
        }
        let mut script = self.take.prepare_invoke();
        script.key(format!("samvad:limit:{}:{key}", limit.name)).arg(limit.period_ms).arg(limit.burst);
        let script = &script;
        let done = self.link.run(async |mut up| script.invoke_async::<u64>(&mut up).await).await;
        match self.refusals.note(done) {
            Some(wait_ms) => wait(wait_ms),
            None => self.own.take(limit, key).await,
        }
    }
}

/// Remembers failures over all nodes.
pub struct RedisThrottle {
    link: Link,
    check: Script,
    failed: Script,
    /// Also told of every failure that this node sees, so that an outage forgives none of them.
    own: LocalThrottle,
    refusals: Refusals,
}

impl RedisThrottle {
    /// A throttle over a link that somebody keeps; the clock is for this node's own counting.
    pub fn new(link: Link, clock: Arc<dyn Clock>) -> Self {
        Self {
            link,
            check: Script::new(include_str!("redis/check.lua")),
            failed: Script::new(include_str!("redis/failed.lua")),
            own: LocalThrottle::new(clock),
            refusals: Refusals::default(),
        }
    }
}

#[async_trait]
impl Throttle for RedisThrottle {
    async fn check(&self, key: &str) -> AppResult<()> {
        let mut script = self.check.prepare_invoke();
        script.key(name(key));
        let script = &script;
        let done = self.link.run(async |mut up| script.invoke_async::<u64>(&mut up).await).await;
        match self.refusals.note(done) {
            Some(wait_ms) => wait(wait_ms),
            None => self.own.check(key).await,
        }
    }

    async fn failed(&self, key: &str, free: u32) -> AppResult<()> {
        self.own.failed(key, free).await?;
        let mut script = self.failed.prepare_invoke();
        script.key(name(key)).arg(free).arg(LONGEST_SECONDS).arg(FORGET.as_secs() * 1_000);
        let script = &script;
        self.refusals.note(self.link.run(async |mut up| script.invoke_async::<()>(&mut up).await).await);
        Ok(())
    }

    async fn succeeded(&self, key: &str) -> AppResult<()> {
        self.own.succeeded(key).await?;
        let command = cmd("DEL").arg(name(key)).take();
        let command = &command;
        self.refusals.note(self.link.run(async |mut up| command.query_async::<()>(&mut up).await).await);
        Ok(())
    }
}

fn name(key: &str) -> String {
    format!("samvad:throttle:{key}")
}

fn wait(wait_ms: u64) -> AppResult<()> {
    if wait_ms == 0 {
        return Ok(());
    }
    let seconds = u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX);
    Err(AppError::new(ErrorCode::TooManyRequests).retry_after(seconds))
}
