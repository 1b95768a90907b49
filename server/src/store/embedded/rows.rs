//! Between rows and values: small helpers that every query uses.

use app::{
    domain::{AttachmentId, ChatId, ChatKind, ClientId, MessageId, Ordinal, Role, Seq, Timestamp, UserId},
    protocol::{AttachmentView, MentionsView, MessageView, MyChatView, QuoteView},
};
use rusqlite::{CachedStatement, Connection, Params, Row, types::ValueRef};
use serde::de::DeserializeOwned;

use super::fault::Fault;
use crate::store::{blocks::PairBlocks, mine::revision};

/// The columns that [`message`] reads, of `messages m` joined by [`message_joins`].
macro_rules! message_columns {
    () => {
        concat!(
            "m.id, m.chat_id, m.seq, m.ordinal, m.sender_id, u.display_name, m.client_id, m.body, m.attachments,
             m.created_at, m.deleted_at, m.reactions, m.edited_at, m.pinned_at, m.changed_seq, m.mentions, ",
            $crate::store::embedded::rows::quote_columns!(),
            ", u.avatar_id"
        )
    };
}
pub(super) use message_columns;

/// How many columns these are.
pub(super) const MESSAGE_COLUMNS: usize = 25;

/// What [`message_columns`] needs beside `messages m`: who sent it, and what it answers.
macro_rules! message_joins {
    () => {
        " CROSS JOIN users u ON u.id = m.sender_id
          LEFT JOIN messages q ON q.chat_id = m.chat_id AND q.seq = m.reply_seq
          LEFT JOIN users v ON v.id = q.sender_id"
    };
}
pub(super) use message_joins;

/// The columns that [`quote`] reads, of the answered `messages q` and its sender's `users v`: its first 200
/// characters, as [`QuoteView`] has them.
macro_rules! quote_columns {
    () => {
        "q.id, q.seq, q.sender_id, v.display_name, substr(q.body, 1, 200), json_array_length(q.attachments),
         q.deleted_at IS NOT NULL, q.changed_seq"
    };
}
pub(super) use quote_columns;

const _: () = assert!(app::domain::limits::QUOTE_CHARS == 200);

/// The files of a message that has none, and the reactions of one that has none, as the columns hold them.
pub(super) const NOTHING: &str = "[]";
/// The columns that [`mine`] reads, of `members m`.
macro_rules! mine_columns {
    () => {
        "m.position, m.my_revision, m.read_ordinal, m.unread_from, m.muted_until, m.mentions_only, m.archived"
    };
}
pub(super) use mine_columns;

/// The columns that [`blocks`] reads, of `chats c`.
macro_rules! blocks_columns {
    () => {
        "c.blocked_by_low, c.blocked_by_high, c.pair_low"
    };
}
pub(super) use blocks_columns;

#[cfg(test)]
thread_local! {
    static STATEMENTS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many statements this thread has carried out.
#[cfg(test)]
pub(super) fn statements() -> usize {
    STATEMENTS.get()
}

/// The statement, from the connection's cache if it was used before.
fn prepare<'a>(connection: &'a Connection, sql: &str) -> rusqlite::Result<CachedStatement<'a>> {
    #[cfg(test)]
    STATEMENTS.set(STATEMENTS.get() + 1);
    connection.prepare_cached(sql)
}

/// The first row, if there is one.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, Fault> {
    let mut statement = prepare(connection, sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// All rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut statement = prepare(connection, sql)?;
    let mut rows = statement.query(params)?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        values.push(read(row)?);
    }
    Ok(values)
}

/// Goes through the rows until there are none, or `take` has enough of them.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut take: impl FnMut(&Row<'_>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let mut statement = prepare(connection, sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        if !take(row)? {
            break;
        }
    }
    Ok(())
}

/// Carries out a statement and returns how many rows it changed.
pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<usize, rusqlite::Error> {
    prepare(connection, sql)?.execute(params)
}

/// Carries out several reads on one state of the database.
pub(super) fn snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

