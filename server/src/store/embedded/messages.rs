//! The log: appending messages to it, and the port's entry to `amendments` and `history`.

use std::{borrow::Cow, collections::BTreeMap};

use app::{
    domain::{AttachmentId, ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{Appended, DecideMessage, MessageChange, MessageStore, NewMessage, PageQuery},
    protocol::{EditView, EventBody, HistoryPage, LogEvent, MessageView, QuoteView},
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{
    EmbeddedStore, amendments, attachments, drafts,
    fault::Fault,
    history, mentions, reading,
    rows::{self, blocks_columns, message_columns, message_joins, quote_columns},
};
use crate::store::conversation;

pub(super) const HEAD: &str =
    "SELECT c.head_seq, c.head_ordinal FROM chats c WHERE c.id = ?1 AND c.deleted_at IS NULL";
/// The same, and who of its two people has blocked the other.
pub(super) const GROUND: &str = concat!(
    "SELECT c.head_seq, c.head_ordinal, ",
    blocks_columns!(),
    " FROM chats c WHERE c.id = ?1 AND c.deleted_at IS NULL"
);
pub(super) const SENDER: &str =
    "SELECT u.display_name, u.avatar_id FROM members m CROSS JOIN users u ON u.id = m.user_id
    WHERE m.chat_id = ?1 AND m.user_id = ?2";
/// Also whether the message's chat still exists.
pub(super) const BY_CLIENT_ID: &str = concat!(
    "SELECT ",
    message_columns!(),
    ", c.deleted_at IS NULL FROM messages m",
    message_joins!(),
    " CROSS JOIN chats c ON c.id = m.chat_id WHERE m.sender_id = ?1 AND m.client_id = ?2"
);
pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " CROSS JOIN chats c ON c.id = m.chat_id WHERE m.id = ?1 AND m.chat_id = ?2 AND c.deleted_at IS NULL"
);
pub(super) const QUOTE: &str = concat!(
    "SELECT ",
    quote_columns!(),
    " FROM messages q CROSS JOIN users v ON v.id = q.sender_id WHERE q.id = ?1 AND q.chat_id = ?2"
);
const INSERT_EVENT: &str =
    "INSERT INTO events (chat_id, seq, at, actor_id, body) VALUES (?1, ?2, ?3, ?4, ?5)";
/// Its position is beyond all, and beyond those of messages that have been removed since they came into the index.
const INSERT_MESSAGE: &str = "INSERT INTO messages
    (chat_id, seq, ordinal, id, sender_id, client_id, body, attachments, created_at, reply_seq, mentions, position)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1 + max(
        coalesce((SELECT m.position FROM messages m WHERE m.position > 0 ORDER BY m.position DESC LIMIT 1), 0),
        (SELECT p.indexed FROM search_progress p WHERE p.only_row = 1)))";
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

    async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageChange> {
        self.write(move |connection| amendments::change(connection, chat, id, actor, at, &decide)).await
    }

    async fn message(&self, chat: ChatId, viewer: UserId, id: MessageId) -> AppResult<Option<MessageView>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| by_id(connection, chat, viewer, id))
        })
        .await
    }

    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        page: PageQuery,
        limit: usize,
    ) -> AppResult<HistoryPage> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| {
                if head(connection, chat)?.is_none() {
                    return Ok(HistoryPage::default());
                }
                history::page(connection, chat, viewer, page, limit)
            })
        })
        .await
    }

    async fn message_at(&self, chat: ChatId, at: Timestamp) -> AppResult<Option<Seq>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| match head(connection, chat)? {
                Some(_) => history::message_at(connection, chat, at),
                None => Ok(None),
            })
        })
        .await
    }

    async fn pinned(&self, chat: ChatId, viewer: UserId) -> AppResult<Vec<MessageView>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| {
                if head(connection, chat)?.is_none() {
                    return Ok(Vec::new());
                }
                history::pinned(connection, chat, viewer)
            })
        })
        .await
    }

    async fn edits(&self, chat: ChatId, id: MessageId) -> AppResult<Vec<EditView>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| {
                let params = params![id.as_bytes(), chat.as_bytes()];
                match rows::one(connection, BY_ID, params, rows::message)? {
                    Some(message) => amendments::edits(connection, chat, &message),
                    None => Ok(Vec::new()),
                }
            })
        })
        .await
    }

    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| match head(connection, chat)? {
                Some(_) => history::events_after(connection, chat, seq, limit),
                None => Ok(Vec::new()),
            })
        })
        .await
    }
}

