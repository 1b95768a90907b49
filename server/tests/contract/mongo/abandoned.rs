//! Transactions that nobody will finish.

use std::time::{Duration, Instant};

use app::{domain::UserId, ports::Appended};
use mongodb::{
    Client,
    bson::{Document, doc, oid::ObjectId},
    options::ClientOptions,
};

use super::MongoFixture;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_was_writing_to_is_free_again_soon() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let all: [UserId; 2] = people(&store).await;
    let chat = group(&store, &all).await;
    // A node writes to the chat, and is no more before it comes to its commit.
    let mut options = ClientOptions::parse(fixture.url.expose()).await.unwrap();
    options.app_name = Some(format!("samvad/{}", fixture.database.name()));
    let killed = Client::with_options(options).unwrap();
    let mut session = killed.start_session().await.unwrap();
    session.start_transaction().await.unwrap();
    let chats = killed.default_database().unwrap().collection::<Document>("chats");
    let this = doc! { "_id": ObjectId::from_bytes(*chat.as_bytes()) };
    let write = doc! { "$set": { "name": "Half" } };
    let written = chats.update_one(this.clone(), write).session(&mut session).await.unwrap();
    assert_eq!(written.modified_count, 1);
    // Nobody says that it is over.
    std::mem::forget(session);

    let began = Instant::now();
    let sent = append(&store, chat, text(all[0], "Is anybody there?", at(1))).await;
    assert!(matches!(sent, Appended::New(_)), "{sent:?}");
    assert!(began.elapsed() < Duration::from_secs(10), "a minute is what it takes by itself");
    let chats = fixture.database.collection::<Document>("chats");
    let stored = chats.find_one(this).await.unwrap().unwrap();
    assert_ne!(stored.get_str("name").ok(), Some("Half"), "nothing is left of what it was writing");
}
