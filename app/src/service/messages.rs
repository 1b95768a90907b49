//! Messages.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Actor, Arrival, Sequencer, emoji, mentions, seek};
use crate::{
    domain::{Body, ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp, limits, policy},
    error::{AppError, AppResult, ErrorCode, FieldError},
    ports::{Clock, IdSource, Limit, Limiter, MessageState, NewMessage, PageQuery, Store},
    protocol::{EditView, EventBody, HistoryPage, MessageView},
};

/// Fast enough for anybody's fingers and for a script that catches up; a flood is slowed.
const SENDS: Limit = Limit { name: "send", burst: 1000, period_ms: 20 };
const CHANGES: Limit = Limit { name: "change_message", burst: 200, period_ms: 500 };
/// A tap each, and people tap fast.
const REACTIONS: Limit = Limit { name: "react", burst: 200, period_ms: 200 };
const PAGES: Limit = Limit { name: "history", burst: 600, period_ms: 20 };

/// For how long a message is looked up whose fate the store did not tell.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);

/// What somebody wants to send.
pub struct Draft {
    /// To which chat.
    pub chat_id: ChatId,
    /// The sender's id for it.
    pub client_id: ClientId,
    /// The text, unchecked.
    pub body: String,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The files that have arrived for it.
    pub files: Option<Arrival>,
}

/// Messages.
pub struct Messages {
    store: Arc<dyn Store>,
    sequencer: Sequencer,
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Messages {
    /// Messages over these ports.
    pub fn new(
        store: Arc<dyn Store>,
        sequencer: Sequencer,
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { store, sequencer, limiter, clock, ids }
    }

    /// Stores a message and tells the chat's members. Returns when it is durable. The same `client_id` again returns
    /// the original, whatever the text. Fails with `not_found` for who is not a member, with `you_blocked_them` or
    /// `cannot_message` in a direct chat where one has blocked the other, with `unknown_reply` if what it answers is
    /// not in the chat, and with `quota_exceeded` if the files are more than the sender may have.
    pub async fn send(&self, actor: Actor, draft: Draft) -> AppResult<MessageView> {
        let Draft { chat_id: chat, client_id, body, reply_to, files } = draft;
        let attachments = files.as_ref().map(|files| files.files().to_vec()).unwrap_or_default();
        let beside_files = !attachments.is_empty();
        let body = if beside_files { Body::parse_beside_files(&body)? } else { Body::parse(&body)? };
        if beside_files {
            // They may have taken long: longer than the session lived.
            let session = self.store.session(actor.session_id, self.clock.now()).await?;
            session
                .filter(|session| session.user_id == actor.user_id)
                .ok_or_else(AppError::unauthenticated)?;
        }
        self.limiter.take(SENDS, &actor.user_id.to_string()).await?;
        let mentions = mentions::of(&*self.store, chat, body.as_str()).await?;
        let now = self.clock.now();
        let message = NewMessage {
            id: MessageId::from_bytes(self.ids.id(now)),
            sender_id: actor.user_id,
            client_id,
            body,
            mentions,
            reply_to,
            user_bytes: files.as_ref().map_or(0, Arrival::user_bytes),
            attachments,
            created_at: now,
        };
        let id = message.id;
        let sent = self.append(actor, chat, message).await?;
        // Of one that had been sent before, this request's files are given up.
        if let Some(files) = files.filter(|_| sent.id == id) {
            files.attached();
        }
        Ok(sent)
    }

    async fn append(&self, actor: Actor, chat: ChatId, message: NewMessage) -> AppResult<MessageView> {
        let client_id = message.client_id;
        match self.sequencer.append(chat, message).await {
            Err(error) if error.code == ErrorCode::Unavailable => {
                // The store is away, and the wait for it is over: one short look, and the device asks again.
                match timeout(LOOK_UP_WITHIN, self.look_up(actor, chat, client_id)).await {
                    Ok(Ok(Some(stored))) => Ok(stored),
                    Ok(Ok(None) | Err(_)) | Err(_) => Err(error),
                }
            }
            answer => answer,
        }
    }

    /// Changes the text of one's own message; the same text changes nothing. Fails with `not_found` for who is not in
    /// the chat and for what is not in it, with `forbidden` for another's message, with `message_deleted`, with
    /// `too_many_edits`, and as [`Self::send`] where one has blocked the other.
    pub async fn edit(
        &self,
        actor: Actor,
        chat: ChatId,
        id: MessageId,
        body: &str,
    ) -> AppResult<MessageView> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        let body = self.for_members(actor, chat, Body::parse_beside_files(body)).await?.into_string();
        let mentions = mentions::of(&*self.store, chat, &body).await?;
        let me = actor.user_id;
        self.change(actor, chat, id, move |state| {
            policy::write_to(state.blocking)?;
            let message = &state.message;
            policy::edit_message(me, message.sender_id, message.deleted_at.is_some())?;
            if body.is_empty() && message.attachments.is_empty() {
                return Err(AppError::field("body", FieldError::Required));
            }
            if message.body == body {
                return Ok(None);
            }
            policy::one_more_edit(state.edits)?;
            let (ordinal, body, mentions) = (message.ordinal, body.clone(), mentions.clone());
            Ok(Some(EventBody::MessageEdited { message_id: id, ordinal, body, mentions }))
        })
        .await
    }

