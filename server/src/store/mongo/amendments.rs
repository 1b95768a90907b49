//! What one event changes in one message: its text, its reactions, its pin, or all of it.
//!
//! All of it moves the chat's head. So what is read after the head (the actor's place in the chat, the message, its
//! reactions, how many are pinned) still holds at the commit if the head was not moved.

use app::{
    domain::{ChatId, MessageId, Seq, Timestamp, UserId, limits},
    error::AppError,
    ports::{DecideMessage, MessageChange, MessageState},
    protocol::{EditView, EventBody, LogEvent, MessageView},
};
use mongodb::{
    bson::{Bson, Document, doc, oid::ObjectId, serde_helpers::HumanReadable, serialize_to_bson},
    error::Error,
    options::{Hint, ReadConcern},
};

use super::{
    MongoStore, accounts, attachments,
    changes::{move_head, unmoved_and},
    documents::{Profiles, attachment_oid, chat_oid, date, message_oid, time, user_oid},
    fault::Fault,
    log::{EventDocument, MessageDocument, ReactionDocument},
    mentions,
    messages::exists,
    migrations::index,
    search,
    transaction::{Attempted, COMMAND, Transaction},
    views,
};
use crate::store::conversation;

pub(super) async fn change(
    store: &MongoStore,
    chat: ChatId,
    id: MessageId,
    (actor, at): (UserId, Timestamp),
    decide: &DecideMessage,
    attempted: &Attempted<MessageChange>,
) -> Result<MessageChange, Fault> {
    let _turn = store.turn(chat).await;
    let this = doc! { "_id": chat_oid(chat), "deleted_at": null };
    let found = store.newest(store.chats.find_one(this)).await?;
    let found = found.ok_or_else(AppError::not_found)?;
    // Everything else is read after the head.
    let place = doc! { "chat_id": found.id, "user_id": user_oid(actor) };
    let message = doc! { "_id": message_oid(id), "chat_id": found.id };
    let (member, message, pinned) = tokio::try_join!(
        store.newest(store.members.find_one(place)),
        store.newest(store.messages.find_one(message).projection(doc! { "grams": 0 })),
        count_pinned(store, found.id),
    )?;
    let (member, document) = member.zip(message).ok_or_else(AppError::not_found)?;
    let message = newest_view(store, chat, &document, actor).await?;
    let edits = document.edit_seqs.len();
    let blocking = found.blocks().seen_by(actor);
    let state = MessageState { kind: found.kind, role: member.role, message, blocking, edits, pinned };
    let Some(body) = decide(&state)? else {
        if !is_kept(store, &document).await? {
            return Err(Fault::Lost);
        }
        return Ok(MessageChange { message: state.message, event: None });
    };
    let seq = Seq::from_i64(found.head).next();
    let event = LogEvent { chat_id: chat, seq, at, actor_id: actor, named: Default::default(), body };
    if event.body.message_id() != Some(id) || document.deleted_at.is_some() {
        return Err(Fault::broken_rule("an event changes another message, or one that is deleted"));
    }
    let mut message = state.message;
    message.apply(&event, Some(actor));
    let scrubbed = match &event.body {
        EventBody::MessageDeleted { .. } => Some(scrubbed(store, &document, &event).await?),
        _ => None,
    };
    let change = MessageChange { message, event: Some(event.clone()) };
    attempted.note(change.clone());
    let unmoved = unmoved_and(found.id, found.head, found.blocked.unwrap_or_default());
    commit(store, unmoved, &document, &change.message, &event, scrubbed).await?;
    Ok(change)
}

/// Whether a majority has the message as it was read. Where no write follows that would be lost with what it was built
/// upon, an answer needs that: what a primary alone has may be rolled back.
async fn is_kept(store: &MongoStore, read: &MessageDocument) -> Result<bool, Fault> {
    let kept = store.messages.find_one(doc! { "_id": read.id }).projection(doc! { "grams": 0 });
    let kept = store.first(kept).await?;
    let state = |message: &MessageDocument| (message.changed_seq, message.deleted_at);
    Ok(kept.is_some_and(|kept| state(&kept) == state(read)))
}

