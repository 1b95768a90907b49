//! The adapters of [`app::ports::Presence`].

mod local;
mod redis;

pub use local::LocalPresence;
pub use redis::RedisPresence;
