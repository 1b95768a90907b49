//! Who is online, and who is told so.
//!
//! A socket holds a lease that its node renews; a socket that closes keeps it for a moment of grace, so
//! that a reload does not show. Presence is lossy by design: nothing here is worth failing a request for.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    domain::{ChatId, Timestamp, UserId, limits},
    error::{AppError, AppResult},
    ports::{Bus, BusMessage, Clock, Frame, Online, Presence, SocketId, Store},
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

    /// Renews the leases of sockets that are open on this node. Returns who came online by it, which is then
    /// to be announced.
    pub async fn renew(&self, sockets: &[(UserId, SocketId)]) -> AppResult<Vec<UserId>> {
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
        let online = !self.presence.online(&[user], now).await?.people.is_empty();
        if online != (status == PresenceStatus::Online) {
            return Ok(false);
        }
        let chats = self.store.small_chats_of(user, limits::PRESENCE_MEMBERS).await?;
        if chats.is_empty() {
            return Ok(false);
        }
        let last_seen = (!online).then_some(now);
        let frame = self.frame(user, status, last_seen)?;
        self.bus.publish(BusMessage::Status { user_id: user, chats, frame }).await?;
        Ok(true)
    }

    /// The encoded `user_status_changed`.
    pub fn frame(
        &self,
        user_id: UserId,
        status: PresenceStatus,
        last_seen: Option<Timestamp>,
    ) -> AppResult<Frame> {
        let notice = Notice::UserStatusChanged { user_id, status, last_seen };
        Ok(serde_json::to_string(&notice).map_err(AppError::internal)?.into())
    }

    /// Who of the chat's members is online, if it is one of the smaller ones. `some` are members, unless
    /// they have left by now.
    pub async fn online_in(&self, chat: ChatId, some: &BTreeSet<UserId>) -> AppResult<Vec<UserId>> {
        for member in some {
            let Some(record) = self.store.chat(chat, *member, 0).await? else { continue };
            if record.member_count > limits::PRESENCE_MEMBERS as u64 {
                break;
            }
            let members = self.store.member_ids(chat).await?;
            return Ok(self.presence.online(&members, self.clock.now()).await?.people);
        }
        Ok(Vec::new())
    }

    /// Who is online of those who share one of the smaller chats with the person.
    pub async fn online_contacts(&self, user: UserId) -> AppResult<Online> {
        let contacts = self.store.contacts_of(user, limits::PRESENCE_MEMBERS, CONTACTS).await?;
        if contacts.is_empty() {
            return Ok(Online { people: contacts, is_whole: true });
        }
        self.presence.online(&contacts, self.clock.now()).await
    }
}

fn after(now: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}
