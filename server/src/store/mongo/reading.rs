//! What a chat is to each of its members alone: fields of the member's document, which go with it.
//!
//! A change is one write to that document, made only if all of what was read of it still holds: no transaction, and
//! nothing that moves the chat's head. A send changes the same document within its transaction. A change that meets one
//! waits for its end and then finds the document otherwise than it was read; a send that meets a change is done anew.
//! Both are tried again like everything else.

use std::collections::{BTreeMap, HashMap};

use app::{
    domain::{ChatId, Ordinal, Seq, UserId, limits},
    error::AppResult,
    ports::{DecideMine, MineChange, Place, Places, ReadingStore},
};
use async_trait::async_trait;
use mongodb::bson::{Bson, Document, Uuid, doc, oid::ObjectId};
use serde::Deserialize;

use super::{
    MongoStore, accounts,
    documents::{MemberDocument, chat_oid, date, user_oid},
    drafts,
    fault::Fault,
    log::MessageDocument,
    people::BlockedDocument,
    transaction::Transaction,
};

/// A member, with what decides who may see how far they have read.
#[derive(Deserialize)]
struct Ground {
    member: MemberDocument,
    chat: Vec<ChatSize>,
    user: Vec<Settings>,
}

/// Where a chat's log stands, and how many are in it.
#[derive(Deserialize)]
struct ChatSize {
    #[serde(rename = "_id")]
    id: ObjectId,
    head: i64,
    head_ordinal: i64,
    member_count: i64,
    #[serde(default)]
    pair: Option<Low>,
    #[serde(default)]
    blocked: BlockedDocument,
}

/// Of a direct chat.
#[derive(Deserialize)]
struct Low {
    low: ObjectId,
}

#[derive(Deserialize)]
struct Settings {
    read_receipts: Option<bool>,
}

#[async_trait]
impl ReadingStore for MongoStore {
    async fn change_mine(
        &self,
        chat: ChatId,
        member: UserId,
        decide: DecideMine,
    ) -> AppResult<Option<MineChange>> {
        self.call(|| change(self, chat, member, &decide)).await
    }

    async fn places_of(&self, person: UserId) -> AppResult<Places> {
        self.call(|| places(self, person)).await
    }

    async fn set_read_receipts(&self, person: UserId, on: bool) -> AppResult<bool> {
        let set = doc! { "$set": { "read_receipts": on } };
        self.call(|| accounts::update(self, doc! { "_id": user_oid(person) }, set.clone())).await
    }
}

async fn change(
    store: &MongoStore,
    chat: ChatId,
    member: UserId,
    decide: &DecideMine,
) -> Result<Option<MineChange>, Fault> {
    let who = member;
    let Some(Ground { member, chat, user }) = ground(store, chat, who).await? else { return Ok(None) };
    let Some(chat) = chat.first() else { return Ok(None) };
    let has_receipts = user.first().is_some_and(|user| user.read_receipts.unwrap_or(true));
    let is_small = chat.member_count <= i64::try_from(limits::RECEIPT_MEMBERS).unwrap_or(i64::MAX);
    let is_hidden = chat.blocked.of(chat.pair.as_ref().map(|pair| pair.low)).seen_by(who).by_me;
    let before = member.mine(chat.head_ordinal);
    let mut after = decide(&before, Ordinal::from_i64(chat.head_ordinal));
    after.revision = before.revision;
    let is_changed = after != before;
    if is_changed {
        after.revision += 1;
    }
    // Who counted as having read everything has a place to read from from now on.
    if is_changed || member.read_ordinal.is_none() {
        let update = doc! { "$set": {
            "read_ordinal": after.read.as_i64(),
            "unread_from": after.unread_from.map(Ordinal::as_i64),
            "muted_until": after.muted_until.map(date),
            "mentions_only": after.mentions_only,
            "archived": after.archived,
            "my_revision": member.my_revision + i64::from(is_changed),
        } };
        if !write(store, as_read(&member), update).await? {
            return Err(Fault::Lost);
        }
    } else if store.first(store.members.find_one(as_read(&member))).await?.is_none() {
        // No write follows that would be lost with what was read, so a majority has to have it.
        return Err(Fault::Lost);
    }
    Ok(Some(MineChange { before, after, is_shown: has_receipts && is_small && !is_hidden }))
}

