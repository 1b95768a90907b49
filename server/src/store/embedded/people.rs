//! When people were last there, what they share, and whom they have blocked.

use app::{
    domain::{Timestamp, UserId, limits},
    error::{AppResult, ErrorCode},
    ports::{PeopleStore, Privacy, SharedChats},
    protocol::SharedGroupView,
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{EmbeddedStore, changes, fault::Fault, rows};
use crate::store::people::by_name;

/// Of each person in a JSON array of ids in hexadecimal digits.
pub(super) const NOTE_LAST_SEEN: &str = "UPDATE users SET last_seen_at = max(coalesce(last_seen_at, ?2), ?2)
    WHERE id IN (SELECT unhex(page.value) FROM json_each(?1) page)";
const SET_SHOW_LAST_SEEN: &str = "UPDATE users SET show_last_seen = ?2 WHERE id = ?1";
pub(super) const SHOWS_LAST_SEEN: &str = "SELECT u.show_last_seen FROM users u WHERE u.id = ?1";
pub(super) const BLOCKED_BY: &str = "SELECT b.blocked_id FROM blocks b WHERE b.blocker_id = ?1";
pub(super) const BLOCKED: &str = "SELECT 1 FROM blocks b WHERE b.blocker_id = ?1 AND b.blocked_id = ?2";
/// Mostly there is nobody, and nothing else to look for.
pub(super) const ANY_BLOCKER: &str = "SELECT 1 FROM blocks b WHERE b.blocked_id = ?1 LIMIT 1";
/// Those of a JSON array of ids in hexadecimal digits who have blocked somebody.
pub(super) const BLOCKERS: &str = "SELECT b.blocker_id
    FROM json_each(?1) page CROSS JOIN blocks b ON b.blocker_id = unhex(page.value) AND b.blocked_id = ?2";
pub(super) const COUNT_BLOCKED: &str = "SELECT count(*) FROM blocks b WHERE b.blocker_id = ?1";
/// Walks the chats of the viewer, and looks for the other one in each.
pub(super) const SHARED_GROUPS: &str = "SELECT c.id, c.name, c.avatar_id
    FROM members m CROSS JOIN members o ON o.chat_id = m.chat_id AND o.user_id = ?2
    CROSS JOIN chats c ON c.id = m.chat_id
    WHERE m.user_id = ?1 AND c.kind = 'group'";
const INSERT: &str = "INSERT INTO blocks (blocker_id, blocked_id, blocked_at) VALUES (?1, ?2, ?3)";
pub(super) const DELETE: &str = "DELETE FROM blocks WHERE blocker_id = ?1 AND blocked_id = ?2";
pub(super) const SET_BY_LOW: &str =
    "UPDATE chats SET blocked_by_low = ?3 WHERE pair_low = ?1 AND pair_high = ?2";
pub(super) const SET_BY_HIGH: &str =
    "UPDATE chats SET blocked_by_high = ?3 WHERE pair_low = ?1 AND pair_high = ?2";

#[async_trait]
impl PeopleStore for EmbeddedStore {
    async fn note_last_seen(&self, people: &[UserId], at: Timestamp) -> AppResult<()> {
        if people.is_empty() {
            return Ok(());
        }
        let people = people.to_vec();
        self.write(move |connection| {
            let people = serde_json::to_string(&people).map_err(Fault::unencodable)?;
            rows::execute(connection, NOTE_LAST_SEEN, params![people, at.as_millis()])?;
            Ok(())
        })
        .await
    }

    async fn set_show_last_seen(&self, person: UserId, on: bool) -> AppResult<bool> {
        self.write(move |connection| {
            Ok(rows::execute(connection, SET_SHOW_LAST_SEEN, params![person.as_bytes(), on])? == 1)
        })
        .await
    }

    async fn privacy_of(&self, person: UserId) -> AppResult<Privacy> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| {
                let params = params![person.as_bytes()];
                let shows = rows::one(connection, SHOWS_LAST_SEEN, params, |row| Ok(row.get(0)?))?;
                let params = params![person.as_bytes()];
                let blocked = rows::all(connection, BLOCKED_BY, params, |row| rows::user_id(row, 0))?;
                Ok(Privacy { shows_last_seen: shows.unwrap_or(true), blocked: blocked.into_iter().collect() })
            })
        })
        .await
    }

    async fn shared_chats(&self, viewer: UserId, other: UserId, groups: usize) -> AppResult<SharedChats> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| shared(connection, viewer, other, groups))
        })
        .await
    }

    async fn block(&self, blocker: UserId, blocked: UserId, at: Timestamp) -> AppResult<()> {
        self.write(move |connection| block(connection, blocker, blocked, at)).await
    }

    async fn unblock(&self, blocker: UserId, blocked: UserId) -> AppResult<()> {
        self.write(move |connection| {
            rows::execute(connection, DELETE, params![blocker.as_bytes(), blocked.as_bytes()])?;
            mark(connection, blocker, blocked, false)
        })
        .await
    }

    async fn blockers_among(&self, person: UserId, people: &[UserId]) -> AppResult<Vec<UserId>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let people = people.to_vec();
        self.read(move |connection| {
            if rows::one(connection, ANY_BLOCKER, params![person.as_bytes()], |_row| Ok(()))?.is_none() {
                return Ok(Vec::new());
            }
            let people = serde_json::to_string(&people).map_err(Fault::unencodable)?;
            let params = params![people, person.as_bytes()];
            rows::all(connection, BLOCKERS, params, |row| rows::user_id(row, 0))
        })
        .await
    }
}

