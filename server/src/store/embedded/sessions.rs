//! Sessions and their refresh tokens.

use app::{
    domain::{SessionId, Timestamp, UserId},
    ports::{NewSession, RefreshOutcome, RefreshToken, SessionRecord},
};
use rusqlite::{Connection, Row, params};

use super::{fault::Fault, rows};

macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.user_agent, s.address, s.created_at, s.last_used_at, s.expires_at"
    };
}

pub(super) const SESSION: &str =
    concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.id = ?1 AND s.expires_at > ?2");
pub(super) const SESSIONS_OF: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM sessions s WHERE s.user_id = ?1 AND s.expires_at > ?2 ORDER BY s.last_used_at DESC, s.id DESC"
);
pub(super) const TOKEN: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", t.replaced_at FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id WHERE t.hash = ?1"
);
pub(super) const SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    " FROM json_each(?1) page CROSS JOIN sessions s ON s.id = unhex(page.value) WHERE s.expires_at > ?2"
);
/// All but the new one and the most recently used of the others.
const END_SURPLUS: &str = "DELETE FROM sessions WHERE id IN
    (SELECT s.id FROM sessions s WHERE s.user_id = ?1 AND s.id <> ?2 AND s.expires_at > ?3
     ORDER BY s.last_used_at DESC, s.id DESC LIMIT -1 OFFSET ?4)
    RETURNING id";
const INSERT_SESSION: &str = "INSERT INTO sessions
    (id, user_id, user_agent, address, created_at, last_used_at, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const INSERT_TOKEN: &str = "INSERT INTO refresh_tokens (hash, session_id) VALUES (?1, ?2)";
const REPLACE_TOKEN: &str =
    "UPDATE refresh_tokens SET replaced_at = ?2 WHERE hash = ?1 AND replaced_at IS NULL";
const USE_SESSION: &str =
    "UPDATE sessions SET last_used_at = ?2, expires_at = ?3, address = ?4 WHERE id = ?1";
const END: &str = "DELETE FROM sessions WHERE id = ?1 AND user_id = ?2";
const END_OTHERS: &str = "DELETE FROM sessions WHERE user_id = ?1 AND id <> ?2 RETURNING id";

pub(super) fn create(connection: &Connection, new: &NewSession) -> Result<Vec<SessionId>, Fault> {
    let session = &new.session;
    let params = params![
        session.id.as_bytes(),
        session.user_id.as_bytes(),
        session.user_agent,
        session.address,
        session.created_at.as_millis(),
        session.last_used_at.as_millis(),
        session.expires_at.as_millis(),
    ];
    rows::execute(connection, INSERT_SESSION, params).map_err(Fault::of_member)?;
    rows::execute(connection, INSERT_TOKEN, params![new.refresh_hash, session.id.as_bytes()])?;
    let (user, id) = (session.user_id.as_bytes(), session.id.as_bytes());
    let others = rows::limit(new.most.saturating_sub(1));
    rows::all(connection, END_SURPLUS, params![user, id, session.created_at.as_millis(), others], id_of)
}

pub(super) fn session(
    connection: &Connection,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SessionRecord>, Fault> {
    rows::one(connection, SESSION, params![id.as_bytes(), now.as_millis()], record)
}

/// In one statement, however many they are.
pub(super) fn sessions(
    connection: &Connection,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<Vec<SessionRecord>, Fault> {
    let ids = serde_json::to_string(ids).map_err(Fault::unencodable)?;
    rows::all(connection, SESSIONS, params![ids, now.as_millis()], record)
}

pub(super) fn of_user(
    connection: &Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SessionRecord>, Fault> {
    rows::all(connection, SESSIONS_OF, params![user.as_bytes(), now.as_millis()], record)
}

pub(super) fn of_token(connection: &Connection, hash: &[u8; 32]) -> Result<Option<SessionId>, Fault> {
    rows::one(connection, TOKEN, params![hash], id_of)
}

pub(super) fn rotate(connection: &Connection, token: &RefreshToken) -> Result<RefreshOutcome, Fault> {
    let found = rows::one(connection, TOKEN, params![token.presented], |row| {
        Ok((record(row)?, row.get::<_, Option<i64>>(7)?))
    })?;
    let Some((mut session, replaced_at)) = found else { return Ok(RefreshOutcome::Unknown) };
    let at_latest = session.created_at.plus_seconds(token.absolute_seconds);
    let expires_at = token.now.plus_seconds(token.idle_seconds).min(at_latest);
    if session.expires_at <= token.now || expires_at <= token.now {
        return Ok(RefreshOutcome::Unknown);
    }
    match replaced_at {
        None => {
            rows::execute(connection, REPLACE_TOKEN, params![token.presented, token.now.as_millis()])?;
        }
        // Two tabs, or an answer that was lost: the second one gets a successor of its own.
        Some(at) if at >= token.now.plus_seconds(-token.grace_seconds).as_millis() => {}
        Some(_) => {
            end(connection, session.user_id, session.id)?;
            return Ok(RefreshOutcome::Reused { user_id: session.user_id, session_id: session.id });
        }
    }
    rows::execute(connection, INSERT_TOKEN, params![token.successor, session.id.as_bytes()])?;
    session.last_used_at = token.now;
    session.expires_at = expires_at;
    session.address.clone_from(&token.address);
    let params =
        params![session.id.as_bytes(), token.now.as_millis(), expires_at.as_millis(), session.address];
    rows::execute(connection, USE_SESSION, params)?;
    Ok(RefreshOutcome::Rotated(session))
}

/// Its tokens go with it.
pub(super) fn end(connection: &Connection, user: UserId, session: SessionId) -> Result<bool, Fault> {
    Ok(rows::execute(connection, END, params![session.as_bytes(), user.as_bytes()])? == 1)
}

pub(super) fn end_others(
    connection: &Connection,
    user: UserId,
    keep: SessionId,
) -> Result<Vec<SessionId>, Fault> {
    rows::all(connection, END_OTHERS, params![user.as_bytes(), keep.as_bytes()], id_of)
}

fn id_of(row: &Row<'_>) -> Result<SessionId, Fault> {
    Ok(SessionId::from_bytes(row.get(0)?))
}

fn record(row: &Row<'_>) -> Result<SessionRecord, Fault> {
    Ok(SessionRecord {
        id: SessionId::from_bytes(row.get(0)?),
        user_id: rows::user_id(row, 1)?,
        user_agent: row.get(2)?,
        address: row.get(3)?,
        created_at: rows::time(row, 4)?,
        last_used_at: rows::time(row, 5)?,
        expires_at: rows::time(row, 6)?,
    })
}
