//! Reading the log, in pages that cost the same however long it is.

use app::{
    domain::{ChatId, Seq, UserId},
    ports::PageQuery,
    protocol::{HistoryPage, LogEvent},
};
use mongodb::bson::{Document, doc};

use super::{
    MongoStore, accounts,
    documents::{chat_oid, place},
    fault::Fault,
    log::MessageDocument,
    messages::exists,
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
    let messages = views::views(store, &page.messages, viewer).await?;
    Ok(HistoryPage { messages, has_older: page.has_older, has_newer: page.has_newer })
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
    store.all(store.messages.find(side.filter(chat)).sort(doc! { "seq": side.order() }).limit(limit)).await
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
    let actors = events.iter().map(|event| event.actor_id).collect();
    let profiles = accounts::profiles(store, actors).await?;
    let mut events: Vec<_> = events.into_iter().map(|event| event.into_event(&profiles)).collect();
    views::quote_all(store, &mut events).await?;
    Ok(events)
}
