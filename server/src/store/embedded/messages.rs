//! The log: appending messages to it, and reading it in pages that cost the same however long it is.

use std::borrow::Cow;

use app::{
    domain::{ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp, UserId, limits},
    error::AppResult,
    ports::{Appended, MessageStore, NewMessage, PageQuery},
    protocol::{EventBody, HistoryPage, LogEvent, MessageView},
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{
    EmbeddedStore, attachments,
    fault::Fault,
    rows::{self, message_columns},
};

pub(super) const HEAD: &str =
    "SELECT c.head_seq, c.head_ordinal FROM chats c WHERE c.id = ?1 AND c.deleted_at IS NULL";
pub(super) const SENDER: &str = "SELECT u.display_name FROM members m CROSS JOIN users u ON u.id = m.user_id
    WHERE m.chat_id = ?1 AND m.user_id = ?2";
/// Also whether the message's chat still exists.
pub(super) const BY_CLIENT_ID: &str = concat!(
    "SELECT ",
    message_columns!(),
    ", c.deleted_at IS NULL FROM messages m CROSS JOIN users u ON u.id = m.sender_id
     CROSS JOIN chats c ON c.id = m.chat_id WHERE m.sender_id = ?1 AND m.client_id = ?2"
);
pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m CROSS JOIN users u ON u.id = m.sender_id
     CROSS JOIN chats c ON c.id = m.chat_id WHERE m.id = ?1 AND m.chat_id = ?2 AND c.deleted_at IS NULL"
);
pub(super) const LATEST: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m CROSS JOIN users u ON u.id = m.sender_id
     WHERE m.chat_id = ?1 ORDER BY m.seq DESC LIMIT ?2"
);
pub(super) const BEFORE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m CROSS JOIN users u ON u.id = m.sender_id
     WHERE m.chat_id = ?1 AND m.seq < ?2 ORDER BY m.seq DESC LIMIT ?3"
);
pub(super) const FROM: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m CROSS JOIN users u ON u.id = m.sender_id
     WHERE m.chat_id = ?1 AND m.seq >= ?2 ORDER BY m.seq LIMIT ?3"
);
pub(super) const EVENTS_AFTER: &str = "SELECT e.seq, e.at, e.actor_id, e.body, u.display_name
    FROM events e CROSS JOIN users u ON u.id = e.actor_id
    WHERE e.chat_id = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3";
const ANY_FROM: &str = "SELECT 1 FROM messages m WHERE m.chat_id = ?1 AND m.seq >= ?2 LIMIT 1";
const ANY_BEFORE: &str = "SELECT 1 FROM messages m WHERE m.chat_id = ?1 AND m.seq < ?2 LIMIT 1";
const INSERT_EVENT: &str =
    "INSERT INTO events (chat_id, seq, at, actor_id, body) VALUES (?1, ?2, ?3, ?4, ?5)";
const INSERT_MESSAGE: &str = "INSERT INTO messages
    (chat_id, seq, ordinal, id, sender_id, client_id, body, attachments, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
pub(super) const EVENT: &str = "SELECT e.body FROM events e WHERE e.chat_id = ?1 AND e.seq = ?2";
pub(super) const SCRUB_EVENT: &str = "UPDATE events SET body = ?3 WHERE chat_id = ?1 AND seq = ?2";
pub(super) const SCRUB_MESSAGE: &str = "UPDATE messages SET body = '', attachments = '[]', deleted_at = ?3
    WHERE chat_id = ?1 AND seq = ?2";
const SET_HEAD: &str = "UPDATE chats SET head_seq = ?2, head_ordinal = ?3, last_activity_at = ?4
    WHERE id = ?1";

#[async_trait]
impl MessageStore for EmbeddedStore {
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        self.write(move |connection| append(connection, chat, batch)).await
    }

    async fn message_by_client_id(&self, sender: UserId, id: ClientId) -> AppResult<Option<MessageView>> {
        self.read(move |connection| {
            let found = by_client_id(connection, sender, id)?;
            Ok(found.filter(|(_, exists)| *exists).map(|(message, _)| message))
        })
        .await
    }

    async fn message(&self, chat: ChatId, id: MessageId) -> AppResult<Option<MessageView>> {
        self.read(move |connection| by_id(connection, chat, id)).await
    }

    async fn history(&self, chat: ChatId, page: PageQuery, limit: usize) -> AppResult<HistoryPage> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| match head(connection, chat)? {
                Some(_) => history(connection, chat, page, limit),
                None => Ok(HistoryPage::default()),
            })
        })
        .await
    }

    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| match head(connection, chat)? {
                Some(_) => events_after(connection, chat, seq, limit),
                None => Ok(Vec::new()),
            })
        })
        .await
    }
}

