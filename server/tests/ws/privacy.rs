//! What sockets are not told: of whom has blocked them, and when somebody was last there who does not show it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Person, Socket, TestServer};

/// Longer than the grace in which a reload shows nothing, with the sweep behind it.
const BEYOND_GRACE: Duration = Duration::from_millis(2_500);

async fn three() -> (TestServer, Person, Person, Person, String) {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let eve = server.register("Eve").await;
    let chat = ada.group("Team", &[&bob, &eve]).await;
    (server, ada, bob, eve, chat)
}

fn about<'a>(frames: &'a [Value], kind: &str, who: &Person) -> Vec<&'a Value> {
    let is_it = |frame: &&Value| frame["type"] == kind && frame["user_id"] == who.id.as_str();
    frames.iter().filter(is_it).collect()
}

/// Waits until the socket is told that this person is online, or offline.
async fn turns(socket: &mut Socket, who: &Person, status: &str) -> Value {
    let is_it = |frame: &Value| {
        frame["type"] == "user_status_changed"
            && frame["user_id"] == who.id.as_str()
            && frame["status"] == status
    };
    socket.next_that("a change of status", is_it).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_one_has_blocked_is_not_told_that_one_comes_goes_or_writes() {
    let (server, ada, bob, eve, chat) = three().await;
    ada.call("block_user", &[("user_id", &bob.id)]).await.ok();
    let (mut his, mut eves) = (bob.socket().await, eve.socket().await);
    let mut hers = ada.socket().await;
    assert_eq!(hers.hello["blocked"], json!([bob.id]));
    turns(&mut eves, &ada, "online").await;
    hers.send(&json!({ "type": "typing", "chat_id": chat })).await;
    eves.next_event("typing").await;
    assert_eq!(bob.socket().await.hello["online"].as_array().unwrap().len(), 1, "Eve alone");
    hers.close().await;
    turns(&mut eves, &ada, "offline").await;
    let heard = his.listen(Duration::from_millis(300)).await;
    let all = [his.seen.clone(), heard].concat();
    assert!(about(&all, "user_status_changed", &ada).is_empty(), "{all:?}");
    assert!(about(&all, "typing", &ada).is_empty(), "{all:?}");
    // She is told of him as before.
    let mut hers = ada.socket().await;
    hers.seen.clear();
    his.send(&json!({ "type": "typing", "chat_id": chat })).await;
    assert_eq!(hers.next_event("typing").await["user_id"], json!(bob.id));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_whom_is_blocked_one_seems_to_go_and_all_of_ones_devices_know_better() {
    let (server, ada, bob, _eve, _chat) = three().await;
    let (mut hers, mut phone) = (ada.socket().await, ada.elsewhere().await.socket().await);
    let mut his = bob.socket().await;
    ada.call("block_user", &[("user_id", &bob.id)]).await.ok();
    for socket in [&mut hers, &mut phone] {
        let told = socket.next_event("blocked_changed").await;
        assert_eq!((&told["user_id"], &told["blocked"]), (&json!(bob.id), &json!(true)));
    }
    assert_eq!(turns(&mut his, &ada, "offline").await["last_seen"], Value::Null);
    his.seen.clear();
    ada.call("unblock_user", &[("user_id", &bob.id)]).await.ok();
    assert_eq!(hers.next_event("blocked_changed").await["blocked"], json!(false));
    turns(&mut his, &ada, "online").await;
    assert!(his.seen.iter().all(|frame| frame["type"] != "blocked_changed"), "he is not told");
    assert_eq!(ada.socket().await.hello["blocked"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_was_last_there_is_told_to_those_who_show_it_themselves() {
    let (server, ada, bob, eve, _chat) = three().await;
    let (mut his, mut eves) = (bob.socket().await, eve.socket().await);
    // While the socket is open.
    eve.call("update_settings", &[("show_last_seen", "false")]).await.ok();
    ada.socket().await.close().await;
    let told = turns(&mut his, &ada, "offline").await;
    assert!(told["last_seen"].is_string(), "{told}");
    assert_eq!(turns(&mut eves, &ada, "offline").await["last_seen"], Value::Null);
    ada.call("update_settings", &[("show_last_seen", "false")]).await.ok();
    ada.socket().await.close().await;
    assert_eq!(turns(&mut his, &ada, "offline").await["last_seen"], Value::Null);
    // A socket that is opened later is told as little.
    let mut later = eve.elsewhere().await.socket().await;
    bob.call("update_settings", &[("show_last_seen", "true")]).await.ok();
    his.close().await;
    assert_eq!(turns(&mut later, &bob, "offline").await["last_seen"], Value::Null);
    let heard = later.listen(BEYOND_GRACE).await;
    assert!(about(&heard, "user_status_changed", &bob).is_empty(), "{heard:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_one_reads_in_the_direct_chat_is_not_told_to_whom_is_blocked() {
    let (server, ada, bob, _eve, team) = three().await;
    let chat = ada.direct(&bob).await;
    for chat in [&chat, &team] {
        bob.send(chat, "hello").await;
    }
    let mut his = bob.socket().await;
    ada.call("block_user", &[("user_id", &bob.id)]).await.ok();
    let mut hers = ada.socket().await;
    for chat in [&chat, &team] {
        ada.call("mark_read", &[("chat_id", chat), ("ordinal", "1")]).await.ok();
        hers.next_event("my_chat_changed").await;
    }
    // That of the group comes, and so that of the direct chat would have come.
    let told = his.next_event("read").await;
    assert_eq!((&told["chat_id"], &told["readers"]), (&json!(team), &json!({ ada.id.as_str(): 1 })));
    let later = his.listen(Duration::from_millis(1_500)).await;
    assert!(later.iter().all(|frame| frame["type"] != "read"), "{later:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_a_chat_is_not_told_of_those_who_have_blocked_them() {
    let (server, ada, bob, eve, _chat) = three().await;
    let team = eve.group("New", &[&ada]).await;
    ada.call("block_user", &[("user_id", &bob.id)]).await.ok();
    let (_hers, _eves, mut his) = (ada.socket().await, eve.socket().await, bob.socket().await);
    his.listen(Duration::from_millis(300)).await;
    his.seen.clear();
    eve.add(&team, &bob).await;
    turns(&mut his, &eve, "online").await;
    let heard = his.listen(Duration::from_millis(500)).await;
    assert!(about(&[his.seen.clone(), heard].concat(), "user_status_changed", &ada).is_empty());
    server.stop().await;
}