/// Whether one has blocked the other.
pub(super) fn has_blocked(connection: &Connection, blocker: UserId, blocked: UserId) -> Result<bool, Fault> {
    let params = params![blocker.as_bytes(), blocked.as_bytes()];
    Ok(rows::one(connection, BLOCKED, params, |_row| Ok(()))?.is_some())
}

fn block(connection: &Connection, blocker: UserId, blocked: UserId, at: Timestamp) -> Result<(), Fault> {
    if has_blocked(connection, blocker, blocked)? {
        return Ok(());
    }
    let count =
        rows::one(connection, COUNT_BLOCKED, params![blocker.as_bytes()], |row| Ok(row.get::<_, i64>(0)?))?;
    if count.is_some_and(|count| count >= rows::limit(limits::BLOCKED_PER_USER)) {
        return Err(ErrorCode::TooManyBlocked.into());
    }
    let params = params![blocker.as_bytes(), blocked.as_bytes(), at.as_millis()];
    rows::execute(connection, INSERT, params)?;
    mark(connection, blocker, blocked, true)
}

/// Says it in the direct chat of the two, if there is one.
fn mark(connection: &Connection, blocker: UserId, blocked: UserId, on: bool) -> Result<(), Fault> {
    let (low, high) = (blocker.min(blocked), blocker.max(blocked));
    let sql = if blocker == low { SET_BY_LOW } else { SET_BY_HIGH };
    rows::execute(connection, sql, params![low.as_bytes(), high.as_bytes(), on])?;
    Ok(())
}

fn shared(
    connection: &Connection,
    viewer: UserId,
    other: UserId,
    groups: usize,
) -> Result<SharedChats, Fault> {
    let (low, high) = (viewer.min(other), viewer.max(other));
    let pair = params![low.as_bytes(), high.as_bytes()];
    let direct = rows::one(connection, changes::PAIR, pair, |row| rows::chat_id(row, 0))?;
    let params = params![viewer.as_bytes(), other.as_bytes()];
    let found = rows::all(connection, SHARED_GROUPS, params, |row| {
        Ok(SharedGroupView { id: rows::chat_id(row, 0)?, name: row.get(1)?, avatar: rows::avatar(row, 2)? })
    })?;
    Ok(SharedChats { direct, groups: by_name(found, groups) })
}
