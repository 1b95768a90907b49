//! Who is online, and who is told.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Person, Socket, TestServer, until};

/// Longer than the grace in which a reload shows nothing, with the sweep behind it.
const BEYOND_GRACE: Duration = Duration::from_millis(2_500);

fn statuses(frames: &[Value], person: &Person) -> Vec<String> {
    let frames = frames.iter().filter(|frame| frame["type"] == "user_status_changed");
    let frames = frames.filter(|frame| frame["user_id"] == person.id.as_str());
    frames.map(|frame| frame["status"].as_str().unwrap().to_owned()).collect()
}

async fn status_of(socket: &mut Socket, person: &Person) -> Value {
    socket
        .next_that("a change of status", |frame| {
            frame["type"] == "user_status_changed" && frame["user_id"] == person.id.as_str()
        })
        .await
}

async fn pair() -> (TestServer, Person, Person) {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    ada.direct(&bob).await;
    (server, ada, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_and_going_is_told_to_those_who_share_a_chat() {
    let (server, ada, bob) = pair().await;
    let eve = server.register("Eve").await;
    let (mut sees, mut stranger) = (ada.socket().await, eve.socket().await);
    assert_eq!(sees.hello["online"], serde_json::json!([]));
    let socket = bob.socket().await;
    assert_eq!(socket.hello["online"], serde_json::json!([ada.id]));
    let online = status_of(&mut sees, &bob).await;
    assert_eq!((&online["status"], &online["last_seen"]), (&"online".into(), &Value::Null));
    socket.close().await;
    let offline = status_of(&mut sees, &bob).await;
    assert_eq!(offline["status"], "offline");
    assert!(offline["last_seen"].as_str().unwrap().ends_with('Z'));
    stranger.round_trip().await;
    assert!(statuses(&stranger.seen, &bob).is_empty(), "nobody's business");
    assert!(statuses(&sees.seen, &ada).is_empty(), "one is not told of oneself");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_shows_nothing() {
    let (server, ada, bob) = pair().await;
    let mut sees = ada.socket().await;
    let mut socket = bob.socket().await;
    status_of(&mut sees, &bob).await;
    sees.seen.clear();
    for _ in 0..3 {
        socket.close().await;
        socket = bob.socket().await;
    }
    let heard = sees.listen(BEYOND_GRACE).await;
    assert!(statuses(&heard, &bob).is_empty(), "{heard:?}");
    socket.round_trip().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_is_online_while_any_of_their_sockets_is() {
    let (server, ada, bob) = pair().await;
    let mut sees = ada.socket().await;
    let desk = bob.socket().await;
    let phone = bob.elsewhere().await.socket().await;
    status_of(&mut sees, &bob).await;
    desk.close().await;
    let heard = sees.listen(BEYOND_GRACE).await;
    assert!(statuses(&heard, &bob).is_empty(), "{heard:?}");
    assert_eq!(ada.socket().await.hello["online"], serde_json::json!([bob.id]));
    phone.close().await;
    assert_eq!(status_of(&mut sees, &bob).await["status"], "offline");
    assert_eq!(ada.socket().await.hello["online"], serde_json::json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_counts_as_leaving() {
    let (server, ada, bob) = pair().await;
    let mut sees = ada.socket().await;
    let socket = bob.socket().await;
    status_of(&mut sees, &bob).await;
    // Without a close frame.
    drop(socket);
    assert_eq!(status_of(&mut sees, &bob).await["status"], "offline");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_who_is_online() {
    let (server, ada, bob) = pair().await;
    let _socket = bob.socket().await;
    until("the page's data to name who is online", || async {
        let page = ada.get("/").await.text();
        let online = page.split("\"online\":").nth(1)?.split(']').next()?.to_owned();
        online.contains(&bob.id).then_some(())
    })
    .await;
    server.stop().await;
}
