//! The end of sessions: the row is gone, and now everybody has to know.

use std::sync::Arc;

use moka::sync::Cache;

use super::sequencer::publish;
use crate::{
    domain::{SessionId, UserId},
    ports::{Bus, BusMessage},
};

/// What makes the end of a session felt.
pub(super) struct Ending {
    alive: Cache<SessionId, UserId>,
    bus: Arc<dyn Bus>,
}

impl Ending {
    /// Over what the node believes of sessions, and the bus that tells all nodes.
    pub(super) fn new(alive: Cache<SessionId, UserId>, bus: Arc<dyn Bus>) -> Self {
        Self { alive, bus }
    }

    /// The sessions' next requests are refused and their sockets closed.
    pub(super) async fn announce(&self, sessions: Vec<SessionId>) {
        if sessions.is_empty() {
            return;
        }
        for session in &sessions {
            self.alive.invalidate(session);
        }
        publish(&*self.bus, BusMessage::SessionsEnded(sessions)).await;
    }
}
