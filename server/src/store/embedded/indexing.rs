//! What the index of search holds, and bringing it up to date. Everything here runs on the writer.
//!
//! A send does not pay for the index: the writer thread adds messages to it in groups, when nothing waits, or when too many
//! are missing. How far it has come is written with it. Whoever searches reads the messages after that one by one. What
//! changes a message that is in the index changes the index in the same write.

use app::{
    domain::{ChatId, UserId, search},
    protocol::{AttachmentView, MessageView},
};
use rusqlite::{Connection, params};

use super::{fault::Fault, rows};

/// Messages that are added to the index at once. In fewer, its parts would be small and be merged often.
pub(super) const STEP: usize = 256;
/// Bytes of texts after which a step ends: sends wait for it meanwhile.
const STEP_BYTES: usize = 64 * 1024;
/// How many messages may be missing before sends wait for some of them to be added.
pub(super) const MOST_MISSING: usize = 2_048;

pub(super) const INDEXED: &str = "SELECT p.indexed FROM search_progress p WHERE p.only_row = 1";
pub(super) const MISSING: &str =
    "SELECT m.position - (SELECT p.indexed FROM search_progress p WHERE p.only_row = 1)
    FROM messages m WHERE m.position > 0 ORDER BY m.position DESC LIMIT 1";
pub(super) const NEXT: &str = "SELECT m.position, m.chat_id, m.sender_id, m.body, m.attachments
    FROM messages m WHERE m.position > ?1 ORDER BY m.position LIMIT ?2";
pub(super) const POSITION: &str = "SELECT m.position FROM messages m WHERE m.chat_id = ?1 AND m.seq = ?2
    AND m.position <= (SELECT p.indexed FROM search_progress p WHERE p.only_row = 1)";
const SET_INDEXED: &str = "UPDATE search_progress SET indexed = ?1 WHERE only_row = 1";
const INSERT: &str = "INSERT INTO search (rowid, grams) VALUES (?1, ?2)";
const DELETE: &str = "DELETE FROM search WHERE rowid = ?1";
/// The first messages of a chat that are in the index.
pub(super) const POSITIONS: &str = "SELECT m.position FROM messages m WHERE m.chat_id = ?1
    AND m.position <= (SELECT p.indexed FROM search_progress p WHERE p.only_row = 1)
    ORDER BY m.seq LIMIT ?2";

/// A word that stands for a chat, in the private range that no gram's token begins with.
pub(super) fn chat_token(chat: ChatId) -> String {
    format!("\u{f001}{chat}")
}

/// A word that stands for a sender.
pub(super) fn sender_token(sender: UserId) -> String {
    format!("\u{f002}{sender}")
}

/// The word of messages with files.
pub(super) const FILE_TOKEN: &str = "\u{f003}";

/// The words under which the index finds a message.
fn tokens(chat: ChatId, sender: UserId, body: &str, files: &[AttachmentView]) -> String {
    let mut tokens = chat_token(chat);
    tokens.push(' ');
    tokens.push_str(&sender_token(sender));
    if !files.is_empty() {
        tokens.push(' ');
        tokens.push_str(FILE_TOKEN);
    }
    let mut add = |text: &str| {
        for gram in search::grams(&search::fold(text)) {
            tokens.push(' ');
            gram.push_token(&mut tokens);
        }
    };
    add(body);
    files.iter().for_each(|file| add(&file.name));
    tokens
}

/// How many messages the index lacks, or more, if chats were removed.
pub(super) fn missing(connection: &Connection) -> Result<usize, Fault> {
    let missing = rows::one(connection, MISSING, [], |row| Ok(row.get::<_, i64>(0)?))?;
    Ok(missing.and_then(|missing| usize::try_from(missing).ok()).unwrap_or_default())
}

/// How far the index has come.
pub(super) fn indexed(connection: &Connection) -> Result<i64, Fault> {
    Ok(rows::one(connection, INDEXED, [], |row| Ok(row.get(0)?))?.unwrap_or_default())
}

/// Adds the next messages to the index.
pub(super) fn step(connection: &Connection) -> Result<(), Fault> {
    let from = indexed(connection)?;
    let (mut last, mut bytes, mut next) = (from, 0, Vec::new());
    rows::each(connection, NEXT, params![from, rows::limit(STEP)], |row| {
        let files: Vec<AttachmentView> = rows::json(row, 4, "files")?;
        let (body, position): (String, i64) = (row.get(3)?, row.get(0)?);
        let is_deleted = body.is_empty() && files.is_empty();
        let tokens = (!is_deleted).then(|| -> Result<_, Fault> {
            Ok(tokens(rows::chat_id(row, 1)?, rows::user_id(row, 2)?, &body, &files))
        });
        bytes += body.len();
        next.push((position, tokens.transpose()?));
        Ok(bytes < STEP_BYTES)
    })?;
    for (position, tokens) in next {
        if let Some(tokens) = tokens {
            rows::execute(connection, INSERT, params![position, tokens])?;
        }
        last = position;
    }
    if last > from {
        rows::execute(connection, SET_INDEXED, params![last])?;
    }
    Ok(())
}

/// Has the index find a message under what it says now, if it is in the index.
pub(super) fn renew(connection: &Connection, message: &MessageView) -> Result<(), Fault> {
    let place = params![message.chat_id.as_bytes(), message.seq.as_i64()];
    let Some(position) = rows::one(connection, POSITION, place, |row| Ok(row.get::<_, i64>(0)?))? else {
        return Ok(());
    };
    rows::execute(connection, DELETE, params![position])?;
    if message.deleted_at.is_none() {
        let tokens = tokens(message.chat_id, message.sender_id, &message.body, &message.attachments);
        rows::execute(connection, INSERT, params![position, tokens])?;
    }
    Ok(())
}

/// Takes the first messages of a chat out of the index, before they go.
pub(super) fn forget(connection: &Connection, chat: &[u8], limit: i64) -> Result<(), Fault> {
    let positions = rows::all(connection, POSITIONS, params![chat, limit], |row| Ok(row.get::<_, i64>(0)?))?;
    for position in positions {
        rows::execute(connection, DELETE, params![position])?;
    }
    Ok(())
}
