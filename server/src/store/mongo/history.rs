//! Reading the log, in pages that cost the same however long it is.

use app::{
    domain::{ChatId, Seq, Timestamp, UserId, limits},
    ports::PageQuery,
    protocol::{EventBody, HistoryPage, LogEvent, MessageView},
};
use mongodb::{
    bson::{Document, doc},
    options::Hint,
};
use serde::Deserialize;

use super::{
    MongoStore, accounts,
    documents::{chat_oid, date, place},
    fault::Fault,
    log::{EventDocument, MessageDocument},
    messages::exists,
    migrations::index,
    views,
};

/// Which way from an event.
#[derive(Clone, Copy)]
enum Side {
    /// Everything, newest first.
    Latest,
    /// What is before it, newest first.
    Before(Seq),
    /// It and what is after it, oldest first.
    From(Seq),
}

impl Side {
    fn filter(self, chat: ChatId) -> Document {
        let chat_id = chat_oid(chat);
        match self {
            Self::Latest => doc! { "chat_id": chat_id },
            Self::Before(seq) => doc! { "chat_id": chat_id, "seq": { "$lt": place(seq) } },
            Self::From(seq) => doc! { "chat_id": chat_id, "seq": { "$gte": place(seq) } },
        }
    }

    fn order(self) -> i32 {
        if matches!(self, Self::From(_)) { 1 } else { -1 }
    }
}

/// A message of which only its place was asked for.
#[derive(Deserialize)]
struct Place {
    seq: i64,
}

/// Messages of a page as they are stored.
struct Page {
    messages: Vec<MessageDocument>,
    has_older: bool,
    has_newer: bool,
}

pub(super) async fn page(
    store: &MongoStore,
    chat: ChatId,
    viewer: UserId,
    query: PageQuery,
    limit: usize,
) -> Result<HistoryPage, Fault> {
    let (exists, page) = tokio::try_join!(exists(store, chat_oid(chat)), find(store, chat, query, limit))?;
    if !exists {
        return Ok(HistoryPage::default());
    }
    let (has_older, has_newer) = (page.has_older, page.has_newer);
    let events = happened(store, chat, query, &page).await?;
    let people = events.iter().flat_map(EventDocument::people).collect();
    let (messages, profiles) = views::views_beside(store, &page.messages, viewer, people).await?;
    let events = events.into_iter().map(|event| event.into_event(&profiles)).collect();
    Ok(HistoryPage { messages, events, has_older, has_newer })
}

/// What happened to the chat in the part of its log that the page is.
async fn happened(
    store: &MongoStore,
    chat: ChatId,
    query: PageQuery,
    page: &Page,
) -> Result<Vec<EventDocument>, Fault> {
    let edges = [page.messages.first(), page.messages.last()].into_iter().flatten();
    let edges =
        edges.map(|message| MessageView { seq: Seq::from_i64(message.seq), ..MessageView::default() });
    let (has_older, has_newer) = (page.has_older, page.has_newer);
    let edges = HistoryPage { messages: edges.collect(), events: Vec::new(), has_older, has_newer };
    let (first, last) = query.reach(&edges);
    let which = doc! {
        "chat_id": chat_oid(chat), "seq": { "$gte": place(first), "$lte": place(last) },
        "body.type": { "$in": EventBody::OF_CHAT.to_vec() },
    };
    let order = if query.is_forward() { 1 } else { -1 };
    let found = store
        .events
        .find(which)
        .hint(Hint::Name(index::EVENTS_ABOUT_CHAT.to_owned()))
        .sort(doc! { "seq": order })
        .limit(i64::try_from(limits::EVENTS_PER_PAGE).unwrap_or(i64::MAX));
    let mut events = store.all(found).await?;
    if !query.is_forward() {
        events.reverse();
    }
    Ok(events)
}

