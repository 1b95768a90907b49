//! Whole sockets over loopback.

use app::{
    domain::{ChatId, Seq, limits},
    ports::BusMessage,
    protocol::Heads,
};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::{
    chat,
    loopback::{Client, greeted, server_with},
    session, user,
};

fn resume(heads: &[(ChatId, u64)]) -> Value {
    let heads: Heads = heads.iter().map(|&(chat, seq)| (chat, Seq(seq))).collect();
    json!({ "type": "resume", "heads": heads })
}

#[tokio::test]
async fn a_socket_is_greeted_with_where_everything_stands_and_then_told_what_happens() {
    let server = server_with(&[(1, &[1, 2]), (2, &[2])]).await;
    server.happen(chat(1), "before").await;
    let _other = greeted(&server, 2).await;
    let mut client = server.connect(1).await;
    let hello = client.next().await.unwrap();
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["user_id"], json!(user(1)));
    assert_eq!(hello["session_id"], json!(session(1)));
    assert_eq!(hello["heads"], json!({ chat(1).to_string(): 1 }));
    assert_eq!(hello["online"], json!([user(2)]));
    assert_eq!(hello["heartbeat_ms"], 15_000);

    server.happen(chat(2), "not for us").await;
    let event = server.happen(chat(1), "for us").await;
    assert_eq!(client.next().await.unwrap(), serde_json::to_value(event).unwrap());
}

#[tokio::test]
async fn events_during_the_connecting_are_in_the_heads_or_come_after_the_hello() {
    let server = server_with(&[(1, &[1])]).await;
    for _ in 0..20 {
        let (mut client, ()) = tokio::join!(server.connect(1), async {
            for _ in 0..20 {
                server.happen(chat(1), "at the same time").await;
                tokio::task::yield_now().await;
            }
        });
        let last = server.happen(chat(1), "the last").await.seq.0;
        let hello = client.next().await.unwrap();
        let mut known = hello["heads"][chat(1).to_string()].as_u64().unwrap();
        while known < last {
            let seq = client.next().await.unwrap()["seq"].as_u64().unwrap();
            assert!(seq <= known + 1, "nothing may be missing: {seq} after {known}");
            known = known.max(seq);
        }
        client.socket.close(None).await.unwrap();
    }
}

#[tokio::test]
async fn resuming_brings_exactly_what_was_missed() {
    let server = server_with(&[(1, &[1]), (2, &[1]), (3, &[1]), (4, &[2])]).await;
    for n in [1, 2] {
        for _ in 0..150 {
            server.store.rename(chat(n), "x");
        }
    }
    let mut client = greeted(&server, 1).await;
    client.send(resume(&[(chat(1), 30), (chat(2), 150), (chat(3), 7), (chat(4), 0)])).await;
    for seq in 31..=150 {
        let event = client.next().await.unwrap();
        assert_eq!((&event["chat_id"], &event["seq"]), (&json!(chat(1)), &json!(seq)));
    }
    // A head beyond the log, and a chat that is none of ours.
    assert_eq!(client.next().await.unwrap(), json!({ "type": "limited", "chat_id": chat(3), "head": 0 }));
    assert_eq!(client.next().await.unwrap(), json!({ "type": "chat_removed", "chat_id": chat(4) }));
    client.send(json!({ "type": "ping" })).await;
    assert_eq!(client.next_of("heads").await["heads"][chat(2).to_string()], 150);
}

#[tokio::test]
async fn more_than_a_resume_brings_is_to_be_paged() {
    let server = server_with(&[(1, &[1]), (2, &[1])]).await;
    for _ in 0..=limits::RESUME_EVENTS {
        server.store.rename(chat(1), "x");
    }
    server.store.rename(chat(2), "y");
    let mut client = greeted(&server, 1).await;
    client.send(resume(&[(chat(1), 0), (chat(2), 0)])).await;
    assert_eq!(client.next().await.unwrap(), json!({ "type": "limited", "chat_id": chat(1), "head": 501 }));
    assert_eq!(client.next().await.unwrap()["name"], "y");
    client.send(resume(&[(chat(1), 1)])).await;
    for seq in 2..=501 {
        assert_eq!(client.next().await.unwrap()["seq"], seq);
    }
}

#[tokio::test]
async fn whoever_is_removed_gets_nothing_more() {
    let server = server_with(&[(1, &[1]), (2, &[1])]).await;
    let mut client = greeted(&server, 1).await;
    server.remove(chat(1), user(1)).await;
    server.happen(chat(1), "secret").await;
    server.happen(chat(2), "ours").await;
    assert_eq!(client.next().await.unwrap()["type"], "chat_removed");
    assert_eq!(client.next().await.unwrap()["name"], "ours");
    client.send(resume(&[(chat(1), 0)])).await;
    assert_eq!(client.next().await.unwrap()["type"], "chat_removed");
}