fn append(connection: &Connection, chat: ChatId, batch: Vec<NewMessage>) -> Result<Vec<Appended>, Fault> {
    let ground = rows::one(connection, GROUND, params![chat.as_bytes()], |row| {
        Ok((rows::seq(row, 0)?, rows::ordinal(row, 1)?, rows::blocks(row, 2)?))
    })?;
    let Some((mut seq, mut ordinal, blocks)) = ground else {
        return Ok(batch.iter().map(|_| Appended::NotMember).collect());
    };
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut last_activity_at = None;
    let mut senders = BTreeMap::new();
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
        let sender = rows::one(connection, SENDER, params, |row| {
            Ok((row.get::<_, String>(0)?, rows::avatar(row, 1)?))
        })?;
        let Some(sender) = sender else {
            outcomes.push(Appended::NotMember);
            continue;
        };
        if elsewhere {
            outcomes.push(Appended::ClientIdReused);
            continue;
        }
        if let Some(code) = blocks.seen_by(new.sender_id).refusal() {
            outcomes.push(Appended::Refused(code));
            continue;
        }
        let quote = match new.reply_to {
            Some(answered) => match quote(connection, chat, answered)? {
                Some(quote) => Some(quote),
                None => {
                    outcomes.push(Appended::UnknownReply);
                    continue;
                }
            },
            None => None,
        };
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
        senders.insert(new.sender_id, ordinal);
        drafts::take_away(connection, chat, new.sender_id, new.client_id)?;
        let message = view(chat, (seq, ordinal), sender, quote, new);
        outcomes.push(Appended::New(insert(connection, message)?));
    }
    if let Some(at) = last_activity_at {
        let params = params![chat.as_bytes(), seq.as_i64(), ordinal.as_i64(), at.as_millis()];
        rows::execute(connection, SET_HEAD, params)?;
    }
    for (sender, last) in senders {
        reading::note_sent(connection, chat, sender, last)?;
    }
    Ok(outcomes)
}

/// The message as it is at first.
fn view(
    chat_id: ChatId,
    (seq, ordinal): (Seq, Ordinal),
    (sender_name, sender_avatar): (String, Option<AttachmentId>),
    reply_to: Option<QuoteView>,
    new: NewMessage,
) -> MessageView {
    let NewMessage { id, sender_id, client_id, body, mentions, attachments, created_at, .. } = new;
    MessageView {
        id,
        chat_id,
        seq,
        ordinal,
        sender_id,
        sender_name,
        sender_avatar,
        client_id,
        body: body.into_string(),
        mentions,
        attachments,
        reply_to,
        created_at,
        ..MessageView::default()
    }
}

/// One message with its files, and its event.
fn insert(connection: &Connection, message: MessageView) -> Result<LogEvent, Fault> {
    let MessageView { chat_id, seq, sender_id, created_at, .. } = message;
    let body = EventBody::NewMessage { message: message.clone() };
    let event =
        LogEvent { chat_id, seq, at: created_at, actor_id: sender_id, named: Default::default(), body };
    insert_event(connection, &event)?;
    let files = match message.attachments.as_slice() {
        [] => Cow::Borrowed(rows::NOTHING),
        files => Cow::Owned(serde_json::to_string(files).map_err(Fault::unencodable)?),
    };
    let params = params![
        chat_id.as_bytes(),
        seq.as_i64(),
        message.ordinal.as_i64(),
        message.id.as_bytes(),
        sender_id.as_bytes(),
        message.client_id.as_bytes(),
        message.body,
        files,
        created_at.as_millis(),
        message.reply_to.as_ref().map(|quote| quote.seq.as_i64()),
        rows::mentions_text(&message.mentions)?,
    ];
    rows::execute(connection, INSERT_MESSAGE, params)?;
    mentions::insert(connection, &message)?;
    attachments::attach(connection, chat_id, seq, &message.attachments)?;
    Ok(event)
}

/// Writes an event at its place in the log: what makes everything that follows from it count.
pub(super) fn insert_event(connection: &Connection, event: &LogEvent) -> Result<(), Fault> {
    let body = serde_json::to_string(&conversation::kept(&event.body)).map_err(Fault::unencodable)?;
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
    let mut found = rows::one(connection, BY_CLIENT_ID, params, |row| {
        Ok((rows::message(row)?, row.get(rows::MESSAGE_COLUMNS)?))
    })?;
    if let Some((message, _)) = &mut found {
        history::mark_mine(connection, sender, std::slice::from_mut(message))?;
    }
    Ok(found)
}

pub(super) fn by_id(
    connection: &Connection,
    chat: ChatId,
    viewer: UserId,
    id: MessageId,
) -> Result<Option<MessageView>, Fault> {
    let params = params![id.as_bytes(), chat.as_bytes()];
    let mut found = rows::one(connection, BY_ID, params, rows::message)?;
    history::mark_mine(connection, viewer, found.as_mut_slice())?;
    Ok(found)
}

/// What is shown of a message of this chat where it is answered.
fn quote(connection: &Connection, chat: ChatId, id: MessageId) -> Result<Option<QuoteView>, Fault> {
    rows::one(connection, QUOTE, params![id.as_bytes(), chat.as_bytes()], |row| rows::quote(row, 0))
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
            mentions: app::protocol::MentionsView::default(),
            reply_to: None,
            attachments: Vec::new(),
            user_bytes: 0,
            created_at: now,
        };
        let counted = store.write(move |connection| {
            let before = rows::statements();
            append(connection, chat, vec![text])?;
            Ok(rows::statements() - before)
        });
        // The head, an earlier one, the sender, their draft; the event, the message, the head, how far the sender has read.
        assert_eq!(counted.await.unwrap(), 8);
    }
}