fn append(connection: &Connection, chat: ChatId, batch: Vec<NewMessage>) -> Result<Vec<Appended>, Fault> {
    let Some((mut seq, mut ordinal)) = head(connection, chat)? else {
        return Ok(batch.iter().map(|_| Appended::NotMember).collect());
    };
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut last_activity_at = None;
    for new in batch {
        let earlier = by_client_id(connection, new.sender_id, new.client_id)?.map(|(message, _)| message);
        // The original is told even to somebody who has left since: it is their own, and it is stored.
        let (earlier, elsewhere) = match earlier {
            Some(message) if message.chat_id == chat => (Some(message), false),
            other => (None, other.is_some()),
        };
        if let Some(message) = earlier {
            outcomes.push(Appended::Duplicate(message));
            continue;
        }
        let params = params![chat.as_bytes(), new.sender_id.as_bytes()];
        let name = rows::one(connection, SENDER, params, |row| Ok(row.get::<_, String>(0)?))?;
        let Some(sender_name) = name else {
            outcomes.push(Appended::NotMember);
            continue;
        };
        if elsewhere {
            outcomes.push(Appended::ClientIdReused);
            continue;
        }
        if !new.attachments.is_empty() {
            if !attachments::are_arriving(connection, &new)? {
                outcomes.push(Appended::AttachmentsGone);
                continue;
            }
            if !attachments::count(connection, &new)? {
                outcomes.push(Appended::QuotaExceeded);
                continue;
            }
        }
        (seq, ordinal) = (seq.next(), ordinal.next());
        last_activity_at = Some(new.created_at);
        outcomes.push(Appended::New(insert(connection, chat, seq, ordinal, sender_name, new)?));
    }
    if let Some(at) = last_activity_at {
        let params = params![chat.as_bytes(), seq.as_i64(), ordinal.as_i64(), at.as_millis()];
        rows::execute(connection, SET_HEAD, params)?;
    }
    Ok(outcomes)
}

/// One message with its files, and its event.
fn insert(
    connection: &Connection,
    chat_id: ChatId,
    seq: Seq,
    ordinal: Ordinal,
    sender_name: String,
    new: NewMessage,
) -> Result<LogEvent, Fault> {
    let NewMessage { id, sender_id, client_id, body, attachments, created_at, .. } = new;
    let body = body.into_string();
    let message = MessageView {
        id,
        chat_id,
        seq,
        ordinal,
        sender_id,
        sender_name,
        client_id,
        body,
        attachments,
        created_at,
        deleted_at: None,
    };
    let body = EventBody::NewMessage { message: message.clone() };
    let event = LogEvent { chat_id, seq, at: created_at, actor_id: sender_id, body };
    insert_event(connection, &event)?;
    let files = match message.attachments.as_slice() {
        [] => Cow::Borrowed(rows::NO_FILES),
        files => Cow::Owned(serde_json::to_string(files).map_err(Fault::unencodable)?),
    };
    let params = params![
        chat_id.as_bytes(),
        seq.as_i64(),
        ordinal.as_i64(),
        MessageId::as_bytes(&id),
        sender_id.as_bytes(),
        client_id.as_bytes(),
        message.body,
        files,
        created_at.as_millis(),
    ];
    rows::execute(connection, INSERT_MESSAGE, params)?;
    attachments::attach(connection, chat_id, seq, &message.attachments)?;
    Ok(event)
}

