//! How often somebody may do something: over all nodes, in the process, or not at all.

mod local;
mod redis;
mod throttle;
mod unlimited;

pub use local::LocalLimiter;
pub use redis::{RedisLimiter, RedisThrottle};
pub use throttle::LocalThrottle;
pub use unlimited::Unlimited;
