//! The log: appending messages to it, and the port's entry to `history`.

use std::collections::{BTreeMap, HashMap, HashSet};

use app::{
    domain::{ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{Appended, DecideMessage, MessageChange, MessageStore, NewMessage, PageQuery},
    protocol::{EditView, EventBody, HistoryPage, LogEvent, MessageView},
};
use async_trait::async_trait;
use mongodb::bson::{Document, Uuid, doc, oid::ObjectId};
use serde::Deserialize;

use super::{
    MongoStore, accounts, amendments,
    attachments::Arrivals,
    changes::{move_head, unmoved_and},
    documents::{IdDocument, Profiles, chat_oid, message_oid, user, user_oid, uuid},
    fault::Fault,
    history,
    log::{EventDocument, MessageDocument},
    mentions,
    people::BlockedDocument,
    reading,
    transaction::{Attempted, Transaction},
    views::{self, Quotes},
};

/// Where a chat's log stands, and which of the senders are in it.
#[derive(Deserialize)]
struct Ground {
    head: i64,
    head_ordinal: i64,
    #[serde(default)]
    pair: Option<Low>,
    #[serde(default)]
    blocked: BlockedDocument,
    senders: Vec<Sender>,
}

/// Of a direct chat.
#[derive(Deserialize)]
struct Low {
    low: ObjectId,
}

#[derive(Deserialize)]
struct Sender {
    user_id: ObjectId,
}

/// The messages that were stored before, by sender and the sender's own id.
type Earlier = HashMap<(ObjectId, Uuid), MessageDocument>;

/// The same, as their senders see them.
type Originals = HashMap<(ObjectId, Uuid), MessageView>;

#[async_trait]
impl MessageStore for MongoStore {
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        self.call_or_look(|| append(self, chat, &batch), || look_up(self, chat, &batch)).await
    }

    async fn message_by_client_id(&self, sender: UserId, id: ClientId) -> AppResult<Option<MessageView>> {
        let filter = doc! { "sender_id": user_oid(sender), "client_id": uuid(id) };
        self.call(|| one(self, filter.clone(), sender)).await
    }

    async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageChange> {
        let attempted = Attempted::default();
        let work = || amendments::change(self, chat, id, (actor, at), &decide, &attempted);
        self.call_or_look(work, || amendments::look_up(self, &attempted)).await
    }

    async fn message(&self, chat: ChatId, viewer: UserId, id: MessageId) -> AppResult<Option<MessageView>> {
        let filter = doc! { "_id": message_oid(id), "chat_id": chat_oid(chat) };
        self.call(|| one(self, filter.clone(), viewer)).await
    }

    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        page: PageQuery,
        limit: usize,
    ) -> AppResult<HistoryPage> {
        self.call(|| history::page(self, chat, viewer, page, limit)).await
    }

    async fn message_at(&self, chat: ChatId, at: Timestamp) -> AppResult<Option<Seq>> {
        self.call(|| history::message_at(self, chat, at)).await
    }

    async fn pinned(&self, chat: ChatId, viewer: UserId) -> AppResult<Vec<MessageView>> {
        self.call(|| amendments::pinned(self, chat, viewer)).await
    }

    async fn edits(&self, chat: ChatId, id: MessageId) -> AppResult<Vec<EditView>> {
        self.call(|| amendments::edits(self, chat, id)).await
    }

    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>> {
        self.call(|| history::events_after(self, chat, seq, limit)).await
    }
}

