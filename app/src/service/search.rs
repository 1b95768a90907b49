//! Searching messages: reading what was asked, and saying where it was found.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::try_join_all;
use tokio::sync::Semaphore;

use super::Actor;
use crate::{
    domain::{
        AttachmentId, ChatId, ChatKind, MessageId, Timestamp, UserId, limits, policy,
        search::{SearchInput, SearchText, names_match},
        search_words,
    },
    error::{AppError, AppResult, ErrorCode, FieldError},
    ports::{ChatRecord, Limit, Limiter, SearchCursor, SearchRequest, Store},
    protocol::{SearchResult, SearchResults},
};

/// As fast as somebody types and pages.
const SEARCHES: Limit = Limit { name: "search_messages", burst: 100, period_ms: 200 };
/// Searches at once on one node: each may hold a connection of the store for long, and others want to read, too.
const AT_ONCE: usize = 2;
/// How long a search waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// What one is called in an operator: `from:me`.
const ONESELF: &str = "me";

/// What somebody asks for.
#[derive(Clone, Debug, Default)]
pub struct SearchQuery {
    /// What was typed: words, phrases, operators.
    pub text: String,
    /// Only in this chat.
    pub chat: Option<ChatId>,
    /// Only by this person.
    pub sender: Option<UserId>,
    /// Only messages of this time or later.
    pub since: Option<Timestamp>,
    /// Only messages of before this time.
    pub until: Option<Timestamp>,
    /// Only messages with files.
    pub has_file: bool,
    /// Where to go on, as the page before has said it.
    pub before: Option<String>,
}

/// Searching messages.
pub struct Search {
    store: Arc<dyn Store>,
    limiter: Arc<dyn Limiter>,
    turns: Semaphore,
}

impl Search {
    /// Searching over these ports.
    pub fn new(store: Arc<dyn Store>, limiter: Arc<dyn Limiter>) -> Self {
        Self { store, limiter, turns: Semaphore::new(AT_ONCE) }
    }

    /// What was found of all that the caller may read, newest first. Nothing, if nothing is asked for. Fails with
    /// `not_found` if a chat is named that they are not in, with `validation_failed` for a text that is too long and
    /// for a `before` that no answer has said, and with `busy` if others search for too long.
    pub async fn find(&self, actor: Actor, query: SearchQuery) -> AppResult<SearchResults> {
        let me = actor.user_id;
        if query.text.chars().count() > limits::SEARCH_CHARS {
            return Err(AppError::field("query", FieldError::TooLong));
        }
        let after = query.before.as_deref().map(cursor).transpose()?;
        self.limiter.take(SEARCHES, &me.to_string()).await?;
        if let Some(chat) = query.chat {
            policy::read(self.store.role(chat, me).await?)?;
        }
        let input = SearchInput::parse(&query.text);
        let text = SearchText::new(input.terms.iter().map(String::as_str));
        // A word of which nothing is left, such as a lone accent, finds nothing rather than everything.
        let is_void = text.is_empty() && !input.terms.is_empty();
        let narrows = query.sender.is_some() || query.has_file || query.since.or(query.until).is_some();
        if is_void || (input.is_empty() && !narrows) {
            return Ok(SearchResults::default());
        }
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let turn = turn.map_err(|elapsed| AppError::new(ErrorCode::Busy).because(elapsed))?;
        let turn = turn.map_err(AppError::internal)?;
        let chats = self.chats(me, query.chat, &input.within).await?;
        let senders = self.senders(me, query.sender, &input.from).await?;
        let request = SearchRequest {
            text,
            chats,
            senders,
            has_file: query.has_file || input.has_file,
            since: query.since.max(input.since),
            until: match (query.until, input.until) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
        };
        let text = request.text.clone();
        let found = self.store.search_messages(me, request, after, limits::SEARCH_PAGE_MESSAGES).await?;
        drop(turn);
        let mut names = BTreeMap::new();
        for message in &found.messages {
            names.insert(message.chat_id, None);
        }
        let asked = names.keys().map(|chat| self.store.chat(*chat, me, 2));
        for record in try_join_all(asked).await?.into_iter().flatten() {
            names.insert(record.id, Some((chat_name(&record, me), record.kind, chat_avatar(&record, me))));
        }
        // One that they are out of since has no name any longer.
        let results = found.messages.into_iter().filter_map(|message| {
            let (chat_name, chat_kind, chat_avatar) = names.get(&message.chat_id).cloned().flatten()?;
            let marks = text.marks(&message.body);
            Some(SearchResult { message, chat_name, chat_kind, chat_avatar, marks })
        });
        Ok(SearchResults { results: results.collect(), next: found.next.map(written) })
    }

