//! Whom messages mention: finding people by their names, and messages by whom they mention.

use std::collections::{BTreeSet, HashMap};

use app::{
    domain::{ChatId, ChatKind, Ordinal, UserId, limits},
    error::AppResult,
    ports::{ChatRecord, MentionStore, NamedMember},
    protocol::MentionsView,
};
use async_trait::async_trait;
use mongodb::bson::{Document, doc, oid::ObjectId};
use serde::{Deserialize, Serialize};

use super::{
    MongoStore,
    documents::{chat_oid, user, user_oid},
    fault::Fault,
    log::MessageDocument,
    people,
    transaction::Transaction,
};
use crate::store::{
    mentions::{EVERYBODY, mentioned},
    people::CANDIDATES,
};

/// A person whom a message mentions, or [`EVERYBODY`] in its group.
#[derive(Serialize, Deserialize)]
pub(super) struct MentionDocument {
    pub chat_id: ObjectId,
    pub user_id: ObjectId,
    pub ordinal: i64,
    pub sender_id: ObjectId,
}

/// The same, where chat and person are known.
#[derive(Deserialize)]
struct Place {
    ordinal: i64,
    sender_id: ObjectId,
}

/// The newest messages of a chat that mention the viewer, and those that mention everybody.
#[derive(Deserialize)]
struct Newest {
    #[serde(rename = "_id")]
    chat: ObjectId,
    own: Vec<Place>,
    all: Vec<Place>,
}

#[derive(Deserialize)]
struct Kind {
    kind: ChatKind,
}

#[derive(Deserialize)]
struct Name {
    #[serde(rename = "_id")]
    id: ObjectId,
    name_key: String,
}

#[derive(Deserialize)]
struct Who {
    user_id: ObjectId,
}

#[async_trait]
impl MentionStore for MongoStore {
    async fn members_named(
        &self,
        chat: ChatId,
        keys: &[String],
        limit: usize,
    ) -> AppResult<Option<(ChatKind, Vec<NamedMember>)>> {
        self.call(|| named(self, chat, keys, limit)).await
    }
}

/// People and members are read from indexes alone.
async fn named(
    store: &MongoStore,
    chat: ChatId,
    keys: &[String],
    limit: usize,
) -> Result<Option<(ChatKind, Vec<NamedMember>)>, Fault> {
    let chats = store.chats.clone_with_type::<Kind>();
    let kind = chats.find_one(doc! { "_id": chat_oid(chat), "deleted_at": null });
    let kind = store.first(kind.projection(doc! { "_id": 0, "kind": 1 }));
    let users = store.users.clone_with_type::<Name>();
    let names = users.find(doc! { "name_key": { "$in": keys } }).limit(CANDIDATES);
    let names = store.all(names.projection(doc! { "name_key": 1 }));
    let (kind, names) = tokio::try_join!(kind, names)?;
    let Some(Kind { kind }) = kind else { return Ok(None) };
    let mut names: HashMap<ObjectId, String> =
        names.into_iter().map(|name| (name.id, name.name_key)).collect();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    if names.is_empty() || limit == 0 {
        return Ok(Some((kind, Vec::new())));
    }
    let ids: Vec<ObjectId> = names.keys().copied().collect();
    let members = store.members.clone_with_type::<Who>();
    let members = members.find(doc! { "chat_id": chat_oid(chat), "user_id": { "$in": ids } });
    let members = store.all(members.projection(doc! { "_id": 0, "user_id": 1 }).limit(limit)).await?;
    let member =
        |who: Who| Some(NamedMember { user_id: user(who.user_id), key: names.remove(&who.user_id)? });
    Ok(Some((kind, members.into_iter().filter_map(member).collect())))
}

