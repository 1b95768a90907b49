//! The sockets: who is connected to this node, and how news and answers reach them.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `upgrade` | `GET /ws`: who may open a socket |
//! | `socket` | the task that owns one socket, from its `hello` to its close code |
//! | `connect` | subscribe, then snapshot, then apply: what precedes the `hello` |
//! | `incoming` | the client's frames; `resume` |
//! | `hub`, `registry`, `room` | the sockets of this node and their rooms |
//! | `delivery` | how news, heartbeats and the end of the node reach them |
//! | `reading` | who has read how far, who is writing, and what chats are to one person alone |
//! | `outbox`, `pressure` | the bounded queue of a socket, and waiting for those that fill up |
//! | `realtime` | the node's tasks: leases, announcements, drain |
//! | `heartbeat` | where logs stand, told and compared with the store; silent peers |
//! | `doubts`, `settling` | what may have been missed, and comparing it with the store |
//! | `audit` | sessions and memberships, compared with the store |
//! | `watch` | bringing one person's sockets into the rooms of their chats |
//! | `supervise` | starting a task again that panicked |
//! | `close` | reasons to close a socket |
//! | `sync` | the locks that all of these share |
//!
//! Not here: what an event means, who may be in a chat, what is stored. The hub believes the bus, and a
//! socket believes the store.

mod audit;
mod close;
mod connect;
mod delivery;
mod doubts;
mod heartbeat;
mod hub;
mod incoming;
mod outbox;
mod pressure;
mod reading;
mod realtime;
mod registry;
mod room;
mod settling;
mod socket;
pub(crate) mod supervise;
mod sync;
#[cfg(test)]
mod tests;
mod upgrade;
mod watch;

pub use doubts::Doubted;
pub use hub::{Hub, Registered};
pub use pressure::Pressure;
pub use realtime::{Parts, Realtime};
pub use upgrade::routes;

use app::error::{AppError, AppResult};
use axum::extract::ws::Utf8Bytes;

/// Encodes a frame.
fn encode(frame: &impl serde::Serialize) -> AppResult<Utf8Bytes> {
    serde_json::to_string(frame).map(Utf8Bytes::from).map_err(AppError::internal)
}
