//! Finding the members of a chat by their names.

use async_trait::async_trait;

use crate::{
    domain::{ChatId, ChatKind, UserId},
    error::AppResult,
};

/// A member who has one of the names that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedMember {
    /// Who.
    pub user_id: UserId,
    /// Their name, as [`name_key`](crate::domain::name_key) writes it.
    pub key: String,
}

/// Who is called what in a chat.
///
/// Whom a message mentions is stored with it by the stores' other traits: a row for each person and chat, by which the
/// unread ones are found ([`ChatRecord::mentioned`](super::ChatRecord::mentioned)). It outlives the membership and is
/// shown to members alone.
#[async_trait]
pub trait MentionStore: Send + Sync {
    /// The members whose name is one of these keys, at most `limit`, and of which kind the chat is; `None` if there is
    /// no such chat. People are found by their names, and then looked up among the members, however many of those there
    /// are; of more than 10,000 who share a name some may be passed over.
    async fn members_named(
        &self,
        chat: ChatId,
        keys: &[String],
        limit: usize,
    ) -> AppResult<Option<(ChatKind, Vec<NamedMember>)>>;
}