/// What became of a change that nobody confirmed: its event is in the log, in its place, or another is.
pub(super) async fn look_up(
    store: &MongoStore,
    attempted: &Attempted<MessageChange>,
) -> Result<Option<MessageChange>, Fault> {
    let Some(change) = attempted.take() else { return Ok(None) };
    let Some(event) = &change.event else { return Ok(None) };
    let place = doc! { "chat_id": chat_oid(event.chat_id), "seq": event.seq.as_i64() };
    let stored = store.first(store.events.find_one(place)).await?;
    let stored = stored.map(|stored| stored.into_event(&Profiles::new()));
    Ok((stored.as_ref() == Some(event)).then_some(change))
}

/// Finds what is pinned in a chat. By a range, which the index alone can tell; whether there is a field, it cannot.
fn are_pinned(chat: ObjectId) -> Document {
    doc! { "chat_id": chat, "pinned_at": { "$lte": date(Timestamp::FOREVER) } }
}

/// How many messages are pinned in the chat, in the newest state. They are counted in the index alone, which also has
/// what an older node has deleted: where that might be what makes them too many, it is left out.
async fn count_pinned(store: &MongoStore, chat: ObjectId) -> Result<usize, Fault> {
    let mut pinned = are_pinned(chat);
    let most = count_newest(store, pinned.clone()).await?;
    if most < limits::PINS_PER_CHAT {
        return Ok(most);
    }
    pinned.insert("deleted_at", Bson::Null);
    count_newest(store, pinned).await
}

async fn count_newest(store: &MongoStore, pinned: Document) -> Result<usize, Fault> {
    let count = store
        .messages
        .count_documents(pinned)
        .hint(Hint::Name(index::MESSAGES_PINNED.to_owned()))
        .limit(u64::try_from(limits::PINS_PER_CHAT).unwrap_or(u64::MAX))
        .read_concern(ReadConcern::local())
        .max_time(COMMAND);
    let mut session = store.causal().await?;
    Ok(usize::try_from(count.session(&mut session).await?).unwrap_or(usize::MAX))
}

/// The message as the actor sees it, in the newest state.
async fn newest_view(
    store: &MongoStore,
    chat: ChatId,
    document: &MessageDocument,
    actor: UserId,
) -> Result<MessageView, Fault> {
    let answered = document.reply_to.iter().map(|answered| answered.id).collect();
    let (quotes, profiles) = tokio::try_join!(
        views::newest_quotes(store, chat, answered),
        accounts::profiles(store, vec![document.sender_id]),
    )?;
    let mut view = document.view(profiles.get(&document.sender_id), &quotes);
    if conversation::mark_named(&mut view, actor) {
        let own = doc! {
            "chat_id": document.chat_id, "message_seq": document.seq, "user_id": user_oid(actor),
        };
        let own = store.newest_all(store.reactions.find(own)).await?;
        own.iter().for_each(|reaction| conversation::mark(&mut view, &reaction.emoji));
    }
    Ok(view)
}

/// The event that brought a message, without what its deletion takes.
async fn scrubbed(
    store: &MongoStore,
    message: &MessageDocument,
    deletion: &LogEvent,
) -> Result<EventBody, Fault> {
    let place = doc! { "chat_id": message.chat_id, "seq": message.seq };
    let event = store.newest(store.events.find_one(place)).await?;
    let Some(HumanReadable(EventBody::NewMessage { mut message })) = event.map(|event| event.body) else {
        return Err(Fault::broken_rule("a message is not in the log"));
    };
    message.apply(deletion, None);
    Ok(EventBody::NewMessage { message })
}

