//! Drafts over HTTP: what is saved, what is refused, and that they are for nobody else.

use serde_json::{Value, json};

use crate::support::{Person, TestServer, client_id, id_of};

async fn save(person: &Person, chat: &str, id: &str, body: &str, more: &[(&str, &str)]) -> Value {
    let mut fields = vec![("chat_id", chat), ("client_id", id), ("body", body)];
    fields.extend(more);
    person.call("save_draft", &fields).await.ok()
}

async fn pair() -> (TestServer, Person, Person, String) {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    (server, ada, bob, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_is_there_wherever_the_chat_is() {
    let (server, ada, bob, chat) = pair().await;
    let question = id_of(&bob.send(&chat, "why?").await);
    let id = client_id();
    let saved = save(&ada, &chat, &id, "because ", &[("reply_to", &question)]).await;
    assert_eq!((&saved["id"], &saved["body"]), (&json!(id), &json!("because ")));
    assert_eq!(saved["reply_to"]["body"], "why?");
    let phone = ada.elsewhere().await;
    assert_eq!(phone.call("get_chat", &[("chat_id", &chat)]).await.ok()["draft"], saved);
    assert_eq!(phone.call("list_chats", &[]).await.ok()[0]["draft"], saved);
    assert_eq!(phone.call("list_drafts", &[]).await.ok(), json!({ "drafts": { chat.as_str(): saved } }));
    // The list that the server renders shows it in the place of what was said last.
    let page = phone.get("/").await.text();
    assert!(page.contains("Draft: ") && page.contains("because"), "{page}");

    ada.try_send(&chat, &id, "because").await.ok();
    let gone = phone.call("get_chat", &[("chat_id", &chat)]).await.ok()["draft"].clone();
    assert_eq!((&gone["id"], &gone["body"], &gone["revision"]), (&json!(id), &json!(""), &saved["revision"]));
    assert_eq!(gone.get("reply_to"), None);
    // What comes late is not saved.
    assert_eq!(save(&ada, &chat, &id, "because ", &[]).await, gone);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_ever_sees_a_draft() {
    let (server, ada, bob, chat) = pair().await;
    let mut socket = bob.socket().await;
    save(&ada, &chat, &client_id(), "canary", &[]).await;
    ada.send(&chat, "something else").await;
    socket.next_event("new_message").await;
    socket.round_trip().await;
    assert!(!format!("{:?}{:?}", socket.hello, socket.seen).contains("canary"));
    for (function, fields) in [
        ("get_chat", vec![("chat_id", chat.as_str())]),
        ("list_chats", vec![]),
        ("list_drafts", vec![]),
        ("list_messages", vec![("chat_id", chat.as_str())]),
        ("search_messages", vec![("query", "canary")]),
    ] {
        assert!(!bob.call(function, &fields).await.text().contains("canary"), "{function}");
    }
    let found = ada.call("search_messages", &[("query", "canary")]).await.ok();
    assert_eq!(found["results"], json!([]), "it is no message");
    for page in ["/".to_owned(), format!("/c/{chat}")] {
        assert!(!bob.get(&page).await.text().contains("canary"), "{page}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_draft_is_refused() {
    let (server, ada, bob, chat) = pair().await;
    let (id, long) = (client_id(), "x".repeat(8_001));
    let fields =
        |body: &'static str| vec![("chat_id", chat.as_str()), ("client_id", id.as_str()), ("body", body)];
    let refused = ada.call("save_draft", &[("chat_id", &chat), ("client_id", &id), ("body", &long)]).await;
    assert_eq!(refused.refusal(), (422, "validation_failed".into()));
    assert_eq!(refused.json()["error"]["fields"], json!({ "body": "too_long" }));
    save(&ada, &chat, &id, &long[1..], &[]).await;
    // Who signed in since saves nothing of who was there before.
    let anothers = [fields("mine"), vec![("sender_id", bob.id.as_str())]].concat();
    assert_eq!(ada.call("save_draft", &anothers).await.refusal(), (401, "unauthenticated".into()));
    // An answer to something of another chat.
    let elsewhere = ada.group("Team", &[]).await;
    let other = id_of(&ada.send(&elsewhere, "secret").await);
    let answer = [fields("because"), vec![("reply_to", other.as_str())]].concat();
    assert_eq!(ada.call("save_draft", &answer).await.refusal(), (422, "unknown_reply".into()));
    // Who is outside learns nothing from it.
    let eve = server.register("Eve").await;
    for more in [vec![("body", long.as_str())], vec![("body", "x"), ("reply_to", other.as_str())]] {
        let fields = [vec![("chat_id", chat.as_str()), ("client_id", id.as_str())], more].concat();
        assert_eq!(eve.call("save_draft", &fields).await.refusal(), (404, "not_found".into()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_draft_that_is_known_is_taken_away() {
    let (server, ada, _bob, chat) = pair().await;
    let saved = save(&ada, &chat, &client_id(), "half a thought", &[]).await;
    assert_eq!(save(&ada, &chat, &client_id(), " ", &[]).await, saved, "of another one");
    let gone = save(&ada, &chat, &client_id(), "", &[("base", &saved["revision"].to_string())]).await;
    assert_eq!(gone["body"], "");
    assert!(gone["revision"].as_u64() > saved["revision"].as_u64());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_without_end_is_slowed() {
    let (server, ada, _bob, chat) = pair().await;
    let mut saves = 0;
    let refused = loop {
        let fields = [("chat_id", chat.as_str()), ("client_id", &client_id()), ("body", "x")];
        let answer = ada.call("save_draft", &fields).await;
        if answer.status != 200 {
            break answer;
        }
        saves += 1;
        assert!(saves < 400, "it went on");
    };
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    assert!(saves >= 40, "anybody's fingers are slower: {saves}");
    server.stop().await;
}
