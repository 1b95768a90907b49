//! When people were last there, what they share, and whom they have blocked.
//!
//! Who has blocked whom is a document of its own, and a mark in the direct chat of the two, written together. A direct
//! chat that is made at the same moment would lack the mark: so who makes one puts the two documents there and takes
//! them away again in its transaction, and of the two that meet one is done anew ([`meet`]).

use app::{
    domain::{ChatId, Timestamp, UserId, limits},
    error::{AppResult, ErrorCode},
    ports::{PeopleStore, Privacy, SharedChats},
    protocol::SharedGroupView,
};
use async_trait::async_trait;
use mongodb::{
    bson::{DateTime, Document, doc, oid::ObjectId},
    options::Hint,
};
use serde::{Deserialize, Serialize};

use super::{
    MongoStore, accounts, changes, chats,
    documents::{attachment, date, user, user_oid},
    fault::Fault,
    migrations::index,
    transaction::Transaction,
};
use crate::store::{blocks::PairBlocks, people::by_name};

/// That somebody has blocked somebody else.
#[derive(Serialize, Deserialize)]
pub(super) struct BlockDocument {
    pub blocker_id: ObjectId,
    pub blocked_id: ObjectId,
    pub blocked_at: DateTime,
}

/// The same in the direct chat of the two, of which one has the lower id. Missing where nobody ever blocked anybody.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct BlockedDocument {
    #[serde(default)]
    pub by_low: bool,
    #[serde(default)]
    pub by_high: bool,
}

impl BlockedDocument {
    /// With whom of the two it is.
    pub(super) fn of(self, low: Option<ObjectId>) -> PairBlocks {
        PairBlocks { low: low.map(user), by_low: self.by_low, by_high: self.by_high }
    }

    /// Finds the chat only while that is so.
    pub(super) fn as_read(self) -> Document {
        let is = |on: bool| {
            if on {
                doc! { "$eq": true }
            } else {
                doc! { "$ne": true }
            }
        };
        doc! { "blocked.by_low": is(self.by_low), "blocked.by_high": is(self.by_high) }
    }
}

#[derive(Deserialize)]
struct Shown {
    show_last_seen: Option<bool>,
}

#[derive(Deserialize)]
struct Blocked {
    blocked_id: ObjectId,
}

#[derive(Deserialize)]
struct Blocker {
    blocker_id: ObjectId,
}

#[derive(Deserialize)]
struct Place {
    chat_id: ObjectId,
}

#[derive(Deserialize)]
struct Group {
    #[serde(rename = "_id")]
    id: ObjectId,
    name: Option<String>,
    avatar: Option<ObjectId>,
}

#[async_trait]
impl PeopleStore for MongoStore {
    async fn note_last_seen(&self, people: &[UserId], at: Timestamp) -> AppResult<()> {
        if people.is_empty() {
            return Ok(());
        }
        self.call(|| note_last_seen(self, people, at)).await
    }

    async fn set_show_last_seen(&self, person: UserId, on: bool) -> AppResult<bool> {
        let set = doc! { "$set": { "show_last_seen": on } };
        self.call(|| accounts::update(self, doc! { "_id": user_oid(person) }, set.clone())).await
    }

    async fn privacy_of(&self, person: UserId) -> AppResult<Privacy> {
        self.call(|| privacy(self, person)).await
    }

    async fn shared_chats(&self, viewer: UserId, other: UserId, groups: usize) -> AppResult<SharedChats> {
        self.call(|| shared(self, viewer, other, groups)).await
    }

    async fn block(&self, blocker: UserId, blocked: UserId, at: Timestamp) -> AppResult<()> {
        let look = || async move { Ok(has_blocked(self, blocker, blocked).await?.then_some(())) };
        self.call_or_look(|| block(self, blocker, blocked, at), look).await
    }

    async fn unblock(&self, blocker: UserId, blocked: UserId) -> AppResult<()> {
        let look = || async move { Ok((!has_blocked(self, blocker, blocked).await?).then_some(())) };
        self.call_or_look(|| unblock(self, blocker, blocked), look).await
    }

