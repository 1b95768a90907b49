//! Files: which there are, whose they are, and which nobody needs any longer. What is in them lies elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use app::{
    domain::{AttachmentId, ChatId, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{AttachmentRecord, AttachmentStore, NewAttachment, NewMessage},
    protocol::AttachmentView,
};
use async_trait::async_trait;
use rusqlite::{Connection, Params, params};

use super::{EmbeddedStore, fault::Fault, rows};

pub(super) const ATTACHMENT: &str = "SELECT a.chat_id, a.view
    FROM attachments a CROSS JOIN chats c ON c.id = a.chat_id WHERE a.id = ?1 AND c.deleted_at IS NULL";
pub(super) const ATTACHED_BYTES: &str = "SELECT u.attached_bytes FROM users u WHERE u.id = ?1";
pub(super) const ARRIVING: &str =
    "SELECT 1 FROM attachments a WHERE a.id = ?1 AND a.owner_id = ?2 AND a.state = 'arriving'";
pub(super) const OF_MESSAGE: &str = "SELECT a.id, a.owner_id, a.bytes FROM attachments a
    WHERE a.chat_id = ?1 AND a.message_seq = ?2";
pub(super) const OF_CHAT: &str = "SELECT a.id, a.owner_id, a.bytes FROM attachments a
    WHERE a.chat_id = ?1 ORDER BY a.message_seq LIMIT ?2";
/// What is claimed already is among them: it is given again.
pub(super) const CLAIM: &str = "UPDATE attachments SET state = 'claimed' WHERE id IN
    (SELECT id FROM attachments WHERE collect_at IS NOT NULL AND collect_at <= ?1
     ORDER BY collect_at LIMIT ?2)
    RETURNING collect_at, id";
pub(super) const GROW: &str = "UPDATE users SET attached_bytes = attached_bytes + ?2
    WHERE id = ?1 AND attached_bytes <= ?3 - ?2";
pub(super) const SHRINK: &str = "UPDATE users SET attached_bytes = attached_bytes - ?2 WHERE id = ?1";
pub(super) const ATTACH: &str = "UPDATE attachments
    SET state = 'attached', chat_id = ?2, message_seq = ?3, bytes = ?4, view = ?5, collect_at = NULL
    WHERE id = ?1 AND state = 'arriving'";
/// What was known of it goes at once.
pub(super) const RELEASE: &str = "UPDATE attachments
    SET state = 'released', chat_id = NULL, message_seq = NULL, bytes = NULL, view = NULL, collect_at = ?2
    WHERE id = ?1 AND state = 'attached'";
pub(super) const GIVE_UP: &str =
    "UPDATE attachments SET collect_at = ?2 WHERE id = ?1 AND state = 'arriving'";
pub(super) const FORGET: &str = "DELETE FROM attachments WHERE id = ?1 AND state = 'claimed'";
const EXPECT: &str =
    "INSERT INTO attachments (id, owner_id, state, collect_at) VALUES (?1, ?2, 'arriving', ?3)";

#[async_trait]
impl AttachmentStore for EmbeddedStore {
    async fn expect_attachment(&self, attachment: NewAttachment) -> AppResult<()> {
        self.write(move |connection| {
            let NewAttachment { id, owner_id, collect_at } = attachment;
            let params = params![id.as_bytes(), owner_id.as_bytes(), collect_at.as_millis()];
            rows::execute(connection, EXPECT, params)?;
            Ok(())
        })
        .await
    }

