//! Finding messages: those that the index does not have yet one by one, then those that it names.

use std::collections::HashSet;

use app::{
    domain::{ChatId, MessageId, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{SearchCursor, SearchPage, SearchRequest, SearchStore},
    protocol::{AttachmentView, MessageView},
};
use async_trait::async_trait;
use rusqlite::{Connection, Params, Row, params};

use super::{
    EmbeddedStore,
    fault::Fault,
    history, indexing,
    rows::{self, message_columns, message_joins},
};

/// Messages whose texts one call compares.
const COMPARED: usize = 2_000;
/// Bytes of texts that one call compares.
const COMPARED_BYTES: usize = 2 * 1024 * 1024;
/// Messages that one call looks at, those of others' chats among them.
const LOOKED_AT: usize = 20_000;
/// The most chats that the index is asked for by name. Of who is in more, what it finds elsewhere is passed over.
const NAMED_CHATS: usize = 256;
/// By how much the order in which messages were stored may differ from that of their times: a clock may be set back.
const DISORDER_SECONDS: i64 = 24 * 60 * 60;

macro_rules! candidate_columns {
    () => {
        "m.position, m.chat_id, m.seq, m.sender_id, m.created_at, m.body, m.attachments, m.id"
    };
}

pub(super) const MY_CHATS: &str = "SELECT m.chat_id FROM members m WHERE m.user_id = ?1";
pub(super) const BY_ID: &str = "SELECT m.position FROM messages m WHERE m.id = ?1";
pub(super) const FIRST_FROM: &str =
    "SELECT m.position, m.created_at FROM messages m WHERE m.position >= ?1 ORDER BY m.position LIMIT 1";
pub(super) const LAST: &str =
    "SELECT m.position FROM messages m WHERE m.position > 0 ORDER BY m.position DESC LIMIT 1";
pub(super) const NOT_INDEXED: &str = concat!(
    "SELECT ",
    candidate_columns!(),
    " FROM messages m WHERE m.position > ?1 AND m.position < ?2 ORDER BY m.position DESC"
);
pub(super) const FOUND: &str = concat!(
    "SELECT ",
    candidate_columns!(),
    " FROM search found CROSS JOIN messages m ON m.position = found.rowid
     WHERE found.search MATCH ?3 AND found.rowid > ?1 AND found.rowid < ?2 ORDER BY found.rowid DESC"
);
pub(super) const AT: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " WHERE m.chat_id = ?1 AND m.seq = ?2"
);

#[async_trait]
impl SearchStore for EmbeddedStore {
    async fn search_messages(
        &self,
        viewer: UserId,
        request: SearchRequest,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> AppResult<SearchPage> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| find(connection, viewer, &request, after, limit))
        })
        .await
    }
}

fn find(
    connection: &Connection,
    viewer: UserId,
    request: &SearchRequest,
    after: Option<SearchCursor>,
    limit: usize,
) -> Result<SearchPage, Fault> {
    let mut chats: HashSet<ChatId> =
        rows::all(connection, MY_CHATS, params![viewer.as_bytes()], |row| rows::chat_id(row, 0))?
            .into_iter()
            .collect();
    if let Some(only) = &request.chats {
        chats.retain(|chat| only.contains(chat));
    }
    let nobody = request.senders.as_ref().is_some_and(Vec::is_empty);
    if chats.is_empty() || nobody || limit == 0 {
        return Ok(SearchPage::default());
    }
    let indexed = indexing::indexed(connection)?;
    let (low, high) = bounds(connection, request, after)?;
    let mut search = Search::new(request, &chats, limit);
    // First what is not in the index, which is newer than all that is.
    let newer = params![low.max(indexed), high];
    search.look_through(connection, NOT_INDEXED, newer)?;
    if !search.is_over() {
        let expression = expression(request, &chats);
        let older = params![low, high.min(indexed.saturating_add(1)), expression];
        search.look_through(connection, FOUND, older)?;
    }
    search.page(connection, viewer)
}

/// The places between which the messages lie that can be found: after the first one, and before the second.
fn bounds(
    connection: &Connection,
    request: &SearchRequest,
    after: Option<SearchCursor>,
) -> Result<(i64, i64), Fault> {
    let mut high = match after {
        None => i64::MAX,
        Some(SearchCursor { at, id }) => {
            let place = rows::one(connection, BY_ID, params![id.as_bytes()], |row| Ok(row.get(0)?))?;
            match place {
                Some(place) => place,
                // Its chat has gone: what was sent before it goes on.
                None => first_at(connection, at)?,
            }
        }
    };
    if let Some(until) = request.until {
        high = high.min(first_at(connection, until.plus_seconds(DISORDER_SECONDS))?);
    }
    let low = match request.since {
        Some(since) => first_at(connection, since.plus_seconds(-DISORDER_SECONDS))? - 1,
        None => 0,
    };
    Ok((low, high))
}

