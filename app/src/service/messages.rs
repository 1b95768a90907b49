//! Messages.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Actor, Arrival, Sequencer};
use crate::{
    domain::{Body, ChatId, ClientId, MessageId, Seq, limits, policy},
    error::{AppError, AppResult, ErrorCode},
    ports::{Clock, Decide, IdSource, Limit, Limiter, NewMessage, PageQuery, Store},
    protocol::{EventBody, HistoryPage, MessageView},
};

/// Fast enough for anybody's fingers and for a script that catches up; a flood is slowed.
const SENDS: Limit = Limit { name: "send", burst: 1000, period_ms: 20 };
const CHANGES: Limit = Limit { name: "change_message", burst: 200, period_ms: 500 };
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

    /// Stores a message and tells the chat's members. Returns when it is durable. The same `client_id`
    /// again returns the original, whatever the text. Fails with `not_found` for who is not a member, and with
    /// `quota_exceeded` if the files are more than the sender may have.
    pub async fn send(&self, actor: Actor, draft: Draft) -> AppResult<MessageView> {
        let Draft { chat_id: chat, client_id, body, files } = draft;
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
        let now = self.clock.now();
        let message = NewMessage {
            id: MessageId::from_bytes(self.ids.id(now)),
            sender_id: actor.user_id,
            client_id,
            body,
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

    /// Deletes a message, its text and files with it. One that is deleted already stays so. Fails with
    /// `not_found` for who is not in the chat and for what is not in it, and with `forbidden` for who may not.
    pub async fn delete(&self, actor: Actor, chat: ChatId, id: MessageId) -> AppResult<()> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        let message = self.store.message(chat, id).await?.ok_or_else(AppError::not_found)?;
        if message.deleted_at.is_some() {
            return Ok(());
        }
        let (actor, sender) = (actor.user_id, message.sender_id);
        let decide: Decide = Box::new(move |state| {
            policy::delete_message(state, actor, sender)?;
            Ok(vec![EventBody::MessageDeleted { message_id: id }])
        });
        self.sequencer.change(chat, actor, self.clock.now(), decide).await?;
        Ok(())
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
        self.store.history(chat, page, asked.clamp(1, limits::PAGE_MESSAGES)).await
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
