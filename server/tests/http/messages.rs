//! Messages: what is taken, what is kept, and how history is paged.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::Value;

use crate::support::{Person, TestServer, client_id, id_of};

fn seqs(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_one_to_eight_thousand_characters() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let send = async |body: &str| ada.try_send(&chat, &client_id(), body).await;
    for nothing in ["", " \r\n\t ", "\u{200b}\u{200b}", "\u{0}\u{7}"] {
        assert_eq!(send(nothing).await.field("body"), "required", "{nothing:?}");
    }
    let full = "न".repeat(8000);
    assert_eq!(send(&format!(" {full}\n")).await.ok()["body"], full.as_str());
    assert_eq!(send(&format!("{full}x")).await.field("body"), "too_long");
    let huge = "x".repeat(60_000);
    assert_eq!(send(&huge).await.refusal(), (413, "payload_too_large".into()));
    assert_eq!(send("x").await.ok()["seq"], 2, "what was refused left no hole");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_back_as_it_was_typed() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    for body in ["नमस्ते 👩‍👩‍👧‍👦", "<b>not bold</b>", "a\nb\tc", "--limit", "a=1&b=2;c=%20+"]
    {
        let sent = ada.send(&chat, body).await;
        assert_eq!(sent["body"], body);
        assert_eq!(bob.messages(&chat, &[]).await.last(), Some(&sent));
    }
    let message = ada.send(&chat, "x").await;
    let mut names: Vec<&String> = message.as_object().unwrap().keys().collect();
    names.sort();
    let known =
        ["body", "chat_id", "client_id", "created_at", "id", "ordinal", "sender_id", "sender_name", "seq"];
    assert_eq!(names, known);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_sends_under_one_id_are_one_message() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    let mut socket = bob.socket().await;
    let id = client_id();
    let tabs: Vec<_> = (0..100).map(|_| ada.copy()).collect();
    let answers = join_all(tabs.iter().map(|tab| async {
        let fields = [("chat_id", chat.as_str()), ("client_id", &id), ("body", "once")];
        tab.call_multipart("send_message", crate::support::message_form(&fields)).await
    }))
    .await;
    let ids: BTreeSet<String> = answers.iter().map(|answer| id_of(&answer.ok())).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(bob.messages(&chat, &[]).await.len(), 1);
    socket.round_trip().await;
    let told = socket.seen.iter().filter(|frame| frame["type"] == "new_message").count();
    assert_eq!(told, 1, "and it is told once");

    let other = ada.try_send(&chat, &id, "another text").await.ok();
    assert_eq!(other["body"], "once", "the original, whatever comes later");
    let elsewhere = ada.group("Team", &[]).await;
    let reused = ada.try_send(&elsewhere, &id, "once").await;
    assert_eq!(reused.refusal(), (409, "client_id_reused".into()));
    assert_eq!(bob.try_send(&chat, &id, "mine").await.ok()["body"], "mine", "an id is the sender's own");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_somebody_else_sends_nothing_in_the_name_of_who_is_signed_in() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    let send = async |sender: &str| {
        let id = client_id();
        let fields =
            [("sender_id", sender), ("chat_id", &chat), ("client_id", &id), ("body", "from Ada's page")];
        bob.call_multipart("send_message", crate::support::message_form(&fields)).await
    };
    assert_eq!(send(&ada.id).await.refusal(), (401, "unauthenticated".into()));
    assert_eq!(send("nobody").await.refusal().0, 400);
    assert_eq!(bob.messages(&chat, &[]).await.len(), 0);
    assert_eq!(send(&bob.id).await.ok()["sender_id"], bob.id.as_str());
    server.stop().await;
}

