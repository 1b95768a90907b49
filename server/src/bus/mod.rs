//! The adapters of [`app::ports::Bus`].

mod local;
mod redis;

pub use local::LocalBus;
pub use redis::RedisBus;
