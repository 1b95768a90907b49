//! The schema's versions and its indexes.
//!
//! A migration, once released, is never changed: the next one is added below it. Each only adds (a
//! collection, an index, a field that older nodes do not miss) and can be repeated, because several nodes
//! may run it at once while others, of the version before, serve.

use futures::{TryStreamExt, future::try_join_all};
use mongodb::{
    Database, IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};
use serde::{Deserialize, Serialize};

use app::{domain::name_key, error::AppError};

use super::{catching_up, fault::Fault, log::MessageDocument};

/// The indexes by name: a unique one carries a rule, and `fault` knows by the name which one was broken.
pub(super) mod index {
    pub const USERS_BY_EMAIL: &str = "users_by_email";
    pub const USERS_BY_WORD: &str = "users_by_word";
    pub const SESSIONS_BY_USER: &str = "sessions_by_user";
    pub const SESSIONS_BY_EXPIRY: &str = "sessions_by_expiry";
    pub const SESSIONS_BY_ENDPOINT: &str = "sessions_by_endpoint";
    pub const SESSIONS_WITH_PUSH: &str = "sessions_with_push";
    pub const TOKENS_BY_SESSION: &str = "refresh_tokens_by_session";
    pub const TOKENS_BY_REPLACEMENT: &str = "refresh_tokens_by_replacement";
    pub const CHATS_BY_PAIR: &str = "chats_by_pair";
    pub const CHATS_DELETED: &str = "chats_deleted";
    pub const MEMBERS_BY_CHAT: &str = "members_by_chat";
    pub const MEMBERS_BY_USER: &str = "members_by_user";
    pub const MEMBERS_WHO_MADE: &str = "members_who_made";
    pub const MEMBERS_WITH_DRAFT: &str = "members_with_draft";
    pub const MEMBERS_IN_ORDER: &str = "members_in_order";
    pub const EVENTS_BY_SEQ: &str = "events_by_seq";
    pub const MESSAGES_BY_SEQ: &str = "messages_by_seq";
    pub const MESSAGES_BY_CLIENT_ID: &str = "messages_by_client_id";
    pub const MESSAGES_PINNED: &str = "messages_pinned";
    pub const MESSAGES_HALF_DELETED: &str = "messages_half_deleted";
    pub const MESSAGES_BY_GRAM: &str = "messages_by_gram";
    pub const USERS_BY_NAME: &str = "users_by_name";
    pub const MENTIONS_BY_USER: &str = "mentions_by_user";
    pub const BLOCKS_BY_BLOCKER: &str = "blocks_by_blocker";
    pub const BLOCKS_BY_BLOCKED: &str = "blocks_by_blocked";
    pub const REACTIONS_BY_USER: &str = "reactions_by_user";
    pub const EVENTS_OF_CHAT: &str = "events_of_chat";
    pub const EVENTS_ABOUT_CHAT: &str = "events_about_chat";
    pub const MESSAGES_BY_TIME: &str = "messages_by_time";
    pub const INVITES_BY_TOKEN: &str = "invites_by_token";
    pub const INVITES_BY_CHAT: &str = "invites_by_chat";
    pub const ATTACHMENTS_BY_MESSAGE: &str = "attachments_by_message";
    pub const ATTACHMENTS_TO_COLLECT: &str = "attachments_to_collect";
}

/// The newest version that this program knows.
pub(super) const KNOWN: i32 = 13;
pub(super) const COLLECTION: &str = "schema";
/// The id of its one document.
pub(super) const ID: &str = "samvad";

/// The one document of the collection `schema`.
#[derive(Serialize, Deserialize)]
struct SchemaDocument {
    #[serde(rename = "_id")]
    id: String,
    /// The version that the data has.
    version: i32,
    /// The oldest version whose programs can go on with data of this version.
    compatible_from: i32,
}

/// The database cannot be used by this program.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(
        "the database has version {found}, this program knows versions up to {KNOWN} and cannot go on with \
         newer ones than it is told to: use a newer one"
    )]
    Newer { found: i32 },
    #[error("the database “{name}” belongs to another program: name another one in the connection string")]
    Foreign { name: String },
}

