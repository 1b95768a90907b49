//! Mentions: whom a text means, what everybody is told of it, and what is unread.

use serde_json::{Value, json};

use crate::support::{Person, Socket, TestServer, client_id, id_of};

fn people(message: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let people = message["mentions"]["people"].as_array().cloned().unwrap_or_default();
    people.iter().map(|person| (text(&person["user_id"]), text(&person["name"]))).collect()
}

async fn next(socket: &mut Socket, kind: &str) -> Value {
    socket.next_that(kind, |frame| frame["type"] == kind).await
}

async fn mentioned(person: &Person, chat: &str) -> Value {
    let chats = person.call("list_chats", &[]).await.ok();
    let listed = chats.as_array().unwrap().iter().find(|one| one["id"] == chat).unwrap().clone();
    let whole = person.call("get_chat", &[("chat_id", chat)]).await.ok();
    assert_eq!(listed["mentioned"], whole["mentioned"]);
    whole["mentioned"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_members_are_mentions_and_nothing_else_is() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, asha) = (server.register("Ada").await, server.register("Asha Rao").await);
    let (namesake, _outside) = (server.register("asha rao").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&asha, &namesake]).await;
    let mut socket = asha.socket().await;
    let sent = ada.send(&chat, "hi @ASHA Rao, not `@Ada` nor @Eve nor x@Ada").await;
    let mut found = people(&sent);
    found.sort();
    let name = || "ASHA Rao".to_owned();
    let mut expected = vec![(asha.id.clone(), name()), (namesake.id.clone(), name())];
    expected.sort();
    assert_eq!(found, expected);
    assert!(sent["mentions"].get("all").is_none());
    let event = next(&mut socket, "new_message").await;
    assert_eq!(event["message"]["mentions"], sent["mentions"]);
    assert_eq!(asha.messages(&chat, &[]).await[0]["mentions"], sent["mentions"]);
    assert!(ada.send(&chat, "nobody at all").await.get("mentions").is_none());
    assert_eq!(mentioned(&asha, &chat).await, json!([1]));
    assert_eq!(mentioned(&ada, &chat).await, Value::Null);
    asha.call("mark_read", &[("chat_id", &chat), ("ordinal", "2")]).await.ok();
    assert_eq!(mentioned(&asha, &chat).await, Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_mentions_others_and_a_deletion_nobody() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let id = id_of(&ada.send(&chat, "hello").await);
    let mut socket = bob.socket().await;
    let fields = |body| [("chat_id", chat.as_str()), ("message_id", id.as_str()), ("body", body)];
    let edited = ada.call("edit_message", &fields("@Bob, @all")).await.ok();
    assert_eq!((edited["mentions"]["all"].clone(), people(&edited).len()), (json!(true), 1));
    let event = next(&mut socket, "message_edited").await;
    assert_eq!((&event["mentions"], &event["ordinal"]), (&edited["mentions"], &json!(1)));
    assert_eq!(mentioned(&bob, &chat).await, json!([1]));
    ada.call("edit_message", &fields("hello again")).await.ok();
    assert!(next(&mut socket, "message_edited").await.get("mentions").is_none());
    assert_eq!(mentioned(&bob, &chat).await, Value::Null);
    ada.call("edit_message", &fields("@bob")).await.ok();
    ada.call("delete_message", &[("chat_id", &chat), ("message_id", &id)]).await.ok();
    let event = next(&mut socket, "message_deleted").await;
    assert_eq!(event["ordinal"], 1);
    assert_eq!(mentioned(&bob, &chat).await, Value::Null);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_direct_chat_there_is_no_all() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    assert!(ada.send(&chat, "@all").await.get("mentions").is_none());
    assert_eq!(people(&ada.send(&chat, "@Bob").await), [(bob.id.clone(), "Bob".to_owned())]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_outside_learns_nothing_by_naming_members() {
    let server = TestServer::start().await;
    let (ada, eve) = (server.register("Ada").await, server.register("Eve").await);
    let chat = ada.group("Team", &[]).await;
    let refused = eve.try_send(&chat, &client_id(), "@Ada @all").await;
    assert_eq!(refused.refusal(), (404, "not_found".into()));
    server.stop().await;
}
