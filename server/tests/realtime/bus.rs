//! What the bus has to bring to sockets, wherever they are connected.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    nodes::{Alone, Nodes, Together, also_at},
    support::{Person, Socket, soon},
};

/// Within what time a session or a membership has to end on every node.
const AT_ONCE: Duration = Duration::from_secs(1);

macro_rules! contract {
    ($($scenario:ident)*) => {
        mod alone { contract!(@each Alone: $($scenario)*); }
        mod together { contract!(@each Together: $($scenario)*); }
    };
    (@each $nodes:ident: $($scenario:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                super::$scenario(<super::$nodes as super::Nodes>::start().await).await;
            }
        )*
    };
}

contract!(
    a_message_reaches_everybody
    both_write_and_everybody_gets_all_in_order
    nothing_falls_between_connecting_and_the_first_event
    who_joins_gets_what_follows
    who_is_removed_gets_nothing_more
    a_deleted_chat_is_gone_everywhere
    the_end_of_a_session_closes_its_sockets
    reading_is_told_to_ones_own_devices_and_to_the_others
    that_somebody_is_writing_is_told_to_the_others
);

/// Ada at the first place, Bob at the second, in a group.
async fn pair(nodes: &impl Nodes) -> (Person, Person, String) {
    let (ada, bob) = (nodes.one().register("Ada").await, nodes.two().register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    (ada, bob, chat)
}

fn is_message(frame: &Value, chat: &str) -> bool {
    frame["type"] == "new_message" && frame["chat_id"] == chat
}

/// Waits for a message of a chat that the socket has only just joined: itself or, where it came before the
/// chat's channel was listened to, word that it is there.
async fn hears_of_a_message(socket: &mut Socket, chat: &str, head: u64) {
    let word = |frame: &Value| is_message(frame, chat) || frame["heads"][chat].as_u64() > Some(head);
    let told = socket.next_that("word of the message", word).await;
    if told["type"] == "heads" {
        socket.resume(chat, head).await;
        socket.next_that("the message", |frame| is_message(frame, chat)).await;
    }
}

async fn seqs(socket: &mut Socket, chat: &str, count: usize) -> Vec<u64> {
    let mut seqs = Vec::new();
    soon("all messages", async {
        while seqs.len() < count {
            let frame = socket.next_that("a message", |frame| is_message(frame, chat)).await;
            seqs.push(frame["seq"].as_u64().unwrap());
        }
    })
    .await;
    seqs
}

pub async fn a_message_reaches_everybody(nodes: impl Nodes) {
    let (ada, bob, chat) = pair(&nodes).await;
    let (mut here, mut there) = (ada.socket().await, bob.socket().await);
    for round in 0..3 {
        let sent = ada.send(&chat, &format!("hello {round}")).await;
        for socket in [&mut here, &mut there] {
            let got = socket.next_event("new_message").await;
            assert_eq!((&got["message"], &got["seq"]), (&sent, &sent["seq"]));
        }
    }
    nodes.stop().await;
}

async fn both_write_and_everybody_gets_all_in_order(nodes: impl Nodes) {
    let (ada, bob, chat) = pair(&nodes).await;
    let (mut here, mut there) = (ada.socket().await, bob.socket().await);
    let write = async |person: &Person| {
        for number in 0..40 {
            person.send(&chat, &number.to_string()).await;
        }
    };
    tokio::join!(write(&ada), write(&bob));
    for socket in [&mut here, &mut there] {
        let all = seqs(socket, &chat, 80).await;
        assert!(all.is_sorted(), "{all:?}");
        assert_eq!(all.last().unwrap() - all[0], 79, "each once: {all:?}");
    }
    nodes.stop().await;
}

/// A socket is opened while messages are written elsewhere: what its hello does not have comes after it.
pub async fn nothing_falls_between_connecting_and_the_first_event(nodes: impl Nodes) {
    let (ada, bob, _) = pair(&nodes).await;
    for round in 0..10 {
        // A chat that nobody at the second place listens to yet.
        let chat = ada.group(&format!("Team {round}"), &[&bob]).await;
        let write = async {
            for number in 0..10 {
                ada.send(&chat, &number.to_string()).await;
            }
        };
        let (mut socket, ()) = tokio::join!(bob.socket(), write);
        let head = socket.hello["heads"][&chat].as_u64().unwrap();
        let mut known = head;
        while known < 10 {
            let [seq] = seqs(&mut socket, &chat, 1).await[..] else { unreachable!() };
            assert!(seq <= known + 1, "nothing may be missing: {seq} after {known}, from {head} on");
            known = known.max(seq);
        }
        socket.close().await;
    }
    nodes.stop().await;
}

async fn who_joins_gets_what_follows(nodes: impl Nodes) {
    let (ada, _bob, chat) = pair(&nodes).await;
    let eve = nodes.two().register("Eve").await;
    let mut socket = eve.socket().await;
    ada.add(&chat, &eve).await;
    ada.send(&chat, "welcome").await;
    let added = socket.next_event("chat_added").await;
    let head = added["chat"]["head"].as_u64().unwrap();
    hears_of_a_message(&mut socket, &chat, head).await;
    let next = ada.send(&chat, "and now").await;
    socket.next_that("what follows", |frame| frame["message"] == next).await;
    nodes.stop().await;
}

async fn who_is_removed_gets_nothing_more(nodes: impl Nodes) {
    let (ada, bob, chat) = pair(&nodes).await;
    let mut socket = bob.socket().await;
    ada.send(&chat, "before").await;
    socket.next_event("new_message").await;
    let begun = Instant::now();
    ada.remove(&chat, &bob).await;
    socket.next_event("chat_removed").await;
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    socket.seen.clear();
    ada.send(&chat, "after").await;
    // Something that does reach Bob comes after what must not.
    let direct = ada.direct(&bob).await;
    ada.send(&direct, "just you").await;
    hears_of_a_message(&mut socket, &direct, 0).await;
    assert!(!socket.seen.iter().any(|frame| frame["message"]["body"] == "after"), "{:?}", socket.seen);
    nodes.stop().await;
}

async fn a_deleted_chat_is_gone_everywhere(nodes: impl Nodes) {
    let (ada, bob, chat) = pair(&nodes).await;
    let (mut here, mut there) = (ada.socket().await, bob.socket().await);
    ada.call("delete_chat", &[("chat_id", &chat)]).await.ok();
    for socket in [&mut here, &mut there] {
        assert_eq!(socket.next_event("chat_removed").await["chat_id"], chat.as_str());
    }
    nodes.stop().await;
}

async fn the_end_of_a_session_closes_its_sockets(nodes: impl Nodes) {
    let (_ada, bob, _chat) = pair(&nodes).await;
    let elsewhere = also_at(&bob, nodes.one()).await;
    let (mut socket, mut other) = (bob.socket().await, elsewhere.socket().await);
    let begun = Instant::now();
    let session = socket.hello["session_id"].as_str().unwrap().to_owned();
    elsewhere.call("end_session", &[("session_id", &session)]).await.ok();
    assert_eq!(socket.closed().await, 1008);
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    other.round_trip().await;
    nodes.stop().await;
}

async fn reading_is_told_to_ones_own_devices_and_to_the_others(nodes: impl Nodes) {
    let (ada, bob, chat) = pair(&nodes).await;
    let elsewhere = also_at(&bob, nodes.one()).await;
    let (mut hers, mut desk, mut phone) = (ada.socket().await, bob.socket().await, elsewhere.socket().await);
    ada.send(&chat, "hello").await;
    let mine = bob.call("mark_read", &[("chat_id", &chat), ("ordinal", "1")]).await.ok();
    for own in [&mut desk, &mut phone] {
        assert_eq!(own.next_event("my_chat_changed").await["mine"], mine);
    }
    for socket in [&mut hers, &mut desk, &mut phone] {
        let told = socket.next_event("read").await;
        assert_eq!((&told["chat_id"], &told["readers"]), (&json!(chat), &json!({ bob.id.as_str(): 1 })));
    }
    nodes.stop().await;
}

async fn that_somebody_is_writing_is_told_to_the_others(nodes: impl Nodes) {
    let (ada, bob, chat) = pair(&nodes).await;
    let elsewhere = also_at(&bob, nodes.one()).await;
    let (mut hers, mut desk, mut phone) = (ada.socket().await, bob.socket().await, elsewhere.socket().await);
    desk.send(&json!({"type": "typing", "chat_id": chat})).await;
    let told = hers.next_event("typing").await;
    assert_eq!((&told["chat_id"], &told["user_id"]), (&json!(chat), &json!(bob.id)));
    for own in [&mut desk, &mut phone] {
        own.round_trip().await;
        assert!(!own.seen.iter().any(|frame| frame["type"] == "typing"), "{:?}", own.seen);
    }
    nodes.stop().await;
}
