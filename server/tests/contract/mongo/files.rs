//! Files in MongoDB: several nodes at once, nodes from before there were any, and what is left of what was deleted.

use app::ports::NewMessage;
use mongodb::bson::{Document, doc};

use super::{MongoFixture, all};
use crate::{
    attachments::{a_file_has_one_fate, arriving, racing_sends_stay_within_the_room, with_files},
    deletions::{SECRET_EDIT, SECRET_NAME, SECRET_TEXT, Secret, a_secret, delete},
    support::*,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_nodes_racing_sends_stay_within_the_room_of_their_sender() {
    let fixture = MongoFixture::open().await;
    racing_sends_stay_within_the_room(&[fixture.store(), fixture.another().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_nodes_collect_a_third_does_not_attach() {
    let fixture = MongoFixture::open().await;
    let collectors: [TheStore; 2] = [fixture.another().await, fixture.another().await];
    a_file_has_one_fate(&fixture.store(), &collectors).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_older_nodes_write_lacks_nothing() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let old = send(&store, chat, ada, "from an older node", 1).await;
    let users = fixture.database.collection::<Document>("users");
    users.update_many(doc! {}, doc! { "$unset": { "attached_bytes": "" } }).await.unwrap();
    let message = &all(&fixture.database, "messages").await[0];
    assert!(!message.contains_key("attachments") && !message.contains_key("deleted_at"), "{message}");

    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
    let photo = arriving(&store, ada, 10).await;
    let limited = NewMessage { user_bytes: 10, ..with_files(ada, std::slice::from_ref(&photo), 2) };
    let new = append(&store, chat, limited).await;
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 10);
    // Nor does what happens to an old one.
    let told = amend(&store, &old, ada, 2, edited(&old, "changed")).await.message;
    amend(&store, &old, bob, 2, reacted(&old, "👍", true)).await;
    assert_eq!((told.body.as_str(), told.changed_seq.0), ("changed", 3));
    for message in [&old, stored(&new)] {
        delete(&store, chat, ada, message.id, 3).await;
    }
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_stands_in_no_document() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let Secret { chat, sender, message, file: id } = a_secret(&store).await;
    let said = async || {
        let mut text = String::new();
        for name in fixture.database.list_collection_names().await.unwrap() {
            text.extend(all(&fixture.database, &name).await.iter().map(ToString::to_string));
        }
        text
    };
    let before = said().await;
    for text in [SECRET_TEXT, SECRET_EDIT, SECRET_NAME] {
        assert!(before.contains(text), "{text}");
    }
    delete(&store, chat, sender, message, 2).await;
    let after = said().await;
    for text in [SECRET_TEXT, SECRET_EDIT, SECRET_NAME] {
        assert!(!after.contains(text), "{after}");
    }
    let events = all(&fixture.database, "events").await;
    assert!(events.iter().all(|event| !event.to_string().contains(&id)), "{events:?}");
}