/// Whether there was such a member.
async fn write(store: &MongoStore, which: Document, update: Document) -> Result<bool, Fault> {
    let mut session = store.causal().await?;
    let written = store.members.update_one(which, update).session(&mut session).await?;
    store.seen.note(&session);
    Ok(written.matched_count == 1)
}

/// The member's document, unless it has changed since it was read: by a function, by a send or by joining anew.
fn as_read(member: &MemberDocument) -> Document {
    let mut filter = doc! {
        "chat_id": member.chat_id,
        "user_id": member.user_id,
        "position": member.position,
        "read_ordinal": member.read_ordinal,
        "unread_from": member.unread_from,
    };
    // Where there was no change yet, there may be no such field.
    match member.my_revision {
        0 => filter.insert("my_revision", doc! { "$in": [0_i64, Bson::Null] }),
        changes => filter.insert("my_revision", changes),
    };
    filter
}

/// Of the newest state: a write that follows it is on no member without it.
async fn ground(store: &MongoStore, chat: ChatId, member: UserId) -> Result<Option<Ground>, Fault> {
    let size =
        doc! { "$project": { "head": 1, "head_ordinal": 1, "member_count": 1, "pair.low": 1, "blocked": 1 } };
    let settings = doc! { "$project": { "_id": 0, "read_receipts": 1 } };
    let pipeline = [
        doc! { "$match": { "chat_id": chat_oid(chat), "user_id": user_oid(member) } },
        doc! { "$project": { "_id": 0, "member": "$$ROOT" } },
        doc! { "$lookup": {
            "from": "chats", "localField": "member.chat_id", "foreignField": "_id", "pipeline": [size], "as": "chat",
        } },
        doc! { "$lookup": {
            "from": "users", "localField": "member.user_id", "foreignField": "_id", "pipeline": [settings],
            "as": "user",
        } },
    ];
    store.newest_brought(store.members.aggregate(pipeline).with_type::<Ground>()).await
}

/// The members' documents first and then the chats: so no head is older than what is told of reading.
async fn places(store: &MongoStore, person: UserId) -> Result<Places, Fault> {
    let members = store.members.find(doc! { "user_id": user_oid(person) }).projection(doc! { "draft": 0 });
    let members = store.all(members).await?;
    if members.is_empty() {
        return Ok(Places::new());
    }
    let ids: Vec<ObjectId> = members.iter().map(|member| member.chat_id).collect();
    let chats = store.chats.clone_with_type::<ChatSize>();
    let found = chats
        .find(doc! { "_id": { "$in": ids } })
        .projection(doc! { "head": 1, "head_ordinal": 1, "member_count": 1 });
    let chats: BTreeMap<ObjectId, ChatSize> =
        store.all(found).await?.into_iter().map(|chat| (chat.id, chat)).collect();
    let place = |member: &MemberDocument| {
        let chat = chats.get(&member.chat_id)?;
        let place = Place {
            head: Seq::from_i64(chat.head),
            member_count: chat.member_count.unsigned_abs(),
            mine: member.mine(chat.head_ordinal),
        };
        Some((ChatId::from_bytes(member.chat_id.bytes()), place))
    };
    Ok(members.iter().filter_map(place).collect())
}

/// Who sends these messages to a chat has read up to their own last one, and what they were writing is none any longer
/// where one of these was made of it. One command, however many they are.
pub(super) async fn note_sent(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    chat: ObjectId,
    messages: &[MessageDocument],
) -> Result<(), Fault> {
    let last: BTreeMap<ObjectId, i64> =
        messages.iter().map(|message| (message.sender_id, message.ordinal)).collect();
    let senders: Vec<ObjectId> = last.keys().copied().collect();
    let own = |(sender, ordinal)| doc! { "case": { "$eq": ["$user_id", sender] }, "then": ordinal };
    let branches: Vec<Document> = last.into_iter().map(own).collect();
    let read = doc! { "$max": ["$read_ordinal", { "$switch": { "branches": branches } }] };
    let mut ids: HashMap<ObjectId, Vec<Uuid>> = HashMap::new();
    for message in messages {
        ids.entry(message.sender_id).or_default().push(message.client_id);
    }
    let set = doc! { "$set": { "read_ordinal": read, "draft": drafts::after_sending(&ids) } };
    let update = vec![set, doc! { "$unset": "unread_from" }];
    let which = doc! { "chat_id": chat, "user_id": { "$in": senders } };
    store.members.update_many(which, update).session(transaction.session()).await?;
    Ok(())
}