    async fn blockers_among(&self, person: UserId, people: &[UserId]) -> AppResult<Vec<UserId>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        self.call(|| blockers_among(self, person, people)).await
    }
}

async fn note_last_seen(store: &MongoStore, people: &[UserId], at: Timestamp) -> Result<(), Fault> {
    let ids: Vec<ObjectId> = people.iter().copied().map(user_oid).collect();
    let mut session = store.causal().await?;
    let later = doc! { "$max": { "last_seen_at": date(at) } };
    store.users.update_many(doc! { "_id": { "$in": ids } }, later).session(&mut session).await?;
    store.seen.note(&session);
    Ok(())
}

async fn privacy(store: &MongoStore, person: UserId) -> Result<Privacy, Fault> {
    let users = store.users.clone_with_type::<Shown>();
    let shown = users.find_one(doc! { "_id": user_oid(person) }).projection(doc! { "show_last_seen": 1 });
    let blocks = store.blocks.clone_with_type::<Blocked>();
    let blocked = blocks.find(doc! { "blocker_id": user_oid(person) });
    let blocked = blocked.projection(doc! { "_id": 0, "blocked_id": 1 });
    let (shown, blocked) = tokio::try_join!(store.first(shown), store.all(blocked))?;
    Ok(Privacy {
        shows_last_seen: shown.and_then(|shown| shown.show_last_seen).unwrap_or(true),
        blocked: blocked.into_iter().map(|one| user(one.blocked_id)).collect(),
    })
}

/// Those of the people who have blocked this person, read from the index alone: one step where nobody has, as mostly,
/// however many people these are.
async fn blockers_among(store: &MongoStore, person: UserId, people: &[UserId]) -> Result<Vec<UserId>, Fault> {
    let ids: Vec<ObjectId> = people.iter().copied().map(user_oid).collect();
    let blocks = store.blocks.clone_with_type::<Blocker>();
    let found = blocks.find(doc! { "blocked_id": user_oid(person), "blocker_id": { "$in": ids } });
    let found = found.hint(Hint::Name(index::BLOCKS_BY_BLOCKED.to_owned()));
    let found = store.all(found.projection(doc! { "_id": 0, "blocker_id": 1 })).await?;
    Ok(found.into_iter().map(|one| user(one.blocker_id)).collect())
}

/// Those of the people whom this person has blocked, read from the index alone.
pub(super) async fn blocked_among(
    store: &MongoStore,
    person: UserId,
    people: Vec<ObjectId>,
) -> Result<Vec<ObjectId>, Fault> {
    let blocks = store.blocks.clone_with_type::<Blocked>();
    let found = blocks.find(doc! { "blocker_id": user_oid(person), "blocked_id": { "$in": people } });
    let found = store.all(found.projection(doc! { "_id": 0, "blocked_id": 1 })).await?;
    Ok(found.into_iter().map(|one| one.blocked_id).collect())
}

/// Whether one has blocked the other.
pub(super) async fn has_blocked(store: &MongoStore, blocker: UserId, blocked: UserId) -> Result<bool, Fault> {
    Ok(!blockers_among(store, blocked, &[blocker]).await?.is_empty())
}

async fn block(store: &MongoStore, blocker: UserId, blocked: UserId, at: Timestamp) -> Result<(), Fault> {
    if has_blocked(store, blocker, blocked).await? {
        // A chat that a node of the version before has made since is not marked.
        let mut transaction = Transaction::begin(store).await?;
        // Written, not only read: this and a change of mind that comes meanwhile must not pass each other by.
        let row = doc! { "blocker_id": user_oid(blocker), "blocked_id": user_oid(blocked) };
        let again = doc! { "$inc": { "repeated": 1 } };
        if store.blocks.update_one(row, again).session(transaction.session()).await?.matched_count == 0 {
            return Err(Fault::Lost);
        }
        mark(store, &mut transaction, blocker, blocked, true).await?;
        return transaction.commit().await;
    }
    let most = u64::try_from(limits::BLOCKED_PER_USER).unwrap_or(u64::MAX);
    let count = store.blocks.count_documents(doc! { "blocker_id": user_oid(blocker) }).limit(most);
    // Two that come at the same moment do not count each other: somebody may come to have blocked a few more.
    if store.count(count).await? >= most {
        return Err(ErrorCode::TooManyBlocked.into());
    }
    let mut transaction = Transaction::begin(store).await?;
    put(store, &mut transaction, blocker, blocked, at).await?;
    mark(store, &mut transaction, blocker, blocked, true).await?;
    transaction.commit().await
}

