//! Read markers, mute and archive over HTTP.

use serde_json::{Value, json};

use crate::support::{Person, TestServer};

async fn mark(person: &Person, function: &str, chat: &str, more: &[(&str, &str)]) -> Value {
    let mut fields = vec![("chat_id", chat)];
    fields.extend(more);
    person.call(function, &fields).await.ok()
}

async fn mine(person: &Person, chat: &str) -> Value {
    let chat = person.call("get_chat", &[("chat_id", chat)]).await.ok();
    chat["mine"].clone()
}

async fn pair() -> (TestServer, Person, Person, String) {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    (server, ada, bob, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_one_has_read_is_answered_and_kept() {
    let (server, ada, bob, chat) = pair().await;
    for _ in 0..3 {
        ada.send(&chat, "hello").await;
    }
    assert_eq!(mine(&bob, &chat).await["read"], 0);
    let marked = mark(&bob, "mark_read", &chat, &[("ordinal", "2")]).await;
    assert_eq!(marked["read"], 2);
    let unread = mark(&bob, "mark_unread", &chat, &[("ordinal", "1")]).await;
    assert_eq!((&unread["read"], &unread["unread_from"]), (&json!(2), &json!(1)));
    assert!(unread["revision"].as_u64() > marked["revision"].as_u64());
    assert_eq!(mine(&bob, &chat).await, unread);
    let listed = bob.call("list_chats", &[]).await.ok();
    assert_eq!(listed[0]["mine"], unread);
    // The other one sees how far he has read, and nothing else of it.
    let seen = ada.call("get_chat", &[("chat_id", &chat)]).await.ok();
    let bobs =
        seen["members"].as_array().unwrap().iter().find(|member| member["id"] == bob.id.as_str()).unwrap();
    assert_eq!(bobs["read"], 2);
    assert!(!seen.to_string().contains("unread_from"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_has_read_the_chat() {
    let (server, ada, bob, chat) = pair().await;
    ada.send(&chat, "hello").await;
    let before = mine(&bob, &chat).await;
    bob.send(&chat, "hello yourself").await;
    let after = mine(&bob, &chat).await;
    assert_eq!((&after["read"], &after["revision"]), (&json!(2), &before["revision"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_muted_until_then_or_for_good() {
    let (server, ada, _bob, chat) = pair().await;
    let until = ("until", "2999-01-01T00:00:00Z");
    assert_eq!(mark(&ada, "mute_chat", &chat, &[("on", "true"), until]).await["muted_until"], until.1);
    let for_good = mark(&ada, "mute_chat", &chat, &[("on", "true")]).await;
    assert_eq!(for_good["muted_until"], "9999-12-31T23:59:59.999Z");
    assert_eq!(mark(&ada, "mute_chat", &chat, &[("on", "false")]).await.get("muted_until"), None);
    let late = [("chat_id", chat.as_str()), ("on", "true"), ("until", "2001-01-01T00:00:00.000Z")];
    let refused = ada.call("mute_chat", &late).await;
    assert_eq!(refused.refusal(), (422, "validation_failed".into()));
    assert_eq!(refused.json()["error"]["fields"], json!({"until": "malformed"}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_put_away_and_brought_back() {
    let (server, ada, bob, chat) = pair().await;
    assert_eq!(mark(&ada, "archive_chat", &chat, &[("on", "true")]).await["archived"], true);
    assert_eq!(mine(&bob, &chat).await.get("archived"), None, "that is hers alone");
    assert_eq!(mark(&ada, "archive_chat", &chat, &[("on", "false")]).await.get("archived"), None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_on_until_they_are_turned_off() {
    let (server, ada, bob, chat) = pair().await;
    ada.send(&chat, "hello").await;
    assert_eq!(bob.call("me", &[]).await.ok()["read_receipts"], true);
    let off = bob.call("update_settings", &[("read_receipts", "false")]).await.ok();
    assert_eq!((&off["read_receipts"], &off["id"]), (&json!(false), &json!(bob.id)));
    assert_eq!(bob.call("me", &[]).await.ok()["read_receipts"], false);
    mark(&bob, "mark_read", &chat, &[("ordinal", "1")]).await;
    let seen = ada.call("get_chat", &[("chat_id", &chat)]).await.ok();
    let bobs =
        seen["members"].as_array().unwrap().iter().find(|member| member["id"] == bob.id.as_str()).unwrap();
    assert_eq!(bobs.get("read"), None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_put_away_stays_in_the_list_once_its_news_was_read_unless_it_is_muted() {
    let (server, ada, bob, chat) = pair().await;
    for (is_muted, stays_away) in [("false", false), ("true", true)] {
        mark(&bob, "mute_chat", &chat, &[("on", is_muted)]).await;
        mark(&bob, "archive_chat", &chat, &[("on", "true")]).await;
        let told = ada.send(&chat, "hello").await;
        assert_eq!(mine(&bob, &chat).await["archived"], true, "a message writes to nobody's state");
        let read = mark(&bob, "mark_read", &chat, &[("ordinal", &told["ordinal"].to_string())]).await;
        assert_eq!(read.get("archived").is_some(), stays_away, "muted: {is_muted}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_what_is_unread_and_begins_where_one_left_off() {
    let (server, ada, bob, chat) = pair().await;
    for number in 1..=120 {
        ada.send(&chat, &format!("row {number}.")).await;
    }
    let list = bob.get("/").await.text();
    assert!(list.contains("<title>(99+) Chats"), "{list}");
    assert!(list.contains("120 unread messages"), "{list}");
    mark(&bob, "mark_read", &chat, &[("ordinal", "20")]).await;
    let shown = async |path: &str| {
        let page = bob.get(path).await.text();
        page.split(r#"id="messages""#).nth(1).map(str::to_owned).expect("a list of messages")
    };
    let path = format!("/c/{chat}");
    let page = shown(&path).await;
    let (line, first) = (page.find(r#"class="left-off""#), page.find("row 21."));
    assert!(line.is_some() && line < first, "the line stands before what is new");
    assert!(page.find("row 20.") < line && !page.contains("row 120."), "around it, and not from the end");
    // The answer to the form on it is the same page, without anything unread.
    let fields = [("chat_id", chat.as_str()), ("ordinal", "120")];
    let answer = bob.submit(&path, "mark_read", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, path.as_str()));
    let page = shown(&path).await;
    assert!(!page.contains(r#"class="left-off""#) && page.contains("row 120."), "{page}");
    server.stop().await;
}
