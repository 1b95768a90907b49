//! People to each other: their profiles, and who has blocked whom.
//!
//! Blocking is silent: nothing here tells anybody that they were blocked, nor that they are not any longer, but for
//! what follows from it.

use std::sync::Arc;

use super::{
    Actor, Errands, PresenceService,
    sequencer::{encode, publish},
};
use crate::{
    domain::{Timestamp, UserId, limits, name_key, policy},
    error::{AppError, AppResult},
    ports::{Bus, BusMessage, Clock, Limit, Limiter, Store, UserRecord},
    protocol::{Notice, PresenceStatus, ProfileView, UserView},
};

const PROFILES: Limit = Limit { name: "get_user", burst: 60, period_ms: 200 };
const BLOCKS: Limit = Limit { name: "block_user", burst: 60, period_ms: 1000 };
const LISTS: Limit = Limit { name: "list_blocked", burst: 60, period_ms: 200 };

/// People to each other.
pub struct People {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    presence: Arc<PresenceService>,
    errands: Errands,
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
}

impl People {
    /// People over these ports.
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        presence: Arc<PresenceService>,
        errands: Errands,
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, bus, presence, errands, limiter, clock }
    }

    /// Somebody as the caller sees them. Fails with `not_found` if there is no such person.
    pub async fn profile(&self, actor: Actor, user: UserId) -> AppResult<ProfileView> {
        self.limiter.take(PROFILES, &actor.user_id.to_string()).await?;
        self.seen_by(actor.user_id, user).await
    }

    /// When somebody was last there, as far as the caller may see it. Nothing while they are online.
    pub async fn last_seen(&self, actor: Actor, user: UserId) -> AppResult<Option<Timestamp>> {
        let (me, found) = self.both(actor.user_id, user).await?;
        let hidden = !self.store.blockers_among(me.id, &[user]).await?.is_empty();
        let online = self.is_online(user).await;
        Ok(shown(&me, &found, hidden || online))
    }

    /// Whom the caller has blocked, without their names.
    pub async fn blocked_ids(&self, actor: Actor) -> AppResult<Vec<UserId>> {
        Ok(self.store.privacy_of(actor.user_id).await?.blocked.into_iter().collect())
    }

    /// Whom the caller has blocked, by name.
    pub async fn blocked(&self, actor: Actor) -> AppResult<Vec<UserView>> {
        self.limiter.take(LISTS, &actor.user_id.to_string()).await?;
        let ids = self.blocked_ids(actor).await?;
        let mut found = self.store.users(&ids).await?;
        found.sort_by_cached_key(|user| (name_key(user.display_name.as_str()), user.id));
        Ok(found.iter().map(UserView::from).collect())
    }

    /// Has the caller block somebody; blocking again changes nothing. Fails with `not_found` if there is no such
    /// person, with `invalid_request` if it is the caller, and with `too_many_blocked`.
    pub async fn block(&self, actor: Actor, user: UserId) -> AppResult<ProfileView> {
        policy::block(actor.user_id, user)?;
        self.change(actor, user, true).await
    }

    /// Ends that. Done also where it was not so. Fails with `not_found` if there is no such person.
    pub async fn unblock(&self, actor: Actor, user: UserId) -> AppResult<ProfileView> {
        self.change(actor, user, false).await
    }

    async fn change(&self, actor: Actor, user: UserId, blocked: bool) -> AppResult<ProfileView> {
        let me = actor.user_id;
        self.limiter.take(BLOCKS, &me.to_string()).await?;
        // There has to be such a person.
        self.both(me, user).await?;
        if self.store.privacy_of(me).await?.blocked.contains(&user) == blocked {
            // Done all the same: a chat that an older node has made since may not know of it.
            let (store, at) = (&self.store, self.clock.now());
            if blocked {
                store.block(me, user, at).await?
            } else {
                store.unblock(me, user).await?
            }
            return self.seen_by(me, user).await;
        }
        let (store, bus, at) = (Arc::clone(&self.store), Arc::clone(&self.bus), self.clock.now());
        let presence = Arc::clone(&self.presence);
        let done = self.errands.run(async move {
            if blocked {
                store.block(me, user, at).await?;
            } else {
                store.unblock(me, user).await?;
            }
            let notice = Notice::BlockedChanged { user_id: user, blocked };
            publish(&*bus, BusMessage::Own { user_id: me, frame: encode(&notice.into())? }).await;
            // To the other one it looks as if they went, or came. Presence is lossy: what was done is done without it.
            let told = seem(&*bus, &presence, me, user, !blocked).await;
            if let Err(error) = told {
                tracing::debug!(error = error.chain(), "somebody may be shown as online who is blocked");
            }
            Ok(())
        });
        done.await?;
        self.seen_by(me, user).await
    }

    async fn seen_by(&self, viewer: UserId, user: UserId) -> AppResult<ProfileView> {
        let (me, found) = self.both(viewer, user).await?;
        let mut profile = ProfileView {
            user: UserView::from(&found),
            presence: PresenceStatus::Offline,
            last_seen: None,
            blocked: false,
            chat_id: None,
            groups: Vec::new(),
        };
        if viewer == user {
            // Whoever asks is there.
            profile.presence = PresenceStatus::Online;
            return Ok(profile);
        }
        let hidden = !self.store.blockers_among(viewer, &[user]).await?.is_empty();
        let online = self.is_online(user).await;
        if online && !hidden {
            profile.presence = PresenceStatus::Online;
        }
        profile.last_seen = shown(&me, &found, hidden || online);
        profile.blocked = self.store.privacy_of(viewer).await?.blocked.contains(&user);
        let shared = self.store.shared_chats(viewer, user, limits::SHARED_GROUPS).await?;
        (profile.chat_id, profile.groups) = (shared.direct, shared.groups);
        Ok(profile)
    }

    /// The viewer and the other one. Fails with `not_found` if that one does not exist.
    async fn both(&self, viewer: UserId, user: UserId) -> AppResult<(UserRecord, UserRecord)> {
        let found = self.store.users(&[viewer, user]).await?;
        let of = |id: UserId| found.iter().find(|one| one.id == id).cloned();
        let me = of(viewer).ok_or_else(AppError::unauthenticated)?;
        Ok((me, of(user).ok_or_else(AppError::not_found)?))
    }

    /// Presence is lossy: without it everybody is offline.
    async fn is_online(&self, user: UserId) -> bool {
        self.presence.is_online(user).await.unwrap_or_else(|error| {
            tracing::debug!(error = error.chain(), "a profile does not show whether somebody is online");
            false
        })
    }
}

/// Tells somebody who may see when the person is there that they came, or went.
async fn seem(
    bus: &dyn Bus,
    presence: &PresenceService,
    person: UserId,
    to: UserId,
    online: bool,
) -> AppResult<()> {
    // As everybody who is told when they go.
    let is_told = presence.contacts_of(to).await?.contains(&person);
    if is_told && presence.is_online(person).await? {
        let status = if online { PresenceStatus::Online } else { PresenceStatus::Offline };
        publish(bus, BusMessage::Own { user_id: to, frame: presence.frame(person, status, None)? }).await;
    }
    Ok(())
}

/// When somebody was last there, if the other one is told: both show it of themselves.
fn shown(me: &UserRecord, other: &UserRecord, is_kept: bool) -> Option<Timestamp> {
    other.last_seen.filter(|_| !is_kept && me.id != other.id && me.show_last_seen && other.show_last_seen)
}
