//! Searching messages over HTTP, and on its page.

use serde_json::Value;

use crate::support::{Person, TestServer};

async fn search(person: &Person, fields: &[(&str, &str)]) -> Value {
    person.call("search_messages", fields).await.ok()
}

fn bodies(found: &Value) -> Vec<&str> {
    found["results"].as_array().unwrap().iter().map(|one| one["message"]["body"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_says_where_it_stands() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let (direct, team) = (ada.direct(&bob).await, ada.group("Team", &[&bob]).await);
    ada.send(&direct, "Straße und Haus 🎉 strasse").await;
    bob.send(&team, "中文字 <b>bold</b>").await;
    let found = search(&ada, &[("query", "STRASSE")]).await;
    assert_eq!(found["results"][0]["marks"], serde_json::json!([[0, 6], [18, 25]]));
    assert_eq!(
        (&found["results"][0]["chat_name"], &found["results"][0]["chat_kind"]),
        (&"Bob".into(), &"direct".into())
    );
    assert_eq!(found["next"], Value::Null);
    let found = search(&ada, &[("query", "文")]).await;
    assert_eq!(found["results"][0]["chat_name"], "Team");
    assert_eq!(found["results"][0]["message"]["sender_name"], "Bob");
    assert!(bodies(&search(&eve, &[("query", "文")]).await).is_empty());
    assert!(bodies(&search(&ada, &[("query", " ")]).await).is_empty(), "nothing is asked for");
    assert!(bodies(&search(&ada, &[]).await).is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_narrowed_by_fields_and_by_operators() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada Lovelace").await, server.register("Bob").await);
    let (direct, team) = (ada.direct(&bob).await, ada.group("Test Group", &[&bob]).await);
    ada.send(&direct, "lunch at one").await;
    ada.send(&team, "lunch at two").await;
    bob.send(&team, "lunch at three").await;
    bob.share(&team, "minutes.txt", b"agreed").await;
    for (fields, expected) in [
        (vec![("query", "lunch")], vec!["lunch at three", "lunch at two", "lunch at one"]),
        (vec![("query", "lunch"), ("chat_id", team.as_str())], vec!["lunch at three", "lunch at two"]),
        (vec![("query", "lunch"), ("sender_id", bob.id.as_str())], vec!["lunch at three"]),
        (vec![("query", "lunch from:bob")], vec!["lunch at three"]),
        (vec![("query", "lunch from:me")], vec!["lunch at two", "lunch at one"]),
        (vec![("query", "lunch from:\"ada love\"")], vec!["lunch at two", "lunch at one"]),
        (vec![("query", "lunch in:\"test group\" from:me")], vec!["lunch at two"]),
        (vec![("query", "lunch in:bob")], vec!["lunch at one"]),
        (vec![("query", "lunch in:nowhere")], vec![]),
        (vec![("query", "lunch from:nobody")], vec![]),
        (vec![("query", "has:file")], vec![""]),
        (vec![("query", "minutes.txt")], vec![""]),
        (vec![("has_file", "true"), ("query", "lunch")], vec![]),
        (vec![("query", "lunch before:2020-01-01")], vec![]),
        (vec![("query", "lunch after:2020-01-01 \"at two\"")], vec!["lunch at two"]),
        (vec![("query", "lunch"), ("to", "2020-01-01T00:00:00Z")], vec![]),
        (vec![("query", "lunch two"), ("from", "2020-01-01T00:00:00Z")], vec!["lunch at two"]),
    ] {
        let found = search(&ada, &fields).await;
        assert_eq!(bodies(&found), expected, "{fields:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_and_what_cannot_be_is_refused() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.direct(&bob).await;
    for number in 0..65 {
        ada.send(&chat, &format!("number {number}")).await;
    }
    let mut seen = Vec::new();
    let mut before: Option<String> = None;
    loop {
        let mut fields = vec![("query", "number")];
        fields.extend(before.as_deref().map(|before| ("before", before)));
        let found = search(&bob, &fields).await;
        seen.extend(bodies(&found).into_iter().map(str::to_owned));
        match found["next"].as_str() {
            Some(next) => before = Some(next.to_owned()),
            None => break,
        }
    }
    let expected: Vec<String> = (0..65).rev().map(|number| format!("number {number}")).collect();
    assert_eq!(seen, expected);
    let long = "x".repeat(201);
    for (person, fields, refusal) in [
        (&bob, vec![("query", "x"), ("before", "nonsense")], (422, "validation_failed")),
        (&bob, vec![("query", "x"), ("chat_id", "nonsense")], (400, "malformed_form")),
        (&bob, vec![("query", long.as_str())], (422, "validation_failed")),
        (&eve, vec![("query", "number"), ("chat_id", chat.as_str())], (404, "not_found")),
    ] {
        let refused = person.call("search_messages", &fields).await.refusal();
        assert_eq!(refused, (refusal.0, refusal.1.to_owned()), "{fields:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_search_needs_no_script() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&bob]).await;
    ada.send(&chat, "the <script>needle</script> in the hay").await;
    let page = bob.get("/search?q=needle").await;
    assert_eq!(page.status, 200);
    // Without the marks that hydration goes by.
    let text = page.text().replace("<!>", "");
    assert!(text.contains("&lt;script&gt;<mark>needle</mark>&lt;/script&gt;"), "{text}");
    assert!(text.contains(&format!("/c/{chat}/1#m1")), "{text}");
    let outside = eve.get("/search?q=needle").await.text();
    assert!(!outside.contains("<mark>"), "{outside}");
    let narrowed = bob.get(&format!("/search?q=needle&chat={chat}")).await;
    assert!(narrowed.text().replace("<!>", "").contains("<mark>needle</mark>"));
    assert_eq!(eve.get(&format!("/search?q=needle&chat={chat}")).await.status, 404);
    server.stop().await;
}
