//! What people are writing and have not sent: a part of the member's document, which goes with it.
//!
//! So a send takes its draft away by the one command that also moves its sender's read marker, and a save that comes
//! meanwhile waits for that commit. What is saved is looked up among the messages before and after: a message that was
//! stored in between has its draft taken away again.

use std::collections::{BTreeMap, HashMap};

use app::{
    domain::{ChatId, ClientId, MessageId, UserId},
    error::AppResult,
    ports::{DraftStore, KeptDraft, NewDraft},
    protocol::DraftView,
};
use async_trait::async_trait;
use mongodb::bson::{Bson, Document, Uuid, doc, oid::ObjectId};
use serde::Deserialize;

use super::{
    MongoStore,
    documents::{IdDocument, chat_oid, date, message_oid, user_oid, uuid},
    fault::Fault,
    views::{self, Quotes},
};
use crate::store::mine;

/// A member, as far as their draft goes.
#[derive(Deserialize)]
struct Writer {
    chat_id: ObjectId,
    position: i64,
    #[serde(default)]
    draft: Option<DraftDocument>,
}

/// A draft. Empty, with nothing that it answers, if it was sent or taken away.
#[derive(Deserialize)]
struct DraftDocument {
    client_id: Uuid,
    body: String,
    reply_to: Option<ObjectId>,
    revision: i64,
    since: i64,
}

impl DraftDocument {
    fn kept(&self) -> KeptDraft {
        KeptDraft {
            id: ClientId::from_bytes(self.client_id.bytes()),
            is_empty: self.body.is_empty() && self.reply_to.is_none(),
            revision: self.revision.unsigned_abs(),
            since: self.since.unsigned_abs(),
        }
    }

    fn view(self, quotes: &Quotes) -> DraftView {
        let KeptDraft { id, revision, since, .. } = self.kept();
        let answered = self.reply_to.map(|id| MessageId::from_bytes(id.bytes()));
        let reply_to = answered.and_then(|id| quotes.get(&id).cloned());
        DraftView { id, body: self.body, reply_to, revision, since }
    }
}

#[async_trait]
impl DraftStore for MongoStore {
    async fn save_draft(&self, chat: ChatId, person: UserId, new: NewDraft) -> AppResult<Option<DraftView>> {
        self.call(|| save(self, chat, person, &new)).await
    }

    async fn draft(&self, chat: ChatId, person: UserId) -> AppResult<Option<DraftView>> {
        self.call(|| one(self, chat, person)).await
    }

    async fn drafts_of(&self, person: UserId, limit: usize) -> AppResult<BTreeMap<ChatId, DraftView>> {
        self.call(|| all(self, person, limit)).await
    }
}

async fn save(
    store: &MongoStore,
    chat: ChatId,
    person: UserId,
    new: &NewDraft,
) -> Result<Option<DraftView>, Fault> {
    let members = store.members.clone_with_type::<Writer>();
    let found = members.find_one(member(chat, person)).projection(shown());
    let Some(Writer { position, draft, .. }) = store.newest(found).await? else { return Ok(None) };
    let kept = draft.as_ref().map(DraftDocument::kept);
    let mut as_read = member(chat, person);
    as_read.insert("position", position);
    as_read.insert("draft.revision", draft.as_ref().map_or(Bson::Null, |draft| draft.revision.into()));
    as_read.insert("draft.body", draft.as_ref().map_or(Bson::Null, |draft| draft.body.as_str().into()));
    let places = new.places(kept.as_ref(), mine::revision(position, 1));
    let Some((revision, since)) = places else {
        // An earlier try may have come to its end before it looked.
        if draft.is_some_and(|draft| draft.client_id == uuid(new.id) && !draft.body.is_empty()) {
            empty_if_sent(store, chat, person, new.id).await?;
        }
        return unchanged(store, chat, person, as_read, new.id).await;
    };
    if is_message(store, person, new.id).await? {
        return unchanged(store, chat, person, as_read, new.id).await;
    }
    let draft = doc! {
        "client_id": uuid(new.id),
        "body": new.body.as_str(),
        "reply_to": new.reply_to.map(message_oid),
        "revision": number(revision),
        "since": number(since),
        "saved_at": date(new.saved_at),
    };
    if !write(store, as_read, doc! { "$set": { "draft": draft } }).await? {
        return Err(Fault::Lost);
    }
    empty_if_sent(store, chat, person, new.id).await?;
    one(store, chat, person).await
}