/// What counts is committed with the event that it follows from, or not at all.
async fn commit(
    store: &MongoStore,
    unmoved: Document,
    before: &MessageDocument,
    now: &MessageView,
    event: &LogEvent,
    scrubbed: Option<EventBody>,
) -> Result<(), Fault> {
    let mut transaction = Transaction::begin(store).await?;
    let moved = doc! { "$set": { "head": event.seq.as_i64() } };
    move_head(store, &mut transaction, unmoved, moved).await?;
    store.events.insert_one(EventDocument::from(event)).session(transaction.session()).await?;
    let changed = store
        .messages
        .update_one(doc! { "_id": before.id }, update(now, event)?)
        .session(transaction.session())
        .await?;
    if changed.matched_count != 1 {
        return Err(Fault::Lost);
    }
    if matches!(event.body, EventBody::MessageEdited { .. } | EventBody::MessageDeleted { .. }) {
        mentions::replace(store, &mut transaction, before, &now.mentions).await?;
    }
    match &event.body {
        EventBody::ReactionChanged { emoji, on, .. } => {
            let reaction = ReactionDocument {
                chat_id: before.chat_id,
                message_seq: before.seq,
                user_id: user_oid(event.actor_id),
                emoji: emoji.clone(),
            };
            if *on {
                store.reactions.insert_one(reaction).session(transaction.session()).await?;
            } else {
                let gone =
                    store.reactions.delete_one(reaction.filter()).session(transaction.session()).await?;
                if gone.deleted_count != 1 {
                    return Err(Fault::broken_rule("an event takes away a reaction that is not there"));
                }
            }
        }
        EventBody::MessageDeleted { .. } => {
            let under = doc! { "chat_id": before.chat_id, "message_seq": before.seq };
            store.reactions.delete_many(under).session(transaction.session()).await?;
            if let Some(scrubbed) = scrubbed {
                scrub(store, &mut transaction, before, scrubbed).await?;
            }
            let files = before.attachments.iter().map(|file| {
                let bytes = i64::try_from(file.size).unwrap_or(i64::MAX);
                (attachment_oid(file.id), before.sender_id, bytes)
            });
            let collect_at = event.at.plus_seconds(limits::RELEASED_GRACE_SECONDS);
            attachments::release(store, &mut transaction, &files.collect::<Vec<_>>(), collect_at).await?;
        }
        _ => {}
    }
    transaction.commit().await
}

/// Two commands, however often the text was changed: the chat is locked meanwhile.
async fn scrub(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    message: &MessageDocument,
    first: EventBody,
) -> Result<(), Fault> {
    let place = doc! { "chat_id": message.chat_id, "seq": message.seq };
    let body = serialize_to_bson(&HumanReadable(first)).map_err(Error::from)?;
    let scrub = doc! { "$set": { "body": body } };
    let done = store.events.update_one(place, scrub).session(transaction.session()).await?;
    if done.matched_count != 1 {
        return Err(Fault::Lost);
    }
    if message.edit_seqs.is_empty() {
        return Ok(());
    }
    let (edits, scrub) = scrub_edits(message);
    let done = store.events.update_many(edits, scrub).session(transaction.session()).await?;
    if usize::try_from(done.matched_count) != Ok(message.edit_seqs.len()) {
        return Err(Fault::broken_rule("a message's text is not in the log"));
    }
    Ok(())
}

/// Finds the events that changed a message's text, and what takes the texts out of them.
pub(super) fn scrub_edits(message: &MessageDocument) -> (Document, Document) {
    let edits = doc! {
        "chat_id": message.chat_id, "seq": { "$in": &message.edit_seqs }, "body.type": "message_edited",
    };
    (edits, doc! { "$set": { "body.body": "" }, "$unset": { "body.mentions": "" } })
}

/// What takes away the fields that a deleted message has no longer.
pub(super) fn gone_when_deleted() -> Document {
    let fields = MessageDocument::GONE_WHEN_DELETED.into_iter().chain(["mentions"]);
    fields.map(|field| (field.to_owned(), Bson::from(""))).collect()
}

