//! News that were lost: what finds it, and what becomes of it.

use app::{domain::Seq, ports::BusMessage};
use serde_json::json;

use super::{
    chat,
    loopback::{greeted, server_with},
    session, user,
};

/// Well before the heartbeat compares anything by itself.
const SOON: std::time::Duration = std::time::Duration::from_secs(2);

#[tokio::test]
async fn a_session_whose_end_was_not_published_loses_its_sockets_all_the_same() {
    let server = server_with(&[]).await;
    let (mut one, mut two) = (greeted(&server, 1).await, greeted(&server, 2).await);
    let asked = server.store.single_sessions();
    server.store.sign_out(session(1));
    assert_eq!(one.close_code().await, 1008);
    assert_eq!(server.store.single_sessions(), asked, "the audit asks for all of them at once");
    two.send(json!({ "type": "ping" })).await;
    two.next_of("heads").await;
}

#[tokio::test]
async fn whoever_was_not_told_that_they_joined_is_told_by_the_audit() {
    let server = server_with(&[(1, &[2])]).await;
    server.store.rename(chat(1), "before");
    let mut client = greeted(&server, 1).await;
    server.store.add(chat(1), user(1));
    assert_eq!(client.next_of("heads").await["heads"], json!({ chat(1).to_string(): 1 }));
    server.happen(chat(1), "after").await;
    assert_eq!(client.next_of("chat_renamed").await["name"], "after");
}

#[tokio::test]
async fn whoever_was_not_told_that_they_are_out_is_out_by_the_audit() {
    let server = server_with(&[(1, &[1, 2]), (2, &[1])]).await;
    let (mut out, mut stays) = (greeted(&server, 1).await, greeted(&server, 2).await);
    server.store.remove(chat(1), user(1));
    assert_eq!(out.next_of("chat_removed").await["chat_id"], json!(chat(1)));
    // Delivery has stopped, of this chat alone.
    server.happen(chat(1), "not for them").await;
    server.happen(chat(2), "for them").await;
    assert_eq!(out.next_of("chat_renamed").await["name"], "for them");
    assert_eq!(stays.next_of("chat_renamed").await["name"], "not for them");
}

#[tokio::test]
async fn what_is_doubted_is_compared_with_the_store_at_once() {
    let server = server_with(&[(1, &[1])]).await;
    let mut client = greeted(&server, 1).await;
    server.store.rename(chat(1), "published nowhere");
    let begun = std::time::Instant::now();
    server.hub.doubt(chat(1));
    assert_eq!(client.next_of("heads").await["heads"], json!({ chat(1).to_string(): 1 }));
    server.store.rename(chat(1), "nor this");
    server.hub.doubt_all();
    assert_eq!(client.next_of("heads").await["heads"], json!({ chat(1).to_string(): 2 }));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_old_joining_does_not_let_somebody_in_who_has_left() {
    let server = server_with(&[(1, &[1, 2])]).await;
    server.hub.follow_rooms(std::sync::Arc::default());
    let mut client = greeted(&server, 1).await;
    // One node took them out, another had put them in before, and its news came later.
    let frame = json!({ "type": "chat_added", "chat": { "id": chat(3) } }).to_string().into();
    let head = Seq(0);
    let joined = BusMessage::Joined { chat_id: chat(3), user_id: user(1), head, members: 1, frame };
    server.bus.publish(joined).await.unwrap();
    let begun = std::time::Instant::now();
    client.next_of("chat_added").await;
    assert_eq!(client.next_of("chat_removed").await["chat_id"], json!(chat(3)));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert!(!server.hub.has_room(chat(3)));
    assert!(server.hub.has_room(chat(1)), "and nothing else is lost");
}

#[tokio::test]
async fn where_anything_was_missed_everybody_is_compared_with_the_store() {
    let server = server_with(&[(1, &[1, 2, 3]), (2, &[1])]).await;
    let mut one = greeted(&server, 1).await;
    let mut two = greeted(&server, 2).await;
    let mut three = greeted(&server, 3).await;
    server.store.remove(chat(1), user(1));
    server.store.add(chat(2), user(2));
    server.store.remove(chat(1), user(3));
    // The store fails in the middle: who is left over has their turn later.
    server.store.limit_reads(2);
    server.hub.doubt_all();
    let begun = std::time::Instant::now();
    assert_eq!(one.next_of("chat_removed").await["chat_id"], json!(chat(1)));
    assert_eq!(two.next_of("heads").await["heads"], json!({ chat(2).to_string(): 0 }));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    server.store.limit_reads(usize::MAX);
    assert_eq!(three.next_of("chat_removed").await["chat_id"], json!(chat(1)));
    assert!(begun.elapsed().as_secs() < 5, "before any audit: {:?}", begun.elapsed());
}
