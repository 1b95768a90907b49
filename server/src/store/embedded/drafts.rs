//! What people are writing and have not sent: rows that go with the membership.

use std::collections::BTreeMap;

use app::{
    domain::{ChatId, ClientId, MessageId, UserId},
    error::AppResult,
    ports::{DraftStore, KeptDraft, NewDraft},
    protocol::DraftView,
};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::{
    EmbeddedStore,
    fault::Fault,
    rows::{self, quote_columns},
};
use crate::store::mine;

/// The columns that [`view`] reads.
macro_rules! draft_columns {
    () => {
        concat!("d.chat_id, d.client_id, d.body, d.revision, d.since, ", quote_columns!())
    };
}

/// What a draft answers is looked up where the draft is read.
macro_rules! draft_joins {
    () => {
        " LEFT JOIN messages q ON q.id = d.reply_to AND q.chat_id = d.chat_id
          LEFT JOIN users v ON v.id = q.sender_id"
    };
}

pub(super) const POSITION: &str = "SELECT m.position FROM members m WHERE m.chat_id = ?1 AND m.user_id = ?2";
pub(super) const IS_MESSAGE: &str = "SELECT 1 FROM messages m WHERE m.sender_id = ?1 AND m.client_id = ?2";
pub(super) const DRAFT: &str = concat!(
    "SELECT ",
    draft_columns!(),
    " FROM drafts d",
    draft_joins!(),
    " WHERE d.chat_id = ?1 AND d.user_id = ?2"
);
pub(super) const DRAFTS_OF: &str = concat!(
    "SELECT ",
    draft_columns!(),
    " FROM drafts d",
    draft_joins!(),
    " WHERE d.user_id = ?1 ORDER BY d.saved_at DESC LIMIT ?2"
);
const SAVE: &str =
    "INSERT INTO drafts (chat_id, user_id, client_id, body, reply_to, revision, since, saved_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
    ON CONFLICT (chat_id, user_id) DO UPDATE SET client_id = excluded.client_id, body = excluded.body,
        reply_to = excluded.reply_to, revision = excluded.revision, since = excluded.since,
        saved_at = excluded.saved_at";
pub(super) const TAKE_AWAY: &str = "UPDATE drafts SET body = '', reply_to = NULL
    WHERE chat_id = ?1 AND user_id = ?2 AND client_id = ?3";

#[async_trait]
impl DraftStore for EmbeddedStore {
    async fn save_draft(&self, chat: ChatId, person: UserId, new: NewDraft) -> AppResult<Option<DraftView>> {
        self.write(move |connection| save(connection, chat, person, &new)).await
    }

    async fn draft(&self, chat: ChatId, person: UserId) -> AppResult<Option<DraftView>> {
        self.read(move |connection| draft(connection, chat, person)).await
    }

    async fn drafts_of(&self, person: UserId, limit: usize) -> AppResult<BTreeMap<ChatId, DraftView>> {
        self.read(move |connection| {
            let params = params![person.as_bytes(), rows::limit(limit)];
            let drafts =
                rows::all(connection, DRAFTS_OF, params, |row| Ok((rows::chat_id(row, 0)?, view(row)?)))?;
            Ok(drafts.into_iter().collect())
        })
        .await
    }
}

fn save(
    connection: &Connection,
    chat: ChatId,
    person: UserId,
    new: &NewDraft,
) -> Result<Option<DraftView>, Fault> {
    let member = params![chat.as_bytes(), person.as_bytes()];
    let Some(position) = rows::one(connection, POSITION, member, |row| Ok(row.get(0)?))? else {
        return Ok(None);
    };
    let before = draft(connection, chat, person)?;
    let kept = before.as_ref().map(|draft| KeptDraft {
        id: draft.id,
        is_empty: draft.is_empty(),
        revision: draft.revision,
        since: draft.since,
    });
    let Some((revision, since)) = new.places(kept.as_ref(), mine::revision(position, 1)) else {
        return Ok(Some(before.unwrap_or_else(|| DraftView::none(new.id))));
    };
    let sent = params![person.as_bytes(), new.id.as_bytes()];
    if rows::one(connection, IS_MESSAGE, sent, |_row| Ok(()))?.is_some() {
        return Ok(Some(before.unwrap_or_else(|| DraftView::none(new.id))));
    }
    let row = params![
        chat.as_bytes(),
        person.as_bytes(),
        new.id.as_bytes(),
        new.body.as_str(),
        new.reply_to.as_ref().map(MessageId::as_bytes),
        number(revision)?,
        number(since)?,
        new.saved_at.as_millis(),
    ];
    rows::execute(connection, SAVE, row)?;
    draft(connection, chat, person)
}

fn draft(connection: &Connection, chat: ChatId, person: UserId) -> Result<Option<DraftView>, Fault> {
    rows::one(connection, DRAFT, params![chat.as_bytes(), person.as_bytes()], view)
}

fn view(row: &Row<'_>) -> Result<DraftView, Fault> {
    Ok(DraftView {
        id: ClientId::from_bytes(row.get(1)?),
        body: row.get(2)?,
        revision: row.get::<_, i64>(3)?.unsigned_abs(),
        since: row.get::<_, i64>(4)?.unsigned_abs(),
        reply_to: row.get::<_, Option<[u8; 12]>>(5)?.map(|_answered| rows::quote(row, 5)).transpose()?,
    })
}

fn number(revision: u64) -> Result<i64, Fault> {
    i64::try_from(revision).map_err(|_too_large| Fault::undecodable("revision of a draft"))
}

/// The message with this id is stored: its draft is none any longer.
pub(super) fn take_away(
    connection: &Connection,
    chat: ChatId,
    sender: UserId,
    id: ClientId,
) -> Result<(), Fault> {
    rows::execute(connection, TAKE_AWAY, params![chat.as_bytes(), sender.as_bytes(), id.as_bytes()])?;
    Ok(())
}
