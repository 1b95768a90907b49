//! What a client may send, and how everything else is answered: never by a panic, never by silence.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{NOBODY, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_is_answered_by_where_the_logs_stand() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let mut socket = ada.socket().await;
    ada.send(&chat, "x").await;
    socket.send(&json!({"type": "ping"})).await;
    let heads = socket.next_that("the answer", |frame| frame["type"] == "heads").await;
    assert_eq!(heads["heads"][&chat], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_makes_no_sense_gets_an_error_and_the_socket_stays() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let many: serde_json::Map<String, serde_json::Value> =
        (0..1001).map(|number| (format!("{number:024x}"), 0.into())).collect();
    for text in [
        String::new(),
        "x".into(),
        "[]".into(),
        "null".into(),
        "{}".into(),
        r#"{"type":"nothing"}"#.into(),
        r#"{"type":"resume"}"#.into(),
        r#"{"type":"resume","heads":[]}"#.into(),
        r#"{"type":"resume","heads":{"x":1}}"#.into(),
        format!(r#"{{"type":"resume","heads":{{"{NOBODY}":-1}}}}"#),
        format!(r#"{{"type":"resume","heads":{{"{NOBODY}":{{"$gt":0}}}}}}"#),
        r#"{"type":"new_message","message":{}}"#.into(),
        "[".repeat(10_000),
        json!({"type": "resume", "heads": many}).to_string(),
    ] {
        let mut socket = ada.socket().await;
        socket.send_message(Message::text(text.clone())).await;
        let error = socket.next_event("error").await;
        assert_eq!(error["code"], "invalid_request", "{text:.60}");
        socket.round_trip().await;
        socket.close().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_senseless_frame_after_the_other_ends_the_socket() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut socket = ada.socket().await;
    socket.send_many((0..20).map(|_| Message::text("nonsense"))).await;
    assert_eq!(socket.closed().await, 1008);
    assert!(socket.seen.iter().filter(|frame| frame["type"] == "error").count() >= 5, "it was told before");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_is_closed_with_its_code() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut socket = ada.socket().await;
    socket.send_message(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(socket.closed().await, 1003);

    let mut socket = ada.socket().await;
    // A masked text frame of two bytes that are not UTF-8; the mask is zero.
    socket.send_raw(&[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe]).await;
    assert_eq!(socket.closed().await, 1007);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_beyond_the_limit_is_closed_with_its_code() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let ping = json!({"type": "ping", "more": "x".repeat(60_000)}).to_string();
    let mut socket = ada.socket().await;
    socket.send_message(Message::text(ping)).await;
    socket.next_that("an answer", |frame| frame["type"] == "heads" || frame["type"] == "error").await;

    socket.send_many([Message::text("x".repeat(64 * 1024 + 1))]).await;
    assert_eq!(socket.closed().await, 1009);

    // Only announced: a masked text frame of 2^40 bytes.
    let mut socket = ada.socket().await;
    socket.send_raw(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await;
    assert_eq!(socket.closed().await, 1009);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_come_too_often_end_the_socket() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut socket = ada.socket().await;
    let ping = json!({"type": "ping"}).to_string();
    socket.send_many((0..500).map(|_| Message::text(ping.clone()))).await;
    assert_eq!(socket.closed().await, 1008);
    let mut other = ada.socket().await;
    other.round_trip().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_too_often_is_refused_and_the_socket_stays() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut socket = ada.socket().await;
    let mut asked = 0;
    let error = loop {
        socket.seen.clear();
        socket.resume(NOBODY, 0).await;
        let answer =
            socket.next_that("an answer", |frame| frame["chat_id"] == NOBODY || frame["type"] == "error");
        let answer = answer.await;
        if answer["type"] == "error" {
            break answer;
        }
        asked += 1;
        // Slow enough for the limit of frames, which a test of its own looks at.
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        assert!(asked < 200, "resuming went on");
    };
    assert_eq!(error["code"], "too_many_requests");
    server.stop().await;
}
