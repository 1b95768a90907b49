//! Reading the log, in pages that cost the same however long it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use app::{
    domain::{ChatId, Seq, Timestamp, UserId, limits},
    ports::PageQuery,
    protocol::{EventBody, HistoryPage, LogEvent, MessageView, QuoteView},
};
use rusqlite::{Connection, Row, params};

use super::{
    fault::Fault,
    rows::{self, message_columns, message_joins, quote_columns},
};
use crate::store::conversation;

pub(super) const LATEST: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " WHERE m.chat_id = ?1 ORDER BY m.seq DESC LIMIT ?2"
);
pub(super) const BEFORE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " WHERE m.chat_id = ?1 AND m.seq < ?2 ORDER BY m.seq DESC LIMIT ?3"
);
pub(super) const FROM: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " WHERE m.chat_id = ?1 AND m.seq >= ?2 ORDER BY m.seq LIMIT ?3"
);
pub(super) const PINNED: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " WHERE m.chat_id = ?1 AND m.pinned_at IS NOT NULL ORDER BY m.pinned_at DESC, m.seq DESC LIMIT ?2"
);
/// Of each place in a JSON array.
pub(super) const QUOTES: &str = concat!(
    "SELECT ",
    quote_columns!(),
    " FROM json_each(?2) page CROSS JOIN messages q ON q.chat_id = ?1 AND q.seq = page.value
     CROSS JOIN users v ON v.id = q.sender_id"
);
/// Somebody's own reactions to each message in a JSON array of `[chat, seq]`, the chat in hexadecimal digits.
pub(super) const MINE: &str = "SELECT r.chat_id, r.message_seq, r.emoji
    FROM json_each(?1) page CROSS JOIN reactions r
    ON r.chat_id = unhex(page.value ->> 0) AND r.message_seq = page.value ->> 1 AND r.user_id = ?2";
pub(super) const EVENTS_AFTER: &str = "SELECT e.seq, e.at, e.actor_id, e.body, u.display_name, u.avatar_id
    FROM events e CROSS JOIN users u ON u.id = e.actor_id
    WHERE e.chat_id = ?1 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3";
/// What happened to a chat rather than to its messages, in the words of the index: [`EventBody::OF_CHAT`].
macro_rules! of_chat {
    ($order:literal) => {
        concat!(
            "SELECT e.seq, e.at, e.actor_id, e.body FROM events e INDEXED BY events_of_chat
             WHERE e.chat_id = ?1 AND e.seq BETWEEN ?2 AND ?3 AND e.body ->> '$.type' IN
                ('member_added', 'member_removed', 'role_changed', 'chat_renamed', 'chat_described',
                 'chat_avatar_changed')
             ORDER BY e.seq ",
            $order,
            " LIMIT ?4"
        )
    };
}
pub(super) const FIRST_OF_CHAT: &str = of_chat!("");
pub(super) const LAST_OF_CHAT: &str = of_chat!("DESC");
/// Of each id in a JSON array, in hexadecimal digits.
pub(super) const NAMES: &str = "SELECT u.id, u.display_name
    FROM json_each(?1) page CROSS JOIN users u ON u.id = unhex(page.value)";
pub(super) const MESSAGE_AT: &str = "SELECT m.seq FROM messages m
    WHERE m.chat_id = ?1 AND m.created_at >= ?2 ORDER BY m.created_at, m.seq LIMIT 1";
const ANY_FROM: &str = "SELECT 1 FROM messages m WHERE m.chat_id = ?1 AND m.seq >= ?2 LIMIT 1";
const ANY_BEFORE: &str = "SELECT 1 FROM messages m WHERE m.chat_id = ?1 AND m.seq < ?2 LIMIT 1";

/// A page of messages, as the viewer sees them.
pub(super) fn page(
    connection: &Connection,
    chat: ChatId,
    viewer: UserId,
    page: PageQuery,
    limit: usize,
) -> Result<HistoryPage, Fault> {
    let query = page;
    let mut page = unmarked(connection, chat, query, limit)?;
    mark_mine(connection, viewer, &mut page.messages)?;
    page.events = happened(connection, chat, query, &page)?;
    Ok(page)
}

