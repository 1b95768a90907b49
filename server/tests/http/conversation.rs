//! Edits, answers, reactions and pins: what is taken, what is refused, and who hears of it.

use serde_json::{Value, json};

use crate::support::{Answer, NOBODY, Person, Socket, TestServer, client_id, id_of, message_form};

/// Ada, Bob, and a group of theirs that Ada is the admin of.
async fn team(server: &TestServer) -> (Person, Person, String) {
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    (ada, bob, chat)
}

async fn upon(person: &Person, function: &str, chat: &str, message: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("chat_id", chat), ("message_id", message)];
    fields.extend(more);
    person.call(function, &fields).await
}

async fn reply(person: &Person, chat: &str, answered: &str, body: &str) -> Answer {
    let id = client_id();
    let fields = [("chat_id", chat), ("client_id", id.as_str()), ("reply_to", answered), ("body", body)];
    person.call_multipart("send_message", message_form(&fields)).await
}

async fn next(socket: &mut Socket, kind: &str) -> Value {
    socket.next_that(kind, |frame| frame["type"] == kind).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_told_to_everybody_and_its_texts_to_its_writer() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob, chat) = team(&server).await;
    let mut socket = bob.socket().await;
    let sent = ada.send(&chat, "teh text").await;
    let id = id_of(&sent);
    let edited = upon(&ada, "edit_message", &chat, &id, &[("body", "  the text\n")]).await.ok();
    assert_eq!((&edited["body"], &edited["changed_seq"]), (&json!("the text"), &json!(2)));
    assert!(edited["edited_at"].is_string());
    let event = next(&mut socket, "message_edited").await;
    assert_eq!((&event["seq"], &event["actor_id"]), (&json!(2), &json!(ada.id)));
    assert_eq!((&event["message_id"], &event["body"]), (&json!(id), &json!("the text")));
    assert_eq!(bob.messages(&chat, &[]).await, std::slice::from_ref(&edited));

    let same = upon(&ada, "edit_message", &chat, &id, &[("body", "the text")]).await.ok();
    assert_eq!(same, edited, "the same text changes nothing");
    let texts = upon(&ada, "list_edits", &chat, &id, &[]).await.ok();
    let texts: Vec<_> = texts.as_array().unwrap().iter().map(|edit| edit["body"].clone()).collect();
    assert_eq!(texts, ["teh text", "the text"]);
    assert_eq!(upon(&bob, "list_edits", &chat, &id, &[]).await.refusal(), (403, "forbidden".into()));

    let edit = async |body: &str| upon(&ada, "edit_message", &chat, &id, &[("body", body)]).await;
    assert_eq!(edit(" ").await.field("body"), "required");
    assert_eq!(edit(&"x".repeat(8_001)).await.field("body"), "too_long");
    assert_eq!(upon(&bob, "edit_message", &chat, &id, &[("body", "no")]).await.status, 403);
    assert_eq!(upon(&ada, "edit_message", &chat, NOBODY, &[("body", "no")]).await.status, 404);
    for number in 0..199 {
        edit(&format!("text {number}")).await.ok();
    }
    assert_eq!(edit("once too often").await.refusal(), (409, "too_many_edits".into()));
    assert_eq!(edit("text 198").await.ok()["changed_seq"], 201, "which it is already");
    upon(&ada, "delete_message", &chat, &id, &[]).await.ok();
    assert_eq!(edit("too late").await.refusal(), (409, "message_deleted".into()));
    let texts = upon(&ada, "list_edits", &chat, &id, &[]).await;
    assert_eq!(texts.refusal(), (409, "message_deleted".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_shows_what_it_answers() {
    let server = TestServer::start().await;
    let (ada, bob, chat) = team(&server).await;
    let other = ada.group("Other", &[]).await;
    let mut socket = ada.socket().await;
    let question = id_of(&ada.send(&chat, "what time?").await);
    let answer = reply(&bob, &chat, &question, "at nine").await.ok();
    let quote = json!({
        "id": question, "seq": 1, "sender_id": ada.id, "sender_name": "Ada", "body": "what time?",
    });
    assert_eq!(answer["reply_to"], quote);
    let told = socket.next_that("the answer", |frame| frame["seq"] == 2).await;
    assert_eq!(told["message"], answer);
    for (wrong, status, code) in [
        (id_of(&ada.send(&other, "elsewhere").await), 422, "unknown_reply"),
        (NOBODY.to_owned(), 422, "unknown_reply"),
        ("nothing".to_owned(), 400, "malformed_form"),
    ] {
        assert_eq!(reply(&bob, &chat, &wrong, "to what?").await.refusal(), (status, code.into()));
    }
    let plain = reply(&bob, &chat, "", "an empty field answers nothing").await.ok();
    assert!(plain.get("reply_to").is_none());

    upon(&ada, "edit_message", &chat, &question, &[("body", "when?")]).await.ok();
    assert_eq!(ada.messages(&chat, &[]).await[1]["reply_to"]["body"], "when?");
    upon(&ada, "delete_message", &chat, &question, &[]).await.ok();
    let gone = json!({
        "id": question, "seq": 1, "sender_id": ada.id, "sender_name": "Ada", "deleted": true, "changed_seq": 5,
    });
    assert_eq!(ada.messages(&chat, &[]).await[1]["reply_to"], gone);
    // Who comes back is not told the text either, wherever it stood.
    let mut late = bob.socket().await;
    late.resume(&chat, 0).await;
    late.round_trip().await;
    let answered = late.seen.iter().find(|frame| frame["seq"] == 2).unwrap();
    assert_eq!(answered["message"]["reply_to"], gone);
    let seen = Value::from(late.seen.clone()).to_string();
    assert!(!seen.contains("what time?") && !seen.contains("when?"), "{seen}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_are_counted_and_ones_own_are_known() {
    let server = TestServer::start().await;
    let (ada, bob, chat) = team(&server).await;
    let mut socket = ada.socket().await;
    let id = id_of(&ada.send(&chat, "hello").await);
    let react = async |who: &Person, emoji: &str, on: &str| {
        upon(who, "react", &chat, &id, &[("emoji", emoji), ("on", on)]).await
    };
    let reacted = react(&bob, "👍🏽", "true").await.ok();
    let shown = json!([{ "emoji": "👍🏽", "count": 1, "user_ids": [bob.id], "mine": true }]);
    assert_eq!(reacted["reactions"], shown);
    let event = next(&mut socket, "reaction_changed").await;
    assert_eq!((&event["emoji"], &event["on"], &event["seq"]), (&json!("👍🏽"), &json!(true), &json!(2)));
    assert_eq!(react(&bob, "👍🏽", "true").await.ok(), reacted, "which is so already");
    let shown = json!([{ "emoji": "👍🏽", "count": 1, "user_ids": [bob.id] }]);
    assert_eq!(ada.messages(&chat, &[]).await[0]["reactions"], shown);
    assert_eq!(react(&ada, "👍🏽", "false").await.ok()["reactions"], shown, "nothing of hers");
    assert!(react(&bob, "👍🏽", "false").await.ok().get("reactions").is_none());
    assert_eq!(next(&mut socket, "reaction_changed").await["on"], false);

    for wrong in ["", "x", "👍👍", "<b>"] {
        assert_eq!(react(&bob, wrong, "true").await.field("emoji"), "malformed", "{wrong}");
    }
    let many = "😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓😔";
    let many: Vec<String> = many.chars().map(String::from).collect();
    for emoji in &many[..20] {
        react(&bob, emoji, "true").await.ok();
    }
    assert_eq!(react(&ada, &many[20], "true").await.refusal(), (409, "too_many_reactions".into()));
    assert_eq!(react(&ada, &many[3], "true").await.ok()["reactions"][3]["count"], 2, "it is there");
    upon(&ada, "delete_message", &chat, &id, &[]).await.ok();
    assert_eq!(react(&ada, "👍", "true").await.refusal(), (409, "message_deleted".into()));
    assert!(ada.messages(&chat, &[]).await[0].get("reactions").is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_member_pins_and_takes_down() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob, chat) = team(&server).await;
    let mut socket = ada.socket().await;
    let mut ids = Vec::new();
    for number in 0..101 {
        ids.push(id_of(&ada.send(&chat, &format!("message {number}")).await));
    }
    let pin =
        async |place: usize, on: &str| upon(&bob, "pin_message", &chat, &ids[place], &[("on", on)]).await;
    let pinned = pin(1, "true").await.ok();
    assert!(pinned["pinned_at"].is_string());
    let event = next(&mut socket, "pin_changed").await;
    assert_eq!((&event["message_id"], &event["on"]), (&json!(ids[1]), &json!(true)));
    assert_eq!(pin(1, "true").await.ok(), pinned, "which it is already");
    pin(0, "true").await.ok();
    let list = async || {
        let list = ada.call("list_pinned", &[("chat_id", &chat)]).await.ok();
        list.as_array().unwrap().iter().map(id_of).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [ids[0].as_str(), &ids[1]]);
    pin(0, "false").await.ok();
    assert_eq!(list().await, [ids[1].as_str()]);
    for place in 2..101 {
        pin(place, "true").await.ok();
    }
    assert_eq!(pin(0, "true").await.refusal(), (409, "too_many_pins".into()));
    upon(&ada, "delete_message", &chat, &ids[50], &[]).await.ok();
    assert_eq!(pin(50, "true").await.refusal(), (409, "message_deleted".into()));
    pin(0, "true").await.ok();
    assert_eq!(list().await.len(), 100);
    server.stop().await;
}
