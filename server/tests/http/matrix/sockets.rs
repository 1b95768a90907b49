//! What a socket tells of a chat, and tells to it.

use serde_json::{Value, json};

use super::{Who, World};
use crate::support::{NOBODY, Refused, Socket};

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_resumes_only_what_one_is_a_member_of() {
    let world = World::new().await;
    let chat = world.group().await;
    world.admin.send(&chat, "for members only").await;
    let refused: Refused = Socket::try_open(&world.anonymous).await.unwrap_err();
    assert_eq!((refused.status, refused.code()), (401, "unauthenticated"));
    for who in [Who::Outsider, Who::Former, Who::Member, Who::Admin] {
        let mut socket = Socket::open(world.browser(who)).await;
        let mine = socket.hello["heads"].get(&chat).is_some();
        let mut answers = Vec::new();
        for id in [chat.as_str(), NOBODY] {
            socket.seen.clear();
            socket.resume(id, 0).await;
            socket.round_trip().await;
            let about = |frame: &&Value| frame["chat_id"] == id || frame["type"] == "error";
            let mut frames: Vec<Value> = socket.seen.iter().filter(about).cloned().collect();
            for frame in &mut frames {
                frame["chat_id"] = Value::Null;
            }
            answers.push(frames);
        }
        if matches!(who, Who::Member | Who::Admin) {
            assert!(mine);
            let kinds: Vec<&Value> = answers[0].iter().map(|frame| &frame["type"]).collect();
            assert_eq!(kinds, ["member_removed", "new_message"], "{who:?}");
        } else {
            assert!(!mine, "{who:?}");
            assert_eq!(answers[0], answers[1], "{who:?} is told that there is a chat");
            assert!(answers[0].iter().all(|frame| frame["type"] == "chat_removed"));
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_members_are_heard_writing_and_only_by_members() {
    let world = World::new().await;
    let chat = world.group().await;
    let mut listening = world.other.socket().await;
    let mut sockets = Vec::new();
    for who in [Who::Outsider, Who::Former, Who::Member, Who::Admin] {
        let mut socket = Socket::open(world.browser(who)).await;
        for id in [chat.as_str(), NOBODY] {
            socket.send(&json!({ "type": "typing", "chat_id": id })).await;
        }
        // Whatever it causes has been caused by then.
        socket.round_trip().await;
        assert!(socket.seen.iter().all(|frame| frame["type"] != "error"), "{who:?}: {:?}", socket.seen);
        sockets.push((who, socket));
    }
    // The last one is heard, and so would have been whoever was before.
    let (member, admin) = (world.member.id.as_str(), world.admin.id.as_str());
    let is_the_last = |frame: &Value| frame["type"] == "typing" && frame["user_id"] == admin;
    listening.next_that("the admin is writing", is_the_last).await;
    let heard = listening.seen.iter().filter(|frame| frame["type"] == "typing");
    let heard: Vec<_> = heard.map(|frame| (&frame["chat_id"], &frame["user_id"])).collect();
    assert_eq!(heard, [(&json!(chat), &json!(member)), (&json!(chat), &json!(admin))]);
    for (who, socket) in &mut sockets[..2] {
        socket.round_trip().await;
        assert!(socket.seen.iter().all(|frame| frame["type"] != "typing"), "{who:?} hears of it");
    }
    world.server.stop().await;
}