    /// The chats that are meant; `None` for all.
    async fn chats(
        &self,
        me: UserId,
        one: Option<ChatId>,
        names: &[String],
    ) -> AppResult<Option<Vec<ChatId>>> {
        if names.is_empty() {
            return Ok(one.map(|chat| vec![chat]));
        }
        let all = self.store.chats_of(me, limits::CHATS_IN_LIST, 2).await?;
        let meant = all.iter().filter(|chat| {
            let name = chat_name(chat, me);
            one.is_none_or(|one| one == chat.id) && names.iter().any(|typed| names_match(typed, &name))
        });
        Ok(Some(meant.map(|chat| chat.id).collect()))
    }

    /// The people who are meant, among those that anybody finds; `None` for all.
    async fn senders(
        &self,
        me: UserId,
        one: Option<UserId>,
        names: &[String],
    ) -> AppResult<Option<Vec<UserId>>> {
        if names.is_empty() {
            return Ok(one.map(|sender| vec![sender]));
        }
        let mut meant = Vec::new();
        let own = self.store.user(me).await?;
        for typed in names {
            let is_own = |name: &str| names_match(typed, name);
            if typed.eq_ignore_ascii_case(ONESELF)
                || own.as_ref().is_some_and(|own| is_own(own.display_name.as_str()))
            {
                meant.push(me);
            }
            let words = search_words(typed);
            if !words.is_empty() {
                let found = self.store.search_users(&words, None, me, limits::SEARCH_RESULTS).await?;
                meant.extend(found.into_iter().map(|user| user.id));
            }
        }
        meant.retain(|sender| one.is_none_or(|one| one == *sender));
        Ok(Some(meant))
    }
}

/// What a chat is called: a group's name, or the other person's.
fn chat_name(chat: &ChatRecord, me: UserId) -> String {
    let other = || chat.members.iter().find(|member| member.user.id != me);
    match (&chat.name, chat.kind) {
        (Some(name), _) => name.clone(),
        (None, ChatKind::Direct) => other().map(|other| other.user.display_name.clone()).unwrap_or_default(),
        (None, ChatKind::Group) => String::new(),
    }
}

/// What stands for a chat: a group's picture, or the other person's.
fn chat_avatar(chat: &ChatRecord, me: UserId) -> Option<AttachmentId> {
    match chat.kind {
        ChatKind::Group => chat.avatar,
        ChatKind::Direct => chat.members.iter().find(|member| member.user.id != me)?.user.avatar,
    }
}

/// A place in the order of messages, as it goes over the wire.
fn written(cursor: SearchCursor) -> String {
    format!("{}-{}", cursor.at.as_millis(), cursor.id)
}

fn cursor(text: &str) -> AppResult<SearchCursor> {
    let read = || {
        let (at, id) = text.split_once('-')?;
        let at = Timestamp::from_millis(at.parse().ok()?);
        Some(SearchCursor { at, id: id.parse::<MessageId>().ok()? })
    };
    read().ok_or_else(|| AppError::field("before", FieldError::Malformed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = SearchCursor {
            at: Timestamp::from_millis(1_754_500_000_123),
            id: MessageId::from_bytes([7; 12]),
        };
        assert_eq!(cursor(&written(place)).ok(), Some(place));
        for text in ["", "1", "1-", "-1", "x-070707070707070707070707", "1-07"] {
            assert!(cursor(text).is_err(), "{text}");
        }
    }
}
