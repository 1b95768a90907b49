//! Messages.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{Actor, Sequencer};
use crate::{
    domain::{Body, ChatId, ClientId, MessageId, Seq, limits, policy},
    error::{AppResult, ErrorCode},
    ports::{Clock, IdSource, Limit, Limiter, NewMessage, PageQuery, Store},
    protocol::{HistoryPage, MessageView},
};

/// Fast enough for anybody's fingers and for a script that catches up; a flood is slowed.
const SENDS: Limit = Limit { name: "send", burst: 1000, period_ms: 20 };
const PAGES: Limit = Limit { name: "history", burst: 600, period_ms: 20 };

/// For how long a message is looked up whose fate the store did not tell.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);

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
    /// again returns the original, whatever the text. Fails with `not_found` for who is not a member.
    pub async fn send(
        &self,
        actor: Actor,
        chat: ChatId,
        client_id: ClientId,
        body: &str,
    ) -> AppResult<MessageView> {
        let body = Body::parse(body)?;
        self.limiter.take(SENDS, &actor.user_id.to_string()).await?;
        let now = self.clock.now();
        let message = NewMessage {
            id: MessageId::from_bytes(self.ids.id(now)),
            sender_id: actor.user_id,
            client_id,
            body,
            created_at: now,
        };
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
