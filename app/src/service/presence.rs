//! Who is online, and who is told so.
//!
//! A socket holds a lease that its node renews; a socket that closes keeps it for a moment of grace, so
//! that a reload does not show. Presence is lossy by design: nothing here is worth failing a request for.

use std::sync::Arc;

use crate::{
    domain::{Timestamp, UserId, limits},
    error::{AppError, AppResult},
    ports::{Bus, BusMessage, Clock, Presence, SocketId, Store},
    protocol::{Notice, PresenceStatus},
};

/// For how long a lease runs unless it is renewed, in milliseconds.
pub const LEASE_MS: i64 = 30_000;

/// For how long the lease of a closed socket still runs, in milliseconds: enough for a page to reload.
pub const GRACE_MS: i64 = 1_500;

/// The same where the server closed the socket because it goes away itself, in milliseconds: people are
/// told to come back over a few seconds, and none of them has left.
pub const RESTART_GRACE_MS: i64 = 8_000;

/// People whose presence a socket is told when it connects. Beyond that it comes with the member lists.
const CONTACTS: usize = 2_000;

/// The rules of presence over its port.
pub struct PresenceService {
    store: Arc<dyn Store>,
    presence: Arc<dyn Presence>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
}

impl PresenceService {
    /// The service over these ports.
    pub fn new(
        store: Arc<dyn Store>,
        presence: Arc<dyn Presence>,
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, presence, bus, clock }
    }

    /// Records a socket. True if the person came online by it, which is then to be announced.
    pub async fn connected(&self, user: UserId, socket: SocketId) -> AppResult<bool> {
        let now = self.clock.now();
        self.presence.connect(user, socket, now, after(now, LEASE_MS)).await
    }

    /// A socket was closed: it counts for `grace_ms` longer.
    pub async fn released(&self, user: UserId, socket: SocketId, grace_ms: i64) -> AppResult<()> {
        self.presence.release(user, socket, after(self.clock.now(), grace_ms)).await
    }

    /// Renews the leases of sockets that are open on this node.
    pub async fn renew(&self, sockets: &[(UserId, SocketId)]) -> AppResult<()> {
        self.presence.renew(sockets, after(self.clock.now(), LEASE_MS)).await
    }

    /// Ends the leases that have run out. Returns who went offline by it, which is then to be announced.
    pub async fn sweep(&self) -> AppResult<Vec<UserId>> {
        self.presence.expire(self.clock.now()).await
    }

    /// Tells the members of the person's smaller chats that they came or went, unless that is no longer
    /// so: then another announcement follows. True if it was published.
    pub async fn announce(&self, user: UserId, status: PresenceStatus) -> AppResult<bool> {
        let now = self.clock.now();
        let online = !self.presence.online(&[user], now).await?.is_empty();
        if online != (status == PresenceStatus::Online) {
            return Ok(false);
        }
        let chats = self.store.small_chats_of(user, limits::PRESENCE_MEMBERS).await?;
        if chats.is_empty() {
            return Ok(false);
        }
        let last_seen = (!online).then_some(now);
        let notice = Notice::UserStatusChanged { user_id: user, status, last_seen };
        let frame = serde_json::to_string(&notice).map_err(AppError::internal)?.into();
        self.bus.publish(BusMessage::Status { user_id: user, chats, frame }).await?;
        Ok(true)
    }

    /// Who is online of those who share one of the smaller chats with the person.
    pub async fn online_contacts(&self, user: UserId) -> AppResult<Vec<UserId>> {
        let contacts = self.store.contacts_of(user, limits::PRESENCE_MEMBERS, CONTACTS).await?;
        if contacts.is_empty() {
            return Ok(contacts);
        }
        self.presence.online(&contacts, self.clock.now()).await
    }
}

fn after(now: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}
