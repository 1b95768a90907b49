//! Files: which there are, whose they are, and which nobody needs any longer. What is in them lies elsewhere.
//!
//! What becomes of them is decided on what was read before, and each write asks once more: a file is attached
//! only while it is arriving, claimed only while no message has it, and of two that come at once the second
//! begins anew.

use std::collections::{BTreeMap, HashMap};

use app::{
    domain::{AttachmentId, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{Appended, AttachmentRecord, AttachmentStore, NewAttachment, NewMessage},
};
use async_trait::async_trait;
use futures::TryStreamExt;
use mongodb::{
    bson::{Bson, Document, doc, oid::ObjectId, serialize_to_bson},
    options::ReadConcern,
};
use serde::Deserialize;

use super::{
    MongoStore,
    documents::{
        AttachedDocument, AttachmentDocument, AttachmentState, IdDocument, attachment_oid, date, user_oid,
    },
    fault::Fault,
    messages::exists,
    transaction::{COMMAND, Transaction},
};

/// Files that one command attaches: what it says of them stays far below what a command may be long.
const FILES_PER_COMMAND: usize = 500;

/// How much of an account's room is taken.
#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "_id")]
    id: ObjectId,
    #[serde(default)]
    attached_bytes: i64,
}

/// A file whose time has come.
#[derive(Deserialize)]
struct Due {
    #[serde(rename = "_id")]
    id: ObjectId,
    state: AttachmentState,
}

#[async_trait]
impl AttachmentStore for MongoStore {
    async fn expect_attachment(&self, attachment: NewAttachment) -> AppResult<()> {
        self.call(|| expect(self, &attachment)).await
    }

    async fn attached_bytes(&self, user: UserId) -> AppResult<u64> {
        self.call(|| attached_bytes(self, user)).await
    }

    async fn attachment(&self, id: AttachmentId) -> AppResult<Option<AttachmentRecord>> {
        self.call(|| attachment(self, id)).await
    }

    async fn give_up_attachments(&self, ids: &[AttachmentId], now: Timestamp) -> AppResult<()> {
        let ids: Vec<_> = ids.iter().copied().map(attachment_oid).collect();
        self.call(|| give_up(self, &ids, now)).await
    }

