//! What a chat is to one of its members alone: how far they have read, what of it notifies them, whether it is put away.

use std::sync::Arc;

use super::{
    Actor, Errands,
    accounts::account_view,
    sequencer::{encode, publish},
};
use crate::{
    domain::{ChatId, Ordinal, Timestamp},
    error::{AppError, AppResult, FieldError},
    ports::{Bus, BusMessage, Clock, DecideMine, Limit, Limiter, MineChange, Store},
    protocol::{AccountView, MyChatView, Notice},
};

/// A page marks what comes while it is looked at, in whichever chat that is.
const MARKS: Limit = Limit { name: "mark_read", burst: 200, period_ms: 100 };
const SETTINGS: Limit = Limit { name: "update_settings", burst: 60, period_ms: 1000 };

/// How far people have read, and what else a chat is to each of them.
pub struct Reading {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    errands: Errands,
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
}

impl Reading {
    /// Reading over these ports.
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        errands: Errands,
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, bus, errands, limiter, clock }
    }

    /// The time by which chats are muted.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The caller has read the chat up to this message: never back, and not beyond the last one. One that had come
    /// back from those that are put away stays.
    pub async fn mark_read(&self, actor: Actor, chat: ChatId, ordinal: Ordinal) -> AppResult<MyChatView> {
        let now = self.clock.now();
        self.change(
            actor,
            chat,
            Box::new(move |mine, head| changed(mine, |new| new.look_at(ordinal, head, now))),
        )
        .await
    }

    /// The chat counts as unread for the caller from this message on, until they mark it or a later one as read.
    pub async fn mark_unread(&self, actor: Actor, chat: ChatId, ordinal: Ordinal) -> AppResult<MyChatView> {
        self.change(
            actor,
            chat,
            Box::new(move |mine, head| changed(mine, |new| new.mark_unread(ordinal, head))),
        )
        .await
    }

    /// Has the chat notify the caller no longer: until then, or for good; or again. Fails with
    /// `validation_failed` if `until` is past.
    pub async fn mute(
        &self,
        actor: Actor,
        chat: ChatId,
        on: bool,
        until: Option<Timestamp>,
    ) -> AppResult<MyChatView> {
        if on && until.is_some_and(|until| until <= self.clock.now()) {
            self.limiter.take(MARKS, &actor.user_id.to_string()).await?;
            // Whether there is such a chat is not told by which of the two errors it is.
            return match self.store.role(chat, actor.user_id).await? {
                Some(_) => Err(AppError::field("until", FieldError::Malformed)),
                None => Err(AppError::not_found()),
            };
        }
        let muted_until = on.then(|| until.unwrap_or(Timestamp::FOREVER).min(Timestamp::FOREVER));
        self.change(actor, chat, Box::new(move |mine, _| changed(mine, |new| new.muted_until = muted_until)))
            .await
    }

    /// Has only what mentions the caller notify them, or all that is said in the chat.
    pub async fn notify_mentions(&self, actor: Actor, chat: ChatId, on: bool) -> AppResult<MyChatView> {
        self.change(actor, chat, Box::new(move |mine, _| changed(mine, |new| new.mentions_only = on))).await
    }

    /// Puts the chat away for the caller, or brings it back.
    pub async fn archive(&self, actor: Actor, chat: ChatId, on: bool) -> AppResult<MyChatView> {
        self.change(actor, chat, Box::new(move |mine, _| changed(mine, |new| new.archived = on))).await
    }

    /// Has others see how far the caller has read, and when they were last there, or not any longer; what is not said
    /// stays. Who does not show when they were last there does not see it of others.
    pub async fn update_settings(
        &self,
        actor: Actor,
        read_receipts: Option<bool>,
        show_last_seen: Option<bool>,
    ) -> AppResult<AccountView> {
        self.limiter.take(SETTINGS, &actor.user_id.to_string()).await?;
        let me = actor.user_id;
        if let Some(on) = read_receipts
            && !self.store.set_read_receipts(me, on).await?
        {
            return Err(AppError::unauthenticated());
        }
        if let Some(on) = show_last_seen {
            let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
            let done = self.errands.run(async move {
                if !store.set_show_last_seen(me, on).await? {
                    return Err(AppError::unauthenticated());
                }
                publish(&*bus, BusMessage::LastSeen { user_id: me, on }).await;
                Ok(())
            });
            done.await?;
        }
        let user = self.store.user(actor.user_id).await?.ok_or_else(AppError::unauthenticated)?;
        Ok(account_view(&user, actor.session_id))
    }

    /// Who is not in the chat finds nothing.
    async fn change(&self, actor: Actor, chat: ChatId, decide: DecideMine) -> AppResult<MyChatView> {
        self.limiter.take(MARKS, &actor.user_id.to_string()).await?;
        let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
        let done = self.errands.run(async move {
            let change =
                store.change_mine(chat, actor.user_id, decide).await?.ok_or_else(AppError::not_found)?;
            if change.after.revision != change.before.revision {
                publish(&*bus, news(actor, chat, &change)?).await;
            }
            Ok(change.after)
        });
        done.await
    }
}

fn changed(mine: &MyChatView, change: impl FnOnce(&mut MyChatView)) -> MyChatView {
    let mut new = mine.clone();
    change(&mut new);
    new
}

fn news(actor: Actor, chat_id: ChatId, change: &MineChange) -> AppResult<BusMessage> {
    let MineChange { before, after, is_shown } = change;
    let notice = Notice::MyChatChanged { chat_id, mine: after.clone() };
    Ok(BusMessage::Mine {
        chat_id,
        user_id: actor.user_id,
        revision: after.revision,
        read: (*is_shown && after.read > before.read).then_some(after.read),
        frame: encode(&notice.into())?,
    })
}