/// The place of the first message of this time or later; beyond all, if there is none. Halves what is left, since messages
/// are stored in the order of their times but for a little.
fn first_at(connection: &Connection, at: Timestamp) -> Result<i64, Fault> {
    let last = rows::one(connection, LAST, [], |row| Ok(row.get::<_, i64>(0)?))?.unwrap_or_default();
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let found = rows::one(connection, FIRST_FROM, params![middle], |row| {
            Ok((row.get::<_, i64>(0)?, rows::time(row, 1)?))
        })?;
        match found {
            Some((place, time)) if time < at => low = place + 1,
            _ => high = middle,
        }
    }
    Ok(if low > last { i64::MAX } else { low })
}

/// What the index is asked for: words that a message has to have, all of them. In quotes each, so that none is read as
/// anything but a word; none has a quote in it.
fn expression(request: &SearchRequest, chats: &HashSet<ChatId>) -> String {
    let mut all: Vec<String> = Vec::new();
    for gram in request.text.grams() {
        let mut token = String::from("\"");
        gram.push_token(&mut token);
        token.push('"');
        all.push(token);
    }
    let any = |tokens: Vec<String>| format!("(\"{}\")", tokens.join("\" OR \""));
    if let Some(senders) = &request.senders {
        all.push(any(senders.iter().map(|sender| indexing::sender_token(*sender)).collect()));
    }
    if request.has_file {
        all.push(format!("\"{}\"", indexing::FILE_TOKEN));
    }
    if chats.len() <= NAMED_CHATS || all.is_empty() {
        all.push(any(chats.iter().map(|chat| indexing::chat_token(*chat)).collect()));
    }
    all.join(" AND ")
}

/// A search under way.
struct Search<'a> {
    request: &'a SearchRequest,
    chats: &'a HashSet<ChatId>,
    limit: usize,
    /// Where the messages are that were found, newest first: one more than the limit tells that there are others.
    found: Vec<(ChatId, Seq, SearchCursor)>,
    /// The last message that was looked at.
    last: Option<SearchCursor>,
    looked_at: usize,
    compared: usize,
    compared_bytes: usize,
}

impl<'a> Search<'a> {
    fn new(request: &'a SearchRequest, chats: &'a HashSet<ChatId>, limit: usize) -> Self {
        Self {
            request,
            chats,
            limit,
            found: Vec::new(),
            last: None,
            looked_at: 0,
            compared: 0,
            compared_bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.found.len() > self.limit
    }

    fn is_spent(&self) -> bool {
        self.looked_at >= LOOKED_AT || self.compared >= COMPARED || self.compared_bytes >= COMPARED_BYTES
    }

    fn is_over(&self) -> bool {
        self.is_full() || self.is_spent()
    }

    /// Goes through the messages that a statement gives, until there are none, or enough.
    fn look_through(&mut self, connection: &Connection, sql: &str, params: impl Params) -> Result<(), Fault> {
        rows::each(connection, sql, params, |row| {
            self.look_at(row)?;
            Ok(!self.is_over())
        })
    }

    fn look_at(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        self.looked_at += 1;
        let (chat, at) = (rows::chat_id(row, 1)?, rows::time(row, 4)?);
        let this = SearchCursor { at, id: MessageId::from_bytes(row.get(7)?) };
        self.last = Some(this);
        if !self.chats.contains(&chat) {
            return Ok(());
        }
        let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
        let (body, files) = (text(5)?, text(6)?);
        let has_file = files != rows::NOTHING;
        let is_deleted = body.is_empty() && !has_file;
        if is_deleted || !self.request.admits(rows::user_id(row, 3)?, at, has_file) {
            return Ok(());
        }
        self.compared += 1;
        self.compared_bytes += body.len();
        let files: Vec<AttachmentView> = if has_file { rows::json(row, 6, "files")? } else { Vec::new() };
        let texts = std::iter::once(body).chain(files.iter().map(|file| file.name.as_str()));
        if self.request.text.matches(texts) {
            self.found.push((chat, rows::seq(row, 2)?, this));
        }
        Ok(())
    }

    /// The messages as the viewer sees them.
    fn page(mut self, connection: &Connection, viewer: UserId) -> Result<SearchPage, Fault> {
        let next = if self.is_full() {
            self.found.truncate(self.limit);
            self.found.last().map(|(_, _, cursor)| *cursor)
        } else if self.is_spent() {
            self.last
        } else {
            None
        };
        let mut messages: Vec<MessageView> = Vec::with_capacity(self.found.len());
        for (chat, seq, _) in self.found {
            messages.extend(rows::one(
                connection,
                AT,
                params![chat.as_bytes(), seq.as_i64()],
                rows::message,
            )?);
        }
        history::mark_mine(connection, viewer, &mut messages)?;
        Ok(SearchPage { messages, next })
    }
}
