//! The index of search: it comes up to date by itself, holds what it should, and is used.

use std::time::{Duration, Instant};

use app::{domain::ChatId, ports::Store, protocol::EventBody};
use rusqlite::Connection;

use super::{EmbeddedFixture, file};
use crate::{
    search::{find_all, send_all, words},
    support::*,
};

/// How far the index has come, and how many messages are in it.
fn index(connection: &Connection) -> (i64, i64) {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).unwrap();
    (number("SELECT indexed FROM search_progress"), number("SELECT count(*) FROM search_docsize"))
}

/// Waits until so many messages have been in the index.
async fn indexed(connection: &Connection, at_least: i64) {
    let until = Instant::now() + Duration::from_secs(30);
    while index(connection).0 < at_least {
        assert!(Instant::now() < until, "the index does not come up to date: {:?}", index(connection));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn many(store: &TheStore, chat: ChatId, sender: app::domain::UserId, count: usize) {
    let batch = (0..count).map(|number| text(sender, &format!("number {number}"), at(1))).collect();
    send_all(store, chat, batch).await;
}

/// Has the writer look at what the index lacks.
async fn nudge(store: &TheStore) {
    for _ in 0..8 {
        store.check().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_comes_up_to_date_and_goes_with_its_messages() {
    let mut fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, ben] = people(&store).await;
    let (chat, other) = (group(&store, &[ada, ben]).await, direct(&store, [ada, ben], at(0)).await);
    let needle = send(&store, chat, ada, "a needle 中文", 1).await;
    many(&store, chat, ben, 1_200).await;
    send(&store, other, ben, "another needle", 2).await;
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    nudge(&store).await;
    indexed(&connection, 1_000).await;
    assert_eq!(
        bodies(&find_all(&store, ben, &words(&["needle"]), 10).await),
        ["another needle", "a needle 中文"]
    );
    assert_eq!(find_all(&store, ben, &words(&["文"]), 10).await.len(), 1);
    // The index alone gives candidates: without it the older one is not found.
    amend(&store, &needle, ada, 3, edited(&needle, "a pin")).await;
    assert_eq!(bodies(&find_all(&store, ben, &words(&["pin"]), 10).await), ["a pin"]);
    let in_index = index(&connection).1;
    amend(
        &store,
        &needle,
        ada,
        4,
        EventBody::MessageDeleted { message_id: needle.id, ordinal: needle.ordinal },
    )
    .await;
    assert_eq!(index(&connection).1, in_index - 1);
    // It goes on where it was.
    drop(store);
    fixture.reopen().await;
    let store = fixture.store();
    many(&store, chat, ben, 600).await;
    nudge(&store).await;
    indexed(&connection, 1_600).await;
    assert_eq!(find_all(&store, ada, &words(&["number 599"]), 10).await.len(), 2);
    // With its chat everything of it goes, and what comes afterwards takes no place of it.
    store.change_chat(chat, ada, at(9), always(vec![EventBody::ChatDeleted {}])).await.unwrap().unwrap();
    while store.purge(at(10)).await.unwrap() > 0 {}
    let left: i64 = connection.query_row("SELECT count(*) FROM search('num')", [], |row| row.get(0)).unwrap();
    assert_eq!((index(&connection).1, left), (1, 0));
    many(&store, other, ben, 400).await;
    assert_eq!(find_all(&store, ada, &words(&["number 399"]), 10).await.len(), 1);
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_an_earlier_version_are_found_and_come_into_the_index() {
    let mut fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, ben] = people(&store).await;
    let chat = direct(&store, [ada, ben], at(0)).await;
    send(&store, chat, ada, "from long ago", 1).await;
    many(&store, chat, ben, 900).await;
    drop(store);
    fixture.store.close().await.unwrap();
    // As the version before left it, and what the migration makes of that.
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    let before = "DROP TABLE search; DROP TABLE search_progress; DROP INDEX messages_by_position;
        ALTER TABLE messages DROP COLUMN position;";
    connection.execute_batch(before).unwrap();
    let migration = include_str!("../../../src/store/embedded/migrations/0006_search.sql");
    connection.execute_batch(&format!("BEGIN; {migration} COMMIT;")).unwrap();
    fixture.reopen().await;
    let store = fixture.store();
    assert_eq!(bodies(&find_all(&store, ben, &words(&["long ago"]), 10).await), ["from long ago"]);
    indexed(&connection, 700).await;
    assert_eq!(bodies(&find_all(&store, ben, &words(&["long ago"]), 10).await), ["from long ago"]);
}
