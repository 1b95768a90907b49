//! What every answer carries, and that what people write is never more than text on a page.

use axum::http::Method;

use crate::support::{NOBODY, TestServer};

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_headers_that_bind_a_browser() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut answers = Vec::new();
    for path in ["/", "/login", "/settings", "/nowhere", "/healthz", "/readyz", "/pkg/none.js", "/api/me"] {
        answers.push((path, ada.get(path).await));
    }
    answers.push(("200", ada.call("me", &[]).await));
    answers.push(("404", ada.call("get_chat", &[("chat_id", NOBODY)]).await));
    answers.push(("415", ada.call("send_message", &[]).await));
    let nobody = server.browser();
    answers.push(("401", nobody.call("me", &[]).await));
    answers.push(("303", nobody.get("/").await));
    let socket = ada.request(Method::GET, "/ws").header("origin", "http://evil.example");
    answers.push(("ws", ada.exchange(socket.body(axum::body::Body::empty()).unwrap()).await));
    for (what, answer) in answers {
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{what}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{what}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src ") && policy.contains("frame-ancestors 'none'"), "{what}");
        assert!(answer.header("strict-transport-security").is_empty(), "{what}: not without HTTPS");
        assert!(answer.header("server").is_empty() && answer.header("x-powered-by").is_empty(), "{what}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_only_the_scripts_it_came_with() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut nonces = Vec::new();
    for path in ["/", "/", "/login", "/nowhere"] {
        let page = ada.get(path).await;
        let policy = page.header("content-security-policy").to_owned();
        if page.status == 303 {
            continue;
        }
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        assert!(nonce.len() >= 16, "{nonce}");
        for directive in [
            "default-src 'self'",
            &format!("script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'"),
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "connect-src 'self'",
        ] {
            assert!(policy.split("; ").any(|part| part == directive), "{directive} in {policy}");
        }
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        let text = page.text();
        for script in text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&nonce), "a script without the nonce: {tag}");
        }
        assert_eq!(page.header("cache-control"), "no-store");
        nonces.push(nonce);
    }
    let distinct: std::collections::BTreeSet<&String> = nonces.iter().collect();
    assert_eq!((distinct.len(), nonces.len()), (3, 3), "a fresh one for each page");
    server.stop().await;
}

/// What has broken into other people's pages.
const CORPUS: &[&str] = &[
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "'><iframe srcdoc=x>",
    "<a href=javascript:alert(1)>x",
    "</title><script>alert(1)",
    "</textarea><script>alert(1)",
    "{{constructor.constructor('x')()}}",
    "<ScRiPt>alert(1)</sCrIpT>",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_stays_text_on_every_page() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let reader = server.register("Reader").await;
    for payload in CORPUS {
        let writer = server.register(payload).await;
        let about = [("display_name", *payload), ("about", *payload)];
        writer.call("update_profile", &about).await.ok();
        let chat = writer.group(payload, &[&reader]).await;
        assert_eq!(writer.send(&chat, payload).await["body"], *payload);
        let query: String = form_urlencoded::byte_serialize(payload.as_bytes()).collect();
        let mut pages = vec![
            reader.get(&format!("/c/{chat}")).await,
            reader.get(&format!("/c/{chat}/details?q={query}")).await,
            reader.get(&format!("/new?q={query}")).await,
            reader.get("/").await,
            server.browser().get(&format!("/login?next={query}")).await,
        ];
        pages
            .push(server.browser().submit("/login", "login", &[("email", payload), ("password", "x")]).await);
        for page in &pages {
            let text = page.text();
            assert!(matches!(page.status, 200 | 401), "{payload}: {}", page.status);
            if payload.contains('<') {
                assert!(!text.contains(payload), "{payload} in {text}");
            }
            for element in
                ["<img src=x", "<svg onload", "<iframe", "<a href=javascript", "<ScRiPt", "<!--<script"]
            {
                assert!(!text.contains(element), "{element} in {text}");
            }
            assert!(!text.contains("<script>alert"), "{text}");
        }
        let shown = pages[0].text();
        if payload.contains('<') {
            assert!(shown.contains("&lt;"), "{payload} is shown: {shown}");
            assert!(shown.contains("\\u003c"), "and is in the page's data");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markdown_is_on_the_page_before_any_script_runs() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Book club", &[&bob]).await;
    ada.send(&chat, "**two**\n[three](https://example.org) [four](javascript:alert(1))").await;
    let chat_page = ada.get(&format!("/c/{chat}")).await.text();
    let expected = "<p><strong>two</strong><br>\n<a href=\"https://example.org\" target=\"_blank\" \
                    rel=\"noopener noreferrer nofollow\">three</a> [four](javascript:alert(1))</p>";
    assert!(chat_page.contains(expected), "{chat_page}");
    // Its label and the list of chats say it without the marks.
    assert!(chat_page.contains("two three [four](javascript:alert(1))\""), "{chat_page}");
    assert!(chat_page.contains("You: two three [four]"), "{chat_page}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_on_its_page_before_any_script_runs() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Book club", &[&bob]).await;
    ada.send(&chat, "chapter one").await;
    let page = bob.get(&format!("/c/{chat}")).await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = page.text();
    let body = text.split("<body").nth(1).unwrap();
    assert!(body.contains("Book club") && body.contains("chapter one"), "{text}");
    for path in [format!("/c/{NOBODY}"), format!("/c/{NOBODY}/details"), "/c/x".into(), "/nowhere".into()] {
        assert_eq!(bob.get(&path).await.status, 404, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_where_the_list_of_emoji_is_and_it_stays_there_for_good() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let page = ada.get("/").await.text();
    let address = page.split("/emoji/").nth(1).unwrap().split('"').next().unwrap();
    let list = server.browser().get(&format!("/emoji/{address}")).await;
    assert_eq!(list.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(list.header("content-type"), "application/json");
    let list = list.ok();
    let groups = list["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 9);
    assert!(groups.iter().all(|group| group["emoji"].as_array().unwrap().len() > 50), "{list}");
    assert_eq!(ada.get("/emoji/0000000000000000.json").await.status, 404);
    server.stop().await;
}