    async fn collect_attachments(&self, now: Timestamp, limit: usize) -> AppResult<Vec<AttachmentId>> {
        self.call(|| collect(self, now, limit)).await
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> AppResult<()> {
        let ids: Vec<_> = ids.iter().copied().map(attachment_oid).collect();
        self.call(|| forget(self, &ids)).await
    }
}

/// Done once or more often, it is the same.
async fn expect(store: &MongoStore, new: &NewAttachment) -> Result<(), Fault> {
    let this = doc! {
        "_id": attachment_oid(new.id), "owner_id": user_oid(new.owner_id), "state": AttachmentState::Arriving,
    };
    let when = doc! { "$setOnInsert": { "collect_at": date(new.collect_at) } };
    let mut session = store.causal().await?;
    store.attachments.update_one(this, when).upsert(true).session(&mut session).await?;
    store.seen.note(&session);
    Ok(())
}

async fn attached_bytes(store: &MongoStore, user: UserId) -> Result<u64, Fault> {
    let users = store.users.clone_with_type::<Taken>();
    let asked = users.find_one(doc! { "_id": user_oid(user) }).projection(doc! { "attached_bytes": 1 });
    Ok(store.first(asked).await?.map_or(0, |taken| taken.attached_bytes.unsigned_abs()))
}

async fn attachment(store: &MongoStore, id: AttachmentId) -> Result<Option<AttachmentRecord>, Fault> {
    let found = store.first(store.attachments.find_one(doc! { "_id": attachment_oid(id) })).await?;
    let Some(attached) = found.and_then(|found| found.attached) else { return Ok(None) };
    Ok(exists(store, attached.chat_id).await?.then(|| attached.into_record()))
}

async fn give_up(store: &MongoStore, ids: &[ObjectId], now: Timestamp) -> Result<(), Fault> {
    let these = doc! { "_id": { "$in": ids }, "state": AttachmentState::Arriving };
    let now = doc! { "$set": { "collect_at": date(now) } };
    let mut session = store.causal().await?;
    store.attachments.update_many(these, now).session(&mut session).await?;
    store.seen.note(&session);
    Ok(())
}

/// Reads which are due, and claims in one write those of them that nobody has claimed. Where a message was
/// faster, or another node, what is then claimed is read again.
async fn collect(store: &MongoStore, now: Timestamp, limit: usize) -> Result<Vec<AttachmentId>, Fault> {
    let Some(limit) = i64::try_from(limit).ok().filter(|limit| *limit > 0) else { return Ok(Vec::new()) };
    let files = store.attachments.clone_with_type::<Due>();
    let due = files
        .find(doc! { "collect_at": { "$exists": true, "$lte": date(now) } })
        .sort(doc! { "collect_at": 1 })
        .limit(limit)
        .projection(doc! { "state": 1 });
    let due = store.all(due).await?;
    let open = due.iter().filter(|due| due.state != AttachmentState::Claimed);
    let open: Vec<ObjectId> = open.map(|due| due.id).collect();
    let id = |oid: &ObjectId| AttachmentId::from_bytes(oid.bytes());
    let all: Vec<ObjectId> = due.iter().map(|due| due.id).collect();
    if open.is_empty() {
        return Ok(all.iter().map(id).collect());
    }
    let unclaimed = doc! {
        "_id": { "$in": &open },
        "state": { "$in": [AttachmentState::Arriving, AttachmentState::Released] },
    };
    let claim = doc! { "$set": { "state": AttachmentState::Claimed } };
    let mut session = store.causal().await?;
    let claimed = store.attachments.update_many(unclaimed, claim).session(&mut session).await?;
    store.seen.note(&session);
    if usize::try_from(claimed.matched_count).is_ok_and(|claimed| claimed == open.len()) {
        return Ok(all.iter().map(id).collect());
    }
    let files = store.attachments.clone_with_type::<IdDocument>();
    let claimed = files
        .find(doc! { "_id": { "$in": &all }, "state": AttachmentState::Claimed })
        .projection(doc! { "_id": 1 });
    let claimed: Vec<ObjectId> = store.all(claimed).await?.into_iter().map(|file| file.id).collect();
    Ok(all.iter().filter(|due| claimed.contains(due)).map(id).collect())
}

async fn forget(store: &MongoStore, ids: &[ObjectId]) -> Result<(), Fault> {
    let these = doc! { "_id": { "$in": ids }, "state": AttachmentState::Claimed };
    let mut session = store.causal().await?;
    store.attachments.delete_many(these).session(&mut session).await?;
    store.seen.note(&session);
    Ok(())
}

/// The files of a batch of messages: what was read of them, and then which of them its messages get.
#[derive(Default)]
pub(super) struct Arrivals {
    /// Whose each arriving file is, without those that a message of the batch has got.
    owners: HashMap<ObjectId, ObjectId>,
    /// What each sender had before.
    taken: HashMap<ObjectId, i64>,
    /// By sender: what they get, and how much they may have had before it so that none of it is too much.
    growth: BTreeMap<ObjectId, Growth>,
    attached: Vec<(ObjectId, AttachedDocument)>,
}

struct Growth {
    bytes: i64,
    room: i64,
}

impl Arrivals {
    /// Reads what is there of the files of these messages; nothing, where there are none. What is not yet on a
    /// majority is good to build upon, as a chat's head is.
    pub(super) async fn read(store: &MongoStore, batch: &[NewMessage]) -> Result<Self, Fault> {
        let files = batch.iter().flat_map(|new| &new.attachments);
        let files: Vec<ObjectId> = files.map(|file| attachment_oid(file.id)).collect();
        if files.is_empty() {
            return Ok(Self::default());
        }
        let with_files = batch.iter().filter(|new| !new.attachments.is_empty());
        let mut senders: Vec<ObjectId> = with_files.map(|new| user_oid(new.sender_id)).collect();
        senders.sort_unstable();
        senders.dedup();
        let (owners, taken) = tokio::try_join!(owners(store, files), taken(store, senders))?;
        Ok(Self { owners, taken, ..Self::default() })
    }

