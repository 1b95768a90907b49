//! The embedded store: the contract, and what only it promises.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use app::{
    domain::{ChatId, ClientId, Seq, UserId},
    error::ErrorCode,
    ports::Store,
};
use rusqlite::Connection;
use server::store::embedded::{EmbeddedOptions, EmbeddedStore};

use crate::support::*;
use fixture::{EmbeddedFixture, file};

mod files;
mod fixture;
mod schema;
mod searching;

contract!(EmbeddedFixture);

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_for_the_server_alone() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = EmbeddedFixture::open().await;
    person(&fixture.store(), "Ada").await;
    for entry in std::fs::read_dir(file(&fixture.directory).parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", entry.file_name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_come_together_share_a_commit() {
    const WRITES: u64 = 400;
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let before = fixture.store.write_stats();
    let tasks: Vec<_> = (0..WRITES)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { send(&store, chat, ada, "together", 1).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let after = fixture.store.write_stats();
    assert_eq!(after.writes - before.writes, WRITES);
    let commits = after.commits - before.commits;
    assert!(commits <= WRITES / 4, "{commits} commits for {WRITES} writes");
    assert_eq!(log(&store, chat).await.len() as u64, WRITES);
}

#[tokio::test]
async fn a_write_that_panics_leaves_nothing_and_stops_nobody() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let panics: app::ports::Decide = Box::new(|_state| panic!("on purpose"));
    let (neighbour, failed) =
        tokio::join!(send(&store, chat, bob, "beside it", 1), store.change_chat(chat, ada, at(1), panics));
    assert_eq!(code(failed), Some(ErrorCode::Internal));
    assert_eq!(neighbour.seq, Seq(1));
    assert_eq!(send(&store, chat, ada, "after it", 2).await.seq, Seq(2));
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let ada = person(&store, "Ada").await;
    fixture.store.close().await.unwrap();
    fixture.store.close().await.unwrap();
    assert_eq!(code(store.check().await), Some(ErrorCode::Unavailable));
    assert_eq!(code(store.user(ada).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(store.heads_of(ada).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(store.create_user(new_user("Eve", "eve@x.org")).await), Some(ErrorCode::Unavailable));
    assert_eq!(
        code(store.append_messages(ChatId::from_bytes(id()), Vec::new()).await),
        Some(ErrorCode::Unavailable)
    );
}

#[tokio::test]
async fn closing_finishes_the_writes_that_wait_and_completes_the_file() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    send(&store, chat, ada, "last words", 1).await;
    fixture.store.close().await.unwrap();
    let log = file(&fixture.directory).with_extension("db-wal");
    assert_eq!(std::fs::metadata(&log).map_or(0, |file| file.len()), 0, "nothing is left in the log");
}

#[tokio::test]
async fn the_write_ahead_log_does_not_grow_without_end() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let body = "x".repeat(8_000);
    for number in 0..600 {
        send(&store, chat, ada, &body, number).await;
    }
    let log = file(&fixture.directory).with_extension("db-wal");
    let (log, all) = (std::fs::metadata(log).unwrap().len(), 600 * 2 * 8_000);
    assert!(log < all / 2, "{log} bytes are on the log");
}

#[tokio::test]
async fn a_full_store_refuses_writes_and_still_reads() {
    let fixture =
        EmbeddedFixture::with(EmbeddedOptions { max_bytes: Some(1024 * 1024), ..Default::default() });
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let body = "x".repeat(8_000);
    let (mut sent, refused) = (0, loop_until_refused(&store, chat, ada, &body).await);
    for event in log(&store, chat).await {
        assert_eq!(event.at, at(1));
        sent += 1;
    }
    assert_eq!((sent, ErrorCode::StorageFull), refused, "no half message");
    assert_eq!(store.role(chat, ada).await.unwrap(), Some(app::domain::Role::Member));
    let head = store.heads_of(ada).await.unwrap()[&chat];
    assert_eq!(head.0, sent);
}

async fn loop_until_refused(store: &TheStore, chat: ChatId, sender: UserId, body: &str) -> (u64, ErrorCode) {
    for sent in 0..10_000 {
        if let Err(error) = store.append_messages(chat, vec![text(sender, body, at(1))]).await {
            return (sent, error.code);
        }
    }
    panic!("the store never got full");
}

#[tokio::test]
async fn a_lock_that_is_not_let_go_makes_writes_unavailable() {
    let patience = Duration::from_millis(50);
    let fixture = EmbeddedFixture::with(EmbeddedOptions { patience, ..Default::default() });
    let store = fixture.store();
    let ada = person(&store, "Ada").await;
    let other = Connection::open(file(&fixture.directory)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(code(store.check().await), Some(ErrorCode::Unavailable));
    assert_eq!(code(store.create_user(new_user("Eve", "eve@x.org")).await), Some(ErrorCode::Unavailable));
    assert!(store.user(ada).await.unwrap().is_some(), "reads go on");
    other.execute_batch("ROLLBACK").unwrap();
    store.check().await.unwrap();
    store.create_user(new_user("Eve", "eve@x.org")).await.unwrap();
}

/// Tells the child of the test below where to write, and as whom.
const CHILD: &str = "SAMVAD_CONTRACT_CHILD";

/// Appends without end and says on standard output what has been acknowledged. Does nothing unless the
/// test below runs this binary again for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout)]
async fn child_that_is_killed() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let (ids, path) = orders.split_once('|').unwrap();
    let (chat, sender) = ids.split_once(',').unwrap();
    let (chat, sender): (ChatId, UserId) = (chat.parse().unwrap(), sender.parse().unwrap());
    let store: TheStore = EmbeddedStore::open(Path::new(path), EmbeddedOptions::default()).unwrap();
    // The ids that a process makes for itself must differ from those of the process before it.
    let message = move |body: &str| {
        let client_id = ClientId::random();
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&client_id.as_bytes()[..12]);
        let id = app::domain::MessageId::from_bytes(bytes);
        app::ports::NewMessage { id, client_id, ..text(sender, body, at(1)) }
    };
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        writers.spawn(async move {
            loop {
                let new = message("survives");
                let client_id = new.client_id;
                stored(&append(&store, chat, new).await);
                println!("stored {client_id}");
            }
        });
    }
    // They never end by themselves: the first that does has failed, and so has the test.
    writers.join_next().await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let mut fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    drop(store);
    let mut acknowledged = BTreeSet::new();
    for round in 1..=3 {
        fixture.store.close().await.unwrap();
        let path = file(&fixture.directory);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["embedded::child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, format!("{chat},{ada}|{}", path.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        // A line that the kill cut short was never said. After the kill, what was said before is read.
        for line in output.lines() {
            let line = line.unwrap();
            let said = line.rsplit_once("stored ").and_then(|(_, id)| id.parse::<ClientId>().ok());
            acknowledged.extend(said);
            if acknowledged.len() == round * 100 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(acknowledged.len() >= round * 100, "the child ended by itself");

        fixture.store = EmbeddedStore::open(&path, EmbeddedOptions::default()).unwrap();
        let stored: BTreeSet<ClientId> = log(&fixture.store(), chat)
            .await
            .into_iter()
            .map(|event| match event.body {
                app::protocol::EventBody::NewMessage { message } => message.client_id,
                other => panic!("nothing but messages was written: {other:?}"),
            })
            .collect();
        assert!(acknowledged.is_subset(&stored), "an acknowledged message is missing");
        let next = send(&fixture.store(), chat, bob, "goes on", 2).await;
        assert_eq!(next.seq.0, stored.len() as u64 + 1);
        acknowledged.insert(next.client_id);
    }
}