/// Brings the database to the newest version. Safe while other nodes do the same, and while they serve.
pub(super) async fn apply(database: &Database) -> Result<(), Fault> {
    let schema = database.collection::<SchemaDocument>(COLLECTION);
    let version = look(database).await?;
    if version > KNOWN {
        tracing::warn!(version, known = KNOWN, "the database is newer, and still understood");
        return Ok(());
    }
    // What says whose the collections are comes before the collections.
    let begun = doc! { "$setOnInsert": { "version": 0, "compatible_from": 0 } };
    schema.update_one(doc! { "_id": ID }, begun).upsert(true).await?;
    if version < 1 {
        first(database).await?;
    }
    if version < 2 {
        second(database).await?;
    }
    if version < 3 {
        third(database).await?;
    }
    if version < 4 {
        fourth(database).await?;
    }
    if version < 5 {
        fifth(database).await?;
    }
    if version < 6 {
        sixth(database).await?;
    }
    if version < 7 {
        seventh(database, version > 0).await?;
    }
    if version < 8 {
        eighth(database).await?;
    }
    if version < 9 {
        ninth(database).await?;
    }
    if version < 10 {
        tenth(database).await?;
    }
    if version < 11 {
        eleventh(database).await?;
    }
    if version < 12 {
        twelfth(database).await?;
    }
    if version < 13 {
        thirteenth(database).await?;
    }
    let done = doc! { "$max": { "version": KNOWN, "compatible_from": 1 } };
    schema.update_one(doc! { "_id": ID }, done).await?;
    if version < KNOWN {
        tracing::info!(from = version, to = KNOWN, "migrated the database");
    }
    Ok(())
}

/// The version of the database, 0 if it is empty. Fails if it cannot be used by this program.
pub(super) async fn look(database: &Database) -> Result<i32, Fault> {
    let schema = database.collection::<SchemaDocument>(COLLECTION);
    let mut found = schema.find_one(doc! { "_id": ID }).await?;
    if found.is_none() {
        let others = database.list_collection_names().await?.iter().any(|name| name != COLLECTION);
        // Another node may have begun between the two looks: then the collections are its own.
        found = schema.find_one(doc! { "_id": ID }).await?;
        if found.is_none() && others {
            return Err(AppError::internal(Unusable::Foreign { name: database.name().to_owned() }).into());
        }
    }
    match found {
        Some(found) if found.version > KNOWN && found.compatible_from > KNOWN => {
            Err(AppError::internal(Unusable::Newer { found: found.version }).into())
        }
        found => Ok(found.map_or(0, |found| found.version)),
    }
}

/// Version 1: the collections and their indexes. The events are the truth; messages, members and the heads
/// in chats are projections, written in the same transaction.
async fn first(database: &Database) -> Result<(), Fault> {
    let indexes = [
        (
            "users",
            vec![
                unique(index::USERS_BY_EMAIL, doc! { "email": 1 }),
                plain(index::USERS_BY_WORD, doc! { "words": 1 }),
            ],
        ),
        (
            "sessions",
            vec![
                plain(index::SESSIONS_BY_USER, doc! { "user_id": 1, "last_used_at": -1, "_id": -1 }),
                plain(index::SESSIONS_BY_EXPIRY, doc! { "expires_at": 1 }),
            ],
        ),
        (
            "refresh_tokens",
            vec![
                plain(index::TOKENS_BY_SESSION, doc! { "session_id": 1 }),
                partial(index::TOKENS_BY_REPLACEMENT, doc! { "replaced_at": 1 }, "replaced_at"),
            ],
        ),
        (
            "chats",
            vec![
                unique_partial(index::CHATS_BY_PAIR, doc! { "pair.low": 1, "pair.high": 1 }, "pair.low"),
                partial(index::CHATS_DELETED, doc! { "deleted_at": 1 }, "deleted_at"),
            ],
        ),
        (
            "members",
            vec![
                unique(index::MEMBERS_BY_CHAT, doc! { "chat_id": 1, "user_id": 1 }),
                unique(index::MEMBERS_IN_ORDER, doc! { "chat_id": 1, "position": 1 }),
                plain(index::MEMBERS_BY_USER, doc! { "user_id": 1, "chat_id": 1 }),
            ],
        ),
        ("events", vec![unique(index::EVENTS_BY_SEQ, doc! { "chat_id": 1, "seq": 1 })]),
        (
            "messages",
            vec![
                unique(index::MESSAGES_BY_SEQ, doc! { "chat_id": 1, "seq": 1 }),
                unique(index::MESSAGES_BY_CLIENT_ID, doc! { "sender_id": 1, "client_id": 1 }),
            ],
        ),
    ];
    let make = indexes.into_iter().map(|(name, indexes)| async move {
        database.collection::<Document>(name).create_indexes(indexes).await
    });
    try_join_all(make).await?;
    Ok(())
}

/// Version 2: an index of the chats that somebody made. Who made a chat is its first member.
async fn second(database: &Database) -> Result<(), Fault> {
    let only = doc! { "position": 1 };
    let name = index::MEMBERS_WHO_MADE.to_owned();
    let options = IndexOptions::builder().name(name).partial_filter_expression(only).build();
    // With the position, so that what is counted need not be looked at.
    let keys = doc! { "user_id": 1, "position": 1 };
    let made = IndexModel::builder().keys(keys).options(options).build();
    database.collection::<Document>("members").create_index(made).await?;
    Ok(())
}

