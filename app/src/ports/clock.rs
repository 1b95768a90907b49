//! Time and chance, so that tests decide both.

use crate::domain::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Where ids and secrets come from.
pub trait IdSource: Send + Sync {
    /// Twelve bytes for an id: rising with time, unique over all nodes.
    fn id(&self, now: Timestamp) -> [u8; 12];

    /// 32 bytes that nobody can guess.
    fn secret(&self) -> [u8; 32];
}