/// What happened to the chat in the part of its log that the page is.
fn happened(
    connection: &Connection,
    chat_id: ChatId,
    query: PageQuery,
    page: &HistoryPage,
) -> Result<Vec<LogEvent>, Fault> {
    let (first, last) = query.reach(page);
    let most = rows::limit(limits::EVENTS_PER_PAGE);
    let params = params![chat_id.as_bytes(), rows::place(first), rows::place(last), most];
    let sql = if query.is_forward() { FIRST_OF_CHAT } else { LAST_OF_CHAT };
    let mut events = rows::all(connection, sql, params, |row| event(row, chat_id))?;
    if !query.is_forward() {
        events.reverse();
    }
    name_all(connection, &mut events)?;
    Ok(events)
}

/// The event in the columns that the queries of the log share.
fn event(row: &Row<'_>, chat_id: ChatId) -> Result<LogEvent, Fault> {
    Ok(LogEvent {
        chat_id,
        seq: rows::seq(row, 0)?,
        at: rows::time(row, 1)?,
        actor_id: rows::user_id(row, 2)?,
        named: BTreeMap::new(),
        body: rows::json(row, 3, "event")?,
    })
}

/// Says what the people are called whom events are about. Asks only if there are such events.
pub(super) fn name_all(connection: &Connection, events: &mut [LogEvent]) -> Result<(), Fault> {
    let people: BTreeSet<UserId> =
        events.iter().flat_map(|event| event.body.people(event.actor_id)).collect();
    if people.is_empty() {
        return Ok(());
    }
    let ids = serde_json::to_string(&people).map_err(Fault::unencodable)?;
    let names = rows::all(connection, NAMES, params![ids], |row| {
        Ok((rows::user_id(row, 0)?, row.get::<_, String>(1)?))
    })?;
    let names: HashMap<UserId, String> = names.into_iter().collect();
    for event in events {
        let people = event.body.people(event.actor_id).into_iter();
        event.named = people.filter_map(|user| Some((user, names.get(&user)?.clone()))).collect();
    }
    Ok(())
}

/// The first message that was stored at this time or after it.
pub(super) fn message_at(connection: &Connection, chat: ChatId, at: Timestamp) -> Result<Option<Seq>, Fault> {
    let params = params![chat.as_bytes(), at.as_millis()];
    rows::one(connection, MESSAGE_AT, params, |row| rows::seq(row, 0))
}

/// Each side is read with one row more than is wanted, which tells whether there are others behind it.
fn unmarked(
    connection: &Connection,
    chat: ChatId,
    page: PageQuery,
    limit: usize,
) -> Result<HistoryPage, Fault> {
    let id = chat.as_bytes();
    let some = rows::limit(limit.saturating_add(1));
    let older =
        |before: Seq| rows::all(connection, BEFORE, params![id, rows::place(before), some], rows::message);
    let newer = |from: Seq| rows::all(connection, FROM, params![id, rows::place(from), some], rows::message);
    let any = |sql: &str, seq: Seq| {
        rows::one(connection, sql, params![id, rows::place(seq)], |_row| Ok(())).map(|row| row.is_some())
    };
    match page {
        PageQuery::Latest => {
            let older = rows::all(connection, LATEST, params![id, some], rows::message)?;
            Ok(join(older, limit, Vec::new(), 0))
        }
        PageQuery::Before(seq) => {
            let page = join(older(seq)?, limit, Vec::new(), 0);
            Ok(HistoryPage { has_newer: any(ANY_FROM, seq)?, ..page })
        }
        PageQuery::After(seq) => {
            let after = seq.next();
            let page = join(Vec::new(), 0, newer(after)?, limit);
            Ok(HistoryPage { has_older: any(ANY_BEFORE, after)?, ..page })
        }
        PageQuery::Around(seq) => {
            let (older, newer) = (older(seq)?, newer(seq)?);
            // Half of the page on each side; what one side cannot fill, the other may.
            let before = older.len().min((limit / 2).max(limit.saturating_sub(newer.len())));
            Ok(join(older, before, newer, limit - before))
        }
    }
}

