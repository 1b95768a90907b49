//! How often somebody may do something: in the process, or not at all.

mod local;
mod throttle;
mod unlimited;

pub use local::LocalLimiter;
pub use throttle::LocalThrottle;
pub use unlimited::Unlimited;
