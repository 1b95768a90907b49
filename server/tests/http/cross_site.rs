//! What another site can make a browser do here: nothing.

use axum::{
    body::Body,
    http::{Method, Request, header},
};

use crate::support::{Answer, Browser, TestServer};

async fn call_from(browser: &Browser, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/api/update_profile")
        .header(header::HOST, "chat")
        .header(header::COOKIE, browser.cookies())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.exchange(request.body(Body::from("display_name=Changed")).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_pages_change_something() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let ours = server.site.origin.as_str();
    let port = server.site.addr.port();
    let other_port = format!("http://127.0.0.1:{}", port ^ 1);
    let (suffix, tls) = (format!("{ours}.evil.example"), format!("https://127.0.0.1:{port}"));
    let user = format!("http://127.0.0.1:{port}@evil.example");
    let mut refused: Vec<Vec<(&str, &str)>> = vec![
        vec![],
        vec![("sec-fetch-site", "cross-site")],
        vec![("sec-fetch-site", "same-site")],
        vec![("sec-fetch-site", "none")],
        vec![("sec-fetch-site", "cross-site"), ("origin", ours)],
        vec![("referer", ours)],
        vec![("authorization", "Bearer x")],
    ];
    for origin in ["null", "", "http://evil.example", &suffix, &other_port, &tls, &user] {
        refused.push(vec![("origin", origin)]);
    }
    for headers in &refused {
        assert_eq!(call_from(&ada, headers).await.refusal(), (403, "cross_site".into()), "{headers:?}");
    }
    assert_eq!(ada.call("me", &[]).await.ok()["display_name"], "Ada");
    call_from(&ada, &[("sec-fetch-site", "same-origin")]).await.ok();
    call_from(&ada, &[("origin", ours)]).await.ok();
    call_from(&ada, &[("sec-fetch-site", "same-origin"), ("origin", "http://evil.example")]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_token_needs_no_origin_and_no_cookie() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/me")
        .header(header::HOST, "chat")
        .header(header::AUTHORIZATION, format!("Bearer {}", ada.cookie("samvad_access")));
    server.browser().exchange(request.body(Body::empty()).unwrap()).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_reads_an_answer() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/me")
        .header(header::HOST, "chat")
        .header(header::ORIGIN, "http://evil.example")
        .header("access-control-request-method", "POST");
    let mut answers = vec![ada.exchange(preflight.body(Body::empty()).unwrap()).await];
    for path in ["/", "/api/me", "/healthz", "/readyz", "/nowhere"] {
        let request = ada.request(Method::GET, path).header(header::ORIGIN, "http://evil.example");
        answers.push(ada.exchange(request.body(Body::empty()).unwrap()).await);
    }
    answers.push(call_from(&ada, &[("origin", "http://evil.example")]).await);
    for answer in answers {
        let named = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
        assert!(!named, "{answer:?}");
    }
    server.stop().await;
}
