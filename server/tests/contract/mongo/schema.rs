//! The schema's versions, and opening: what is refused, and in what words.

use std::time::{Duration, Instant};

use app::{error::ErrorCode, ports::Store};
use mongodb::bson::{Document, doc};
use server::{
    config::MongoUrl,
    store::mongo::{MongoOptions, MongoStore},
};

use super::{MongoFixture, all, empty};
use crate::support::*;

async fn set_version(fixture: &MongoFixture, version: i32, compatible_from: i32) {
    let set = doc! { "$set": { "version": version, "compatible_from": compatible_from } };
    fixture.database.collection::<Document>("schema").update_one(doc! {}, set).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_make_one_schema() {
    let (url, database) = empty().await;
    let open = || MongoStore::open(&url, MongoOptions::default());
    let (one, two, three) = tokio::join!(open(), open(), open());
    let store: TheStore = one.unwrap();
    let fixture = MongoFixture { url: url.clone(), database, store: two.unwrap() };
    three.unwrap();
    assert_eq!(all(&fixture.database, "schema").await.len(), 1);
    let names = fixture.database.collection::<Document>("messages").list_index_names().await.unwrap();
    assert_eq!(
        names,
        [
            "_id_",
            "messages_by_seq",
            "messages_by_client_id",
            "messages_pinned",
            "messages_half_deleted",
            "messages_by_gram",
            "messages_by_time"
        ]
    );
    let names = fixture.database.collection::<Document>("reactions").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "reactions_by_user"]);
    let names = fixture.database.collection::<Document>("mentions").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "mentions_by_user"]);
    let names = fixture.database.collection::<Document>("users").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "users_by_email", "users_by_word", "users_by_name"]);
    let names = fixture.database.collection::<Document>("attachments").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "attachments_by_message", "attachments_to_collect"]);
    let names = fixture.database.collection::<Document>("events").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "events_by_seq", "events_of_chat", "events_about_chat"]);
    let names = fixture.database.collection::<Document>("blocks").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "blocks_by_blocker", "blocks_by_blocked"]);
    let names = fixture.database.collection::<Document>("invites").list_index_names().await.unwrap();
    assert_eq!(names, ["_id_", "invites_by_token", "invites_by_chat"]);
    let ada = person(&store, "Ada").await;
    assert!(fixture.store().user(ada).await.unwrap().is_some(), "both nodes have the same data");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_database_is_served_only_if_it_says_that_this_can_be() {
    let fixture = MongoFixture::open().await;
    set_version(&fixture, 9_999, 1).await;
    fixture.another().await.check().await.unwrap();
    set_version(&fixture, 9_999, 9_999).await;
    let refused = MongoStore::open(&fixture.url, MongoOptions::default()).await.err().unwrap();
    assert!(refused.chain().contains("version 9999"), "{}", refused.chain());
    assert_eq!(all(&fixture.database, "schema").await[0].get_i32("version").unwrap(), 9_999);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_programs_database_is_refused() {
    let (url, database) = empty().await;
    database.collection("theirs").insert_one(doc! { "precious": true }).await.unwrap();
    let refused = MongoStore::open(&url, MongoOptions::default()).await.err().unwrap();
    assert!(refused.chain().contains("another program"), "{}", refused.chain());
    assert_eq!(database.list_collection_names().await.unwrap(), ["theirs"]);
    database.drop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_cannot_be_reached_are_named_in_time_and_without_secrets() {
    let began = Instant::now();
    let options = MongoOptions { patience: Duration::from_secs(1) };
    for (url, expected, said) in [
        ("mongodb://ada:hunter2@127.0.0.1:1/chat?replicaSet=r", ErrorCode::Unavailable, "127.0.0.1:1"),
        ("mongodb://ada:hunter2@127.0.0.1:1/chat?readPreference=x", ErrorCode::Internal, "cannot be read"),
        ("mongodb://ada:hun@ter2@127.0.0.1:1/chat", ErrorCode::Internal, "%XX"),
    ] {
        let error = MongoStore::open(&MongoUrl::from(url.to_owned()), options.clone()).await.err().unwrap();
        assert_eq!(error.code, expected, "{}", error.chain());
        assert!(error.chain().contains(said), "{}", error.chain());
        assert!(!error.chain().contains("ter2"), "{}", error.chain());
    }
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_is_unavailable() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let ada = person(&store, "Ada").await;
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(code(store.check().await), Some(ErrorCode::Unavailable));
    assert_eq!(code(store.user(ada).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(store.create_user(new_user("Eve", "eve@x.org")).await), Some(ErrorCode::Unavailable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_not_quoted() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    person(&store, "Ada").await;
    let taken = store.create_user(new_user("Eve", "ada@example.org")).await.err().unwrap();
    assert_eq!(taken.code, ErrorCode::EmailTaken);
    assert!(taken.chain().contains("users_by_email"), "the rule is named: {}", taken.chain());
    assert!(!taken.chain().contains("ada@example.org"), "{}", taken.chain());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_a_newer_node_wrote_is_passed_on_as_it_is() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    for text in ["before", "of another kind", "after"] {
        send(&store, chat, ada, text, 1).await;
    }
    let newer =
        doc! { "type": "poll_opened", "poll": { "question": "When?", "choices": ["now", 2_i64, null] } };
    let events = fixture.database.collection::<Document>("events");
    let changed = events.update_one(doc! { "seq": 2 }, doc! { "$set": { "body": newer } }).await.unwrap();
    assert_eq!(changed.modified_count, 1);
    passes_on_what_is_newer(&log(&store, chat).await);
}