    /// Gives a message its files. What becomes of it instead, if it cannot have them.
    pub(super) fn take(&mut self, chat: ObjectId, seq: Seq, new: &NewMessage) -> Option<Appended> {
        if new.attachments.is_empty() {
            return None;
        }
        let sender = user_oid(new.sender_id);
        let mut ids: Vec<ObjectId> = new.attachments.iter().map(|file| attachment_oid(file.id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let are_arriving = ids.iter().all(|id| self.owners.get(id) == Some(&sender));
        if !are_arriving || ids.len() < new.attachments.len() {
            return Some(Appended::AttachmentsGone);
        }
        let bytes = new.attachments.iter().fold(0, |sum: i64, file| sum.saturating_add(number(file.size)));
        let before = self.growth.get(&sender).map_or(0, |growth| growth.bytes);
        let bytes = before.saturating_add(bytes);
        // Below nothing where the message alone has more than they may have.
        let room = number(new.user_bytes).saturating_sub(bytes);
        if self.taken.get(&sender).copied().unwrap_or_default() > room {
            return Some(Appended::QuotaExceeded);
        }
        let growth = self.growth.entry(sender).or_insert(Growth { bytes, room });
        *growth = Growth { bytes, room: room.min(growth.room) };
        for file in &new.attachments {
            let id = attachment_oid(file.id);
            self.owners.remove(&id);
            let bytes = number(file.size);
            let view = file.clone();
            self.attached.push((id, AttachedDocument { chat_id: chat, seq: seq.as_i64(), bytes, view }));
        }
        None
    }

    /// Writes what was given, if all of it still can be.
    pub(super) async fn attach(
        self,
        store: &MongoStore,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), Fault> {
        if self.attached.is_empty() {
            return Ok(());
        }
        // A field that is not there is not greater.
        let has_room = |(id, growth): (&ObjectId, &Growth)| doc! { "_id": id, "attached_bytes": { "$not": { "$gt": growth.room } } };
        let with_room: Vec<Document> = self.growth.iter().map(has_room).collect();
        let (senders, bytes): (Vec<_>, Vec<_>) =
            self.growth.into_iter().map(|(sender, growth)| (sender, Bson::from(growth.bytes))).unzip();
        count(store, transaction, doc! { "$or": with_room }, senders, bytes).await?;
        for files in self.attached.chunks(FILES_PER_COMMAND) {
            let ids: Vec<ObjectId> = files.iter().map(|(id, _)| *id).collect();
            let attached = files.iter().map(|(_, attached)| serialize_to_bson(attached));
            let attached: Vec<Bson> =
                attached.collect::<Result<_, _>>().map_err(mongodb::error::Error::from)?;
            let arriving = doc! { "_id": { "$in": &ids }, "state": AttachmentState::Arriving };
            let number = ids.len();
            let attach = vec![
                doc! { "$set": { "state": AttachmentState::Attached, "attached": of_each(ids, attached) } },
                doc! { "$unset": "collect_at" },
            ];
            let done = store.attachments.update_many(arriving, attach).session(transaction.session()).await?;
            all_of(number, done.matched_count)?;
        }
        Ok(())
    }
}

/// Releases these files, whoever sent them, if messages still have all of them.
pub(super) async fn release(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    files: &[(ObjectId, ObjectId, i64)],
    collect_at: Timestamp,
) -> Result<(), Fault> {
    if files.is_empty() {
        return Ok(());
    }
    let ids: Vec<ObjectId> = files.iter().map(|(id, _, _)| *id).collect();
    let attached = doc! { "_id": { "$in": &ids }, "state": AttachmentState::Attached };
    // What was known of it goes at once.
    let release = doc! {
        "$set": { "state": AttachmentState::Released, "collect_at": date(collect_at) },
        "$unset": { "attached": "" },
    };
    let done = store.attachments.update_many(attached, release).session(transaction.session()).await?;
    all_of(ids.len(), done.matched_count)?;
    let mut by_owner: BTreeMap<ObjectId, i64> = BTreeMap::new();
    for (_, owner, bytes) in files {
        let sum = by_owner.entry(*owner).or_default();
        *sum = sum.saturating_sub(*bytes);
    }
    let (owners, bytes): (Vec<_>, Vec<_>) =
        by_owner.into_iter().map(|(owner, bytes)| (owner, Bson::from(bytes))).unzip();
    count(store, transaction, doc! { "_id": { "$in": &owners } }, owners, bytes).await
}

/// Adds to each of these accounts what is said for it, in one command; they all have to be found.
async fn count(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    which: Document,
    owners: Vec<ObjectId>,
    bytes: Vec<Bson>,
) -> Result<(), Fault> {
    let number = owners.len();
    let before = doc! { "$ifNull": ["$attached_bytes", 0_i64] };
    let add = vec![doc! { "$set": { "attached_bytes": { "$add": [before, of_each(owners, bytes)] } } }];
    let done = store.users.update_many(which, add).session(transaction.session()).await?;
    all_of(number, done.matched_count)
}

/// What stands among the values where the document's id stands among the ids: so one command can write to each
/// document what is its own.
fn of_each(ids: Vec<ObjectId>, values: Vec<Bson>) -> Document {
    let place = doc! { "$indexOfArray": [{ "$literal": ids }, "$_id"] };
    doc! { "$arrayElemAt": [{ "$literal": values }, place] }
}

fn all_of(wanted: usize, matched: u64) -> Result<(), Fault> {
    if usize::try_from(matched).is_ok_and(|matched| matched == wanted) { Ok(()) } else { Err(Fault::Lost) }
}

/// Those of the files that are arriving, and whose they are.
async fn owners(store: &MongoStore, files: Vec<ObjectId>) -> Result<HashMap<ObjectId, ObjectId>, Fault> {
    let arriving = doc! { "_id": { "$in": files }, "state": AttachmentState::Arriving };
    let found = store.attachments.find(arriving).read_concern(ReadConcern::local()).max_time(COMMAND);
    let mut session = store.causal().await?;
    let mut found = found.session(&mut session).await?;
    let owner = |file: AttachmentDocument| (file.id, file.owner_id);
    Ok(found.stream(&mut session).map_ok(owner).try_collect().await?)
}

/// How much room each of them has taken.
async fn taken(store: &MongoStore, senders: Vec<ObjectId>) -> Result<HashMap<ObjectId, i64>, Fault> {
    let users = store.users.clone_with_type::<Taken>();
    let found = users
        .find(doc! { "_id": { "$in": senders } })
        .projection(doc! { "attached_bytes": 1 })
        .read_concern(ReadConcern::local())
        .max_time(COMMAND);
    let mut session = store.causal().await?;
    let mut found = found.session(&mut session).await?;
    let bytes = |taken: Taken| (taken.id, taken.attached_bytes);
    Ok(found.stream(&mut session).map_ok(bytes).try_collect().await?)
}

/// A number of bytes as MongoDB takes it.
fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