/// Version 3: files that travel with messages, by the message that has them and by when they are collected.
/// Messages without files, and accounts that have sent none, may lack the fields that say so.
async fn third(database: &Database) -> Result<(), Fault> {
    let indexes = [
        partial(
            index::ATTACHMENTS_BY_MESSAGE,
            doc! { "attached.chat_id": 1, "attached.seq": 1 },
            "attached.chat_id",
        ),
        partial(index::ATTACHMENTS_TO_COLLECT, doc! { "collect_at": 1 }, "collect_at"),
    ];
    database.collection::<Document>("attachments").create_indexes(indexes).await?;
    Ok(())
}

/// Version 4: reactions, and pinned messages. Messages that nothing has happened to lack the fields that say so.
async fn fourth(database: &Database) -> Result<(), Fault> {
    let keys = doc! { "chat_id": 1, "pinned_at": -1, "seq": -1 };
    let pinned = partial(index::MESSAGES_PINNED, keys, "pinned_at");
    database.collection::<Document>("messages").create_index(pinned).await?;
    // By person before emoji: what is asked is which of them are somebody's own.
    let keys = doc! { "chat_id": 1, "message_seq": 1, "user_id": 1, "emoji": 1 };
    let reactions = unique(index::REACTIONS_BY_USER, keys);
    database.collection::<Document>("reactions").create_index(reactions).await?;
    Ok(())
}

/// Version 5: how far people have read. Everybody begins as having read everything. Chats go on meanwhile: who has a
/// place to read from already keeps it.
async fn fifth(database: &Database) -> Result<(), Fault> {
    let head = doc! { "$project": { "_id": 0, "head_ordinal": 1 } };
    let begin = [
        doc! { "$match": { "read_ordinal": null } },
        doc! { "$lookup": {
            "from": "chats", "localField": "chat_id", "foreignField": "_id", "pipeline": [head], "as": "chat",
        } },
        doc! { "$project": {
            "chat_id": 1,
            "user_id": 1,
            "read_ordinal": { "$ifNull": [{ "$first": "$chat.head_ordinal" }, 0_i64] },
        } },
        doc! { "$merge": {
            "into": "members",
            "whenMatched": [
                { "$set": { "read_ordinal": { "$ifNull": ["$read_ordinal", "$$new.read_ordinal"] } } },
            ],
            "whenNotMatched": "discard",
        } },
    ];
    database.collection::<Document>("members").aggregate(begin).await?;
    Ok(())
}

/// Version 6: messages that a node of a version before 4 has deleted, for the purge to finish. There are none of them
/// otherwise, so the index is empty.
async fn sixth(database: &Database) -> Result<(), Fault> {
    let name = index::MESSAGES_HALF_DELETED.to_owned();
    let options = IndexOptions::builder().name(name).partial_filter_expression(are_half_deleted()).build();
    let half_deleted = IndexModel::builder().keys(doc! { "deleted_at": 1 }).options(options).build();
    database.collection::<Document>("messages").create_index(half_deleted).await?;
    Ok(())
}

/// Version 7: what messages are found by, with their chat and newest first. What there is already is given it in the
/// background.
async fn seventh(database: &Database, are_there_messages: bool) -> Result<(), Fault> {
    let keys = doc! { "chat_id": 1, "grams": 1, "created_at": -1, "_id": -1 };
    let by_gram = plain(index::MESSAGES_BY_GRAM, keys);
    database.collection::<Document>("messages").create_index(by_gram).await?;
    if are_there_messages {
        catching_up::begin(database).await?;
    }
    Ok(())
}

/// Version 8: mentions, and people by their names. Names are written in one form of each character from now on, which
/// is another one for few of them; an older node may go on writing those otherwise, and they are found once it is gone
/// and they have changed their name.
async fn eighth(database: &Database) -> Result<(), Fault> {
    let keys = doc! { "chat_id": 1, "user_id": 1, "ordinal": 1 };
    let mentions = unique(index::MENTIONS_BY_USER, keys);
    database.collection::<Document>("mentions").create_index(mentions).await?;
    let users = database.collection::<Document>("users");
    // With the id, so that who is called so is read from it alone.
    users.create_index(plain(index::USERS_BY_NAME, doc! { "name_key": 1, "_id": 1 })).await?;
    let mut all = users.find(doc! {}).projection(doc! { "display_name": 1, "name_key": 1 }).await?;
    while let Some(user) = all.try_next().await? {
        let (Ok(name), Some(id)) = (user.get_str("display_name"), user.get("_id")) else { continue };
        let key = name_key(name);
        if user.get_str("name_key").ok() != Some(key.as_str()) {
            let this = doc! { "_id": id, "display_name": name };
            users.update_one(this, doc! { "$set": { "name_key": key } }).await?;
        }
    }
    Ok(())
}

