//! Who may open a socket. Whoever may not is answered before the connection is upgraded.

use axum::http::Method;

use crate::support::{GROUP_ID, Socket, TestServer, until};

#[tokio::test(flavor = "multi_thread")]
async fn only_our_own_pages_open_a_socket() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let ours = server.site.origin.clone();
    let port = server.site.addr.port();
    let cookies = ada.cookies();
    for origin in [
        "null".to_owned(),
        String::new(),
        "http://evil.example".to_owned(),
        format!("{ours}.evil.example"),
        format!("{ours}/"),
        format!("https://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{}", port ^ 1),
        "http://127.0.0.1".to_owned(),
        format!("http://evil.example:{port}"),
    ] {
        let headers = [("cookie", cookies.as_str()), ("origin", &origin)];
        let refused = Socket::try_open_with(&ada, &headers).await.unwrap_err();
        assert_eq!((refused.status, refused.code()), (403, "cross_site"), "{origin:?}");
    }
    for headers in [
        &[("cookie", cookies.as_str())][..],
        &[("cookie", &cookies), ("sec-fetch-site", "same-origin")],
        &[("cookie", &cookies), ("origin", &ours), ("origin", "http://evil.example")],
        &[("cookie", &cookies), ("authorization", "Bearer x")],
    ] {
        let refused = Socket::try_open_with(&ada, headers).await.unwrap_err();
        assert_eq!((refused.status, refused.code()), (403, "cross_site"), "{headers:?}");
    }
    Socket::try_open_with(&ada, &[("cookie", &cookies), ("origin", &ours)]).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_for_who_is_signed_in() {
    let server = TestServer::start().await;
    let nobody = server.browser();
    let refused = Socket::try_open(&nobody).await.unwrap_err();
    assert_eq!((refused.status, refused.code()), (401, "unauthenticated"));
    nobody.set_cookie("samvad_access", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.");
    assert_eq!(Socket::try_open(&nobody).await.unwrap_err().status, 401);
    let refused = Socket::try_open_with(&nobody, &[("authorization", "Bearer x")]).await.unwrap_err();
    assert_eq!(refused.status, 401);

    let ada = server.register("Ada").await;
    let bearer = format!("Bearer {}", ada.cookie("samvad_access"));
    let socket = Socket::try_open_with(&nobody, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(socket.hello["user_id"], ada.id.as_str());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_upgrade_is_refused() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let request = ada.request(Method::GET, "/ws").body(axum::body::Body::empty()).unwrap();
    let answer = ada.exchange(request).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["code"], "invalid_request");
    let request = ada.request(Method::POST, "/ws").body(axum::body::Body::empty()).unwrap();
    assert_eq!(ada.exchange(request).await.status, 405);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hello_says_who_one_is_and_where_each_log_stands() {
    let server = TestServer::start().await;
    let kabir = server.person(4).await;
    let samyak = server.person(0).await;
    samyak.send(GROUP_ID, "hello").await;
    let _online = samyak.socket().await;
    let socket = kabir.socket().await;
    let hello = &socket.hello;
    let mut names: Vec<&String> = hello.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["blocked", "heads", "heartbeat_ms", "mine", "online", "session_id", "type", "user_id"]
    );
    assert_eq!(hello["user_id"], kabir.id.as_str());
    let me = kabir.call("me", &[]).await.ok();
    assert_eq!(hello["session_id"], me["session_id"]);
    assert_eq!(hello["heads"], serde_json::json!({ GROUP_ID: 1 }));
    assert_eq!(hello["mine"][GROUP_ID]["read"], 0);
    assert!(hello["online"].as_array().unwrap().contains(&samyak.id.as_str().into()), "{hello}");
    assert!(hello["heartbeat_ms"].as_u64().unwrap() > 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_has_ten_sockets() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(ada.socket().await);
    }
    let refused = ada.try_socket().await.unwrap_err();
    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    server.register("Bob").await.socket().await;
    sockets.pop().unwrap().close().await;
    let mut freed = until("a free place", || async { ada.try_socket().await.ok() }).await;
    freed.round_trip().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_not_compressed() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: chat\r\nOrigin: {}\r\nCookie: {}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        server.site.origin,
        ada.cookies(),
    );
    let answer = crate::support::raw_answer_head(&ada, head.into_bytes()).await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-extensions"), "");
    server.stop().await;
}