    /// Puts an emoji under a message, or takes one's own away; saying what is so already changes nothing. Fails with
    /// `not_found` for who is not in the chat and for what is not in it, with `message_deleted`, with
    /// `too_many_reactions`, and, unless it is taken away, as [`Self::send`] where one has blocked the other.
    pub async fn react(
        &self,
        actor: Actor,
        chat: ChatId,
        id: MessageId,
        emoji: &str,
        on: bool,
    ) -> AppResult<MessageView> {
        self.limiter.take(REACTIONS, &actor.user_id.to_string()).await?;
        let emoji = self.for_members(actor, chat, emoji::parse(emoji)).await?;
        self.change(actor, chat, id, move |state| {
            if on {
                policy::write_to(state.blocking)?;
            }
            let reactions = &state.message.reactions;
            let there = reactions.iter().find(|reaction| reaction.emoji == emoji);
            let is_new = on && there.is_none();
            policy::react(state.message.deleted_at.is_some(), is_new, reactions.len())?;
            let is_so = there.is_some_and(|reaction| reaction.mine) == on;
            let emoji = emoji.to_owned();
            Ok((!is_so).then_some(EventBody::ReactionChanged { message_id: id, emoji, on }))
        })
        .await
    }

    /// Pins a message, or takes it down; saying what is so already changes nothing. Fails with `not_found` for who is
    /// not in the chat and for what is not in it, with `message_deleted`, with `too_many_pins`, and, unless it is taken
    /// down, as [`Self::send`] where one has blocked the other.
    pub async fn pin(&self, actor: Actor, chat: ChatId, id: MessageId, on: bool) -> AppResult<MessageView> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        self.change(actor, chat, id, move |state| {
            if on {
                policy::write_to(state.blocking)?;
            }
            let is_so = state.message.pinned_at.is_some() == on;
            policy::pin_message(state.message.deleted_at.is_some(), on && !is_so, state.pinned)?;
            Ok((!is_so).then_some(EventBody::PinChanged { message_id: id, on }))
        })
        .await
    }

    /// Deletes a message, its text and files with it. One that is deleted already stays so. Fails with
    /// `not_found` for who is not in the chat and for what is not in it, and with `forbidden` for who may not.
    pub async fn delete(&self, actor: Actor, chat: ChatId, id: MessageId) -> AppResult<()> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        let me = actor.user_id;
        self.change(actor, chat, id, move |state| {
            if state.message.deleted_at.is_some() {
                return Ok(None);
            }
            policy::delete_message(state.kind, state.role, me, state.message.sender_id)?;
            Ok(Some(EventBody::MessageDeleted { message_id: id, ordinal: state.message.ordinal }))
        })
        .await?;
        Ok(())
    }

    async fn change(
        &self,
        actor: Actor,
        chat: ChatId,
        id: MessageId,
        decide: impl Fn(&MessageState) -> AppResult<Option<EventBody>> + Send + Sync + 'static,
    ) -> AppResult<MessageView> {
        let now = self.clock.now();
        self.sequencer.change_message(chat, id, actor.user_id, now, Box::new(decide)).await
    }

    /// What was read from a form. Who may not even know of the chat learns nothing from how a bad one is refused.
    async fn for_members<T>(&self, actor: Actor, chat: ChatId, read: AppResult<T>) -> AppResult<T> {
        if read.is_err() {
            policy::read(self.store.role(chat, actor.user_id).await?)?;
        }
        read
    }

    /// The pinned messages of a chat, last pinned first. Fails with `not_found` for who is not in it.
    pub async fn pinned(&self, actor: Actor, chat: ChatId) -> AppResult<Vec<MessageView>> {
        self.limiter.take(PAGES, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        self.store.pinned(chat, actor.user_id).await
    }

    /// The texts that one's own message has had, oldest first, the current one last. Fails with `not_found` for who
    /// is not in the chat and for what is not in it, with `forbidden` for another's message, and with
    /// `message_deleted`.
    pub async fn edits(&self, actor: Actor, chat: ChatId, id: MessageId) -> AppResult<Vec<EditView>> {
        let me = actor.user_id;
        self.limiter.take(PAGES, &me.to_string()).await?;
        policy::read(self.store.role(chat, me).await?)?;
        let message = self.store.message(chat, me, id).await?.ok_or_else(AppError::not_found)?;
        policy::edit_message(me, message.sender_id, message.deleted_at.is_some())?;
        let edits = self.store.edits(chat, id).await?;
        // It was deleted a moment ago.
        if edits.is_empty() { Err(ErrorCode::MessageDeleted.into()) } else { Ok(edits) }
    }

    /// A page of messages; at most one of `before`, `after` and `around`. `limit` is cut to 100.
    pub async fn list(
        &self,
        actor: Actor,
        chat: ChatId,
        before: Option<Seq>,
        after: Option<Seq>,
        around: Option<Seq>,
        limit: Option<u32>,
    ) -> AppResult<HistoryPage> {
        let page = match (before, after, around) {
            (None, None, None) => PageQuery::Latest,
            (Some(seq), None, None) => PageQuery::Before(seq),
            (None, Some(seq), None) => PageQuery::After(seq),
            (None, None, Some(seq)) => PageQuery::Around(seq),
            _ => return Err(ErrorCode::InvalidRequest.into()),
        };
        let asked = limit.map_or(limits::DEFAULT_PAGE_MESSAGES, |limit| limit as usize);
        self.limiter.take(PAGES, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        self.store.history(chat, actor.user_id, page, asked.clamp(1, limits::PAGE_MESSAGES)).await
    }

    /// The messages around the one of this ordinal, for who is in the chat; an ordinal beyond the last one counts as
    /// that.
    pub async fn list_at(
        &self,
        actor: Actor,
        chat: ChatId,
        ordinal: Ordinal,
        limit: Option<u32>,
    ) -> AppResult<HistoryPage> {
        let asked = limit.map_or(limits::DEFAULT_PAGE_MESSAGES, |limit| limit as usize);
        self.limiter.take(PAGES, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        let limit = asked.clamp(1, limits::PAGE_MESSAGES);
        let page = match seek::place_of(&*self.store, chat, actor.user_id, ordinal).await? {
            Some(seq) => PageQuery::Around(seq),
            None => PageQuery::Latest,
        };
        self.store.history(chat, actor.user_id, page, limit).await
    }

    /// Where the first message is that was stored at this time or after it. Fails with `not_found` for who is not in
    /// the chat.
    pub async fn find(&self, actor: Actor, chat: ChatId, at: Timestamp) -> AppResult<Option<Seq>> {
        self.limiter.take(PAGES, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        self.store.message_at(chat, at).await
    }

    /// What an ambiguous failure left: the message, if it was stored after all.
    async fn look_up(
        &self,
        actor: Actor,
        chat: ChatId,
        client_id: ClientId,
    ) -> AppResult<Option<MessageView>> {
        match self.store.message_by_client_id(actor.user_id, client_id).await {
            Ok(found) => Ok(found.filter(|message| message.chat_id == chat)),
            // Still out of reach: the caller hears of the first failure and tries again.
            Err(error) => {
                tracing::debug!(error = error.chain(), "an ambiguous send could not be looked up");
                Ok(None)
            }
        }
    }
}
