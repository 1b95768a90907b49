//! Chats as their members find them. A deleted chat has no members, so that nobody finds it.

use std::collections::{HashMap, HashSet};

use app::{
    domain::{ChatId, Ordinal, Role, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{ChatRecord, ChatStore, Decide, NewDirectChat, NewGroupChat},
    protocol::{Heads, LogEvent},
};
use async_trait::async_trait;
use futures::TryStreamExt;
use mongodb::{
    bson::{Document, doc, oid::ObjectId},
    options::ReadConcern,
};
use serde::Deserialize;

use super::{
    MongoStore, changes,
    documents::{ChatDocument, MemberDocument, attachment, chat_oid, time, user, user_oid},
    fault::Fault,
    log::MessageDocument,
    mentions,
    messages::exists,
    transaction::{Attempted, COMMAND},
    views,
};

/// A chat, the viewer's place in it, its first members and its last message: of one snapshot.
#[derive(Deserialize)]
struct Found {
    chat: ChatDocument,
    me: Vec<MemberDocument>,
    first: Vec<MemberDocument>,
    last: Vec<MessageDocument>,
}

#[derive(Deserialize)]
struct Place {
    chat_id: ObjectId,
}

#[derive(Deserialize)]
struct Who {
    user_id: ObjectId,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "_id")]
    id: ObjectId,
    head: i64,
}

#[async_trait]
impl ChatStore for MongoStore {
    async fn create_direct_chat(&self, chat: NewDirectChat) -> AppResult<(ChatId, bool)> {
        let id = chat_oid(chat.id);
        let look = || async move { Ok(exists(self, id).await?.then_some((chat.id, true))) };
        self.call_or_look(|| changes::create_direct(self, &chat), look).await
    }

    async fn create_group_chat(&self, chat: NewGroupChat) -> AppResult<()> {
        let id = chat_oid(chat.id);
        let look = || async move { Ok(exists(self, id).await?.then_some(())) };
        self.call_or_look(|| changes::create_group(self, &chat), look).await
    }

    async fn change_chat(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        let attempted = Attempted::default();
        let work = || changes::change(self, chat, actor, at, &decide, &attempted, None);
        self.call_or_look(work, || changes::look_up(self, chat, &attempted)).await
    }

    async fn role(&self, chat: ChatId, viewer: UserId) -> AppResult<Option<Role>> {
        self.call(|| role(self, chat, viewer)).await
    }

    async fn chat(&self, chat: ChatId, viewer: UserId, members: usize) -> AppResult<Option<ChatRecord>> {
        let one = vec![doc! { "$match": { "_id": chat_oid(chat) } }];
        let mut found = self.call(|| records(self, one.clone(), viewer, members)).await?;
        Ok(found.pop())
    }

    async fn chats_of(&self, viewer: UserId, limit: usize, members: usize) -> AppResult<Vec<ChatRecord>> {
        self.call(|| chats_of(self, viewer, limit, members)).await
    }

    async fn heads_of(&self, viewer: UserId) -> AppResult<Heads> {
        self.call(|| heads_of(self, viewer)).await
    }

    async fn heads(&self, chats: &[ChatId]) -> AppResult<Heads> {
        let chats: Vec<_> = chats.iter().map(|chat| chat_oid(*chat)).collect();
        self.call(|| heads(self, doc! { "_id": { "$in": chats.clone() }, "deleted_at": null })).await
    }

    async fn member_ids(&self, chat: ChatId) -> AppResult<Vec<UserId>> {
        self.call(|| member_ids(self, doc! { "chat_id": chat_oid(chat) }, usize::MAX)).await
    }

    async fn contacts_of(&self, user: UserId, largest: usize, limit: usize) -> AppResult<Vec<UserId>> {
        self.call(|| contacts_of(self, user, largest, limit)).await
    }

    async fn small_chats_of(&self, user: UserId, largest: usize) -> AppResult<Vec<ChatId>> {
        let found = self.call(|| small_chats_of(self, user, largest)).await?;
        Ok(found.into_iter().map(|id| ChatId::from_bytes(id.bytes())).collect())
    }
}

async fn role(store: &MongoStore, chat: ChatId, viewer: UserId) -> Result<Option<Role>, Fault> {
    let filter = doc! { "chat_id": chat_oid(chat), "user_id": user_oid(viewer) };
    Ok(store.first(store.members.find_one(filter)).await?.map(|member| member.role))
}

/// The chats that the person is in, read from the index alone.
pub(super) async fn places(store: &MongoStore, who: UserId) -> Result<Vec<ObjectId>, Fault> {
    let places = store.members.clone_with_type::<Place>();
    let found = places.find(doc! { "user_id": user_oid(who) }).projection(doc! { "_id": 0, "chat_id": 1 });
    Ok(store.all(found).await?.into_iter().map(|place| place.chat_id).collect())
}

/// Sorts the viewer's chats: that depends on how many they are in, never on how long these are.
async fn chats_of(
    store: &MongoStore,
    viewer: UserId,
    limit: usize,
    members: usize,
) -> Result<Vec<ChatRecord>, Fault> {
    let Some(limit) = i64::try_from(limit).ok().filter(|limit| *limit > 0) else { return Ok(Vec::new()) };
    let chats = places(store, viewer).await?;
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let which = vec![
        doc! { "$match": { "_id": { "$in": chats } } },
        doc! { "$sort": { "last_activity_at": -1, "_id": -1 } },
        doc! { "$limit": limit },
    ];
    records(store, which, viewer, members).await
}

