//! The locks and flags that publishers, sockets and the registry share.
//!
//! In one place, so that the model checks can compile the same code over locks of their own, which try every
//! order in which threads can come to them (`tests/model`).

pub use std::sync::{
    Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};
pub use tokio::sync::Notify;
