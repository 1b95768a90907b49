//! Web Push: where browsers are told of messages while no page is open, and what tells them.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    domain::{ChatId, Ordinal, Seq, SessionId, Timestamp, UserId},
    error::AppResult,
};

/// Where one browser is told of something, and what for its eyes alone is encrypted with (RFC 8291).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushSubscription {
    /// The address at the browser's push service. Whoever knows it can use it, so it is never logged.
    pub endpoint: String,
    /// The browser's public key: an uncompressed point of P-256, 65 bytes.
    pub p256dh: Vec<u8>,
    /// The secret that the browser and this server share, 16 bytes.
    pub auth: [u8; 16],
}

/// A browser that is to be told of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushTarget {
    /// Whose it is.
    pub user_id: UserId,
    /// Where it is told.
    pub subscription: PushSubscription,
}

/// Those who may be told of a message, and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushAudience {
    /// The group's name; `None` in a direct chat.
    pub group: Option<String>,
    /// Their browsers, in no particular order. Never none.
    pub targets: Vec<PushTarget>,
}

/// Of which message people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PushQuery {
    /// In which chat it is.
    pub chat: ChatId,
    /// Its place in the log: nobody is told of it once it is deleted.
    pub seq: Seq,
    /// Its ordinal: who has read up to it is left out.
    pub ordinal: Ordinal,
    /// Who wrote it, and is left out.
    pub except: UserId,
    /// Now: a session that has run out is left out, and so is who has muted the chat until later.
    pub now: Timestamp,
    /// Whether only those are told whom nothing else of the chat notifies than what mentions them.
    pub called_only: bool,
    /// In a chat with more members nobody is told.
    pub most_members: usize,
    /// No more browsers than this.
    pub most_targets: usize,
}

/// Subscriptions to Web Push. One browser is one session, so each lives with its session and ends with it.
#[async_trait]
pub trait PushStore: Send + Sync {
    /// Gives a session this subscription in place of the one that it has, and takes the endpoint away from any other
    /// session in the same write: somebody else may have signed in in that browser. False if there is no such session.
    async fn set_push(&self, session: SessionId, subscription: PushSubscription) -> AppResult<bool>;

    /// Whether the session has a subscription.
    async fn has_push(&self, session: SessionId) -> AppResult<bool>;

    /// Takes the session's subscription away. Done also where there is none.
    async fn remove_push(&self, session: SessionId) -> AppResult<()>;

    /// Takes the subscription at this endpoint away, whose ever it is: its push service does not know it any longer.
    async fn forget_endpoint(&self, endpoint: &str) -> AppResult<()>;

    /// Who may be told of a message that is not deleted: members on live sessions with a subscription who have neither
    /// muted the chat nor read up to it, nor blocked its writer; who wants to hear of mentions alone, if it mentions them.
    /// One question, which walks indexes. `None` if there is nobody.
    async fn push_audience(&self, query: PushQuery) -> AppResult<Option<PushAudience>>;
}

/// What a browser is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushNote {
    /// What is encrypted for it, at most [`PUSH_BYTES`](crate::domain::limits::PUSH_BYTES).
    pub payload: Vec<u8>,
    /// A later note of the same topic takes the place of one that waits at the push service: at most 32 characters of
    /// base64url.
    pub topic: String,
    /// Whether a device is woken for it at once, even where it saves its battery.
    pub is_urgent: bool,
    /// For how long the push service keeps it for a browser that cannot be reached.
    pub keep_for: Duration,
}

/// What a push service made of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// It takes care of it.
    Taken,
    /// It knows no such subscription any longer.
    Gone,
    /// It cannot be reached, or has too much to do. It may have said for how long.
    Again(Option<Duration>),
    /// It does not want this, now or later, and says so by this status.
    Refused(u16),
}

/// Speaks to the push services of browsers.
#[async_trait]
pub trait PushService: Send + Sync {
    /// The public key that subscriptions are made for (RFC 8292), in base64url. `None` if nobody is to be told anything.
    fn public_key(&self) -> Option<&str>;

    /// Whether this is the address of a push service that may be called. Whoever subscribes chooses it, and it must
    /// not lead to anything else.
    fn takes_endpoint(&self, endpoint: &str) -> bool;

    /// Whether it is a key that something can be encrypted with.
    fn takes_key(&self, p256dh: &[u8]) -> bool;

    /// Hands a note to the push service, once. Takes ten seconds at most.
    async fn send(&self, to: &PushSubscription, note: &PushNote) -> PushOutcome;
}
