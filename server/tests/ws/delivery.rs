//! What arrives at whose socket.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Socket, TestServer, until};

/// The requirement: whoever is out of a chat gets nothing of it from a second on.
const A_SECOND: Duration = Duration::from_secs(1);

fn about(frames: &[Value], chat: &str) -> Vec<String> {
    let frames = frames.iter().filter(|frame| frame["chat_id"] == chat || frame["chat"]["id"] == chat);
    frames.map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
}

/// What a socket has been sent of a chat so far.
async fn so_far(socket: &mut Socket, chat: &str) -> Vec<String> {
    socket.round_trip().await;
    about(&socket.seen, chat)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_every_member_and_nobody_else() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.direct(&bob).await;
    let (mut mine, mut second) = (ada.socket().await, ada.elsewhere().await.socket().await);
    let (mut theirs, mut outside) = (bob.socket().await, eve.socket().await);
    let sent = ada.send(&chat, "hello").await;
    for socket in [&mut mine, &mut second, &mut theirs] {
        let event = socket.next_event("new_message").await;
        assert_eq!(event["message"], sent);
        assert_eq!((&event["chat_id"], &event["seq"]), (&chat.as_str().into(), &1.into()));
        assert_eq!(event["actor_id"], ada.id.as_str());
        assert!(event["at"].as_str().unwrap().ends_with('Z'));
    }
    assert!(so_far(&mut outside, &chat).await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_chat_appears_at_once_to_everybody_in_it() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let (mut mine, mut theirs) = (ada.socket().await, bob.socket().await);
    let direct = ada.direct(&bob).await;
    let group = ada.group("Team", &[&bob]).await;
    for (socket, role) in [(&mut mine, "admin"), (&mut theirs, "member")] {
        assert_eq!(socket.next_event("chat_added").await["chat"]["id"], direct.as_str());
        let added = socket.next_event("chat_added").await;
        assert_eq!((&added["chat"]["id"], &added["chat"]["my_role"]), (&group.as_str().into(), &role.into()));
    }
    bob.direct(&ada).await;
    assert_eq!(so_far(&mut mine, &direct).await, ["chat_added"], "opening it again is no news");
    ada.send(&group, "hello").await;
    assert_eq!(theirs.next_event("new_message").await["chat_id"], group.as_str());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_added_later_gets_the_chat_and_from_then_on_its_events() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[]).await;
    ada.send(&chat, "before").await;
    let (mut mine, mut theirs) = (ada.socket().await, bob.socket().await);
    assert!(theirs.hello["heads"].get(&chat).is_none());
    ada.add(&chat, &bob).await;
    let told = mine.next_event("member_added").await;
    assert_eq!((&told["member"]["id"], &told["seq"]), (&bob.id.as_str().into(), &2.into()));
    let added = theirs.next_event("chat_added").await;
    assert_eq!((&added["chat"]["head"], &added["chat"]["name"]), (&2.into(), &"Team".into()));
    ada.send(&chat, "after").await;
    assert_eq!(theirs.next_event("new_message").await["message"]["body"], "after");
    assert_eq!(so_far(&mut theirs, &chat).await, ["chat_added", "new_message"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_is_told_and_gets_nothing_more() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let (mut mine, mut theirs) = (ada.socket().await, bob.socket().await);
    ada.remove(&chat, &bob).await;
    theirs.next_event("chat_removed").await;
    assert_eq!(mine.next_event("member_removed").await["user_id"], bob.id.as_str());
    for number in 0..5 {
        ada.send(&chat, &format!("in private {number}")).await;
        mine.next_event("new_message").await;
    }
    let heard = theirs.listen(A_SECOND).await;
    assert!(about(&heard, &chat).is_empty(), "{heard:?}");
    theirs.resume(&chat, 0).await;
    theirs.seen.clear();
    assert_eq!(so_far(&mut theirs, &chat).await, ["chat_removed"]);
    theirs.send(&serde_json::json!({"type": "ping"})).await;
    assert!(theirs.next_event("heads").await["heads"].get(&chat).is_none(), "nor where its log stands");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_group_is_an_event_with_its_place_in_the_log() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&bob]).await;
    let mut socket = bob.socket().await;
    let id = ("chat_id", chat.as_str());
    ada.call("rename_chat", &[id, ("name", "Crew")]).await.ok();
    ada.add(&chat, &eve).await;
    ada.call("set_role", &[id, ("user_id", &bob.id), ("role", "admin")]).await.ok();
    ada.send(&chat, "hello").await;
    eve.call("leave_chat", &[id]).await.ok();
    ada.call("delete_chat", &[id]).await.ok();
    socket.next_event("chat_removed").await;
    let log: Vec<(u64, &str)> = socket
        .seen
        .iter()
        .filter(|frame| frame["seq"].is_u64())
        .map(|frame| (frame["seq"].as_u64().unwrap(), frame["type"].as_str().unwrap()))
        .collect();
    let expected = [
        (1, "chat_renamed"),
        (2, "member_added"),
        (3, "role_changed"),
        (4, "new_message"),
        (5, "member_removed"),
        (6, "chat_deleted"),
    ];
    assert_eq!(log, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_was_never_told_is_healed_by_the_heads() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let mut socket = bob.socket().await;
    ada.send(&chat, "told").await;
    socket.next_event("new_message").await;
    // Committed, but the node that did it died before it published: nobody was told.
    let message = app::ports::NewMessage {
        id: app::domain::MessageId::from_bytes([9; 12]),
        sender_id: ada.id.parse().unwrap(),
        client_id: app::domain::ClientId::random(),
        body: app::domain::Body::parse("untold").unwrap(),
        mentions: app::protocol::MentionsView::default(),
        reply_to: None,
        attachments: Vec::new(),
        user_bytes: u64::MAX,
        created_at: app::domain::Timestamp::from_millis(1),
    };
    server.state.store.append_messages(chat.parse().unwrap(), vec![message]).await.unwrap();
    // The next one who connects brings the news of where the log stands …
    let _late = ada.socket().await;
    let heads = socket.next_that("the new head", |frame| frame["heads"][&chat] == 2).await;
    assert_eq!(heads["type"], "heads");
    // … and whoever is behind asks for the rest.
    socket.resume(&chat, 1).await;
    assert_eq!(socket.next_event("new_message").await["message"]["body"], "untold");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_does_not_read_holds_nobody_up() {
    const COUNT: u64 = 700;
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    let deaf = bob.socket().await;
    let mut hears = bob.elsewhere().await.socket().await;
    let body = "न".repeat(8000);
    // More than the deaf one's queue and the system's buffers together take.
    for number in 1..=COUNT {
        assert_eq!(ada.send(&chat, &body).await["seq"], number);
        hears.next_event("new_message").await;
        hears.seen.clear();
    }
    let mut deaf = deaf;
    let code = deaf.closed().await;
    assert!(code == 1013 || code == 0, "{code}");
    let last = deaf.seen.iter().filter_map(|frame| frame["seq"].as_u64()).max().unwrap_or(0);
    let mut back = until("a socket again", || async { bob.try_socket().await.ok() }).await;
    let known = last.max(COUNT - 20);
    assert!(last < COUNT, "the deaf one got everything: this showed nothing");
    back.resume(&chat, known).await;
    for seq in known + 1..=COUNT {
        assert_eq!(back.next_event("new_message").await["seq"], seq, "nothing durable is lost");
    }
    server.stop().await;
}
