//! What nodes of an older version do beside this one, while an installation goes over to it.

use app::{
    domain::{Timestamp, limits},
    ports::{DecideMessage, NewMessage},
    protocol::{EventBody, LogEvent, MessageView},
};
use mongodb::bson::{
    DateTime, Document, doc, oid::ObjectId, serde_helpers::HumanReadable, serialize_to_bson,
};

use super::{MongoFixture, all};
use crate::{attachments::arriving, conversation::seen, support::*};

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_millis())
}

/// Deletes a message as a node did that knew neither edits, answers, reactions nor pins.
async fn delete_as_before(fixture: &MongoFixture, event: &LogEvent, message: &MessageView) {
    let collection = |name: &str| fixture.database.collection::<Document>(name);
    let chat = ObjectId::from_bytes(*message.chat_id.as_bytes());
    let head = doc! { "$set": { "head": event.seq.as_i64() } };
    let moved = collection("chats").update_one(doc! { "_id": chat }, head).await.unwrap();
    assert_eq!(moved.matched_count, 1);
    let body = serialize_to_bson(&HumanReadable(&event.body)).unwrap();
    let deleted_at = serialize_to_bson(&HumanReadable(event.at)).unwrap();
    let event = doc! {
        "chat_id": chat, "seq": event.seq.as_i64(), "at": date(event.at),
        "actor_id": ObjectId::from_bytes(*event.actor_id.as_bytes()), "body": body,
    };
    let at = event.get_datetime("at").unwrap().to_owned();
    collection("events").insert_one(event).await.unwrap();
    let place = doc! { "chat_id": chat, "seq": message.seq.as_i64() };
    let first = doc! { "$set": {
        "body.message.body": "", "body.message.deleted_at": deleted_at,
    } };
    let first = collection("events").update_one(place.clone(), first).await.unwrap();
    assert_eq!(first.modified_count, 1);
    let gone = doc! { "$set": { "body": "", "deleted_at": at }, "$unset": { "attachments": "" } };
    let gone = collection("messages").update_one(place, gone).await.unwrap();
    assert_eq!(gone.modified_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_older_node_deletes_is_gone_altogether() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let question = send(&store, chat, bob, "what is it?", 1).await;
    let answer = NewMessage { reply_to: Some(question.id), ..text(ada, "a secret", at(1)) };
    let message = stored(&append(&store, chat, answer).await).clone();
    for text in ["another secret", "the last secret"] {
        amend(&store, &message, ada, 2, edited(&message, text)).await;
    }
    amend(&store, &message, bob, 3, reacted(&message, "👀", true)).await;
    let before = amend(&store, &message, bob, 4, pinned(&message, true)).await.message;
    let seq = before.changed_seq.next();
    let body = EventBody::MessageDeleted { message_id: message.id, ordinal: message.ordinal };
    let deletion = LogEvent { chat_id: chat, seq, at: at(5), actor_id: ada, named: Default::default(), body };
    delete_as_before(&fixture, &deletion, &message).await;

    let mut gone = before;
    gone.delete(at(5));
    assert_eq!(seen(&store, &message, bob).await, gone);
    // With as many pinned as there may be, what was deleted is none of them.
    let others = (1..limits::PINS_PER_CHAT).map(|_| text(bob, "pinned", at(6))).collect();
    store.append_messages(chat, others).await.unwrap();
    let messages = fixture.database.collection::<Document>("messages");
    let pin = doc! { "$set": { "pinned_at": date(at(7)) } };
    messages.update_many(doc! { "body": "pinned" }, pin).await.unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let decide: DecideMessage = Box::new(move |state| {
        tell.send(state.pinned).unwrap();
        Ok(None)
    });
    store.change_message(chat, question.id, bob, at(8), decide).await.unwrap();
    assert_eq!(told.recv().unwrap(), limits::PINS_PER_CHAT - 1);
    assert_eq!(store.pinned(chat, bob).await.unwrap().len(), limits::PINS_PER_CHAT - 1);

    assert_eq!(store.purge(at(9)).await.unwrap(), 1);
    assert_eq!(store.purge(at(9)).await.unwrap(), 0);
    assert_eq!(seen(&store, &message, bob).await, gone);
    assert_eq!(all(&fixture.database, "reactions").await, []);
    let left = messages.find_one(doc! { "seq": message.seq.as_i64() }).await.unwrap().unwrap();
    for field in ["attachments", "reply_to", "reactions", "edited_at", "edit_seqs", "pinned_at"] {
        assert!(!left.contains_key(field), "{field}: {left}");
    }
    let events = all(&fixture.database, "events").await;
    assert!(!events.iter().any(|event| event.to_string().contains("secret")), "{events:#?}");
    assert_eq!(log(&store, chat).await.len(), events.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_for_a_chat_that_an_older_node_deletes_is_released_by_the_purge() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let avatar = arriving(&store, ada, 10).await.id;
    let shown = always(vec![EventBody::ChatAvatarChanged { avatar: Some(avatar) }]);
    store.change_chat(chat, ada, at(1), shown).await.unwrap().unwrap();
    // It knows of no avatar, and so leaves it.
    let this = doc! { "_id": ObjectId::from_bytes(*chat.as_bytes()) };
    let gone = doc! { "$set": { "deleted_at": date(at(2)), "member_count": 0_i64 } };
    fixture.database.collection::<Document>("chats").update_one(this, gone).await.unwrap();
    while store.purge(at(3)).await.unwrap() > 0 {}
    assert!(!store.is_avatar(avatar).await.unwrap());
    let released = store.collect_attachments(at(3 + limits::RELEASED_GRACE_SECONDS), 10).await.unwrap();
    assert_eq!(released, [avatar]);
}
