//! Tests of the sockets that need more than one module: the hub by itself, publishing under pressure, and
//! whole sockets over loopback, on a store in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod doubts;
mod drafts;
mod hub;
mod loopback;
mod model;
mod outbox;
mod pressure;
mod reading;
mod sockets;
mod store;

use app::domain::{ChatId, SessionId, UserId};

fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 12])
}

fn session(n: u8) -> SessionId {
    SessionId::from_bytes([n; 12])
}

fn chat(n: u8) -> ChatId {
    ChatId::from_bytes([n; 12])
}
