//! Coming back: exactly what was missed, whatever was missed.

use serde_json::{Value, json};

use crate::support::{NOBODY, Person, Socket, TestServer};

fn seqs(frames: &[Value], chat: &str) -> Vec<u64> {
    let frames = frames.iter().filter(|frame| frame["chat_id"] == chat && frame["seq"].is_u64());
    frames.map(|frame| frame["seq"].as_u64().unwrap()).collect()
}

async fn resumed(socket: &mut Socket, chat: &str, seq: u64) -> Vec<Value> {
    socket.seen.clear();
    socket.resume(chat, seq).await;
    socket.round_trip().await;
    socket.seen.clone()
}

async fn fill(person: &Person, chat: &str, count: usize) {
    for _ in 0..count {
        person.send(chat, "x").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_missed_comes_in_order() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let mut before = bob.socket().await;
    fill(&ada, &chat, 5).await;
    let last = before.next_that("the fifth", |frame| frame["seq"] == 5).await;
    assert_eq!(seqs(&before.seen, &chat), [1, 2, 3, 4, 5]);
    before.close().await;
    ada.call("rename_chat", &[("chat_id", &chat), ("name", "Crew")]).await.ok();
    fill(&ada, &chat, 4).await;

    let mut socket = bob.socket().await;
    assert_eq!(socket.hello["heads"][&chat], 10);
    let missed = resumed(&mut socket, &chat, last["seq"].as_u64().unwrap()).await;
    assert_eq!(seqs(&missed, &chat), [6, 7, 8, 9, 10]);
    assert_eq!((&missed[0]["type"], &missed[1]["type"]), (&"chat_renamed".into(), &"new_message".into()));
    assert!(seqs(&resumed(&mut socket, &chat, 10).await, &chat).is_empty(), "nothing twice");
    let all = resumed(&mut socket, &chat, 0).await;
    assert_eq!(seqs(&all, &chat), (1..=10).collect::<Vec<u64>>());
    let live = ada.messages(&chat, &[]).await;
    assert_eq!(all.iter().find(|frame| frame["seq"] == 10).unwrap()["message"], *live.last().unwrap());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_during_a_resume_are_neither_lost_nor_doubled_nor_out_of_order() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    fill(&ada, &chat, 50).await;
    let writing = fill(&ada, &chat, 100);
    let reading = async {
        let mut socket = bob.socket().await;
        socket.resume(&chat, 0).await;
        // What was told live before the resume was read is in its answer again; what comes later follows
        // it. So a client that takes only the very next event never waits for one that does not come.
        let mut applied = 0;
        while applied < 150 {
            let frame = socket.next_event("new_message").await;
            if frame["seq"] == applied + 1 {
                applied += 1;
            }
        }
    };
    tokio::join!(writing, reading);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_missed_more_than_comes_inline_is_told_to_page() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let long = ada.group("Long", &[&bob]).await;
    let short = ada.group("Short", &[&bob]).await;
    fill(&ada, &long, 501).await;
    fill(&ada, &short, 3).await;
    let mut socket = bob.socket().await;
    let answer = resumed(&mut socket, &long, 0).await;
    assert_eq!(seqs(&answer, &long), [] as [u64; 0]);
    let limited = answer.iter().find(|frame| frame["type"] == "limited").expect("a limited frame");
    assert_eq!((&limited["chat_id"], &limited["head"]), (&long.as_str().into(), &501.into()));
    let answer = resumed(&mut socket, &long, 1).await;
    assert_eq!(seqs(&answer, &long), (2..=501).collect::<Vec<u64>>(), "five hundred come inline");

    socket.seen.clear();
    socket.send(&json!({"type": "resume", "heads": {long.as_str(): 0, short.as_str(): 0}})).await;
    socket.round_trip().await;
    assert_eq!(seqs(&socket.seen, &short), [1, 2, 3], "a long absence in one chat costs the others nothing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_more_than_the_log_starts_over() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    fill(&ada, &chat, 2).await;
    let mut socket = ada.socket().await;
    let answer = resumed(&mut socket, &chat, 900).await;
    let limited = answer.iter().find(|frame| frame["type"] == "limited").expect("a limited frame");
    assert_eq!(limited["head"], 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_that_one_is_out_of_are_named_as_gone() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let left = ada.group("Left", &[&bob]).await;
    let deleted = ada.group("Deleted", &[&bob]).await;
    ada.remove(&left, &bob).await;
    ada.call("delete_chat", &[("chat_id", &deleted)]).await.ok();
    let mut socket = bob.socket().await;
    for chat in [left.as_str(), &deleted, NOBODY] {
        let answer = resumed(&mut socket, chat, 1).await;
        let about: Vec<&Value> = answer.iter().filter(|frame| frame["chat_id"] == chat).collect();
        assert_eq!(about, [&json!({"type": "chat_removed", "chat_id": chat})]);
    }
    server.stop().await;
}
