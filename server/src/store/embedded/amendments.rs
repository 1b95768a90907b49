//! What one event changes in one message: its text, its reactions, its pin, or all of it. Everything here runs on
//! the writer.

use app::{
    domain::{ChatId, MessageId, Seq, Timestamp, UserId, limits},
    error::AppError,
    ports::{DecideMessage, MessageChange, MessageState},
    protocol::{EditView, EventBody, LogEvent, MessageView},
};
use rusqlite::{Connection, params};

use super::{
    attachments, changes,
    fault::Fault,
    indexing, mentions, messages,
    rows::{self, blocks_columns},
};
use crate::store::conversation;

pub(super) const GROUND: &str = concat!(
    "SELECT c.kind, c.head_seq, m.role, ",
    blocks_columns!(),
    " FROM members m CROSS JOIN chats c ON c.id = m.chat_id WHERE m.chat_id = ?1 AND m.user_id = ?2"
);
pub(super) const EDIT_SEQS: &str = "SELECT m.edit_seqs FROM messages m WHERE m.chat_id = ?1 AND m.seq = ?2";
pub(super) const COUNT_PINNED: &str =
    "SELECT count(*) FROM messages m WHERE m.chat_id = ?1 AND m.pinned_at IS NOT NULL";
pub(super) const EVENT: &str = "SELECT e.body, e.at FROM events e WHERE e.chat_id = ?1 AND e.seq = ?2";
pub(super) const SCRUB_EVENT: &str = "UPDATE events SET body = ?3 WHERE chat_id = ?1 AND seq = ?2";
/// At each place in a JSON array.
pub(super) const SCRUB_EDITS: &str =
    "UPDATE events SET body = json_remove(json_set(body, '$.body', ''), '$.mentions')
    WHERE chat_id = ?1 AND seq IN (SELECT page.value FROM json_each(?2) page)
    AND body ->> '$.type' = 'message_edited'";
pub(super) const CHANGE_MESSAGE: &str = "UPDATE messages SET body = ?3, attachments = ?4, reactions = ?5,
    edited_at = ?6, pinned_at = ?7, deleted_at = ?8, changed_seq = ?9, reply_seq = ?10, edit_seqs = ?11,
    mentions = ?12
    WHERE chat_id = ?1 AND seq = ?2";
pub(super) const DELETE_REACTION: &str = "DELETE FROM reactions
    WHERE chat_id = ?1 AND message_seq = ?2 AND user_id = ?3 AND emoji = ?4";
pub(super) const DELETE_REACTIONS: &str = "DELETE FROM reactions WHERE chat_id = ?1 AND message_seq = ?2";
const INSERT_REACTION: &str =
    "INSERT INTO reactions (chat_id, message_seq, user_id, emoji) VALUES (?1, ?2, ?3, ?4)";

pub(super) fn change(
    connection: &Connection,
    chat: ChatId,
    id: MessageId,
    actor: UserId,
    at: Timestamp,
    decide: &DecideMessage,
) -> Result<MessageChange, Fault> {
    let ground = rows::one(connection, GROUND, params![chat.as_bytes(), actor.as_bytes()], |row| {
        Ok((rows::kind(row, 0)?, rows::seq(row, 1)?, rows::role(row, 2)?, rows::blocks(row, 3)?))
    })?;
    let (kind, head, role, blocks) = ground.ok_or_else(AppError::not_found)?;
    let message = messages::by_id(connection, chat, actor, id)?.ok_or_else(AppError::not_found)?;
    let edit_seqs = edit_seqs(connection, chat, message.seq)?;
    let pinned =
        rows::one(connection, COUNT_PINNED, params![chat.as_bytes()], |row| Ok(row.get::<_, i64>(0)?))?;
    let pinned = pinned.and_then(|pinned| usize::try_from(pinned).ok()).unwrap_or_default();
    let blocking = blocks.seen_by(actor);
    let state = MessageState { kind, role, message, blocking, edits: edit_seqs.len(), pinned };
    let Some(body) = decide(&state)? else {
        return Ok(MessageChange { message: state.message, event: None });
    };
    let seq = head.next();
    let event = LogEvent { chat_id: chat, seq, at, actor_id: actor, named: Default::default(), body };
    let mut message = state.message;
    messages::insert_event(connection, &event)?;
    apply(connection, &mut message, &event, edit_seqs)?;
    changes::set_head(connection, chat, seq)?;
    Ok(MessageChange { message, event: Some(event) })
}