async fn filled(server: &TestServer, count: u64) -> (Person, String) {
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    for number in 1..=count {
        ada.send(&chat, &format!("message {number}")).await;
    }
    (ada, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_paged_from_anywhere_to_either_side() {
    let server = TestServer::start().await;
    let (ada, chat) = filled(&server, 120).await;
    let page = async |more: &[(&str, &str)]| {
        let mut fields = vec![("chat_id", chat.as_str())];
        fields.extend(more);
        let page = ada.call("list_messages", &fields).await.ok();
        let seqs = seqs(page["messages"].as_array().unwrap());
        assert!(seqs.is_sorted_by(|one, next| one + 1 == *next), "{seqs:?}");
        let ends = (*seqs.first().unwrap_or(&0), *seqs.last().unwrap_or(&0));
        (ends, page["has_older"].as_bool().unwrap(), page["has_newer"].as_bool().unwrap())
    };
    assert_eq!(page(&[]).await, ((71, 120), true, false), "fifty unless more are asked for");
    assert_eq!(page(&[("limit", "100")]).await, ((21, 120), true, false));
    assert_eq!(page(&[("limit", "1000")]).await, ((21, 120), true, false), "never more than a hundred");
    assert_eq!(page(&[("limit", "0")]).await, ((120, 120), true, false));
    assert_eq!(page(&[("before", "71"), ("limit", "10")]).await, ((61, 70), true, true));
    assert_eq!(page(&[("before", "11"), ("limit", "10")]).await, ((1, 10), false, true));
    assert_eq!(page(&[("after", "70"), ("limit", "10")]).await, ((71, 80), true, true));
    assert_eq!(page(&[("after", "110"), ("limit", "100")]).await, ((111, 120), true, false));
    assert_eq!(page(&[("before", "1")]).await.0, (0, 0));
    assert_eq!(page(&[("after", "120")]).await.0, (0, 0));
    assert_eq!(page(&[("before", "18446744073709551615"), ("limit", "2")]).await.0, (119, 120));
    let (around, older, newer) = page(&[("around", "60"), ("limit", "21")]).await;
    assert!(around.0 <= 60 && 60 <= around.1 && around.1 - around.0 == 20, "{around:?}");
    assert!(older && newer);
    let at = async |ordinal: &str| {
        let fields = [("chat_id", chat.as_str()), ("ordinal", ordinal), ("limit", "21")];
        let page = ada.call("list_messages_at", &fields).await.ok();
        let seqs = seqs(page["messages"].as_array().unwrap());
        (*seqs.first().unwrap(), *seqs.last().unwrap())
    };
    assert_eq!(at("60").await, around, "without other events both numbers are the same");
    assert_eq!(at("0").await.0, 1);
    assert_eq!(at("18446744073709551615").await.1, 120);
    let answer = ada.call("list_messages", &[("chat_id", &chat), ("before", "9"), ("after", "3")]).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_reads_what_was_said_before() {
    let server = TestServer::start().await;
    let (ada, chat) = filled(&server, 3).await;
    let bob = server.register("Bob").await;
    ada.add(&chat, &bob).await;
    assert_eq!(seqs(&bob.messages(&chat, &[]).await), [1, 2, 3]);
    assert_eq!(ada.send(&chat, "welcome").await["seq"], 5, "the joining has a place in the log");
    assert_eq!(bob.messages(&chat, &[]).await.last().unwrap()["ordinal"], 4);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_said_stays_when_they_leave() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    bob.send(&chat, "so long").await;
    bob.call("leave_chat", &[("chat_id", &chat)]).await.ok();
    let kept = ada.messages(&chat, &[]).await;
    assert_eq!((&kept[0]["body"], &kept[0]["sender_name"]), (&"so long".into(), &"Bob".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_nobody_asked_for_never_take_effect() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let form = crate::support::message_form(&[
        ("chat_id", &chat),
        ("client_id", &client_id()),
        ("body", "mine"),
        ("user_id", &ada.id),
        ("sender_name", "Ada"),
        ("seq", "900"),
        ("ordinal", "900"),
        ("created_at", "1999-01-01T00:00:00Z"),
        ("id", "68949ca2e36d65cad2b71204"),
    ]);
    let message = bob.call_multipart("send_message", form).await.ok();
    assert_eq!((&message["sender_id"], &message["seq"]), (&bob.id.as_str().into(), &1.into()));
    assert_eq!((&message["ordinal"], &message["sender_name"]), (&1.into(), &"Bob".into()));
    assert_ne!(message["id"], "68949ca2e36d65cad2b71204");
    assert!(!message["created_at"].as_str().unwrap().starts_with("1999"));

    let fields = [("display_name", "Bob"), ("role", "admin"), ("id", &ada.id), ("email", "root@example.org")];
    let account = bob.call("update_profile", &fields).await.ok();
    assert_eq!((&account["id"], &account["email"]), (&bob.id.as_str().into(), &bob.email.as_str().into()));
    let fields = [("name", "Mine"), ("owner", ada.id.as_str()), ("kind", "direct"), ("head", "7")];
    let made = bob.call("create_group_chat", &fields).await.ok();
    assert_eq!(
        (&made["kind"], &made["head"], &made["my_role"]),
        (&"group".into(), &0.into(), &"admin".into())
    );
    let fields = [("chat_id", chat.as_str()), ("actor_id", &ada.id), ("user_id", &ada.id), ("name", "Taken")];
    assert_eq!(bob.call("rename_chat", &fields).await.status, 403);
    server.stop().await;
}