async fn append(store: &MongoStore, chat: ChatId, batch: &[NewMessage]) -> Result<Vec<Appended>, Fault> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let _turn = store.turn(chat).await;
    let mut senders: Vec<ObjectId> = batch.iter().map(|new| user_oid(new.sender_id)).collect();
    senders.sort_unstable();
    senders.dedup();
    let (ground, earlier, profiles, mut arrivals) = tokio::try_join!(
        ground(store, chat, &senders),
        earlier(store, batch),
        accounts::profiles(store, senders.clone()),
        Arrivals::read(store, batch),
    )?;
    let Some(ground) = ground else {
        return Ok(batch.iter().map(|_| Appended::NotMember).collect());
    };
    // Read after the head, so that it is told as it is when the head was not moved.
    let answered = batch.iter().filter_map(|new| new.reply_to).map(message_oid).collect();
    let quotes = views::newest_quotes(store, chat, answered).await?;
    let earlier = known(store, earlier).await?;
    let (outcomes, documents) = decide(chat, &ground, earlier, &profiles, &quotes, &mut arrivals, batch);
    let Some(last) = documents.last() else { return Ok(outcomes) };
    let update = doc! { "$set": {
        "head": last.seq,
        "head_ordinal": last.ordinal,
        "last_message_id": last.id,
        "last_activity_at": last.created_at,
    } };
    let events: Vec<EventDocument> = outcomes.iter().filter_map(new_event).map(EventDocument::from).collect();

    let mut transaction = Transaction::begin(store).await?;
    let ground = unmoved_and(chat_oid(chat), ground.head, ground.blocked);
    move_head(store, &mut transaction, ground, update).await?;
    // Early, so that what the same people mark meanwhile waits for this rather than undoing it.
    reading::note_sent(store, &mut transaction, chat_oid(chat), &documents).await?;
    store.events.insert_many(events).session(transaction.session()).await?;
    let named: Vec<_> = documents.iter().map(|message| (message, &message.mentions)).collect();
    mentions::insert(store, &mut transaction, &named).await?;
    let inserted = store.messages.insert_many(documents).session(transaction.session()).await;
    match inserted.map_err(Fault::from) {
        // Somebody has sent one of them since we looked. The next look finds it.
        Err(fault) if fault.duplicate() == Some(super::migrations::index::MESSAGES_BY_CLIENT_ID) => {
            return Err(Fault::Lost);
        }
        outcome => outcome?,
    };
    arrivals.attach(store, &mut transaction).await?;
    transaction.commit().await?;
    Ok(outcomes)
}

fn new_event(outcome: &Appended) -> Option<&LogEvent> {
    match outcome {
        Appended::New(event) => Some(event),
        _ => None,
    }
}

/// What becomes of each message, and the documents of those that are new.
fn decide(
    chat: ChatId,
    ground: &Ground,
    mut earlier: Originals,
    profiles: &Profiles,
    quotes: &Quotes,
    arrivals: &mut Arrivals,
    batch: &[NewMessage],
) -> (Vec<Appended>, Vec<MessageDocument>) {
    let members: HashSet<ObjectId> = ground.senders.iter().map(|sender| sender.user_id).collect();
    let (mut seq, mut ordinal) = (Seq::from_i64(ground.head), Ordinal::from_i64(ground.head_ordinal));
    let blocks = ground.blocked.of(ground.pair.as_ref().map(|pair| pair.low));
    let (mut outcomes, mut new_ones) = (Vec::with_capacity(batch.len()), Vec::new());
    for new in batch {
        let sender = user_oid(new.sender_id);
        let key = (sender, uuid(new.client_id));
        let before = earlier.get(&key);
        // The original is told even to somebody who has left since: it is their own, and it is stored.
        if let Some(original) = before.filter(|message| message.chat_id == chat) {
            outcomes.push(Appended::Duplicate(original.clone()));
        } else if !members.contains(&sender) {
            outcomes.push(Appended::NotMember);
        } else if before.is_some() {
            outcomes.push(Appended::ClientIdReused);
        } else if let Some(code) = blocks.seen_by(new.sender_id).refusal() {
            outcomes.push(Appended::Refused(code));
        } else if new.reply_to.is_some_and(|answered| !quotes.contains_key(&answered)) {
            outcomes.push(Appended::UnknownReply);
        } else if let Some(refused) = arrivals.take(chat_oid(chat), seq.next(), new) {
            outcomes.push(refused);
        } else {
            (seq, ordinal) = (seq.next(), ordinal.next());
            let answered = new.reply_to.and_then(|answered| quotes.get(&answered));
            let document = MessageDocument::new(chat, seq, ordinal, new, answered);
            let message = document.view(profiles.get(&sender), quotes);
            outcomes.push(Appended::New(event_of(message.clone())));
            earlier.insert(key, message);
            new_ones.push(document);
        }
    }
    (outcomes, new_ones)
}