/// Brings the document to what the event has made of the message. What a newer version knows of it stays.
fn update(now: &MessageView, event: &LogEvent) -> Result<Document, Fault> {
    let mut set = doc! { "changed_seq": now.changed_seq.as_i64() };
    let mut update = Document::new();
    match &event.body {
        EventBody::MessageEdited { .. } => {
            let grams = search::numbers(now.sender_id, &now.body, &now.attachments);
            set.extend(doc! { "body": &now.body, "edited_at": now.edited_at.map(date), "grams": grams });
            update.insert("$push", doc! { "edit_seqs": event.seq.as_i64() });
            if now.mentions.is_empty() {
                update.insert("$unset", doc! { "mentions": "" });
            } else {
                set.insert("mentions", serialize_to_bson(&now.mentions).map_err(Error::from)?);
            }
        }
        EventBody::ReactionChanged { .. } => {
            let reactions = conversation::of_nobody(&now.reactions);
            set.insert("reactions", serialize_to_bson(&reactions).map_err(Error::from)?);
        }
        EventBody::PinChanged { .. } => match now.pinned_at {
            Some(at) => {
                set.insert("pinned_at", date(at));
            }
            None => {
                update.insert("$unset", doc! { "pinned_at": "" });
            }
        },
        EventBody::MessageDeleted { .. } => {
            set.extend(doc! { "body": "", "deleted_at": now.deleted_at.map(date) });
            let mut gone = gone_when_deleted();
            gone.insert("grams", "");
            update.insert("$unset", gone);
        }
        _ => return Err(Fault::broken_rule("an event that changes no message")),
    }
    update.insert("$set", set);
    Ok(update)
}

/// The pinned messages of a chat, last pinned first.
pub(super) async fn pinned(
    store: &MongoStore,
    chat: ChatId,
    viewer: UserId,
) -> Result<Vec<MessageView>, Fault> {
    let mut pinned = are_pinned(chat_oid(chat));
    // What an older node has deleted may be there yet.
    pinned.insert("deleted_at", Bson::Null);
    let pinned = store
        .messages
        .find(pinned)
        .hint(Hint::Name(index::MESSAGES_PINNED.to_owned()))
        .sort(doc! { "pinned_at": -1, "seq": -1 })
        .limit(i64::try_from(limits::PINS_PER_CHAT).unwrap_or(i64::MAX))
        .projection(doc! { "grams": 0 });
    let (exists, pinned) = tokio::try_join!(exists(store, chat_oid(chat)), store.all(pinned))?;
    if !exists {
        return Ok(Vec::new());
    }
    views::views(store, &pinned, viewer).await
}

/// The texts that a message has had, oldest first; none if it is deleted or not in this chat.
pub(super) async fn edits(store: &MongoStore, chat: ChatId, id: MessageId) -> Result<Vec<EditView>, Fault> {
    let this = doc! { "_id": message_oid(id), "chat_id": chat_oid(chat), "deleted_at": null };
    let this = store.first(store.messages.find_one(this).projection(doc! { "grams": 0 }));
    let (exists, message) = tokio::try_join!(exists(store, chat_oid(chat)), this)?;
    let Some(message) = message.filter(|_| exists) else { return Ok(Vec::new()) };
    let places: Vec<i64> = message.text_seqs().collect();
    let texts = doc! { "chat_id": message.chat_id, "seq": { "$in": places } };
    let texts = store.all(store.events.find(texts).sort(doc! { "seq": 1 })).await?;
    let text = |event: EventDocument| {
        let at = time(event.at);
        match event.body.0 {
            EventBody::NewMessage { message } if message.deleted_at.is_none() => {
                Some(EditView { body: message.body, at })
            }
            EventBody::MessageEdited { body, .. } => Some(EditView { body, at }),
            _ => None,
        }
    };
    // Deleted in between, its first text is gone, and so are the others.
    Ok(texts.into_iter().map(text).collect::<Option<_>>().unwrap_or_default())
}