/// Version 9: invitations to groups; what happened to chats rather than to their messages; messages by time. Groups that say nothing about themselves lack the field that would.
async fn ninth(database: &Database) -> Result<(), Fault> {
    let indexes = [
        unique(index::INVITES_BY_TOKEN, doc! { "token_hash": 1 }),
        plain(index::INVITES_BY_CHAT, doc! { "chat_id": 1 }),
    ];
    database.collection::<Document>("invites").create_indexes(indexes).await?;
    let types = ["member_added", "member_removed", "role_changed", "chat_renamed", "chat_described"];
    let of_chat = of_types(index::EVENTS_OF_CHAT, &types);
    database.collection::<Document>("events").create_index(of_chat).await?;
    let by_time = plain(index::MESSAGES_BY_TIME, doc! { "chat_id": 1, "created_at": 1, "seq": 1 });
    database.collection::<Document>("messages").create_index(by_time).await?;
    Ok(())
}

/// Version 10: where browsers are told while no page is open. Sessions without that lack the field.
async fn tenth(database: &Database) -> Result<(), Fault> {
    let indexes = [
        unique_partial(index::SESSIONS_BY_ENDPOINT, doc! { "push.endpoint": 1 }, "push.endpoint"),
        partial(index::SESSIONS_WITH_PUSH, doc! { "user_id": 1 }, "push.endpoint"),
    ];
    database.collection::<Document>("sessions").create_indexes(indexes).await?;
    Ok(())
}

/// Version 11: one more kind of what happens to chats rather than to their messages. The index of version 9 stays for the
/// nodes that ask it. People, groups and files without avatars lack the fields that would say so.
async fn eleventh(database: &Database) -> Result<(), Fault> {
    let types = [
        "member_added",
        "member_removed",
        "role_changed",
        "chat_renamed",
        "chat_described",
        "chat_avatar_changed",
    ];
    let about_chat = of_types(index::EVENTS_ABOUT_CHAT, &types);
    database.collection::<Document>("events").create_index(about_chat).await?;
    Ok(())
}

/// Only of events of these types. Two indexes of the same keys differ by that.
fn of_types(name: &str, types: &[&str]) -> IndexModel {
    let only = doc! { "body.type": { "$in": types.to_vec() } };
    let options = IndexOptions::builder().name(name.to_owned()).partial_filter_expression(only).build();
    IndexModel::builder().keys(doc! { "chat_id": 1, "seq": 1 }).options(options).build()
}

/// Version 12: what people are writing. Members who have saved nothing lack the field. A node of the version before
/// leaves the draft of a message that it stores; pages pass over it, and take it away.
async fn twelfth(database: &Database) -> Result<(), Fault> {
    let keys = doc! { "user_id": 1, "draft.saved_at": -1 };
    let with_draft = partial(index::MEMBERS_WITH_DRAFT, keys, "draft.saved_at");
    database.collection::<Document>("members").create_index(with_draft).await?;
    Ok(())
}

/// Version 13: who has blocked whom. Chats and accounts that know nothing of that, nor of when people were last there,
/// lack the fields.
async fn thirteenth(database: &Database) -> Result<(), Fault> {
    let indexes = [
        unique(index::BLOCKS_BY_BLOCKER, doc! { "blocker_id": 1, "blocked_id": 1 }),
        plain(index::BLOCKS_BY_BLOCKED, doc! { "blocked_id": 1, "blocker_id": 1 }),
    ];
    database.collection::<Document>("blocks").create_indexes(indexes).await?;
    Ok(())
}

/// Finds messages that are deleted and have something yet that goes with that. In these words, which are those of the
/// index.
pub(super) fn are_half_deleted() -> Document {
    let has = |field: &str| doc! { field: { "$exists": true } };
    let left: Vec<Document> = MessageDocument::GONE_WHEN_DELETED.into_iter().map(has).collect();
    doc! { "deleted_at": { "$exists": true }, "$or": left }
}

fn plain(name: &str, keys: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).build();
    IndexModel::builder().keys(keys).options(options).build()
}

fn unique(name: &str, keys: Document) -> IndexModel {
    let options = IndexOptions::builder().name(name.to_owned()).unique(true).build();
    IndexModel::builder().keys(keys).options(options).build()
}

/// Only of documents that have the field.
fn partial(name: &str, keys: Document, field: &str) -> IndexModel {
    let only = doc! { field: { "$exists": true } };
    let options = IndexOptions::builder().name(name.to_owned()).partial_filter_expression(only).build();
    IndexModel::builder().keys(keys).options(options).build()
}

fn unique_partial(name: &str, keys: Document, field: &str) -> IndexModel {
    let only = doc! { field: { "$exists": true } };
    let options =
        IndexOptions::builder().name(name.to_owned()).unique(true).partial_filter_expression(only).build();
    IndexModel::builder().keys(keys).options(options).build()
}
