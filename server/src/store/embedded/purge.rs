//! Removing what nobody sees any longer, a slice at a time, so that no send waits long behind it.

use app::domain::{Timestamp, limits};
use rusqlite::{Connection, params};

use super::{attachments, fault::Fault, groups, indexing, rows};

/// Rows of one kind that one call removes at most.
const SLICE: i64 = 500;
/// For how long a token that was exchanged is remembered, in seconds.
const REPLACED_TOKEN_SECONDS: i64 = 30 * 24 * 60 * 60;

const EXPIRED_SESSIONS: &str = "DELETE FROM sessions WHERE id IN
    (SELECT id FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
const REPLACED_TOKENS: &str = "DELETE FROM refresh_tokens WHERE hash IN
    (SELECT hash FROM refresh_tokens WHERE replaced_at IS NOT NULL AND replaced_at < ?1
     ORDER BY replaced_at LIMIT ?2)";
const DELETED_CHAT: &str = "SELECT id FROM chats WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1";
pub(super) const REACTIONS: &str = "DELETE FROM reactions
    WHERE (chat_id, message_seq, user_id, emoji) IN
    (SELECT chat_id, message_seq, user_id, emoji FROM reactions WHERE chat_id = ?1 LIMIT ?2)";
pub(super) const MENTIONS: &str = "DELETE FROM mentions WHERE (chat_id, user_id, ordinal) IN
    (SELECT chat_id, user_id, ordinal FROM mentions WHERE chat_id = ?1 LIMIT ?2)";
const MESSAGES: &str = "DELETE FROM messages WHERE chat_id = ?1 AND seq IN
    (SELECT seq FROM messages WHERE chat_id = ?1 ORDER BY seq LIMIT ?2)";
const EVENTS: &str = "DELETE FROM events WHERE chat_id = ?1 AND seq IN
    (SELECT seq FROM events WHERE chat_id = ?1 ORDER BY seq LIMIT ?2)";
const CHAT: &str = "DELETE FROM chats WHERE id = ?1";

/// Removes up to a slice of each kind and returns how many rows went, with the files that were released.
pub(super) fn slice(connection: &Connection, now: Timestamp) -> Result<u64, Fault> {
    let forgotten = now.plus_seconds(-REPLACED_TOKEN_SECONDS).as_millis();
    let mut gone = rows::execute(connection, EXPIRED_SESSIONS, params![now.as_millis(), SLICE])?;
    gone += rows::execute(connection, REPLACED_TOKENS, params![forgotten, SLICE])?;
    if let Some(chat) = rows::one(connection, DELETED_CHAT, [], |row| rows::chat_id(row, 0))? {
        // A file, a reaction and a mention refer to their message, a message to its event and an event to its chat: each goes before what it
        // refers to, and the file's content later still.
        let collect_at = now.plus_seconds(limits::RELEASED_GRACE_SECONDS);
        let released = attachments::release_of_chat(connection, chat, SLICE, collect_at)?;
        gone += released;
        if rows::limit(released) == SLICE {
            return Ok(count(gone));
        }
        let chat = chat.as_bytes();
        for sql in [REACTIONS, MENTIONS, MESSAGES, EVENTS] {
            if sql == MESSAGES {
                indexing::forget(connection, chat, SLICE)?;
            }
            let some = rows::execute(connection, sql, params![chat, SLICE])?;
            gone += some;
            if rows::limit(some) == SLICE {
                return Ok(count(gone));
            }
        }
        gone += rows::execute(connection, groups::INVITES_OF_CHAT, params![chat])?;
        gone += rows::execute(connection, CHAT, params![chat])?;
    }
    Ok(count(gone))
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