/// The page of the last `before` messages of one side (newest first) and the first `from` of the other.
fn join(mut older: Vec<MessageView>, before: usize, mut newer: Vec<MessageView>, from: usize) -> HistoryPage {
    let (has_older, has_newer) = (older.len() > before, newer.len() > from);
    older.truncate(before);
    newer.truncate(from);
    older.reverse();
    older.append(&mut newer);
    HistoryPage { messages: older, events: Vec::new(), has_older, has_newer }
}

/// The pinned messages of a chat, last pinned first.
pub(super) fn pinned(
    connection: &Connection,
    chat: ChatId,
    viewer: UserId,
) -> Result<Vec<MessageView>, Fault> {
    let params = params![chat.as_bytes(), rows::limit(limits::PINS_PER_CHAT)];
    let mut pinned = rows::all(connection, PINNED, params, rows::message)?;
    mark_mine(connection, viewer, &mut pinned)?;
    Ok(pinned)
}

/// The events after this one.
pub(super) fn events_after(
    connection: &Connection,
    chat_id: ChatId,
    after: Seq,
    limit: usize,
) -> Result<Vec<LogEvent>, Fault> {
    let params = params![chat_id.as_bytes(), rows::place(after), rows::limit(limit)];
    let mut events = rows::all(connection, EVENTS_AFTER, params, |row| {
        let mut event = event(row, chat_id)?;
        if let EventBody::NewMessage { message } = &mut event.body {
            // The writer is the actor. Names are read when they are shown, wherever a message comes from.
            message.sender_name = row.get(4)?;
            message.sender_avatar = rows::avatar(row, 5)?;
        }
        Ok(event)
    })?;
    name_all(connection, &mut events)?;
    quote_all(connection, chat_id, &mut events)?;
    Ok(events)
}

/// Says which reactions are the viewer's own. Asks only where more people have reacted than are named.
pub(super) fn mark_mine(
    connection: &Connection,
    viewer: UserId,
    messages: &mut [MessageView],
) -> Result<(), Fault> {
    let mut open: HashMap<(ChatId, Seq), &mut MessageView> = HashMap::new();
    for message in messages {
        if conversation::mark_named(message, viewer) {
            open.insert((message.chat_id, message.seq), message);
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let page: Vec<_> = open.keys().collect();
    let page = serde_json::to_string(&page).map_err(Fault::unencodable)?;
    let mine = rows::all(connection, MINE, params![page, viewer.as_bytes()], |row| {
        Ok((rows::chat_id(row, 0)?, rows::seq(row, 1)?, row.get::<_, String>(2)?))
    })?;
    for (chat, seq, emoji) in mine {
        if let Some(message) = open.get_mut(&(chat, seq)) {
            conversation::mark(message, &emoji);
        }
    }
    Ok(())
}

/// Joins what messages answer, as it is now: the log keeps only where it is.
fn quote_all(connection: &Connection, chat: ChatId, events: &mut [LogEvent]) -> Result<(), Fault> {
    let mut quotes: Vec<&mut QuoteView> = Vec::new();
    for event in events {
        if let EventBody::NewMessage { message } = &mut event.body {
            quotes.extend(message.reply_to.as_mut());
        }
    }
    if quotes.is_empty() {
        return Ok(());
    }
    let places: BTreeSet<Seq> = quotes.iter().map(|quote| quote.seq).collect();
    let places = serde_json::to_string(&places).map_err(Fault::unencodable)?;
    let found = rows::all(connection, QUOTES, params![chat.as_bytes(), places], |row| rows::quote(row, 0))?;
    let found: HashMap<Seq, QuoteView> = found.into_iter().map(|quote| (quote.seq, quote)).collect();
    for quote in quotes {
        if let Some(found) = found.get(&quote.seq) {
            quote.clone_from(found);
        }
    }
    Ok(())
}
