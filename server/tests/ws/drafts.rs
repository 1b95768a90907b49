//! What one is writing, told to one's other devices.

use serde_json::{Value, json};

use crate::support::{Person, Socket, TestServer, client_id};

async fn save(person: &Person, chat: &str, body: &str) -> Value {
    let id = client_id();
    person.call("save_draft", &[("chat_id", chat), ("client_id", &id), ("body", body)]).await.ok()
}

async fn drafts(socket: &mut Socket) -> Vec<Value> {
    // Whatever was told before is here by then.
    socket.round_trip().await;
    socket.seen.iter().filter(|frame| frame["type"] == "draft_changed").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_told_to_ones_other_sessions_and_to_nobody_else() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let phone = ada.elsewhere().await;
    let (mut desk, mut away, mut his) = (ada.socket().await, phone.socket().await, bob.socket().await);
    let saved = save(&ada, &chat, "half a thought").await;
    let told = away.next_event("draft_changed").await;
    assert_eq!(told, json!({ "type": "draft_changed", "chat_id": chat, "draft": saved }));
    assert!(drafts(&mut desk).await.is_empty(), "who saved it knows");
    assert!(drafts(&mut his).await.is_empty());

    // What was not saved is not told.
    away.seen.clear();
    let id = saved["id"].as_str().unwrap();
    ada.try_send(&chat, id, "half a thought").await.ok();
    away.next_event("new_message").await;
    ada.call("save_draft", &[("chat_id", &chat), ("client_id", &client_id()), ("body", "")]).await.ok();
    assert!(drafts(&mut away).await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_out_of_the_chat_is_told_nothing_more() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let phone = bob.elsewhere().await;
    let mut away = phone.socket().await;
    save(&bob, &chat, "half a thought").await;
    away.next_event("draft_changed").await;
    ada.remove(&chat, &bob).await;
    away.next_event("chat_removed").await;
    assert_eq!(phone.call("list_drafts", &[]).await.ok(), json!({ "drafts": {} }));
    ada.add(&chat, &bob).await;
    let added = away.next_event("chat_added").await;
    assert_eq!(added["chat"].get("draft"), None);
    assert_eq!(phone.call("list_drafts", &[]).await.ok(), json!({ "drafts": {} }));
    server.stop().await;
}
