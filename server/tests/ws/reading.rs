//! Read markers, receipts and typing over sockets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Person, Socket, TestServer, soon};

/// Longer than receipts are gathered, with the way that they go.
const BEYOND_GATHERING: Duration = Duration::from_millis(1_800);

async fn mark_read(person: &Person, chat: &str, ordinal: u64) -> Value {
    person.call("mark_read", &[("chat_id", chat), ("ordinal", &ordinal.to_string())]).await.ok()
}

async fn typing(socket: &mut Socket, chat: &str) {
    socket.send(&json!({"type": "typing", "chat_id": chat})).await;
    // Whatever it causes has been caused by then.
    socket.round_trip().await;
}

fn of_kind<'a>(frames: &'a [Value], kind: &str) -> Vec<&'a Value> {
    frames.iter().filter(|frame| frame["type"] == kind).collect()
}

async fn three() -> (TestServer, Person, Person, Person, String) {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let eve = server.register("Eve").await;
    let chat = ada.group("Team", &[&bob, &eve]).await;
    (server, ada, bob, eve, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_does_on_one_device_is_told_to_the_others_and_to_nobody_else() {
    let (server, ada, bob, _eve, chat) = three().await;
    let (mut desk, mut phone) = (bob.socket().await, bob.elsewhere().await.socket().await);
    let mut hers = ada.socket().await;
    ada.send(&chat, "hello").await;
    let id = ("chat_id", chat.as_str());
    for (function, more) in [
        ("mark_read", ("ordinal", "1")),
        ("mark_unread", ("ordinal", "1")),
        ("mute_chat", ("on", "true")),
        ("notify_mentions", ("on", "true")),
        ("archive_chat", ("on", "true")),
    ] {
        let mine = bob.call(function, &[id, more]).await.ok();
        for socket in [&mut desk, &mut phone] {
            let told = socket.next_event("my_chat_changed").await;
            assert_eq!((&told["chat_id"], &told["mine"]), (&json!(chat), &mine), "{function}");
        }
        // Saying it again changes nothing.
        assert_eq!(bob.call(function, &[id, more]).await.ok(), mine, "{function}");
    }
    phone.seen.clear();
    for socket in [&mut hers, &mut phone] {
        socket.round_trip().await;
        assert_eq!(of_kind(&socket.seen, "my_chat_changed"), Vec::<&Value>::new());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hello_tells_what_ones_chats_are_to_oneself() {
    let (server, ada, bob, _eve, chat) = three().await;
    let mut early = bob.socket().await;
    let before = early.hello["mine"][&chat].clone();
    assert_eq!(before["read"], 0);
    ada.send(&chat, "hello").await;
    let mine = mark_read(&bob, &chat, 1).await;
    early.next_event("my_chat_changed").await;
    assert_eq!(bob.socket().await.hello["mine"], json!({ chat.as_str(): mine }));
    assert!(mine["revision"].as_u64() > before["revision"].as_u64());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_gathered_and_all_are_told_the_same() {
    let (server, ada, bob, eve, chat) = three().await;
    for _ in 0..3 {
        ada.send(&chat, "hello").await;
    }
    let (mut hers, mut bobs) = (ada.socket().await, bob.socket().await);
    for ordinal in 1..=3 {
        mark_read(&bob, &chat, ordinal).await;
        mark_read(&eve, &chat, ordinal).await;
    }
    let to_ada = hers.listen(BEYOND_GATHERING).await;
    let receipts = of_kind(&to_ada, "read");
    assert!((1..=2).contains(&receipts.len()), "gathered: {receipts:?}");
    let last = receipts.last().unwrap();
    assert_eq!(last["chat_id"], json!(chat));
    assert_eq!(last["readers"], json!({ bob.id.as_str(): 3, eve.id.as_str(): 3 }));
    bobs.round_trip().await;
    assert_eq!(of_kind(&bobs.seen, "read"), receipts);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_receipts_off_is_not_told_of() {
    let (server, ada, bob, eve, chat) = three().await;
    ada.send(&chat, "hello").await;
    bob.call("update_settings", &[("read_receipts", "false")]).await.ok();
    let (mut hers, mut bobs) = (ada.socket().await, bob.socket().await);
    mark_read(&bob, &chat, 1).await;
    bobs.next_event("my_chat_changed").await;
    // Eve's comes, and so Bob's would have come.
    mark_read(&eve, &chat, 1).await;
    let told = hers.next_event("read").await;
    assert_eq!(told["readers"], json!({ eve.id.as_str(): 1 }));
    let later = hers.listen(BEYOND_GATHERING).await;
    assert_eq!(of_kind(&later, "read"), Vec::<&Value>::new());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_somebody_is_writing_is_told_to_the_others_and_not_too_often() {
    let (server, ada, bob, _eve, chat) = three().await;
    let other = ada.direct(&bob).await;
    let (mut hers, mut tab) = (ada.socket().await, ada.elsewhere().await.socket().await);
    let mut bobs = bob.socket().await;
    for _ in 0..3 {
        typing(&mut hers, &chat).await;
    }
    typing(&mut hers, &other).await;
    bobs.round_trip().await;
    let told: Vec<_> =
        of_kind(&bobs.seen, "typing").into_iter().map(|frame| frame["chat_id"].clone()).collect();
    assert_eq!(told, [json!(chat), json!(other)], "once for each chat");
    assert!(of_kind(&bobs.seen, "typing").iter().all(|frame| frame["user_id"] == ada.id.as_str()));
    for own in [&mut hers, &mut tab] {
        own.round_trip().await;
        assert_eq!(of_kind(&own.seen, "typing"), Vec::<&Value>::new(), "one knows it oneself");
    }
    // It is over by not being said again, and said again after a while.
    bobs.seen.clear();
    soon("it to be told again", async {
        while of_kind(&bobs.seen, "typing").is_empty() {
            typing(&mut hers, &chat).await;
            bobs.round_trip().await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_writing_everywhere_however_many_devices_they_have() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let mut chats = Vec::new();
    for number in 0..20 {
        chats.push(ada.group(&format!("Team {number}"), &[&bob]).await);
    }
    let mut tabs = [ada.socket().await, ada.elsewhere().await.socket().await];
    let mut bobs = bob.socket().await;
    let begun = Instant::now();
    for chat in &chats {
        for tab in &mut tabs {
            tab.send(&json!({"type": "typing", "chat_id": chat})).await;
        }
    }
    for tab in &mut tabs {
        tab.round_trip().await;
        assert_eq!(of_kind(&tab.seen, "error"), Vec::<&Value>::new(), "it is passed over");
    }
    // Ten at once, and one for each second that it took.
    let most = 11 + usize::try_from(begun.elapsed().as_secs()).unwrap();
    bobs.round_trip().await;
    let told = of_kind(&bobs.seen, "typing").len();
    assert!((10..=most).contains(&told), "{told} of {most}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_of_or_to_who_is_not_in_the_chat() {
    let (server, ada, bob, eve, chat) = three().await;
    ada.send(&chat, "hello").await;
    let mut hers = ada.socket().await;
    let mut out = eve.socket().await;
    ada.remove(&chat, &eve).await;
    out.next_event("chat_removed").await;
    out.seen.clear();
    typing(&mut out, &chat).await;
    typing(&mut out, &"0".repeat(24)).await;
    typing(&mut hers, &chat).await;
    mark_read(&bob, &chat, 1).await;
    hers.next_event("read").await;
    out.round_trip().await;
    let told = out.seen.iter().filter(|frame| frame["type"] != "heads");
    assert_eq!(told.collect::<Vec<_>>(), Vec::<&Value>::new());
    assert_eq!(of_kind(&hers.seen, "typing"), Vec::<&Value>::new());
    server.stop().await;
}
