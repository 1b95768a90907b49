//! Between rows and values: small helpers that every query uses.

use app::{
    domain::{ChatId, ChatKind, ClientId, MessageId, Ordinal, Role, Seq, Timestamp, UserId},
    protocol::{AttachmentView, MessageView},
};
use rusqlite::{CachedStatement, Connection, Params, Row};
use serde::de::DeserializeOwned;

use super::fault::Fault;

/// The columns that [`message`] reads, of `messages m` joined with the sender's `users u`.
macro_rules! message_columns {
    () => {
        "m.id, m.chat_id, m.seq, m.ordinal, m.sender_id, u.display_name, m.client_id, m.body, m.attachments,
         m.created_at, m.deleted_at"
    };
}
pub(super) use message_columns;

/// The files of a message that has none, as the column holds them.
pub(super) const NO_FILES: &str = "[]";

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

/// A message's files. Most have none, and cost nothing here.
fn files(row: &Row<'_>, column: usize) -> Result<Vec<AttachmentView>, Fault> {
    if row.get_ref(column)?.as_bytes().map_err(rusqlite::Error::from)? == NO_FILES.as_bytes() {
        return Ok(Vec::new());
    }
    json(row, column, "files")
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

/// The message in the columns of [`message_columns`].
pub(super) fn message(row: &Row<'_>) -> Result<MessageView, Fault> {
    Ok(MessageView {
        id: MessageId::from_bytes(row.get(0)?),
        chat_id: chat_id(row, 1)?,
        seq: seq(row, 2)?,
        ordinal: ordinal(row, 3)?,
        sender_id: user_id(row, 4)?,
        sender_name: row.get(5)?,
        client_id: ClientId::from_bytes(row.get(6)?),
        body: row.get(7)?,
        attachments: files(row, 8)?,
        created_at: time(row, 9)?,
        deleted_at: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_millis),
    })
}