/// Takes the draft of this id away if it is a message by now.
async fn empty_if_sent(store: &MongoStore, chat: ChatId, person: UserId, id: ClientId) -> Result<(), Fault> {
    if is_message(store, person, id).await? {
        let mut this = member(chat, person);
        this.insert("draft.client_id", uuid(id));
        write(store, this, doc! { "$set": { "draft.body": "", "draft.reply_to": null } }).await?;
    }
    Ok(())
}

/// What there is, which no write of this call follows: so a majority has to have what was read.
async fn unchanged(
    store: &MongoStore,
    chat: ChatId,
    person: UserId,
    as_read: Document,
    id: ClientId,
) -> Result<Option<DraftView>, Fault> {
    let ids = store.members.clone_with_type::<IdDocument>();
    if store.first(ids.find_one(as_read).projection(doc! { "_id": 1 })).await?.is_none() {
        return Err(Fault::Lost);
    }
    Ok(Some(one(store, chat, person).await?.unwrap_or_else(|| DraftView::none(id))))
}

/// Whether there was such a member.
async fn write(store: &MongoStore, which: Document, update: Document) -> Result<bool, Fault> {
    let mut session = store.causal().await?;
    let written = store.members.update_one(which, update).session(&mut session).await?;
    store.seen.note(&session);
    Ok(written.matched_count == 1)
}

/// Whether the person has sent a message with this id.
async fn is_message(store: &MongoStore, person: UserId, id: ClientId) -> Result<bool, Fault> {
    let messages = store.messages.clone_with_type::<IdDocument>();
    let sent = doc! { "sender_id": user_oid(person), "client_id": uuid(id) };
    Ok(store.first(messages.find_one(sent).projection(doc! { "_id": 1 })).await?.is_some())
}

async fn one(store: &MongoStore, chat: ChatId, person: UserId) -> Result<Option<DraftView>, Fault> {
    let members = store.members.clone_with_type::<Writer>();
    let found = store.first(members.find_one(member(chat, person)).projection(shown())).await?;
    let Some(draft) = found.and_then(|writer| writer.draft) else { return Ok(None) };
    let quotes = views::quotes_of(store, draft.reply_to.into_iter().collect()).await?;
    Ok(Some(draft.view(&quotes)))
}

async fn all(store: &MongoStore, person: UserId, limit: usize) -> Result<BTreeMap<ChatId, DraftView>, Fault> {
    let members = store.members.clone_with_type::<Writer>();
    // In these words, which are those of the index.
    let found = members
        .find(doc! { "user_id": user_oid(person), "draft.saved_at": { "$exists": true } })
        .sort(doc! { "draft.saved_at": -1 })
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .projection(shown());
    let writers = store.all(found).await?;
    let answered = writers.iter().filter_map(|writer| writer.draft.as_ref()?.reply_to).collect();
    let quotes = views::quotes_of(store, answered).await?;
    let draft =
        |writer: Writer| Some((ChatId::from_bytes(writer.chat_id.bytes()), writer.draft?.view(&quotes)));
    Ok(writers.into_iter().filter_map(draft).collect())
}

fn member(chat: ChatId, person: UserId) -> Document {
    doc! { "chat_id": chat_oid(chat), "user_id": user_oid(person) }
}

fn shown() -> Document {
    doc! { "_id": 0, "chat_id": 1, "position": 1, "draft": 1 }
}

fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

/// What becomes of a member's draft, as an expression, where these messages are stored by these senders: none if it is
/// one of the sender's own.
pub(super) fn after_sending(messages: &HashMap<ObjectId, Vec<Uuid>>) -> Document {
    let own = |(sender, ids): (&ObjectId, &Vec<Uuid>)| doc! { "case": { "$eq": ["$user_id", sender] }, "then": ids };
    let branches: Vec<Document> = messages.iter().map(own).collect();
    let is_sent = doc! { "$in": ["$draft.client_id", { "$switch": { "branches": branches } }] };
    let none = doc! { "$mergeObjects": ["$draft", { "body": "", "reply_to": null }] };
    // Who has no draft gets none by it.
    doc! { "$cond": [is_sent, none, { "$ifNull": ["$draft", "$$REMOVE"] }] }
}
