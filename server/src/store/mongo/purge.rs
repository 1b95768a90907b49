//! Removing what nobody sees any longer, a slice at a time. Several nodes may do it at once: what one of
//! them has removed, the other does not find.

use app::domain::{Timestamp, limits};
use futures::TryStreamExt;
use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
    options::Hint,
};

use super::{
    MongoStore, amendments, attachments, avatars, catching_up,
    documents::{AttachmentDocument, date},
    fault::Fault,
    log::MessageDocument,
    mentions,
    migrations::{are_half_deleted, index},
    transaction::{COMMAND, Transaction},
};

/// Documents of one kind that one call removes at most.
const SLICE: usize = 500;
/// Sessions whose tokens one call removes: each may have many.
const SESSIONS: usize = 50;
/// Messages whose deletion one call finishes, each with a few commands.
const HALF_DELETED: i64 = 50;
/// For how long a token that was exchanged is remembered, in seconds.
const REPLACED_TOKEN_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Removes up to a slice of each kind and returns how many documents went, with the files that were released, the
/// messages whose deletion was finished, and those that are found from now on.
pub(super) async fn slice(store: &MongoStore, now: Timestamp) -> Result<u64, Fault> {
    let forgotten = date(now.plus_seconds(-REPLACED_TOKEN_SECONDS));
    let replaced = doc! { "replaced_at": { "$exists": true, "$lt": forgotten } };
    let mut gone = remove(&store.tokens, replaced, doc! { "replaced_at": 1 }).await?.0;
    gone += sessions(store, now).await?;
    gone += half_deleted(store).await?;
    gone += catching_up::slice(store, now).await?;
    gone += chat(store, now).await?;
    Ok(gone)
}

/// Tokens go before their session, so that none is left without one.
async fn sessions(store: &MongoStore, now: Timestamp) -> Result<u64, Fault> {
    let expired = doc! { "expires_at": { "$lte": date(now) } };
    let ids = find(&store.sessions, expired, doc! { "expires_at": 1 }, SESSIONS).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let tokens = doc! { "session_id": { "$in": &ids } };
    let (gone, all) = remove(&store.tokens, tokens, doc! { "session_id": 1 }).await?;
    if !all {
        return Ok(gone);
    }
    let still = doc! { "_id": { "$in": ids }, "expires_at": { "$lte": date(now) } };
    Ok(gone + store.sessions.delete_many(still).await?.deleted_count)
}

/// Finishes what older nodes have deleted: beside a message of this version they take away its first text and its files
/// alone. Nothing is added to a deleted message, so no transaction is needed; its document is last, so that what was
/// interrupted is found again.
async fn half_deleted(store: &MongoStore) -> Result<u64, Fault> {
    let found = store
        .messages
        .find(are_half_deleted())
        .hint(Hint::Name(index::MESSAGES_HALF_DELETED.to_owned()))
        .limit(HALF_DELETED)
        .max_time(COMMAND)
        .await?;
    let found: Vec<MessageDocument> = found.try_collect().await?;
    let mut finished = 0;
    for message in found {
        let under = doc! { "chat_id": message.chat_id, "message_seq": message.seq };
        store.reactions.delete_many(under).await?;
        if let Some(named) = mentions::of_message(&message) {
            store.mentions.delete_many(named).await?;
        }
        if !message.edit_seqs.is_empty() {
            let (edits, scrub) = amendments::scrub_edits(&message);
            store.events.update_many(edits, scrub).await?;
        }
        let rest = doc! { "$unset": amendments::gone_when_deleted() };
        finished += store.messages.update_one(doc! { "_id": message.id }, rest).await?.modified_count;
    }
    Ok(finished)
}

/// The files of a deleted chat are released and its reactions and mentions removed before its log goes, and that goes before the chat.
async fn chat(store: &MongoStore, now: Timestamp) -> Result<u64, Fault> {
    let deleted = doc! { "deleted_at": { "$exists": true } };
    let Some(chat) = find(&store.chats, deleted, doc! { "deleted_at": 1 }, 1).await?.pop() else {
        return Ok(0);
    };
    let (released, all) = release(store, &chat, now).await?;
    if !all {
        return Ok(released);
    }
    let log = doc! { "chat_id": &chat };
    let (mut gone, all) = remove(&store.reactions, log.clone(), doc! { "message_seq": 1 }).await?;
    gone += released;
    if !all {
        return Ok(gone);
    }
    let (named, all) = remove(&store.mentions, log.clone(), doc! { "user_id": 1 }).await?;
    gone += named;
    if !all {
        return Ok(gone);
    }
    let (messages, all) = remove(&store.messages, log.clone(), doc! { "seq": 1 }).await?;
    gone += messages;
    if !all {
        return Ok(gone);
    }
    let (events, all) = remove(&store.events, log.clone(), doc! { "seq": 1 }).await?;
    gone += events;
    if all {
        avatars::release_of_deleted(store, &chat, now).await?;
        gone += store.invites.delete_many(log).await?.deleted_count;
        gone += store.chats.delete_one(doc! { "_id": chat }).await?.deleted_count;
    }
    Ok(gone)
}

/// Releases a slice of a chat's files. Returns how many, and whether that was all there was.
async fn release(store: &MongoStore, chat: &Bson, now: Timestamp) -> Result<(u64, bool), Fault> {
    let files = store
        .attachments
        .find(doc! { "attached.chat_id": chat })
        .sort(doc! { "attached.seq": 1 })
        .limit(i64::try_from(SLICE).unwrap_or(i64::MAX))
        .max_time(COMMAND)
        .await?;
    let files: Vec<AttachmentDocument> = files.try_collect().await?;
    if files.is_empty() {
        return Ok((0, true));
    }
    let owned = |file: AttachmentDocument| Some((file.id, file.owner_id, file.attached?.bytes));
    let files: Vec<_> = files.into_iter().filter_map(owned).collect();
    let mut transaction = Transaction::begin(store).await?;
    let collect_at = now.plus_seconds(limits::RELEASED_GRACE_SECONDS);
    attachments::release(store, &mut transaction, &files, collect_at).await?;
    transaction.commit().await?;
    Ok((u64::try_from(files.len()).unwrap_or(u64::MAX), files.len() < SLICE))
}

/// Removes a slice. Returns how many went, and whether that was all there was.
async fn remove<T: Send + Sync>(
    collection: &Collection<T>,
    which: Document,
    order: Document,
) -> Result<(u64, bool), Fault> {
    let ids = find(collection, which, order, SLICE).await?;
    if ids.is_empty() {
        return Ok((0, true));
    }
    let all = ids.len() < SLICE;
    Ok((collection.delete_many(doc! { "_id": { "$in": ids } }).await?.deleted_count, all))
}

async fn find<T: Send + Sync>(
    collection: &Collection<T>,
    which: Document,
    order: Document,
    limit: usize,
) -> Result<Vec<Bson>, Fault> {
    let documents = collection.clone_with_type::<Document>();
    let found = documents
        .find(which)
        .sort(order)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .projection(doc! { "_id": 1 })
        .max_time(COMMAND)
        .await?;
    let found: Vec<Document> = found.try_collect().await?;
    Ok(found.into_iter().filter_map(|mut document| document.remove("_id")).collect())
}
