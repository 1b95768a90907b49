//! Whom messages mention: finding people by their names, and messages by whom they mention.

use std::collections::{BTreeSet, HashMap};

use app::{
    domain::{ChatId, ChatKind, Ordinal, UserId, limits},
    error::AppResult,
    ports::{ChatRecord, MentionStore, NamedMember},
    protocol::MessageView,
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{EmbeddedStore, fault::Fault, rows};
use crate::store::{
    mentions::{EVERYBODY, mentioned},
    people::CANDIDATES,
};

pub(super) const KIND: &str = "SELECT c.kind FROM chats c WHERE c.id = ?1 AND c.deleted_at IS NULL";
/// The people of that name, and of them those who are members.
pub(super) const NAMED: &str = "SELECT m.user_id
    FROM (SELECT u.id FROM users u WHERE u.name_key = ?2 LIMIT ?3) found
    CROSS JOIN members m ON m.chat_id = ?1 AND m.user_id = found.id LIMIT ?4";
/// For each entry of a JSON array of `[chat, last ordinal that is read, who is mentioned]`, the ids in hexadecimal digits,
/// the newest rows behind that ordinal that are neither of the viewer's (?2) own messages nor of
/// whom they have blocked.
pub(super) const UNREAD: &str = "SELECT n.chat_id, n.ordinal
    FROM json_each(?1) page CROSS JOIN mentions n
    ON n.chat_id = unhex(page.value ->> 0) AND n.user_id = unhex(page.value ->> 2)
        AND n.ordinal > max(page.value ->> 1, coalesce(
            (SELECT over.ordinal FROM mentions over
             WHERE over.chat_id = unhex(page.value ->> 0) AND over.user_id = unhex(page.value ->> 2)
             ORDER BY over.ordinal DESC LIMIT 1 OFFSET ?3), 0))
    WHERE n.sender_id <> ?2 AND NOT EXISTS (
        SELECT 1 FROM blocks b WHERE b.blocker_id = ?2 AND b.blocked_id = n.sender_id)";
const INSERT: &str = "INSERT INTO mentions (chat_id, user_id, ordinal, sender_id) VALUES (?1, ?2, ?3, ?4)";
pub(super) const DELETE: &str = "DELETE FROM mentions WHERE chat_id = ?1 AND user_id = ?2 AND ordinal = ?3";

#[async_trait]
impl MentionStore for EmbeddedStore {
    async fn members_named(
        &self,
        chat: ChatId,
        keys: &[String],
        limit: usize,
    ) -> AppResult<Option<(ChatKind, Vec<NamedMember>)>> {
        let keys = keys.to_vec();
        self.read(move |connection| {
            rows::snapshot(connection, |connection| named(connection, chat, keys, limit))
        })
        .await
    }
}

fn named(
    connection: &Connection,
    chat: ChatId,
    keys: Vec<String>,
    limit: usize,
) -> Result<Option<(ChatKind, Vec<NamedMember>)>, Fault> {
    let kind = rows::one(connection, KIND, params![chat.as_bytes()], |row| rows::kind(row, 0))?;
    let Some(kind) = kind else { return Ok(None) };
    let mut found: Vec<NamedMember> = Vec::new();
    for key in keys {
        let left = rows::limit(limit.saturating_sub(found.len()));
        let params = params![chat.as_bytes(), key, CANDIDATES, left];
        let people = rows::all(connection, NAMED, params, |row| rows::user_id(row, 0))?;
        found.extend(people.into_iter().map(|user_id| NamedMember { user_id, key: key.clone() }));
    }
    Ok(Some((kind, found)))
}

/// Says of each chat which of its messages mention the viewer and are unread. Asks only where something is unread.
pub(super) fn mark_unread(
    connection: &Connection,
    viewer: UserId,
    chats: &mut [ChatRecord],
) -> Result<(), Fault> {
    let mut page = Vec::new();
    for chat in chats.iter() {
        let unread = chat.mine.unread(chat.head_ordinal);
        if unread > 0 {
            let read = chat.head_ordinal.0.saturating_sub(unread);
            page.extend([viewer, EVERYBODY].map(|user| (chat.id, read, user)));
        }
    }
    if page.is_empty() {
        return Ok(());
    }
    let page = serde_json::to_string(&page).map_err(Fault::unencodable)?;
    let params = params![page, viewer.as_bytes(), rows::limit(limits::MENTIONS_PER_CHAT)];
    let found =
        rows::all(connection, UNREAD, params, |row| Ok((rows::chat_id(row, 0)?, rows::ordinal(row, 1)?)))?;
    let mut unread: HashMap<ChatId, BTreeSet<Ordinal>> = HashMap::new();
    for (chat, ordinal) in found {
        unread.entry(chat).or_default().insert(ordinal);
    }
    for chat in chats {
        let ordinals = unread.remove(&chat.id).unwrap_or_default();
        let before = ordinals.len().saturating_sub(limits::MENTIONS_PER_CHAT);
        chat.mentioned = ordinals.into_iter().skip(before).collect();
    }
    Ok(())
}

/// Writes whom the message mentions.
pub(super) fn insert(connection: &Connection, message: &MessageView) -> Result<(), Fault> {
    for user in mentioned(&message.mentions, message.sender_id) {
        let (chat, ordinal) = (message.chat_id.as_bytes(), message.ordinal.as_i64());
        let params = params![chat, user.as_bytes(), ordinal, message.sender_id.as_bytes()];
        rows::execute(connection, INSERT, params)?;
    }
    Ok(())
}

/// Takes away whom the message has mentioned until now.
pub(super) fn remove(connection: &Connection, before: &MessageView) -> Result<(), Fault> {
    for user in mentioned(&before.mentions, before.sender_id) {
        let params = params![before.chat_id.as_bytes(), user.as_bytes(), before.ordinal.as_i64()];
        rows::execute(connection, DELETE, params)?;
    }
    Ok(())
}