/// The head first and then the members, so that a change of the members in between is noticed: it moves
/// the head. What is not yet on a majority is good to build upon, because a commit that follows it is on
/// none without it.
async fn ground(store: &MongoStore, chat: ChatId, senders: &[ObjectId]) -> Result<Option<Ground>, Fault> {
    let pipeline = [
        doc! { "$match": { "_id": chat_oid(chat), "deleted_at": null } },
        doc! { "$project": { "head": 1, "head_ordinal": 1, "pair.low": 1, "blocked": 1 } },
        doc! { "$lookup": {
            "from": "members",
            "localField": "_id",
            "foreignField": "chat_id",
            "pipeline": [
                { "$match": { "user_id": { "$in": senders } } },
                { "$project": { "_id": 0, "user_id": 1 } },
            ],
            "as": "senders",
        } },
    ];
    store.newest_brought(store.chats.aggregate(pipeline).with_type::<Ground>()).await
}

/// Those of the messages that are stored, on a majority: their senders are told so.
async fn earlier(store: &MongoStore, batch: &[NewMessage]) -> Result<Earlier, Fault> {
    let mut by_sender: BTreeMap<ObjectId, Vec<Uuid>> = BTreeMap::new();
    for new in batch {
        by_sender.entry(user_oid(new.sender_id)).or_default().push(uuid(new.client_id));
    }
    // One range of the index for each sender.
    let any: Vec<_> = by_sender
        .into_iter()
        .map(|(sender, ids)| doc! { "sender_id": sender, "client_id": { "$in": ids } })
        .collect();
    let stored = store.messages.find(doc! { "$or": any }).projection(doc! { "grams": 0 });
    let stored = store.all(stored).await?;
    Ok(stored.into_iter().map(|message| ((message.sender_id, message.client_id), message)).collect())
}

/// The earlier messages as their senders see them. Costs nothing where there are none, as mostly.
async fn known(store: &MongoStore, earlier: Earlier) -> Result<Originals, Fault> {
    let mut by_sender: BTreeMap<ObjectId, Vec<MessageDocument>> = BTreeMap::new();
    for (_, document) in earlier {
        by_sender.entry(document.sender_id).or_default().push(document);
    }
    let mut originals = Originals::new();
    for (sender, documents) in by_sender {
        let views = views::views(store, &documents, user(sender)).await?;
        originals.extend(views.into_iter().map(|message| ((sender, uuid(message.client_id)), message)));
    }
    Ok(originals)
}

/// What became of a batch that nobody confirmed: known if all of its messages are stored. They were written
/// together, so that one which has the id of this send was stored by it.
async fn look_up(
    store: &MongoStore,
    chat: ChatId,
    batch: &[NewMessage],
) -> Result<Option<Vec<Appended>>, Fault> {
    let stored = known(store, earlier(store, batch).await?).await?;
    let outcome = |new: &NewMessage| {
        let message = stored.get(&(user_oid(new.sender_id), uuid(new.client_id)))?.clone();
        let (is_here, is_ours) = (message.chat_id == chat, message.id == new.id);
        is_here.then(|| if is_ours { Appended::New(event_of(message)) } else { Appended::Duplicate(message) })
    };
    Ok(batch.iter().map(outcome).collect())
}

/// The event that tells of the message: the same to all, whoever found it.
fn event_of(mut message: MessageView) -> LogEvent {
    message.disown();
    LogEvent {
        chat_id: message.chat_id,
        seq: message.seq,
        at: message.created_at,
        actor_id: message.sender_id,
        named: Default::default(),
        body: EventBody::NewMessage { message },
    }
}

/// The message that is found, unless its chat is deleted.
async fn one(store: &MongoStore, filter: Document, viewer: UserId) -> Result<Option<MessageView>, Fault> {
    let found = store.messages.find_one(filter).projection(doc! { "grams": 0 });
    let Some(message) = store.first(found).await? else { return Ok(None) };
    let views = views::views(store, std::slice::from_ref(&message), viewer);
    let (exists, mut views) = tokio::try_join!(exists(store, message.chat_id), views)?;
    Ok(views.pop().filter(|_| exists))
}

/// Whether there is such a chat, and it has not been deleted.
pub(super) async fn exists(store: &MongoStore, chat: ObjectId) -> Result<bool, Fault> {
    let chats = store.chats.clone_with_type::<IdDocument>();
    let found = chats.find_one(doc! { "_id": chat, "deleted_at": null }).projection(doc! { "_id": 1 });
    Ok(store.first(found).await?.is_some())
}
