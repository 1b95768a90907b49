//! Many writers in one chat: one order, without a hole, the same for everybody.

use futures::future::join_all;
use serde_json::Value;

use crate::support::{Person, Socket, TestServer};

const WRITERS: u64 = 8;
const EACH: u64 = 500;

async fn write(person: &Person, chat: &str) -> Vec<u64> {
    let mut seqs = Vec::new();
    for number in 0..EACH {
        let message = person.send(chat, &format!("{} {number}", person.name)).await;
        seqs.push(message["seq"].as_u64().unwrap());
    }
    seqs
}

/// Everything of the chat that a socket is told, until the last message is there.
async fn follow(mut socket: Socket) -> Vec<(u64, String)> {
    let mut told = Vec::new();
    while told.last().is_none_or(|(seq, _)| *seq < WRITERS * EACH) {
        told.push(place(&socket.next_event("new_message").await["message"]));
    }
    told
}

fn place(message: &Value) -> (u64, String) {
    (message["seq"].as_u64().unwrap(), message["body"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_readers_see_all_writers_in_one_order_without_a_hole() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let mut people = Vec::new();
    for number in 0..WRITERS {
        people.push(server.register(&format!("Writer {number}")).await);
    }
    let chat = people[0].group("Team", &people[1..].iter().collect::<Vec<_>>()).await;
    let first = tokio::spawn(follow(people[0].socket().await));
    let second = tokio::spawn(follow(people[1].socket().await));

    let written = join_all(people.iter().map(|person| write(person, &chat))).await;
    for seqs in &written {
        assert!(seqs.is_sorted(), "whoever waits for an answer before the next message keeps their order");
    }
    let mut all: Vec<u64> = written.into_iter().flatten().collect();
    all.sort_unstable();
    assert_eq!(all, (1..=WRITERS * EACH).collect::<Vec<u64>>());

    let mut history = Vec::new();
    while history.len() < all.len() {
        let after = history.last().map_or(0, |(seq, _): &(u64, String)| *seq).to_string();
        let page = people[2].messages(&chat, &[("after", &after), ("limit", "100")]).await;
        assert!(!page.is_empty());
        history.extend(page.iter().map(place));
    }
    assert_eq!(first.await.unwrap(), history);
    assert_eq!(second.await.unwrap(), history);
    server.stop().await;
}
