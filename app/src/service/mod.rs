//! The services: load, ask the rules, write, publish. They speak to the outside through [`crate::ports`]
//! only.

pub mod presence;

pub use presence::PresenceService;

use crate::domain::{SessionId, UserId};

/// Who asks: a person on one of their sessions, as the server found them out from the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user_id: UserId,
    /// On which session.
    pub session_id: SessionId,
}
