//! Messages as members see them: with names, with what they answer, and with whose reactions are whose.

use std::collections::{BTreeMap, HashMap};

use app::{
    domain::{ChatId, MessageId, Seq, UserId},
    protocol::{EventBody, LogEvent, MessageView, QuoteView},
};
use mongodb::bson::{doc, oid::ObjectId};

use super::{
    MongoStore, accounts,
    documents::{Profiles, chat_oid, message_oid, user_oid},
    fault::Fault,
    log::{MessageDocument, ReactionDocument},
};
use crate::store::conversation;

/// What is shown of messages where they are answered, by their ids.
pub(super) type Quotes = HashMap<MessageId, QuoteView>;

/// The messages as the viewer sees them, in their order, without those whose sender is not known.
pub(super) async fn views(
    store: &MongoStore,
    documents: &[MessageDocument],
    viewer: UserId,
) -> Result<Vec<MessageView>, Fault> {
    Ok(views_beside(store, documents, viewer, Vec::new()).await?.0)
}

/// As [`views`], and the profiles of these people with those of the senders.
pub(super) async fn views_beside(
    store: &MongoStore,
    documents: &[MessageDocument],
    viewer: UserId,
    mut people: Vec<ObjectId>,
) -> Result<(Vec<MessageView>, Profiles), Fault> {
    let answered = documents.iter().filter_map(|message| Some(message.reply_to.as_ref()?.id)).collect();
    let answered = originals(store, answered).await?;
    people.extend(documents.iter().chain(&answered).map(|message| message.sender_id));
    let profiles = accounts::profiles(store, people).await?;
    let quotes = quotes(&answered, &profiles);
    let view = |message: &MessageDocument| {
        let sender = profiles.get(&message.sender_id)?;
        Some(message.view(Some(sender), &quotes))
    };
    let mut views: Vec<_> = documents.iter().filter_map(view).collect();
    mark_mine(store, &mut views, viewer).await?;
    Ok((views, profiles))
}

/// The messages with these ids.
async fn originals(store: &MongoStore, ids: Vec<ObjectId>) -> Result<Vec<MessageDocument>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    store.all(store.messages.find(doc! { "_id": { "$in": ids } }).projection(doc! { "grams": 0 })).await
}

/// What is shown of these messages of one chat where they are answered, in the newest state: to be built upon.
pub(super) async fn newest_quotes(
    store: &MongoStore,
    chat: ChatId,
    ids: Vec<ObjectId>,
) -> Result<Quotes, Fault> {
    if ids.is_empty() {
        return Ok(Quotes::new());
    }
    let these = doc! { "_id": { "$in": ids }, "chat_id": chat_oid(chat) };
    let found = store.newest_all(store.messages.find(these).projection(doc! { "grams": 0 })).await?;
    let profiles = accounts::profiles(store, found.iter().map(|message| message.sender_id).collect()).await?;
    Ok(quotes(&found, &profiles))
}

/// What is shown of these messages where they are answered.
pub(super) async fn quotes_of(store: &MongoStore, ids: Vec<ObjectId>) -> Result<Quotes, Fault> {
    let found = originals(store, ids).await?;
    if found.is_empty() {
        return Ok(Quotes::new());
    }
    let profiles = accounts::profiles(store, found.iter().map(|message| message.sender_id).collect()).await?;
    Ok(quotes(&found, &profiles))
}

fn quotes(messages: &[MessageDocument], profiles: &Profiles) -> Quotes {
    let nothing = Quotes::new();
    let quote = |message: &MessageDocument| {
        let quote = QuoteView::of(&message.view(profiles.get(&message.sender_id), &nothing));
        (quote.id, quote)
    };
    messages.iter().map(quote).collect()
}

/// Joins what messages answer, as it is now: the log keeps only where it is.
pub(super) async fn quote_all(store: &MongoStore, events: &mut [LogEvent]) -> Result<(), Fault> {
    let mut open: Vec<&mut QuoteView> = Vec::new();
    for event in events {
        if let EventBody::NewMessage { message } = &mut event.body {
            open.extend(message.reply_to.as_mut());
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    let quotes = quotes_of(store, open.iter().map(|quote| message_oid(quote.id)).collect()).await?;
    for quote in open {
        if let Some(found) = quotes.get(&quote.id) {
            quote.clone_from(found);
        }
    }
    Ok(())
}

/// Says which reactions are the viewer's own. Asks only where more people have reacted than are named.
pub(super) async fn mark_mine(
    store: &MongoStore,
    messages: &mut [MessageView],
    viewer: UserId,
) -> Result<(), Fault> {
    let mut open: HashMap<(ChatId, Seq), &mut MessageView> = HashMap::new();
    let mut places: BTreeMap<ChatId, Vec<i64>> = BTreeMap::new();
    for message in messages {
        if conversation::mark_named(message, viewer) {
            places.entry(message.chat_id).or_default().push(message.seq.as_i64());
            open.insert((message.chat_id, message.seq), message);
        }
    }
    if open.is_empty() {
        return Ok(());
    }
    // One range of the index for each message.
    let any: Vec<_> = places
        .into_iter()
        .map(|(chat, seqs)| {
            doc! { "chat_id": chat_oid(chat), "message_seq": { "$in": seqs }, "user_id": user_oid(viewer) }
        })
        .collect();
    let mine: Vec<ReactionDocument> = store.all(store.reactions.find(doc! { "$or": any })).await?;
    for reaction in mine {
        let place = (ChatId::from_bytes(reaction.chat_id.bytes()), Seq::from_i64(reaction.message_seq));
        if let Some(message) = open.get_mut(&place) {
            conversation::mark(message, &reaction.emoji);
        }
    }
    Ok(())
}