/// The chats that the stages find and the viewer is in.
async fn records(
    store: &MongoStore,
    which: Vec<Document>,
    viewer: UserId,
    members: usize,
) -> Result<Vec<ChatRecord>, Fault> {
    let mut pipeline = which;
    pipeline.push(doc! { "$project": { "chat": "$$ROOT" } });
    let me = doc! { "$match": { "user_id": user_oid(viewer) } };
    let no_draft = || doc! { "$project": { "draft": 0 } };
    pipeline.push(lookup("members", "_id", "chat_id", vec![me, no_draft()], "me"));
    let mut first = match i64::try_from(members) {
        Ok(0) => vec![doc! { "$match": { "$expr": false } }],
        Ok(members) => vec![doc! { "$sort": { "position": 1 } }, doc! { "$limit": members }],
        Err(_more_than_any_chat_has) => vec![doc! { "$sort": { "position": 1 } }],
    };
    first.push(no_draft());
    pipeline.push(lookup("members", "_id", "chat_id", first, "first"));
    let shown = vec![doc! { "$project": { "grams": 0 } }];
    pipeline.push(lookup("messages", "chat.last_message_id", "_id", shown, "last"));
    let found = store.chats.aggregate(pipeline).with_type::<Found>().read_concern(ReadConcern::snapshot());
    let mut found = store.brought(found).await?;
    let (mut shown, mut last) = (Vec::new(), Vec::new());
    for found in &mut found {
        shown.extend(found.first.iter().map(|member| member.user_id));
        last.append(&mut found.last);
    }
    let (last, profiles) = views::views_beside(store, &last, viewer, shown).await?;
    let mut last: HashMap<_, _> = last.into_iter().map(|message| (message.chat_id, message)).collect();
    let record = |found: Found| {
        let me = found.me.first()?;
        let id = ChatId::from_bytes(found.chat.id.bytes());
        let head_ordinal = found.chat.head_ordinal;
        let blocking = found.chat.blocks().seen_by(viewer);
        Some(ChatRecord {
            viewer_id: viewer,
            id,
            kind: found.chat.kind,
            name: found.chat.name,
            description: found.chat.description,
            avatar: found.chat.avatar.map(attachment),
            members: found.first.iter().filter_map(|member| member.view(&profiles, head_ordinal)).collect(),
            member_count: found.chat.member_count.unsigned_abs(),
            my_role: me.role,
            blocking,
            mine: me.mine(head_ordinal),
            mentioned: Vec::new(),
            head: Seq::from_i64(found.chat.head),
            head_ordinal: Ordinal::from_i64(head_ordinal),
            last_message: last.remove(&id),
            created_at: time(found.chat.created_at),
        })
    };
    let mut records: Vec<ChatRecord> = found.into_iter().filter_map(record).collect();
    mentions::mark_unread(store, viewer, &mut records).await?;
    Ok(records)
}

fn lookup(from: &str, local: &str, foreign: &str, pipeline: Vec<Document>, field: &str) -> Document {
    doc! { "$lookup": {
        "from": from, "localField": local, "foreignField": foreign, "pipeline": pipeline, "as": field,
    } }
}

async fn heads_of(store: &MongoStore, viewer: UserId) -> Result<Heads, Fault> {
    let chats = places(store, viewer).await?;
    if chats.is_empty() {
        return Ok(Heads::default());
    }
    heads(store, doc! { "_id": { "$in": chats } }).await
}

/// The heads of the chats that are found by this filter.
async fn heads(store: &MongoStore, which: Document) -> Result<Heads, Fault> {
    let heads = store.chats.clone_with_type::<Head>();
    let found = store.all(heads.find(which).projection(doc! { "head": 1 })).await?;
    let head = |head: Head| (ChatId::from_bytes(head.id.bytes()), Seq::from_i64(head.head));
    Ok(found.into_iter().map(head).collect())
}

/// The people of these members, each once, read from the index alone.
async fn member_ids(store: &MongoStore, which: Document, limit: usize) -> Result<Vec<UserId>, Fault> {
    let who = store.members.clone_with_type::<Who>();
    let mut session = store.causal().await?;
    let found = who.find(which).projection(doc! { "_id": 0, "user_id": 1 }).max_time(COMMAND);
    let mut found = found.session(&mut session).await?;
    let mut found = found.stream(&mut session);
    let mut people = HashSet::new();
    while people.len() < limit
        && let Some(member) = found.try_next().await?
    {
        people.insert(member.user_id);
    }
    Ok(people.into_iter().map(user).collect())
}

async fn contacts_of(
    store: &MongoStore,
    who: UserId,
    largest: usize,
    limit: usize,
) -> Result<Vec<UserId>, Fault> {
    let chats = small_chats_of(store, who, largest).await?;
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let others = doc! { "chat_id": { "$in": chats }, "user_id": { "$ne": user_oid(who) } };
    member_ids(store, others, limit).await
}

async fn small_chats_of(store: &MongoStore, who: UserId, largest: usize) -> Result<Vec<ObjectId>, Fault> {
    let chats = places(store, who).await?;
    if chats.is_empty() {
        return Ok(Vec::new());
    }
    let largest = i64::try_from(largest).unwrap_or(i64::MAX);
    let small = store.chats.clone_with_type::<super::documents::IdDocument>();
    let found = small
        .find(doc! { "_id": { "$in": chats }, "member_count": { "$lte": largest } })
        .projection(doc! { "_id": 1 });
    Ok(store.all(found).await?.into_iter().map(|chat| chat.id).collect())
}
