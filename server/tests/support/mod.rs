//! What the integration tests stand on: the composed server on a port of its own, people with browsers
//! and sockets, a clock that can be moved, a store that can be made to fail.
//!
//! Nothing here decides what is right; that is written in the tests. Every wait is for a condition and
//! has a limit.

// Each test target uses a part of this module.
#![allow(dead_code, unused_imports)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod faulty;
mod form;
mod log;
mod person;
mod process;
mod proxy;
mod push;
mod random;
mod raw;
mod redis;
mod replica_set;
mod server;
mod signal;
mod socket;

pub use browser::{Answer, Browser, Lost, encode};
pub use faulty::{Fault, FaultyStore};
pub use form::{Form, PIXEL, file_path, files_below};
pub use log::Log;
pub use person::{Person, id_of, message_form};
pub use process::{Launch, Process};
pub use proxy::{CutAt, Direction, Proxy};
pub use push::{Note, PushDesk, keys as push_keys};
pub use random::Random;
pub use raw::{parse_answer, raw, raw_answer_head, raw_head};
pub use redis::{Database, RedisCluster, RedisServer};
pub use replica_set::ReplicaSet;
pub use server::{Builder, GROUP_ID, NOBODY, Site, TestServer};
pub use socket::{Refused, Socket};

use std::{future::Future, time::Duration};

/// The longest that any test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for something that has to happen.
pub async fn soon<T>(what: &str, happening: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, happening).await {
        Ok(happened) => happened,
        Err(_elapsed) => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Waits until a look finds what it looks for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    soon(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
}

/// A new id for a message, as a device makes it.
pub fn client_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