/// Writes an event at its place in the log: what makes everything that follows from it count.
pub(super) fn insert_event(connection: &Connection, event: &LogEvent) -> Result<(), Fault> {
    let body = serde_json::to_string(&event.body).map_err(Fault::unencodable)?;
    let params = params![
        event.chat_id.as_bytes(),
        event.seq.as_i64(),
        event.at.as_millis(),
        event.actor_id.as_bytes(),
        body,
    ];
    rows::execute(connection, INSERT_EVENT, params)?;
    Ok(())
}

/// Where the log of a chat that has not been deleted stands.
fn head(connection: &Connection, chat: ChatId) -> Result<Option<(Seq, Ordinal)>, Fault> {
    rows::one(connection, HEAD, params![chat.as_bytes()], |row| {
        Ok((rows::seq(row, 0)?, rows::ordinal(row, 1)?))
    })
}

fn by_client_id(
    connection: &Connection,
    sender: UserId,
    id: ClientId,
) -> Result<Option<(MessageView, bool)>, Fault> {
    let params = params![sender.as_bytes(), id.as_bytes()];
    rows::one(connection, BY_CLIENT_ID, params, |row| Ok((rows::message(row)?, row.get(11)?)))
}

fn by_id(connection: &Connection, chat: ChatId, id: MessageId) -> Result<Option<MessageView>, Fault> {
    rows::one(connection, BY_ID, params![id.as_bytes(), chat.as_bytes()], rows::message)
}

/// Takes text and files from a message, and from the event that brought it. One that is deleted already stays as
/// it is.
pub(super) fn delete(
    connection: &Connection,
    chat: ChatId,
    id: MessageId,
    at: Timestamp,
) -> Result<(), Fault> {
    let message = by_id(connection, chat, id)?;
    let message = message.ok_or_else(|| Fault::broken_rule("an event deletes a message of no such chat"))?;
    if message.deleted_at.is_some() {
        return Ok(());
    }
    let seq = message.seq;
    let place = params![chat.as_bytes(), seq.as_i64()];
    let event = rows::one(connection, EVENT, place, |row| rows::json(row, 0, "event"))?;
    let Some(EventBody::NewMessage { mut message }) = event else {
        return Err(Fault::broken_rule("a message is not in the log"));
    };
    message.delete(at);
    let body = serde_json::to_string(&EventBody::NewMessage { message }).map_err(Fault::unencodable)?;
    rows::execute(connection, SCRUB_EVENT, params![chat.as_bytes(), seq.as_i64(), body])?;
    rows::execute(connection, SCRUB_MESSAGE, params![chat.as_bytes(), seq.as_i64(), at.as_millis()])?;
    let collect_at = at.plus_seconds(limits::RELEASED_GRACE_SECONDS);
    attachments::release_of_message(connection, chat, seq, collect_at)?;
    Ok(())
}