/// The first message that was stored at this time or after it.
pub(super) async fn message_at(
    store: &MongoStore,
    chat: ChatId,
    at: Timestamp,
) -> Result<Option<Seq>, Fault> {
    let later = doc! { "chat_id": chat_oid(chat), "created_at": { "$gte": date(at) } };
    let messages = store.messages.clone_with_type::<Place>();
    let found = messages.find_one(later).sort(doc! { "created_at": 1, "seq": 1 });
    let found = store.first(found.projection(doc! { "_id": 0, "seq": 1 }));
    let (exists, found) = tokio::try_join!(exists(store, chat_oid(chat)), found)?;
    Ok(found.filter(|_| exists).map(|message| Seq::from_i64(message.seq)))
}

/// Each side is read with one message more than is wanted, which tells whether there are others behind it.
async fn find(store: &MongoStore, chat: ChatId, query: PageQuery, limit: usize) -> Result<Page, Fault> {
    let some = limit.saturating_add(1);
    let read = |side| messages(store, chat, side, some);
    let any = |side| any(store, chat, side);
    match query {
        PageQuery::Latest => Ok(join(read(Side::Latest).await?, limit, Vec::new(), 0)),
        PageQuery::Before(seq) => {
            let (older, newer) = tokio::try_join!(read(Side::Before(seq)), any(Side::From(seq)))?;
            Ok(Page { has_newer: newer, ..join(older, limit, Vec::new(), 0) })
        }
        PageQuery::After(seq) => {
            let after = seq.next();
            let (newer, older) = tokio::try_join!(read(Side::From(after)), any(Side::Before(after)))?;
            Ok(Page { has_older: older, ..join(Vec::new(), 0, newer, limit) })
        }
        PageQuery::Around(seq) => {
            let (older, newer) = tokio::try_join!(read(Side::Before(seq)), read(Side::From(seq)))?;
            // Half of the page on each side; what one side cannot fill, the other may.
            let before = older.len().min((limit / 2).max(limit.saturating_sub(newer.len())));
            Ok(join(older, before, newer, limit - before))
        }
    }
}

async fn messages(
    store: &MongoStore,
    chat: ChatId,
    side: Side,
    limit: usize,
) -> Result<Vec<MessageDocument>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let page = store.messages.find(side.filter(chat)).sort(doc! { "seq": side.order() }).limit(limit);
    store.all(page.projection(doc! { "grams": 0 })).await
}

/// Whether there is a message on this side, asked of the index alone.
async fn any(store: &MongoStore, chat: ChatId, side: Side) -> Result<bool, Fault> {
    let messages = store.messages.clone_with_type::<Document>();
    let found = messages.find_one(side.filter(chat)).projection(doc! { "_id": 0, "seq": 1 });
    Ok(store.first(found.sort(doc! { "seq": side.order() })).await?.is_some())
}

/// The page of the last `before` messages of one side (newest first) and the first `from` of the other.
fn join(
    mut older: Vec<MessageDocument>,
    before: usize,
    mut newer: Vec<MessageDocument>,
    from: usize,
) -> Page {
    let (has_older, has_newer) = (older.len() > before, newer.len() > from);
    older.truncate(before);
    newer.truncate(from);
    older.reverse();
    older.append(&mut newer);
    Page { messages: older, has_older, has_newer }
}

pub(super) async fn events_after(
    store: &MongoStore,
    chat: ChatId,
    after: Seq,
    limit: usize,
) -> Result<Vec<LogEvent>, Fault> {
    let Some(limit) = i64::try_from(limit).ok().filter(|limit| *limit > 0) else { return Ok(Vec::new()) };
    let later = doc! { "chat_id": chat_oid(chat), "seq": { "$gt": place(after) } };
    let read = store.all(store.events.find(later).sort(doc! { "seq": 1 }).limit(limit));
    let (exists, events) = tokio::try_join!(exists(store, chat_oid(chat)), read)?;
    if !exists {
        return Ok(Vec::new());
    }
    let people = events.iter().flat_map(EventDocument::people).collect();
    let profiles = accounts::profiles(store, people).await?;
    let mut events: Vec<_> = events.into_iter().map(|event| event.into_event(&profiles)).collect();
    views::quote_all(store, &mut events).await?;
    Ok(events)
}
