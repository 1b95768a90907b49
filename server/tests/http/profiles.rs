//! Profiles: what somebody sees of somebody else, and when they were last there.

use app::ports::AccountStore;
use serde_json::{Value, json};

use crate::support::{Person, TestServer, until};

async fn profile(viewer: &Person, of: &Person) -> Value {
    viewer.call("get_user", &[("user_id", &of.id)]).await.ok()
}

/// Somebody who was there and is gone, as this viewer sees them.
async fn gone(viewer: &Person, who: &Person) -> Value {
    who.socket().await.close().await;
    until("somebody to be seen to have gone", || async {
        let seen = profile(viewer, who).await;
        seen.get("last_seen").is_some().then_some(seen)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_says_who_somebody_is_and_what_one_shares_with_them() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    bob.call("update_profile", &[("display_name", "Bob"), ("about", "Gardens")]).await.ok();
    let stranger = profile(&ada, &bob).await;
    let expected = json!({
        "id": bob.id, "display_name": "Bob", "about": "Gardens", "presence": "offline", "blocked": false, "groups": [],
    });
    assert_eq!(stranger, expected);
    let chat = ada.direct(&bob).await;
    let (zoo, arts) = (ada.group("Zoo", &[&bob]).await, bob.group("Arts", &[&ada, &eve]).await);
    ada.group("Others", &[&eve]).await;
    let known = profile(&ada, &bob).await;
    assert_eq!(known["chat_id"], json!(chat));
    assert_eq!(known["groups"], json!([{"id": arts, "name": "Arts"}, {"id": zoo, "name": "Zoo"}]));
    let _socket = bob.socket().await;
    assert_eq!(profile(&eve, &bob).await["presence"], "online");
    let own = profile(&ada, &ada).await;
    assert_eq!((&own["presence"], &own["groups"]), (&json!("online"), &json!([])));
    let missing = ada.call("get_user", &[("user_id", &"0".repeat(24))]).await;
    assert_eq!(missing.refusal(), (404, "not_found".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_somebody_was_last_there_is_kept_and_shown_to_those_who_show_it_themselves() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    let seen = gone(&ada, &bob).await;
    assert_eq!(seen["presence"], "offline");
    assert!(seen["last_seen"].as_str().unwrap().ends_with('Z'));
    let page = ada.get(&format!("/c/{chat}")).await.text();
    assert!(page.contains("Last seen just now") || page.contains("Last seen a minute ago"), "{page}");

    let off = ada.call("update_settings", &[("show_last_seen", "false")]).await.ok();
    assert_eq!((&off["show_last_seen"], &off["read_receipts"]), (&json!(false), &json!(true)), "only that");
    assert_eq!(profile(&ada, &bob).await.get("last_seen"), None, "who hides theirs sees nobody's");
    assert!(!ada.get(&format!("/c/{chat}")).await.text().contains("Last seen just"));
    ada.call("update_settings", &[("show_last_seen", "true")]).await.ok();
    assert!(profile(&ada, &bob).await.get("last_seen").is_some());

    bob.call("update_settings", &[("show_last_seen", "false")]).await.ok();
    assert_eq!(profile(&ada, &bob).await.get("last_seen"), None);
    let page = ada.get(&format!("/u/{}", bob.id)).await.text();
    assert!(page.contains("Offline") && !page.contains("Last seen"), "{page}");
    assert!(!page.contains("last_seen\":\"2"), "nor in the data of the page");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_there_when_the_server_stopped_was_there_until_then() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let _socket = bob.socket().await;
    assert_eq!(profile(&ada, &bob).await["presence"], "online");
    let id = bob.id.parse().unwrap();
    server.state.stop.cancel();
    until("it to be kept that somebody was there", || async {
        server.store.user(id).await.unwrap().unwrap().last_seen.map(|_at| ())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_asked_for_so_often_and_not_more() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let mut refused = None;
    for _ in 0..200 {
        let answer = ada.call("get_user", &[("user_id", &bob.id)]).await;
        if answer.status != 200 {
            refused = Some(answer.refusal());
            break;
        }
    }
    assert_eq!(refused, Some((429, "too_many_requests".into())));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_a_page_that_works_without_scripts() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let path = format!("/u/{}", bob.id);
    let page = ada.get(&path).await.text();
    for part in ["action=\"/api/create_direct_chat\"", "action=\"/api/block_user\"", "They are not told."] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let own = ada.get(&format!("/u/{}", ada.id)).await.text();
    assert!(own.contains("href=\"/settings\"") && !own.contains("action=\"/api/block_user\""), "{own}");
    assert_eq!(ada.get(&format!("/u/{}", "0".repeat(24))).await.status, 404);
    assert_eq!(ada.get("/u/nobody").await.status, 404);
    assert_eq!(server.browser().get(&path).await.status, 303, "to the sign-in page");

    let done = ada.submit(&path, "block_user", &[("user_id", &bob.id)]).await;
    assert_eq!((done.status, done.header("location")), (303, path.as_str()));
    let page = ada.get(&path).await.text();
    assert!(page.contains("You have blocked this person.") && page.contains("action=\"/api/unblock_user\""));
    assert!(ada.get("/settings").await.text().contains("Unblock Bob"));
    let fields = [("user_id", bob.id.as_str()), ("next", "/settings")];
    let done = ada.submit("/settings", "unblock_user", &fields).await;
    assert_eq!((done.status, done.header("location")), (303, "/settings"));
    let elsewhere = [("user_id", bob.id.as_str()), ("next", "https://evil.example/")];
    assert_eq!(ada.submit(&path, "unblock_user", &elsewhere).await.header("location"), "/");
    assert!(!ada.get("/settings").await.text().contains("Unblock Bob"));
    let refused = ada.submit(&path, "block_user", &[("user_id", &ada.id)]).await;
    assert_eq!(refused.status, 400);
    server.stop().await;
}
