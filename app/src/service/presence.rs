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

    /// Keeps that these people were there until now. Nothing is worth more than a few seconds here: what cannot be
    /// written is not kept.
    pub async fn note_last_seen(&self, people: &[UserId]) -> AppResult<()> {
        let now = self.clock.now();
        for some in people.chunks(limits::USERS_PER_REQUEST) {
            self.store.note_last_seen(some, now).await?;
        }
        Ok(())
    }

    /// Whether the person has a socket open anywhere.
    pub async fn is_online(&self, user: UserId) -> AppResult<bool> {
        Ok(!self.presence.online(&[user], self.clock.now()).await?.people.is_empty())
    }

    /// Tells the members of the person's smaller chats that they came or went, unless that is no longer
    /// so: then another announcement follows. Whom they have blocked is not told, and when they were last there only
    /// if they show it. True if it was published.
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
        let privacy = self.store.privacy_of(user).await?;
        let seen =
            (!online && privacy.shows_last_seen).then(|| self.frame(user, status, Some(now))).transpose()?;
        let except = privacy.blocked.into_iter().collect();
        let frame = self.frame(user, status, None)?;
        self.bus.publish(BusMessage::Status { user_id: user, chats, except, frame, seen }).await?;
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

    /// Those of the people who have blocked this person, who is told nothing of their presence.
    pub async fn blockers_among(&self, user: UserId, people: &[UserId]) -> AppResult<BTreeSet<UserId>> {
        if people.is_empty() {
            return Ok(BTreeSet::new());
        }
        Ok(self.store.blockers_among(user, people).await?.into_iter().collect())
    }

    /// Whom the person has blocked.
    pub async fn blocked_by(&self, user: UserId) -> AppResult<BTreeSet<UserId>> {
        Ok(self.store.privacy_of(user).await?.blocked)
    }

    /// Those who share one of the smaller chats with the person: they are told of each other.
    pub async fn contacts_of(&self, user: UserId) -> AppResult<Vec<UserId>> {
        self.store.contacts_of(user, limits::PRESENCE_MEMBERS, CONTACTS).await
    }

    /// Who is online of those who share one of the smaller chats with the person, and have not blocked them.
    pub async fn online_contacts(&self, user: UserId) -> AppResult<Online> {
        let contacts = self.contacts_of(user).await?;
        if contacts.is_empty() {
            return Ok(Online { people: contacts, is_whole: true });
        }
        let mut online = self.presence.online(&contacts, self.clock.now()).await?;
        let blockers = self.blockers_among(user, &online.people).await?;
        online.people.retain(|person| !blockers.contains(person));
        Ok(online)
    }
}

fn after(now: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}
