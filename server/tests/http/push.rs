//! Web Push: who is told of a message while no page of theirs is open, and by whom.

use serde_json::json;

use crate::support::{Browser, Note, Person, PushDesk, TestServer, push_keys, until};

async fn start() -> (PushDesk, TestServer) {
    let desk = PushDesk::start().await;
    let server = TestServer::builder().push_services(&desk.origin).without_rate_limits().start().await;
    (desk, server)
}

async fn is_subscribed(browser: &Browser) -> bool {
    browser.call("push_key", &[]).await.ok()["subscribed"] == true
}

fn names(notes: &[Note]) -> Vec<&str> {
    let mut names: Vec<&str> = notes.iter().map(|note| note.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_is_told_once_of_what_was_written() {
    let (desk, server) = start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let key = bob.call("push_key", &[]).await.ok();
    assert_eq!(key["subscribed"], false);
    desk.subscribe(&bob, "bob").await;
    let elsewhere = bob.elsewhere().await;
    assert!(is_subscribed(&bob).await && !is_subscribed(&elsewhere).await);
    let chat = ada.direct(&bob).await;
    let message = ada.send(&chat, "**Hello**, Bob").await;
    let note = desk.wait_for(1).await.remove(0);
    let seq = message["seq"].as_u64().unwrap();
    let tag = note.said["tag"].clone();
    assert_eq!(
        note.said,
        json!({
            "v": 1, "chat_id": chat, "seq": seq, "title": "Ada", "body": "Hello, Bob",
            "url": format!("/c/{chat}/{seq}#m{seq}"), "tag": tag,
        })
    );
    assert_eq!((note.name.as_str(), &note.key), ("bob", &key["public_key"].as_str().unwrap().to_owned()));
    assert_eq!(note.claims["aud"], desk.origin.as_str());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let until = note.claims["exp"].as_u64().unwrap();
    assert!(until > now && until <= now + 12 * 3600 + 60, "{until} at {now}");
    let header = |name: &str| note.headers[name].to_str().unwrap().to_owned();
    assert_eq!((header("content-encoding"), header("urgency")), ("aes128gcm".into(), "high".into()));
    assert_eq!((header("ttl"), header("topic")), ("86400".into(), tag.as_str().unwrap().to_owned()));
    // What is written to one chat at once is told once, by the last of it; and of each message once only.
    ada.send(&chat, "one").await;
    ada.send(&chat, "two").await;
    let notes = desk.wait_for(2).await;
    assert_eq!(notes[1].said["body"], "two");
    assert_eq!(notes[1].said["tag"], tag);
    server.stop().await;
    assert_eq!(desk.notes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_who_does_not_want_it_or_must_not_hear_of_it() {
    let (desk, server) = start().await;
    let mut people = Vec::new();
    for name in ["writer", "away", "online", "muted", "former", "gone", "reader", "outsider"] {
        let person = server.register(name).await;
        desk.subscribe(&person, name).await;
        people.push(person);
    }
    let [writer, away, online, muted, former, gone, reader, _outsider] = &people[..] else { unreachable!() };
    let chat = writer.group("Team", &[away, online, muted, former, gone, reader]).await;
    let mut socket = online.socket().await;
    muted.call("mute_chat", &[("chat_id", &chat), ("on", "true")]).await.ok();
    writer.remove(&chat, former).await;
    gone.call("logout", &[]).await.ok();
    let message = writer.send(&chat, "first").await;
    let ordinal = message["ordinal"].to_string();
    reader.call("mark_read", &[("chat_id", &chat), ("ordinal", &ordinal)]).await.ok();
    let notes = desk.wait_for(1).await;
    assert_eq!((notes[0].name.as_str(), &notes[0].said["title"]), ("away", &json!("writer in Team")));
    assert_eq!(notes[0].headers["urgency"], "normal");
    // Whoever was to be told of the first has been when others are told of the second.
    muted.call("mute_chat", &[("chat_id", &chat), ("on", "false")]).await.ok();
    socket.next_event("new_message").await;
    writer.send(&chat, "second").await;
    let notes = desk.wait_for(4).await;
    assert_eq!(names(&notes), ["away", "away", "muted", "reader"]);
    // Whoever turned it off is told of nothing more.
    away.call("unsubscribe_push", &[]).await.ok();
    assert!(!is_subscribed(away).await);
    writer.send(&chat, "third").await;
    let notes = desk.wait_for(6).await;
    assert_eq!(names(&notes[4..]), ["muted", "reader"]);
    server.stop().await;
    assert_eq!(desk.notes().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_its_push_service_does_not_know_is_removed() {
    let (desk, server) = start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    for status in [410, 404] {
        desk.subscribe(&bob, "bob").await;
        desk.answer(&[(status, None)]);
        ada.send(&chat, "hello").await;
        until("removed", || async { (!is_subscribed(&bob).await).then_some(()) }).await;
    }
    // Refused for another reason: it stays, and is not tried again.
    desk.subscribe(&bob, "bob").await;
    desk.answer(&[(403, None)]);
    ada.send(&chat, "hello").await;
    desk.wait_for(3).await;
    ada.send(&chat, "again").await;
    assert_eq!(desk.wait_for(4).await[3].said["body"], "again");
    assert!(is_subscribed(&bob).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_push_service_cannot_take_now_is_tried_again() {
    let (desk, server) = start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    desk.subscribe(&bob, "bob").await;
    desk.answer(&[(429, Some(1)), (500, None)]);
    let start = std::time::Instant::now();
    ada.send(&chat, "hello").await;
    let notes = desk.wait_for(3).await;
    assert!(notes.iter().all(|note| note.said == notes[0].said));
    // The moment before, one second as asked, and twice the first pause.
    assert!(start.elapsed().as_secs() >= 5, "{:?}", start.elapsed());
    assert!(is_subscribed(&bob).await);
    server.stop().await;
    assert_eq!(desk.notes().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_push_service_can_be_named() {
    let (desk, server) = start().await;
    let (p256dh, auth) = push_keys();
    let bob = server.register("Bob").await;
    let good = format!("{}/bob", desk.origin);
    for endpoint in
        ["https://fcm.googleapis.com/x", "http://127.0.0.1:1/x", "http://169.254.169.254/latest", "", "x y"]
    {
        let answer = desk.try_subscribe(&bob, endpoint).await;
        assert_eq!(answer.refusal(), (422, "validation_failed".into()), "{endpoint}");
        assert_eq!(answer.json()["error"]["fields"]["endpoint"], "malformed", "{endpoint}");
    }
    let long = format!("{good}{}", "x".repeat(2_048));
    assert_eq!(desk.try_subscribe(&bob, &long).await.json()["error"]["fields"]["endpoint"], "too_long");
    let off_the_curve = format!("{}A", &p256dh[..p256dh.len() - 1]);
    for (field, key, secret) in [
        ("p256dh", off_the_curve.as_str(), auth.as_str()),
        ("p256dh", "", auth.as_str()),
        ("auth", &p256dh, "AAAA"),
    ] {
        let fields = [("endpoint", good.as_str()), ("p256dh", key), ("auth", secret)];
        let answer = bob.call("subscribe_push", &fields).await;
        assert_eq!(answer.json()["error"]["fields"][field], "malformed", "{}", answer.text());
    }
    assert!(!is_subscribed(&bob).await);
    let fields =
        [("endpoint", good.as_str()), ("p256dh", &format!("{p256dh}=")), ("auth", &format!("{auth}=="))];
    bob.call("subscribe_push", &fields).await.ok();
    assert!(is_subscribed(&bob).await, "padding does not matter");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_in_the_same_browser_takes_the_endpoint_over() {
    let (desk, server) = start().await;
    let (ada, bob, cid) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Cid").await);
    desk.subscribe(&bob, "browser").await;
    let takes_over = async |person: &Person| desk.subscribe(person, "browser").await;
    takes_over(&cid).await;
    assert_eq!((is_subscribed(&bob).await, is_subscribed(&cid).await), (false, true));
    let team = ada.group("Team", &[&bob, &cid]).await;
    ada.send(&team, "hello").await;
    desk.wait_for(1).await;
    let chat = ada.direct(&bob).await;
    ada.send(&chat, "for Bob alone").await;
    ada.send(&team, "for both").await;
    let notes = desk.wait_for(2).await;
    assert_eq!(notes[1].said["body"], "for both");
    server.stop().await;
    assert_eq!(desk.notes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_can_be_told_to_tell_nobody() {
    let desk = PushDesk::start().await;
    let server = TestServer::builder().push_services("off").start().await;
    let bob = server.register("Bob").await;
    assert_eq!(bob.call("push_key", &[]).await.ok(), json!({ "subscribed": false }));
    let answer = desk.try_subscribe(&bob, &format!("{}/bob", desk.origin)).await;
    assert_eq!(answer.refusal(), (422, "validation_failed".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_a_stop_is_told_all_the_same() {
    let (desk, server) = start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    desk.subscribe(&bob, "bob").await;
    let chat = ada.direct(&bob).await;
    ada.send(&chat, "the last words").await;
    server.stop().await;
    assert_eq!(desk.wait_for(1).await[0].said["body"], "the last words");
}