#[tokio::test]
async fn the_end_of_a_session_closes_its_sockets() {
    let server = server_with(&[]).await;
    let (mut one, mut two) = (greeted(&server, 1).await, greeted(&server, 2).await);
    server.bus.publish(BusMessage::SessionsEnded(vec![session(1)])).await.unwrap();
    assert_eq!(one.close_code().await, 1008);
    two.send(json!({ "type": "ping" })).await;
    two.next_of("heads").await;

    server.store.sign_out(session(1));
    let mut late = server.open(Some(1), &server.origin()).await.unwrap();
    assert_eq!(late.close_code().await, 1008, "it ended between the request and the socket");
}

#[tokio::test]
async fn frames_that_make_no_sense_are_answered_and_then_the_socket_is_closed() {
    let server = server_with(&[]).await;
    let mut client = greeted(&server, 1).await;
    for frame in ["{", "[]", "{\"type\":\"shout\"}", "{\"type\":\"resume\"}", "", "null"] {
        client.send_raw(Message::text(frame)).await;
        let answer = client.next().await.unwrap();
        assert_eq!((&answer["type"], &answer["code"]), (&json!("error"), &json!("invalid_request")));
    }
    let many = (0..=limits::CHATS_IN_LIST as u64).map(|n| {
        let mut id = [0; 12];
        id[..8].copy_from_slice(&n.to_be_bytes());
        (ChatId::from_bytes(id), 0)
    });
    client.send(resume(&many.collect::<Vec<_>>())).await;
    assert_eq!(client.next().await.unwrap()["code"], "invalid_request");
    for _ in 0..10 {
        client.send_raw(Message::text("nonsense")).await;
    }
    assert_eq!(client.close_code().await, 1008);
}

#[tokio::test]
async fn what_a_socket_does_not_take_closes_it_with_the_code_that_says_why() {
    let server = server_with(&[]).await;
    let text = |bytes: Vec<u8>| Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true));
    let cases = [
        (Message::binary(vec![1, 2, 3]), 1003),
        (text(vec![0xff, 0xfe]), 1007),
        (Message::text("x".repeat(limits::SOCKET_FRAME_BYTES + 1)), 1009),
        (Message::text("x".repeat(limits::SOCKET_FRAME_BYTES * 4)), 1009),
        (Message::Frame(Frame::message(vec![], OpCode::Data(Data::Continue), true)), 1002),
    ];
    for (message, code) in cases {
        let mut client = greeted(&server, 1).await;
        client.send_raw(message).await;
        assert_eq!(client.close_code().await, code);
    }
}

#[tokio::test]
async fn too_many_frames_close_the_socket() {
    let server = server_with(&[]).await;
    let mut client = greeted(&server, 1).await;
    for _ in 0..60 {
        client.send_raw(Message::text("{\"type\":\"ping\"}")).await;
    }
    assert_eq!(client.close_code().await, 1008);
}