/// Each side is read with one row more than is wanted, which tells whether there are others behind it.
fn history(
    connection: &Connection,
    chat: ChatId,
    page: PageQuery,
    limit: usize,
) -> Result<HistoryPage, Fault> {
    let id = chat.as_bytes();
    let some = rows::limit(limit.saturating_add(1));
    let older =
        |before: Seq| rows::all(connection, BEFORE, params![id, rows::place(before), some], rows::message);
    let newer = |from: Seq| rows::all(connection, FROM, params![id, rows::place(from), some], rows::message);
    let any = |sql: &str, seq: Seq| {
        rows::one(connection, sql, params![id, rows::place(seq)], |_row| Ok(())).map(|row| row.is_some())
    };
    match page {
        PageQuery::Latest => {
            let older = rows::all(connection, LATEST, params![id, some], rows::message)?;
            Ok(join(older, limit, Vec::new(), 0))
        }
        PageQuery::Before(seq) => {
            let page = join(older(seq)?, limit, Vec::new(), 0);
            Ok(HistoryPage { has_newer: any(ANY_FROM, seq)?, ..page })
        }
        PageQuery::After(seq) => {
            let after = seq.next();
            let page = join(Vec::new(), 0, newer(after)?, limit);
            Ok(HistoryPage { has_older: any(ANY_BEFORE, after)?, ..page })
        }
        PageQuery::Around(seq) => {
            let (older, newer) = (older(seq)?, newer(seq)?);
            // Half of the page on each side; what one side cannot fill, the other may.
            let before = older.len().min((limit / 2).max(limit.saturating_sub(newer.len())));
            Ok(join(older, before, newer, limit - before))
        }
    }
}

/// The page of the last `before` messages of one side (newest first) and the first `from` of the other.
fn join(mut older: Vec<MessageView>, before: usize, mut newer: Vec<MessageView>, from: usize) -> HistoryPage {
    let (has_older, has_newer) = (older.len() > before, newer.len() > from);
    older.truncate(before);
    newer.truncate(from);
    older.reverse();
    older.append(&mut newer);
    HistoryPage { messages: older, has_older, has_newer }
}

fn events_after(
    connection: &Connection,
    chat_id: ChatId,
    after: Seq,
    limit: usize,
) -> Result<Vec<LogEvent>, Fault> {
    let params = params![chat_id.as_bytes(), rows::place(after), rows::limit(limit)];
    rows::all(connection, EVENTS_AFTER, params, |row| {
        let mut body: EventBody = rows::json(row, 3, "event")?;
        if let EventBody::NewMessage { message } = &mut body {
            // The writer is the actor. Names are read when they are shown, wherever a message comes from.
            message.sender_name = row.get(4)?;
        }
        Ok(LogEvent {
            chat_id,
            seq: rows::seq(row, 0)?,
            at: rows::time(row, 1)?,
            actor_id: rows::user_id(row, 2)?,
            body,
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use app::{
        domain::{Body, DisplayName, Email, GroupName, Role},
        ports::{AccountStore, ChatStore, NewGroupChat, NewUser},
    };

    use super::*;
    use crate::store::embedded::EmbeddedOptions;

    #[tokio::test]
    async fn that_there_could_be_files_costs_a_text_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            EmbeddedStore::open(&folder.path().join("samvad.db"), EmbeddedOptions::default()).unwrap();
        let (ada, chat, now) =
            (UserId::from_bytes([1; 12]), ChatId::from_bytes([2; 12]), Timestamp::from_millis(0));
        let user = NewUser {
            id: ada,
            email: Email::parse("ada@example.org").unwrap(),
            display_name: DisplayName::parse("Ada").unwrap(),
            password_hash: "$argon2id$".into(),
            created_at: now,
        };
        store.create_user(user).await.unwrap();
        let name = GroupName::parse("Team").unwrap();
        let group = NewGroupChat { id: chat, name, members: vec![(ada, Role::Admin)], created_at: now };
        store.create_group_chat(group).await.unwrap();
        let text = NewMessage {
            id: MessageId::from_bytes([3; 12]),
            sender_id: ada,
            client_id: ClientId::from_bytes([4; 16]),
            body: Body::parse("just words").unwrap(),
            attachments: Vec::new(),
            user_bytes: 0,
            created_at: now,
        };
        let counted = store.write(move |connection| {
            let before = rows::statements();
            append(connection, chat, vec![text])?;
            Ok(rows::statements() - before)
        });
        // The head, an earlier one, the sender; the event, the message, the head.
        assert_eq!(counted.await.unwrap(), 6);
    }
}
