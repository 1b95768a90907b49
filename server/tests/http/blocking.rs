//! Blocking: what neither of the two can do any longer, and what the one who is blocked does not hear of.

use serde_json::{Value, json};

use crate::support::{Person, TestServer, client_id, id_of};

async fn three() -> (TestServer, Person, Person, Person) {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let eve = server.register("Eve").await;
    (server, ada, bob, eve)
}

async fn block(who: &Person, whom: &Person) -> Value {
    who.call("block_user", &[("user_id", &whom.id)]).await.ok()
}

async fn unblock(who: &Person, whom: &Person) -> Value {
    who.call("unblock_user", &[("user_id", &whom.id)]).await.ok()
}

async fn names(who: &Person) -> Vec<String> {
    let list = who.call("list_blocked", &[]).await.ok();
    let name = |user: &Value| user["display_name"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(name).collect()
}

fn cannot() -> (u16, String) {
    (403, "cannot_message".into())
}

fn blocked_them() -> (u16, String) {
    (409, "you_blocked_them".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sees_whom_one_has_blocked_and_nobody_else_does() {
    let (server, ada, bob, eve) = three().await;
    assert_eq!(block(&ada, &eve).await["blocked"], true);
    block(&ada, &bob).await;
    assert_eq!(block(&ada, &bob).await["blocked"], true, "again");
    assert_eq!(names(&ada).await, ["Bob", "Eve"]);
    assert_eq!(names(&bob).await, [""; 0]);
    assert_eq!(bob.call("get_user", &[("user_id", &ada.id)]).await.ok()["blocked"], false);
    assert_eq!(unblock(&ada, &bob).await["blocked"], false);
    assert_eq!(unblock(&ada, &bob).await["blocked"], false, "again");
    assert_eq!(names(&ada).await, ["Eve"]);
    let own = ada.call("block_user", &[("user_id", &ada.id)]).await;
    assert_eq!(own.refusal(), (400, "invalid_request".into()));
    for function in ["block_user", "unblock_user"] {
        let missing = ada.call(function, &[("user_id", &"0".repeat(24))]).await;
        assert_eq!(missing.refusal(), (404, "not_found".into()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_begins_a_direct_chat_with_the_other() {
    let (server, ada, bob, _eve) = three().await;
    block(&ada, &bob).await;
    let begin = async |who: &Person, whom: &Person| {
        who.call("create_direct_chat", &[("user_id", &whom.id)]).await.refusal()
    };
    assert_eq!(begin(&bob, &ada).await, cannot());
    assert_eq!(begin(&ada, &bob).await, blocked_them());
    unblock(&ada, &bob).await;
    ada.direct(&bob).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_direct_chat_neither_writes_and_both_go_on_reading() {
    let (server, ada, bob, _eve) = three().await;
    let chat = ada.direct(&bob).await;
    let early = client_id();
    let first = bob.try_send(&chat, &early, "before").await.ok();
    let (hers, his) = (id_of(&ada.send(&chat, "mine").await), id_of(&first));
    block(&ada, &bob).await;
    for (who, own, other, refused) in [(&ada, &hers, &his, blocked_them()), (&bob, &his, &hers, cannot())] {
        let upon = |id: &str, more: &[(&'static str, &'static str)]| {
            let mut fields = vec![("chat_id", chat.clone()), ("message_id", id.to_owned())];
            fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
            fields
        };
        let call = async |function: &str, fields: Vec<(&'static str, String)>| {
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            who.call(function, &fields).await
        };
        assert_eq!(who.try_send(&chat, &client_id(), "hello").await.refusal(), refused, "{}", who.name);
        assert_eq!(call("edit_message", upon(own, &[("body", "changed")])).await.refusal(), refused);
        assert_eq!(call("react", upon(other, &[("emoji", "👍"), ("on", "true")])).await.refusal(), refused);
        assert_eq!(call("pin_message", upon(other, &[("on", "true")])).await.refusal(), refused);
        // What one has put there may be taken away.
        call("react", upon(other, &[("emoji", "👍"), ("on", "false")])).await.ok();
        call("pin_message", upon(other, &[("on", "false")])).await.ok();
        assert_eq!(who.messages(&chat, &[]).await.len(), 2, "both read what was written");
        assert_eq!(who.get(&format!("/c/{chat}")).await.status, 200);
    }
    // A device that asks again for what was stored before hears that it was.
    assert_eq!(id_of(&bob.try_send(&chat, &early, "before").await.ok()), his);
    bob.call("delete_message", &[("chat_id", &chat), ("message_id", &his)]).await.ok();
    let (hers, his) =
        (ada.get(&format!("/c/{chat}")).await.text(), bob.get(&format!("/c/{chat}")).await.text());
    assert!(
        hers.contains("Neither of you can write here.") && !hers.contains("action=\"/api/send_message\"")
    );
    assert!(!his.contains("blocked you") && his.contains("action=\"/api/send_message\""), "he is not told");
    unblock(&ada, &bob).await;
    bob.send(&chat, "and now").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_cannot_add_the_other_to_groups() {
    let (server, ada, bob, eve) = three().await;
    let (before, later) = (bob.group("Before", &[&ada]).await, bob.group("Later", &[&eve]).await);
    block(&ada, &bob).await;
    let made = bob.call("create_group_chat", &[("name", "New"), ("member_ids[0]", &ada.id)]).await;
    assert_eq!(made.refusal(), cannot());
    let add = |chat: &str| [("chat_id", chat.to_owned()), ("user_ids[0]", ada.id.clone())];
    let add = async |chat: &str| {
        let fields = add(chat);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        bob.call("add_members", &fields).await
    };
    assert_eq!(add(&later).await.refusal(), cannot());
    add(&before).await.ok();
    // A group with both goes on as before, and she may add him.
    bob.send(&before, "still here").await;
    ada.send(&before, "me, too").await;
    ada.group("Hers", &[&bob]).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_groups_what_the_blocked_person_says_mentions_one_no_longer() {
    let (server, ada, bob, eve) = three().await;
    let chat = eve.group("Team", &[&ada, &bob]).await;
    block(&ada, &bob).await;
    bob.send(&chat, "@Ada and @all").await;
    eve.send(&chat, "@Ada").await;
    let of = async |who: &Person| who.call("get_chat", &[("chat_id", &chat)]).await.ok()["mentioned"].clone();
    assert_eq!(of(&ada).await, json!([2]), "the message is there, and mentions her not");
    assert_eq!(ada.messages(&chat, &[]).await.len(), 2);
    unblock(&ada, &bob).await;
    assert_eq!(of(&ada).await, json!([1, 2]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_sees_neither_presence_nor_reading() {
    let (server, ada, bob, eve) = three().await;
    let chat = ada.direct(&bob).await;
    ada.direct(&eve).await;
    bob.send(&chat, "hello").await;
    let _socket = ada.socket().await;
    block(&ada, &bob).await;
    ada.call("mark_read", &[("chat_id", &chat), ("ordinal", "1")]).await.ok();
    let seen = bob.call("get_user", &[("user_id", &ada.id)]).await.ok();
    assert_eq!((&seen["presence"], seen.get("last_seen")), (&json!("offline"), None));
    assert_eq!(eve.call("get_user", &[("user_id", &ada.id)]).await.ok()["presence"], "online");
    let members = bob.call("get_chat", &[("chat_id", &chat)]).await.ok()["members"].clone();
    let hers = members.as_array().unwrap().iter().find(|member| member["id"] == ada.id.as_str()).unwrap();
    assert_eq!(hers.get("read"), None, "{members}");
    let page = bob.get(&format!("/c/{chat}")).await.text();
    assert!(!page.contains("data-online=\"true\""), "{page}");
    server.stop().await;
}