#[tokio::test]
async fn who_may_not_open_a_socket_is_told_before_the_upgrade() {
    let server = server_with(&[]).await;
    let origin = server.origin();
    let code = |refused: Result<Client, (u16, Value)>| {
        let (status, body) = refused.err().expect("a refusal");
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    for other in ["null", "http://127.0.0.1", "https://evil.test", &format!("{origin}.evil.test")] {
        assert_eq!(code(server.try_connect(1, other).await), (403, "cross_site".to_owned()), "{other}");
    }
    assert_eq!(code(server.open(None, &origin).await), (401, "unauthenticated".to_owned()));

    let mut held = Vec::new();
    for _ in 0..limits::SOCKETS_PER_USER {
        held.push(greeted(&server, 1).await);
    }
    assert_eq!(code(server.try_connect(1, &origin).await), (429, "too_many_requests".to_owned()));
    server.shutdown.cancel();
    assert_eq!(code(server.try_connect(2, &origin).await), (503, "unavailable".to_owned()));
}

#[tokio::test]
async fn a_node_that_stops_sends_its_sockets_away_and_waits_for_them() {
    let server = server_with(&[(1, &[1])]).await;
    let mut client = greeted(&server, 1).await;
    server.happen(chat(1), "the last").await;
    server.shutdown.cancel();
    assert_eq!(client.next_of("chat_renamed").await["name"], "the last");
    let wait = client.next_of("bye").await["reconnect_after_ms"].as_u64().unwrap();
    assert!((100..=3_000).contains(&wait), "{wait}");
    assert_eq!(client.close_code().await, 1012);
    drop(client);
    server.tracker.close();
    tokio::time::timeout(std::time::Duration::from_secs(5), server.tracker.wait()).await.unwrap();
    assert_eq!(server.hub.count(), 0);
}

#[tokio::test]
async fn coming_and_going_is_announced_and_a_reload_is_not() {
    let server = server_with(&[(1, &[1, 2]), (2, &[1, 2])]).await;
    let mut watcher = greeted(&server, 1).await;
    let status = |frame: Value| (frame["user_id"].clone(), frame["status"].as_str().unwrap().to_owned());

    let mut client = greeted(&server, 2).await;
    let came = watcher.next_of("user_status_changed").await;
    assert_eq!(came["last_seen"], Value::Null);
    assert_eq!(status(came), (json!(user(2)), "online".to_owned()));

    client.socket.close(None).await.unwrap();
    let mut client = greeted(&server, 2).await;
    client.socket.close(None).await.unwrap();
    let went = watcher.next_of("user_status_changed").await;
    assert!(went["last_seen"].is_string());
    assert_eq!(status(went), (json!(user(2)), "offline".to_owned()), "nothing was said of the reload");
}

#[tokio::test]
async fn an_event_whose_publication_was_lost_is_told_of_by_the_heartbeat() {
    let server = server_with(&[(1, &[1])]).await;
    let mut client = greeted(&server, 1).await;
    server.store.rename(chat(1), "never published");
    assert_eq!(client.next_of("heads").await["heads"][chat(1).to_string()], 1);
    client.send(resume(&[(chat(1), 0)])).await;
    assert_eq!(client.next().await.unwrap()["name"], "never published");
}

#[tokio::test]
async fn a_resume_that_fails_closes_the_socket_so_that_it_is_repeated() {
    let server = server_with(&[(1, &[1])]).await;
    server.store.rename(chat(1), "missed");
    let mut client = greeted(&server, 1).await;
    server.store.break_logs();
    client.send(resume(&[(chat(1), 0)])).await;
    assert_eq!(client.close_code().await, 1013);
}

#[tokio::test]
async fn resuming_too_often_is_refused_but_the_socket_stays() {
    let server = server_with(&[(1, &[1])]).await;
    let mut clients = [greeted(&server, 1).await, greeted(&server, 1).await];
    for client in &mut clients {
        for _ in 0..30 {
            client.send(resume(&[])).await;
        }
        // Answered after all of these, so that it is the second one's that are too many.
        client.send(json!({ "type": "ping" })).await;
        let mut answer = client.any().await.unwrap();
        while answer["type"] != "heads" && answer["type"] != "error" {
            answer = client.any().await.unwrap();
        }
    }
    let [_, mut last] = clients;
    assert_eq!(last.next_of("error").await["code"], "too_many_requests");
    server.happen(chat(1), "still there").await;
    assert_eq!(last.next_of("chat_renamed").await["name"], "still there");
}

#[tokio::test]
async fn coming_online_is_announced_before_the_greeting() {
    let server = server_with(&[(1, &[1, 2])]).await;
    let mut watcher = greeted(&server, 1).await;
    server.store.hold_back_contacts();
    let _held_up = server.connect(2).await;
    assert_eq!(watcher.next_of("user_status_changed").await["user_id"], json!(user(2)));
}

#[tokio::test]
async fn whoever_joins_learns_who_is_online_and_is_seen_to_be() {
    let server = server_with(&[(1, &[1, 2])]).await;
    let mut member = greeted(&server, 1).await;
    let mut newcomer = greeted(&server, 3).await;
    server.join(chat(1), user(3)).await;
    assert_eq!(newcomer.next().await.unwrap()["type"], "chat_added");
    let told = newcomer.next().await.unwrap();
    assert_eq!((&told["user_id"], &told["status"]), (&json!(user(1)), &json!("online")));
    let told = member.next_of("user_status_changed").await;
    assert_eq!((&told["user_id"], &told["status"]), (&json!(user(3)), &json!("online")));
    // Nothing is said of whoever is not there, nor of oneself.
    server.happen(chat(1), "next").await;
    assert_eq!(newcomer.next().await.unwrap()["name"], "next");
    assert_eq!(member.next().await.unwrap()["name"], "next");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_never_read_are_closed_and_the_others_miss_nothing() {
    const EVENTS: u64 = 1_500;
    let server = server_with(&[(1, &[1, 2, 3, 4])]).await;
    let mut readers = tokio::task::JoinSet::new();
    for person in [1, 1, 1, 1, 2, 2, 2, 2] {
        let mut client = greeted(&server, person).await;
        readers.spawn(async move {
            let mut known = 0;
            while known < EVENTS {
                let frame = client.next().await.expect("a socket that reads is not closed");
                if let Some(seq) = frame["seq"].as_u64() {
                    assert_eq!(seq, known + 1, "in order and without a hole");
                    known = seq;
                }
            }
        });
    }
    let mut stuck = Vec::new();
    for person in [3, 3, 3, 4, 4, 4] {
        stuck.push(server.connect_narrowly(person).await);
    }
    let name = "x".repeat(4_000);
    for _ in 0..EVENTS {
        server.happen(chat(1), &name).await;
    }
    readers.join_all().await;
    server.until("those that never read are closed", |hub| hub.count() == 0).await;
}
