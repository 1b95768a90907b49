//! Giving messages of earlier versions what they are found by.
//!
//! Nodes of a schema before version 7 write messages that search does not find. A walk through all messages, in the order
//! of their ids and a slice at a time, gives it to them; where it is stands in the database, so that any node goes
//! on with it. It goes on for a day after the upgrade, since nodes of both versions may serve for a while.

use app::domain::Timestamp;
use mongodb::{
    Database,
    bson::{DateTime, Document, doc, oid::ObjectId},
};
use serde::{Deserialize, Serialize};

use super::{
    MongoStore,
    documents::{date, time, user},
    fault::Fault,
    log::MessageDocument,
    migrations, search,
    transaction::durable,
};

/// The id of the walk's document, beside that of the schema's version.
const ID: &str = "search";
/// Messages that one call walks over.
const SLICE: usize = 200;
/// How long the walk follows what nodes of the version before may write, in seconds.
const FOLLOWED_SECONDS: i64 = 24 * 60 * 60;
/// By how much the order of ids may differ from that in which messages are stored, in seconds.
const DISORDER_SECONDS: i64 = 10 * 60;

#[derive(Serialize, Deserialize)]
struct Walk {
    #[serde(rename = "_id")]
    id: String,
    /// The last message that has been walked over.
    at: ObjectId,
    /// When it is over, once it has come to the end.
    until: DateTime,
}

/// Begins the walk, unless it has begun.
pub(super) async fn begin(database: &Database) -> Result<(), Fault> {
    let schema = database.collection::<Walk>(migrations::COLLECTION);
    let until = time(DateTime::now()).plus_seconds(FOLLOWED_SECONDS);
    let first = ObjectId::from_bytes([0; 12]);
    let begun = doc! { "$setOnInsert": { "at": first, "until": date(until) } };
    schema.update_one(doc! { "_id": ID }, begun).upsert(true).await?;
    Ok(())
}

/// Walks on by a slice. Returns how many messages were given something.
pub(super) async fn slice(store: &MongoStore, now: Timestamp) -> Result<u64, Fault> {
    let walks = store.schema.clone_with_type::<Walk>();
    let Some(walk) = store.first(walks.find_one(doc! { "_id": ID })).await? else { return Ok(0) };
    // Ids begin with the second in which they were made.
    let settled = now.plus_seconds(-DISORDER_SECONDS).as_millis() / 1000;
    let mut newest = [0; 12];
    newest[..4].copy_from_slice(&u32::try_from(settled).unwrap_or_default().to_be_bytes());
    let next = doc! { "_id": { "$gt": walk.at, "$lt": ObjectId::from_bytes(newest) } };
    let limit = i64::try_from(SLICE).unwrap_or(i64::MAX);
    let next = store.messages.find(next).sort(doc! { "_id": 1 }).limit(limit);
    let next = store.all(next.projection(doc! { "grams": 0 })).await?;
    let mut given = 0;
    for message in &next {
        given += u64::from(give(store, message).await?);
    }
    let place = doc! { "_id": ID, "at": walk.at };
    match next.last() {
        Some(last) => {
            let on = doc! { "$set": { "at": last.id } };
            store.schema.update_one(place, on).write_concern(durable()).await?;
        }
        None if now > time(walk.until) => {
            store.schema.delete_one(place).write_concern(durable()).await?;
        }
        None => {}
    }
    // A slice that needed nothing is no reason to stop.
    Ok(given.max(u64::from(next.len() == SLICE)))
}

/// Gives a message what it is found by, if it is otherwise and nobody changes the message meanwhile.
async fn give(store: &MongoStore, message: &MessageDocument) -> Result<bool, Fault> {
    let this = doc! { "_id": message.id, "changed_seq": match message.changed_seq {
        0 => mongodb::bson::Bson::Null,
        changed => changed.into(),
    } };
    let grams = store.messages.clone_with_type::<Grams>();
    let has = store.first(grams.find_one(doc! { "_id": message.id }).projection(doc! { "grams": 1 })).await?;
    let has = has.map(|found| found.grams).unwrap_or_default();
    let wanted = match message.deleted_at {
        Some(_) => Vec::new(),
        None => search::numbers(user(message.sender_id), &message.body, &message.attachments),
    };
    if has == wanted {
        return Ok(false);
    }
    let update: Document = if wanted.is_empty() {
        doc! { "$unset": { "grams": "" } }
    } else {
        doc! { "$set": { "grams": wanted } }
    };
    Ok(store.messages.update_one(this, update).await?.modified_count > 0)
}

#[derive(Serialize, Deserialize)]
struct Grams {
    #[serde(default)]
    grams: Vec<i32>,
}