async fn unblock(store: &MongoStore, blocker: UserId, blocked: UserId) -> Result<(), Fault> {
    let mut transaction = Transaction::begin(store).await?;
    let this = doc! { "blocker_id": user_oid(blocker), "blocked_id": user_oid(blocked) };
    store.blocks.delete_one(this).session(transaction.session()).await?;
    mark(store, &mut transaction, blocker, blocked, false).await?;
    transaction.commit().await
}

/// Says it in the direct chat of the two, if there is one.
async fn mark(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    blocker: UserId,
    blocked: UserId,
    on: bool,
) -> Result<(), Fault> {
    let (low, high) = (blocker.min(blocked), blocker.max(blocked));
    let field = if blocker == low { "blocked.by_low" } else { "blocked.by_high" };
    let chat = doc! { "pair.low": user_oid(low), "pair.high": user_oid(high) };
    store.chats.update_one(chat, doc! { "$set": { field: on } }).session(transaction.session()).await?;
    Ok(())
}

async fn put(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    blocker: UserId,
    blocked: UserId,
    at: Timestamp,
) -> Result<(), Fault> {
    let document =
        BlockDocument { blocker_id: user_oid(blocker), blocked_id: user_oid(blocked), blocked_at: date(at) };
    let put = store.blocks.insert_one(document).session(transaction.session()).await;
    match put.map_err(Fault::from) {
        // It is there by now: the next look finds it.
        Err(fault) if fault.duplicate() == Some(index::BLOCKS_BY_BLOCKER) => Err(Fault::Lost),
        outcome => outcome.map(drop),
    }
}

/// Has a transaction that makes the direct chat of these two run into every other that has one block the other: their
/// documents would be the same.
pub(super) async fn meet(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    one: UserId,
    other: UserId,
    at: Timestamp,
) -> Result<(), Fault> {
    for (blocker, blocked) in [(one, other), (other, one)] {
        put(store, transaction, blocker, blocked, at).await?;
        let this = doc! { "blocker_id": user_oid(blocker), "blocked_id": user_oid(blocked) };
        store.blocks.delete_one(this).session(transaction.session()).await?;
    }
    Ok(())
}

async fn shared(
    store: &MongoStore,
    viewer: UserId,
    other: UserId,
    groups: usize,
) -> Result<SharedChats, Fault> {
    let direct = changes::of_pair(store, (viewer.min(other), viewer.max(other)));
    let (direct, mine) = tokio::try_join!(direct, chats::places(store, viewer))?;
    let both = store.members.clone_with_type::<Place>();
    let both = both.find(doc! { "user_id": user_oid(other), "chat_id": { "$in": mine } });
    let both = store.all(both.projection(doc! { "_id": 0, "chat_id": 1 })).await?;
    let ids: Vec<ObjectId> = both.into_iter().map(|place| place.chat_id).collect();
    let chats = store.chats.clone_with_type::<Group>();
    let found = chats
        .find(doc! { "_id": { "$in": ids }, "kind": "group" })
        .projection(doc! { "name": 1, "avatar": 1 });
    let view = |group: Group| {
        let id = ChatId::from_bytes(group.id.bytes());
        Some(SharedGroupView { id, name: group.name?, avatar: group.avatar.map(attachment) })
    };
    let found = store.all(found).await?.into_iter().filter_map(view).collect();
    Ok(SharedChats { direct, groups: by_name(found, groups) })
}
