//! Subscriptions to Web Push: columns of the session, which go with it.

use app::{
    domain::SessionId,
    error::AppResult,
    ports::{PushAudience, PushQuery, PushStore, PushSubscription, PushTarget},
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{EmbeddedStore, fault::Fault, rows};
use crate::store::mentions::EVERYBODY;

const HAS: &str = "SELECT push_endpoint IS NOT NULL FROM sessions WHERE id = ?1";
const SET: &str = "UPDATE sessions SET push_endpoint = ?2, push_p256dh = ?3, push_auth = ?4 WHERE id = ?1";
const REMOVE: &str =
    "UPDATE sessions SET push_endpoint = NULL, push_p256dh = NULL, push_auth = NULL WHERE id = ?1";
pub(super) const FORGET: &str =
    "UPDATE sessions SET push_endpoint = NULL, push_p256dh = NULL, push_auth = NULL WHERE push_endpoint = ?1";
pub(super) const AUDIENCE: &str =
    "SELECT c.name, m.user_id, s.push_endpoint, s.push_p256dh, s.push_auth
     FROM chats c
     CROSS JOIN members m ON m.chat_id = c.id
     CROSS JOIN sessions s INDEXED BY sessions_with_push ON s.user_id = m.user_id AND s.push_endpoint IS NOT NULL
     WHERE c.id = ?1 AND c.member_count <= ?5 AND m.user_id <> ?2 AND m.read_ordinal < ?3
       AND (m.muted_until IS NULL OR m.muted_until <= ?4) AND s.expires_at > ?4 AND m.mentions_only >= ?8
       AND (m.mentions_only = 0 OR EXISTS (SELECT 1 FROM mentions n
                WHERE n.chat_id = ?1 AND n.user_id IN (m.user_id, ?9) AND n.ordinal = ?3))
       AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = m.user_id AND b.blocked_id = ?2)
       AND NOT EXISTS (SELECT 1 FROM messages w WHERE w.chat_id = ?1 AND w.seq = ?7 AND w.deleted_at IS NOT NULL)
     LIMIT ?6";

#[async_trait]
impl PushStore for EmbeddedStore {
    async fn set_push(&self, session: SessionId, subscription: PushSubscription) -> AppResult<bool> {
        self.write(move |connection| set(connection, session, &subscription)).await
    }

    async fn has_push(&self, session: SessionId) -> AppResult<bool> {
        self.read(move |connection| {
            let has = rows::one(connection, HAS, params![session.as_bytes()], |row| Ok(row.get(0)?))?;
            Ok(has.unwrap_or(false))
        })
        .await
    }

    async fn remove_push(&self, session: SessionId) -> AppResult<()> {
        self.write(move |connection| {
            rows::execute(connection, REMOVE, params![session.as_bytes()])?;
            Ok(())
        })
        .await
    }

    async fn forget_endpoint(&self, endpoint: &str) -> AppResult<()> {
        let endpoint = endpoint.to_owned();
        self.write(move |connection| {
            rows::execute(connection, FORGET, params![endpoint])?;
            Ok(())
        })
        .await
    }

    async fn push_audience(&self, query: PushQuery) -> AppResult<Option<PushAudience>> {
        self.read(move |connection| audience(connection, &query)).await
    }
}

fn set(connection: &Connection, session: SessionId, to: &PushSubscription) -> Result<bool, Fault> {
    if rows::one(connection, HAS, params![session.as_bytes()], |_has| Ok(()))?.is_none() {
        return Ok(false);
    }
    rows::execute(connection, FORGET, params![to.endpoint])?;
    let params = params![session.as_bytes(), to.endpoint, to.p256dh, to.auth];
    Ok(rows::execute(connection, SET, params)? == 1)
}

fn audience(connection: &Connection, query: &PushQuery) -> Result<Option<PushAudience>, Fault> {
    let params = params![
        query.chat.as_bytes(),
        query.except.as_bytes(),
        query.ordinal.as_i64(),
        query.now.as_millis(),
        rows::limit(query.most_members),
        rows::limit(query.most_targets),
        query.seq.as_i64(),
        query.called_only,
        EVERYBODY.as_bytes(),
    ];
    let mut group: Option<String> = None;
    let targets = rows::all(connection, AUDIENCE, params, |row| {
        group = row.get(0)?;
        let subscription = PushSubscription { endpoint: row.get(2)?, p256dh: row.get(3)?, auth: row.get(4)? };
        Ok(PushTarget { user_id: rows::user_id(row, 1)?, subscription })
    })?;
    Ok((!targets.is_empty()).then_some(PushAudience { group, targets }))
}