/// A limit as SQLite takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A place in a log as SQLite compares it: what is beyond its numbers is beyond every log.
pub(super) fn place(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

pub(super) fn user_id(row: &Row<'_>, column: usize) -> Result<UserId, Fault> {
    Ok(UserId::from_bytes(row.get(column)?))
}

pub(super) fn chat_id(row: &Row<'_>, column: usize) -> Result<ChatId, Fault> {
    Ok(ChatId::from_bytes(row.get(column)?))
}

/// The file that stands for somebody, if one does.
pub(super) fn avatar(row: &Row<'_>, column: usize) -> Result<Option<AttachmentId>, Fault> {
    Ok(row.get::<_, Option<[u8; 12]>>(column)?.map(AttachmentId::from_bytes))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

pub(super) fn seq(row: &Row<'_>, column: usize) -> Result<Seq, Fault> {
    Ok(Seq::from_i64(row.get(column)?))
}

pub(super) fn ordinal(row: &Row<'_>, column: usize) -> Result<Ordinal, Fault> {
    Ok(Ordinal::from_i64(row.get(column)?))
}

/// What the column holds as JSON; `what` is said where it cannot be decoded.
pub(super) fn json<T: DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    what: &'static str,
) -> Result<T, Fault> {
    let text = row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(text).map_err(|error| Fault::undecodable_json(what, &error))
}

/// Whom a message mentions as the column holds it.
pub(super) fn mentions_text(mentions: &MentionsView) -> Result<Option<String>, Fault> {
    let text = (!mentions.is_empty()).then(|| serde_json::to_string(mentions));
    text.transpose().map_err(Fault::unencodable)
}

/// What a message has several of. Most have none, and cost nothing here.
fn several<T: DeserializeOwned>(row: &Row<'_>, column: usize, what: &'static str) -> Result<Vec<T>, Fault> {
    if row.get_ref(column)?.as_bytes().map_err(rusqlite::Error::from)? == NOTHING.as_bytes() {
        return Ok(Vec::new());
    }
    json(row, column, what)
}

fn perhaps_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, Fault> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A role as the column holds it.
pub(super) fn role_text(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
    }
}

pub(super) fn role(row: &Row<'_>, column: usize) -> Result<Role, Fault> {
    match row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)? {
        "member" => Ok(Role::Member),
        "admin" => Ok(Role::Admin),
        _ => Err(Fault::undecodable("role")),
    }
}

pub(super) fn kind(row: &Row<'_>, column: usize) -> Result<ChatKind, Fault> {
    match row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)? {
        "direct" => Ok(ChatKind::Direct),
        "group" => Ok(ChatKind::Group),
        _ => Err(Fault::undecodable("kind of chat")),
    }
}

/// What a chat is to a member alone, in the columns of [`mine_columns`] from `first` on.
pub(super) fn mine(row: &Row<'_>, first: usize) -> Result<MyChatView, Fault> {
    Ok(MyChatView {
        revision: revision(row.get(first)?, row.get(first + 1)?),
        read: ordinal(row, first + 2)?,
        unread_from: row.get::<_, Option<i64>>(first + 3)?.map(Ordinal::from_i64),
        muted_until: row.get::<_, Option<i64>>(first + 4)?.map(Timestamp::from_millis),
        mentions_only: row.get(first + 5)?,
        archived: row.get(first + 6)?,
    })
}

/// Who has blocked whom in a direct chat, in the columns of [`blocks_columns`] from `first` on.
pub(super) fn blocks(row: &Row<'_>, first: usize) -> Result<PairBlocks, Fault> {
    Ok(PairBlocks {
        by_low: row.get(first)?,
        by_high: row.get(first + 1)?,
        low: row.get::<_, Option<[u8; 12]>>(first + 2)?.map(UserId::from_bytes),
    })
}

/// The message in the columns of [`message_columns`].
pub(super) fn message(row: &Row<'_>) -> Result<MessageView, Fault> {
    Ok(MessageView {
        id: MessageId::from_bytes(row.get(0)?),
        chat_id: chat_id(row, 1)?,
        seq: seq(row, 2)?,
        ordinal: ordinal(row, 3)?,
        sender_id: user_id(row, 4)?,
        sender_name: row.get(5)?,
        sender_avatar: avatar(row, 24)?,
        client_id: ClientId::from_bytes(row.get(6)?),
        body: row.get(7)?,
        attachments: several::<AttachmentView>(row, 8, "files")?,
        created_at: time(row, 9)?,
        deleted_at: perhaps_time(row, 10)?,
        reactions: several(row, 11, "reactions")?,
        edited_at: perhaps_time(row, 12)?,
        pinned_at: perhaps_time(row, 13)?,
        changed_seq: seq(row, 14)?,
        mentions: match row.get_ref(15)? {
            ValueRef::Null => MentionsView::default(),
            _ => json(row, 15, "mentions")?,
        },
        reply_to: row.get::<_, Option<[u8; 12]>>(16)?.map(|_answered| quote(row, 16)).transpose()?,
    })
}

/// What is answered, in the columns of [`quote_columns`] from this one on.
pub(super) fn quote(row: &Row<'_>, first: usize) -> Result<QuoteView, Fault> {
    Ok(QuoteView {
        id: MessageId::from_bytes(row.get(first)?),
        seq: seq(row, first + 1)?,
        sender_id: user_id(row, first + 2)?,
        sender_name: row.get(first + 3)?,
        body: row.get(first + 4)?,
        files: row.get(first + 5)?,
        deleted: row.get(first + 6)?,
        changed_seq: seq(row, first + 7)?,
    })
}