/// Brings the message, as who caused the event sees it, to where the event says it is.
fn apply(
    connection: &Connection,
    message: &mut MessageView,
    event: &LogEvent,
    mut edit_seqs: Vec<Seq>,
) -> Result<(), Fault> {
    if event.body.message_id() != Some(message.id) || message.deleted_at.is_some() {
        return Err(Fault::broken_rule("an event changes another message, or one that is deleted"));
    }
    let is_rewritten =
        matches!(event.body, EventBody::MessageEdited { .. } | EventBody::MessageDeleted { .. });
    if is_rewritten {
        mentions::remove(connection, message)?;
    }
    message.apply(event, Some(event.actor_id));
    if is_rewritten {
        mentions::insert(connection, message)?;
    }
    let (chat, seq) = (event.chat_id.as_bytes(), message.seq.as_i64());
    match &event.body {
        EventBody::MessageEdited { .. } => edit_seqs.push(event.seq),
        EventBody::ReactionChanged { emoji, on, .. } => {
            let params = params![chat, seq, event.actor_id.as_bytes(), emoji];
            let sql = if *on { INSERT_REACTION } else { DELETE_REACTION };
            let changed = rows::execute(connection, sql, params)?;
            changes::exactly_one(changed, "an event takes away a reaction that is not there")?;
        }
        EventBody::MessageDeleted { .. } => {
            rows::execute(connection, DELETE_REACTIONS, params![chat, seq])?;
            scrub(connection, message.seq, event, &edit_seqs)?;
            edit_seqs.clear();
            let collect_at = event.at.plus_seconds(limits::RELEASED_GRACE_SECONDS);
            attachments::release_of_message(connection, event.chat_id, message.seq, collect_at)?;
        }
        _ => {}
    }
    write(connection, message, &edit_seqs)?;
    if matches!(&event.body, EventBody::MessageEdited { .. } | EventBody::MessageDeleted { .. }) {
        indexing::renew(connection, message)?;
    }
    Ok(())
}

/// Takes what a deletion takes from the events that brought it: the first text with its files, and the later ones.
fn scrub(connection: &Connection, seq: Seq, deletion: &LogEvent, edit_seqs: &[Seq]) -> Result<(), Fault> {
    let (chat, place) = (deletion.chat_id.as_bytes(), seq.as_i64());
    let event = rows::one(connection, EVENT, params![chat, place], |row| rows::json(row, 0, "event"))?;
    let Some(EventBody::NewMessage { mut message }) = event else {
        return Err(Fault::broken_rule("a message is not in the log"));
    };
    message.apply(deletion, None);
    let body = serde_json::to_string(&EventBody::NewMessage { message }).map_err(Fault::unencodable)?;
    rows::execute(connection, SCRUB_EVENT, params![chat, place, body])?;
    if edit_seqs.is_empty() {
        return Ok(());
    }
    let places = serde_json::to_string(edit_seqs).map_err(Fault::unencodable)?;
    if rows::execute(connection, SCRUB_EDITS, params![chat, places])? != edit_seqs.len() {
        return Err(Fault::broken_rule("a message's text is not in the log"));
    }
    Ok(())
}

/// Writes everything of a message that can change.
fn write(connection: &Connection, message: &MessageView, edit_seqs: &[Seq]) -> Result<(), Fault> {
    let json = |value: Result<String, serde_json::Error>| value.map_err(Fault::unencodable);
    let params = params![
        message.chat_id.as_bytes(),
        message.seq.as_i64(),
        message.body,
        json(serde_json::to_string(&message.attachments))?,
        json(serde_json::to_string(&conversation::of_nobody(&message.reactions)))?,
        message.edited_at.map(Timestamp::as_millis),
        message.pinned_at.map(Timestamp::as_millis),
        message.deleted_at.map(Timestamp::as_millis),
        message.changed_seq.as_i64(),
        message.reply_to.as_ref().map(|quote| quote.seq.as_i64()),
        json(serde_json::to_string(edit_seqs))?,
        rows::mentions_text(&message.mentions)?,
    ];
    let changed = rows::execute(connection, CHANGE_MESSAGE, params)?;
    changes::exactly_one(changed, "an event changes a message that is not there")
}

fn edit_seqs(connection: &Connection, chat: ChatId, seq: Seq) -> Result<Vec<Seq>, Fault> {
    let place = params![chat.as_bytes(), seq.as_i64()];
    let found = rows::one(connection, EDIT_SEQS, place, |row| rows::json(row, 0, "list of edits"))?;
    Ok(found.unwrap_or_default())
}

/// The texts of a message, oldest first; none of one that is deleted.
pub(super) fn edits(
    connection: &Connection,
    chat: ChatId,
    message: &MessageView,
) -> Result<Vec<EditView>, Fault> {
    if message.deleted_at.is_some() {
        return Ok(Vec::new());
    }
    let edit_seqs = edit_seqs(connection, chat, message.seq)?;
    let text = |seq: &Seq| {
        let place = params![chat.as_bytes(), seq.as_i64()];
        let event = rows::one(connection, EVENT, place, |row| {
            Ok((rows::json(row, 0, "event")?, rows::time(row, 1)?))
        })?;
        match event {
            Some((EventBody::NewMessage { message }, at)) => Ok(EditView { body: message.body, at }),
            Some((EventBody::MessageEdited { body, .. }, at)) => Ok(EditView { body, at }),
            _ => Err(Fault::broken_rule("a message's text is not in the log")),
        }
    };
    std::iter::once(&message.seq).chain(&edit_seqs).map(text).collect()
}