/// Says of each chat which of its messages mention the viewer and are unread: one question, and none where nothing is
/// unread; where somebody mentions them, one more, whether they have blocked that one. It may be answered a moment after
/// the chats were read; what was sent meanwhile is left to its event.
pub(super) async fn mark_unread(
    store: &MongoStore,
    viewer: UserId,
    chats: &mut [ChatRecord],
) -> Result<(), Fault> {
    let unread: Vec<ObjectId> = chats
        .iter()
        .filter(|chat| chat.mine.unread(chat.head_ordinal) > 0)
        .map(|chat| chat_oid(chat.id))
        .collect();
    if unread.is_empty() {
        return Ok(());
    }
    let pipeline = [
        doc! { "$match": { "_id": { "$in": unread } } },
        doc! { "$project": { "_id": 1 } },
        newest(viewer, "own"),
        newest(EVERYBODY, "all"),
    ];
    let found = store.brought(store.chats.aggregate(pipeline).with_type::<Newest>()).await?;
    let senders =
        found.iter().flat_map(|newest| newest.own.iter().chain(&newest.all)).map(|place| place.sender_id);
    let mut senders: Vec<ObjectId> = senders.collect();
    senders.sort_unstable();
    senders.dedup();
    let blocked =
        if senders.is_empty() { senders } else { people::blocked_among(store, viewer, senders).await? };
    let mut found: HashMap<ObjectId, Newest> =
        found.into_iter().map(|newest| (newest.chat, newest)).collect();
    for chat in chats {
        let Some(Newest { own, all, .. }) = found.remove(&chat_oid(chat.id)) else { continue };
        let unread = chat.mine.unread(chat.head_ordinal);
        let read = chat.head_ordinal.0.saturating_sub(unread);
        let is_told = |ordinal: &Ordinal| ordinal.0 > read && *ordinal <= chat.head_ordinal;
        let is_heard =
            |place: &Place| place.sender_id != user_oid(viewer) && !blocked.contains(&place.sender_id);
        let others = own.into_iter().chain(all).filter(is_heard);
        let ordinals: BTreeSet<Ordinal> =
            others.map(|place| Ordinal::from_i64(place.ordinal)).filter(is_told).collect();
        let before = ordinals.len().saturating_sub(limits::MENTIONS_PER_CHAT);
        chat.mentioned = ordinals.into_iter().skip(before).collect();
    }
    Ok(())
}

/// The newest of a chat's messages that mention somebody, from the end of the index.
fn newest(who: UserId, field: &str) -> Document {
    let most = i64::try_from(limits::MENTIONS_PER_CHAT).unwrap_or(i64::MAX);
    let pipeline = vec![
        doc! { "$match": { "user_id": user_oid(who) } },
        doc! { "$sort": { "ordinal": -1 } },
        doc! { "$limit": most },
        doc! { "$project": { "_id": 0, "ordinal": 1, "sender_id": 1 } },
    ];
    doc! { "$lookup": {
        "from": "mentions", "localField": "_id", "foreignField": "chat_id", "pipeline": pipeline, "as": field,
    } }
}

fn documents(message: &MessageDocument, mentions: &MentionsView) -> Vec<MentionDocument> {
    let document = |who| MentionDocument {
        chat_id: message.chat_id,
        user_id: user_oid(who),
        ordinal: message.ordinal,
        sender_id: message.sender_id,
    };
    mentioned(mentions, user(message.sender_id)).into_iter().map(document).collect()
}

/// Writes whom new messages mention. No command where that is nobody.
pub(super) async fn insert(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    documents_of: &[(&MessageDocument, &MentionsView)],
) -> Result<(), Fault> {
    let new: Vec<_> =
        documents_of.iter().flat_map(|(message, mentions)| documents(message, mentions)).collect();
    if !new.is_empty() {
        store.mentions.insert_many(new).session(transaction.session()).await?;
    }
    Ok(())
}

/// Finds whom the message mentions; `None` if that is nobody.
pub(super) fn of_message(message: &MessageDocument) -> Option<Document> {
    let people: Vec<ObjectId> =
        documents(message, &message.mentions).into_iter().map(|mention| mention.user_id).collect();
    (!people.is_empty()).then(|| {
        doc! { "chat_id": message.chat_id, "user_id": { "$in": people }, "ordinal": message.ordinal }
    })
}

/// Has the message mention these people instead of those whom it has mentioned until now.
pub(super) async fn replace(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    before: &MessageDocument,
    now: &MentionsView,
) -> Result<(), Fault> {
    if before.mentions == *now {
        return Ok(());
    }
    if let Some(gone) = of_message(before) {
        store.mentions.delete_many(gone).session(transaction.session()).await?;
    }
    insert(store, transaction, &[(before, now)]).await
}
