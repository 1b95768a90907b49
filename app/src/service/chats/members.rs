//! Finding the members of a chat, and reading them in parts.

use super::{Chats, READS};
use crate::{
    domain::{ChatId, limits, policy, search_words},
    error::{AppError, AppResult, FieldError},
    ports::Limit,
    protocol::{MemberView, MembersPage},
    service::Actor,
};

/// A question for each pause in one's typing.
const SEARCHES: Limit = Limit { name: "search_members", burst: 60, period_ms: 200 };

impl Chats {
    /// Members with words, in the name or in the e-mail before its `@`, that begin with each of the query's; at most 20,
    /// by name. Fails with `not_found` for who is not in the chat.
    pub async fn search_members(
        &self,
        actor: Actor,
        chat: ChatId,
        query: &str,
    ) -> AppResult<Vec<MemberView>> {
        self.limiter.take(SEARCHES, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        if query.chars().count() > limits::EMAIL_BYTES {
            return Err(AppError::field("query", FieldError::TooLong));
        }
        let words = search_words(query);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        self.store.search_members(chat, &words, limits::SEARCH_RESULTS).await
    }

    /// A part of the chat's members, longest-standing first. Fails with `not_found` for who is not in it.
    pub async fn list_members(&self, actor: Actor, chat: ChatId, from: u64) -> AppResult<MembersPage> {
        self.limiter.take(READS, &actor.user_id.to_string()).await?;
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        self.store.members_from(chat, from, limits::MEMBERS_AT_ONCE).await
    }
}