    async fn attached_bytes(&self, user: UserId) -> AppResult<u64> {
        self.read(move |connection| {
            let bytes = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(0)?.unsigned_abs());
            Ok(rows::one(connection, ATTACHED_BYTES, params![user.as_bytes()], bytes)?.unwrap_or_default())
        })
        .await
    }

    async fn attachment(&self, id: AttachmentId) -> AppResult<Option<AttachmentRecord>> {
        self.read(move |connection| {
            rows::one(connection, ATTACHMENT, params![id.as_bytes()], |row| {
                Ok(AttachmentRecord { chat_id: rows::chat_id(row, 0)?, view: rows::json(row, 1, "file")? })
            })
        })
        .await
    }

    async fn give_up_attachments(&self, ids: &[AttachmentId], now: Timestamp) -> AppResult<()> {
        let ids = ids.to_vec();
        self.write(move |connection| {
            for id in ids {
                rows::execute(connection, GIVE_UP, params![id.as_bytes(), now.as_millis()])?;
            }
            Ok(())
        })
        .await
    }

    async fn collect_attachments(&self, now: Timestamp, limit: usize) -> AppResult<Vec<AttachmentId>> {
        self.write(move |connection| {
            let params = params![now.as_millis(), rows::limit(limit)];
            let mut claimed = rows::all(connection, CLAIM, params, |row| {
                Ok((rows::time(row, 0)?, AttachmentId::from_bytes(row.get(1)?)))
            })?;
            // SQLite returns what it has changed in any order.
            claimed.sort_unstable();
            Ok(claimed.into_iter().map(|(_, id)| id).collect())
        })
        .await
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> AppResult<()> {
        let ids = ids.to_vec();
        self.write(move |connection| {
            for id in ids {
                rows::execute(connection, FORGET, params![id.as_bytes()])?;
            }
            Ok(())
        })
        .await
    }
}

/// Whether every file of the message is arriving, the sender's own, and there once.
pub(super) fn are_arriving(connection: &Connection, new: &NewMessage) -> Result<bool, Fault> {
    let ids: BTreeSet<AttachmentId> = new.attachments.iter().map(|file| file.id).collect();
    for id in &ids {
        let params = params![id.as_bytes(), new.sender_id.as_bytes()];
        if rows::one(connection, ARRIVING, params, |_row| Ok(()))?.is_none() {
            return Ok(false);
        }
    }
    Ok(ids.len() == new.attachments.len())
}

/// Counts the files of a message for who sends it. False if they would have more than they may: nothing is
/// counted then.
pub(super) fn count(connection: &Connection, new: &NewMessage) -> Result<bool, Fault> {
    let bytes = new.attachments.iter().fold(0, |sum: u64, file| sum.saturating_add(file.size));
    let params = params![new.sender_id.as_bytes(), number(bytes), number(new.user_bytes)];
    Ok(rows::execute(connection, GROW, params)? == 1)
}

/// Gives a stored message its files, which were found to be arriving.
pub(super) fn attach(
    connection: &Connection,
    chat: ChatId,
    seq: Seq,
    files: &[AttachmentView],
) -> Result<(), Fault> {
    for file in files {
        let view = serde_json::to_string(file).map_err(Fault::unencodable)?;
        let params = params![file.id.as_bytes(), chat.as_bytes(), seq.as_i64(), number(file.size), view];
        if rows::execute(connection, ATTACH, params)? != 1 {
            return Err(Fault::broken_rule("a message got a file that is not arriving"));
        }
    }
    Ok(())
}

/// Releases the files of a message that is deleted.
pub(super) fn release_of_message(
    connection: &Connection,
    chat: ChatId,
    seq: Seq,
    collect_at: Timestamp,
) -> Result<usize, Fault> {
    release(connection, OF_MESSAGE, params![chat.as_bytes(), seq.as_i64()], collect_at)
}

/// Releases up to so many files of a chat that is deleted. Returns how many.
pub(super) fn release_of_chat(
    connection: &Connection,
    chat: ChatId,
    limit: i64,
    collect_at: Timestamp,
) -> Result<usize, Fault> {
    release(connection, OF_CHAT, params![chat.as_bytes(), limit], collect_at)
}

fn release(
    connection: &Connection,
    which: &str,
    params: impl Params,
    collect_at: Timestamp,
) -> Result<usize, Fault> {
    let files = rows::all(connection, which, params, |row| {
        Ok((AttachmentId::from_bytes(row.get(0)?), rows::user_id(row, 1)?, row.get::<_, i64>(2)?))
    })?;
    let mut by_owner: BTreeMap<UserId, i64> = BTreeMap::new();
    for (id, owner, bytes) in &files {
        rows::execute(connection, RELEASE, params![id.as_bytes(), collect_at.as_millis()])?;
        let sum = by_owner.entry(*owner).or_default();
        *sum = sum.saturating_add(*bytes);
    }
    for (owner, bytes) in by_owner {
        rows::execute(connection, SHRINK, params![owner.as_bytes(), bytes])?;
    }
    Ok(files.len())
}

/// A number of bytes as SQLite takes it.
fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
