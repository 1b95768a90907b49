//! The index of search: it is used, and messages of earlier versions come into it.

use std::time::Duration;

use app::domain::Timestamp;
use mongodb::bson::{Document, doc};

use super::{MongoFixture, all};
use crate::{
    search::{find_all, send_all, words},
    support::*,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_walks_the_index_and_sorts_nothing() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, ben] = people(&store).await;
    let mut chats = Vec::new();
    for _ in 0..5 {
        chats.push(group(&store, &[ada, ben]).await);
    }
    for chat in &chats {
        let batch = (0..600).map(|number| text(ben, &format!("so it goes {number}"), at(number))).collect();
        send_all(&store, *chat, batch).await;
    }
    let database = &fixture.database;
    for (request, most) in [
        // Frequent words: no more than a few are looked at.
        (words(&["goes"]), 120),
        (words(&["goes", "so"]), 120),
        (app::ports::SearchRequest { chats: Some(chats[..1].to_vec()), ..words(&["goes"]) }, 120),
        // Rare ones: no more than there are.
        (words(&["goes 599"]), 200),
        (words(&["zebra"]), 0),
    ] {
        database.run_command(doc! { "profile": 2 }).await.unwrap();
        store.search_messages(ada, request.clone(), None, 10).await.unwrap();
        database.run_command(doc! { "profile": 0 }).await.unwrap();
        let commands = all(database, "system.profile").await;
        database.collection::<Document>("system.profile").drop().await.unwrap();
        let searches: Vec<_> =
            commands.iter().filter(|command| command.to_string().contains("messages_by_gram")).collect();
        assert!(!searches.is_empty(), "{commands:#?}");
        for search in searches {
            let plan = search.get_str("planSummary").unwrap();
            assert!(plan.starts_with("IXSCAN { chat_id: 1, grams: 1"), "{plan}");
            assert!(!search.contains_key("hasSortStage"), "{request:?} sorts: {search:#?}");
            let looked_at = search.get_i32("docsExamined").unwrap();
            assert!(looked_at <= most, "{request:?}: {looked_at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_an_earlier_version_are_found_after_a_while() {
    let mut fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, ben] = people(&store).await;
    let chat = direct(&store, [ada, ben], at(0)).await;
    let many = (0..450).map(|number| text(ben, &format!("number {number}"), at(1))).collect();
    let many = send_all(&store, chat, many).await;
    let gone = &many[7];
    amend(
        &store,
        gone,
        ben,
        2,
        app::protocol::EventBody::MessageDeleted { message_id: gone.id, ordinal: gone.ordinal },
    )
    .await;
    // As the version before left it.
    let messages = fixture.database.collection::<Document>("messages");
    messages.update_many(doc! {}, doc! { "$unset": { "grams": "" } }).await.unwrap();
    messages.drop_index("messages_by_gram").await.unwrap();
    let before = doc! { "$set": { "version": 6 } };
    fixture
        .database
        .collection::<Document>("schema")
        .update_one(doc! { "_id": "samvad" }, before)
        .await
        .unwrap();
    drop(store);
    fixture.reopen().await;
    let store = fixture.store();
    let now = Timestamp::from_millis(i64::try_from(since_1970().as_millis()).unwrap());
    while store.purge(now).await.unwrap() > 0 {}
    assert_eq!(find_all(&store, ada, &words(&["number"]), 100).await.len(), 449);
    // The walk ends, once nodes of the version before have had time to go.
    store.purge(now.plus_seconds(2 * 24 * 60 * 60)).await.unwrap();
    assert_eq!(all(&fixture.database, "schema").await.len(), 1);
}

fn since_1970() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}
