//! What others see of somebody: their name, what they say about themselves and the picture that stands for them.

use std::sync::Arc;

use super::Accounts;
use crate::{
    domain::{About, DisplayName, UserId, limits},
    error::{AppError, AppResult},
    ports::{Bus, BusMessage, Limit, Store},
    protocol::{AccountView, Notice},
    service::{Actor, NewAvatar, sequencer},
};

/// Each is told to everybody in up to a thousand chats.
const PROFILES: Limit = Limit { name: "update_profile", burst: 60, period_ms: 2_000 };

impl Accounts {
    /// Changes the caller's name and what they say about themselves. Who shares a chat with them is told of another name.
    pub async fn update_profile(&self, actor: Actor, name: &str, about: &str) -> AppResult<AccountView> {
        let (name, about) = (DisplayName::parse(name)?, About::parse(about)?);
        self.limiter.take(PROFILES, &actor.user_id.to_string()).await?;
        let before = self.store.user(actor.user_id).await?.ok_or_else(AppError::unauthenticated)?;
        let is_news = before.display_name.as_str() != name.as_str();
        let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
        let changed = self.errands.run(async move {
            let changed = store.update_profile(actor.user_id, name, about).await?;
            if changed && is_news {
                tell(&*store, &*bus, actor.user_id).await;
            }
            Ok(changed)
        });
        if !changed.await? {
            return Err(AppError::unauthenticated());
        }
        self.account(actor).await
    }

    /// Has a picture stand for the caller, or none. Who shares a chat with them is told.
    pub async fn set_avatar(&self, actor: Actor, avatar: Option<NewAvatar>) -> AppResult<AccountView> {
        self.limiter.take(PROFILES, &actor.user_id.to_string()).await?;
        let now = self.clock.now();
        let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
        let changed = self.errands.run(async move {
            let id = avatar.as_ref().map(NewAvatar::id);
            let changed = store.set_avatar(actor.user_id, id, now).await?;
            if changed {
                if let Some(avatar) = avatar {
                    avatar.attached();
                }
                tell(&*store, &*bus, actor.user_id).await;
            }
            Ok(changed)
        });
        if !changed.await? {
            return Err(AppError::unauthenticated());
        }
        self.account(actor).await
    }
}

/// Tells those who share one of the smaller chats with the person, and their own devices, what they are called and which
/// picture stands for them now. What is lost of it is read with the next page.
async fn tell(store: &dyn Store, bus: &dyn Bus, user_id: UserId) {
    let telling = async {
        let Some(user) = store.user(user_id).await? else { return Ok(()) };
        let chats = store.small_chats_of(user_id, limits::PRESENCE_MEMBERS).await?;
        let (display_name, avatar) = (user.display_name.into_string(), user.avatar);
        let frame = sequencer::encode(&Notice::UserChanged { user_id, display_name, avatar }.into())?;
        sequencer::publish(bus, BusMessage::UserChanged { user_id, chats, frame }).await;
        Ok::<_, AppError>(())
    };
    if let Err(error) = telling.await {
        tracing::warn!(error = error.chain(), "others were not told of somebody's name and picture");
    }
}
