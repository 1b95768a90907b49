//! The adapters of [`app::ports::Limiter`].

mod local;

pub use local::LocalLimiter;
