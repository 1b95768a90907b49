//! The global error layer: whatever is wrong with a request is answered in one shape.

use axum::{
    body::Body,
    http::{Method, header},
};

use server::http::bounds::Bounds;

use crate::support::{Log, NOBODY, Person, TestServer, client_id, message_form, raw, raw_head};

fn wrong(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn somebody() -> (TestServer, Person) {
    let server = TestServer::start().await;
    let person = server.register("Ada").await;
    (server, person)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_one_shape_and_an_id_of_its_own() {
    let (server, ada) = somebody().await;
    let first = ada.call("get_chat", &[("chat_id", NOBODY)]).await;
    assert_eq!(first.refusal(), wrong(404, "not_found"));
    assert_eq!(first.header("cache-control"), "no-store");
    let second = ada.call("get_chat", &[("chat_id", NOBODY)]).await;
    assert_ne!(first.json()["error"]["request_id"], second.json()["error"]["request_id"]);
    assert_eq!(first.shown(), second.shown());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_field_is_named_at_once() {
    let server = TestServer::start().await;
    let fields = [("email", "nobody"), ("display_name", " "), ("password", "short")];
    let answer = server.browser().call("register", &fields).await;
    assert_eq!(answer.field("email"), "malformed");
    assert_eq!(answer.field("display_name"), "required");
    assert_eq!(answer.field("password"), "too_short");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_lacks_a_field_is_malformed() {
    let (server, ada) = somebody().await;
    for (function, fields) in [
        ("login", &[("email", "ada@example.org")][..]),
        ("register", &[]),
        ("get_chat", &[]),
        ("get_chat", &[("chat_id", "")]),
        ("get_chat", &[("chat_id", "not an id")]),
        ("set_role", &[("chat_id", NOBODY), ("user_id", NOBODY), ("role", "owner")]),
        ("list_messages", &[("chat_id", NOBODY), ("before", "-1")]),
        ("list_messages", &[("chat_id", NOBODY), ("limit", "many")]),
    ] {
        let answer = ada.call(function, fields).await;
        assert_eq!(answer.refusal(), wrong(400, "malformed_form"), "{function} {fields:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_of_a_query_language_never_get_past_the_form() {
    let (server, ada) = somebody().await;
    // Each field of each function in turn: as a nested value, and, where it is an id or a number, as text.
    let forms: &[(&str, &[(&str, &str)])] = &[
        ("register", &[("email", "e@example.org"), ("display_name", "E"), ("password", "correct horse")]),
        ("login", &[("email", "e@example.org"), ("password", "correct horse")]),
        ("update_profile", &[("display_name", "E"), ("about", "")]),
        ("change_password", &[("current", "x"), ("new", "y"), ("end_others", "true")]),
        ("end_session", &[("session_id", NOBODY)]),
        ("search_users", &[("query", "ada")]),
        ("create_direct_chat", &[("user_id", NOBODY)]),
        ("create_group_chat", &[("name", "n"), ("member_ids", NOBODY)]),
        ("get_chat", &[("chat_id", NOBODY)]),
        ("rename_chat", &[("chat_id", NOBODY), ("name", "n")]),
        ("add_members", &[("chat_id", NOBODY), ("user_ids", NOBODY)]),
        ("remove_member", &[("chat_id", NOBODY), ("user_id", NOBODY)]),
        ("set_role", &[("chat_id", NOBODY), ("user_id", NOBODY), ("role", "admin")]),
        ("leave_chat", &[("chat_id", NOBODY)]),
        ("delete_chat", &[("chat_id", NOBODY)]),
        ("list_messages", &[("chat_id", NOBODY), ("before", "1"), ("limit", "1")]),
    ];
    for (function, fields) in forms {
        for (index, (name, _)) in fields.iter().enumerate() {
            for operator in ["$ne", "$gt", "$where", "__proto__"] {
                let nested = format!("{name}[{operator}]");
                let mut attack = fields.to_vec();
                attack[index] = (nested.as_str(), "");
                let answer = ada.call(function, &attack).await;
                assert!(matches!(answer.status, 400 | 422), "{function} {attack:?}: {}", answer.text());
                answer.code();
            }
            let is_typed =
                name.ends_with("_id") || matches!(*name, "role" | "before" | "limit" | "end_others");
            if is_typed {
                let mut attack = fields.to_vec();
                attack[index].1 = r#"{"$ne":null}"#;
                let answer = ada.call(function, &attack).await;
                assert_eq!(answer.refusal(), wrong(400, "malformed_form"), "{function} {attack:?}");
            }
        }
    }
    // Where text is wanted it is text and nothing else.
    let chat = ada.group(r#"{"$ne":null}"#, &[]).await;
    assert_eq!(ada.call("get_chat", &[("chat_id", &chat)]).await.ok()["name"], r#"{"$ne":null}"#);
    let answer = ada.call("login", &[("email", r#"{"$ne":null}"#), ("password", r#"{"$ne":null}"#)]).await;
    assert_eq!(answer.refusal(), wrong(401, "invalid_credentials"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_kind_is_refused() {
    let (server, ada) = somebody().await;
    for (function, kind, body) in [
        ("login", "application/json", r#"{"email":"a@b.c","password":"abcdefgh"}"#),
        ("login", "text/plain", "email=a@b.c&password=abcdefgh"),
        ("login", "multipart/form-data; boundary=limit", "--limit--\r\n"),
        ("login", "", "email=a@b.c&password=abcdefgh"),
        ("send_message", "application/x-www-form-urlencoded", "chat_id=1&body=x"),
        ("send_message", "application/json", "{}"),
    ] {
        let request =
            ada.request(Method::POST, &format!("/api/{function}")).header(header::CONTENT_TYPE, kind);
        let answer = ada.exchange(request.body(body.into()).unwrap()).await;
        assert_eq!(answer.refusal(), wrong(415, "unsupported_media_type"), "{function} {kind}");
    }
    let packed = ada.form("me").header(header::CONTENT_ENCODING, "gzip");
    let answer = ada.exchange(packed.body(Body::from(vec![0x1f, 0x8b])).unwrap()).await;
    assert_eq!(answer.refusal(), wrong(415, "unsupported_media_type"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_is_sent() {
    let (server, ada) = somebody().await;
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let head = raw_head(&ada, "login", &[kind, ("Content-Length", "300000")]);
    let answer = raw(&ada, format!("{head}\r\n").into_bytes(), false).await;
    assert_eq!(answer.refusal(), wrong(413, "payload_too_large"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_turns_out_too_large_is_cut_off() {
    let (server, ada) = somebody().await;
    let part = "--limit\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n";
    for (function, kind, begin) in [
        ("login", "application/x-www-form-urlencoded", "email=a@b.c&password="),
        ("send_message", "multipart/form-data; boundary=limit", part),
    ] {
        let head = raw_head(&ada, function, &[("Content-Type", kind), ("Transfer-Encoding", "chunked")]);
        let mut request = format!("{head}\r\n").into_bytes();
        for chunk in std::iter::once(begin.to_owned()).chain((0..64).map(|_| "x".repeat(8192))) {
            request.extend_from_slice(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes());
        }
        request.extend_from_slice(b"0\r\n\r\n");
        let answer = raw(&ada, request, false).await;
        assert_eq!(answer.refusal(), wrong(413, "payload_too_large"), "{function}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_multipart_body_is_told_from_a_wrong_form() {
    let (server, ada) = somebody().await;
    let chat = ada.group("Team", &[]).await;
    let id = client_id();
    let whole = message_form(&[("chat_id", &chat), ("client_id", &id), ("body", "hello")]);
    let send = async |kind: &str, body: &[u8]| {
        let request = ada.request(Method::POST, "/api/send_message").header(header::CONTENT_TYPE, kind);
        ada.exchange(request.body(body.to_vec().into()).unwrap()).await
    };
    let good = "multipart/form-data; boundary=limit";
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    for (kind, body, code) in [
        ("multipart/form-data", &whole[..], "missing_boundary"),
        ("multipart/form-data; boundary=", &whole, "missing_boundary"),
        ("multipart/form-data; boundary=another", &whole, "malformed_multipart"),
        (&long, &whole, "malformed_multipart"),
        (good, &whole[..whole.len() / 2], "truncated_upload"),
        (good, &whole[..whole.len() - 6], "truncated_upload"),
        (good, b"", "malformed_multipart"),
        (good, b"no multipart at all", "malformed_multipart"),
    ] {
        let answer = send(kind, body).await;
        let body = String::from_utf8_lossy(body);
        assert_eq!(answer.refusal(), wrong(400, code), "{kind} {body}");
    }
    for fields in [
        &[("chat_id", chat.as_str()), ("client_id", id.as_str())][..],
        &[("chat_id", &chat), ("body", "hello")],
        &[("client_id", &id), ("body", "hello")],
        &[("chat_id", &chat), ("chat_id", &chat), ("client_id", &id), ("body", "hello")],
        &[("chat_id", "x"), ("client_id", &id), ("body", "hello")],
        &[("chat_id", &chat), ("client_id", "1"), ("body", "hello")],
        &[("chat_id[$ne]", ""), ("client_id", &id), ("body", "hello")],
        &[("chat_id", r#"{"$ne":null}"#), ("client_id", &id), ("body", "hello")],
    ] {
        let answer = send(good, &message_form(fields)).await;
        assert_eq!(answer.refusal(), wrong(400, "malformed_form"), "{fields:?}");
    }
    let not_text =
        b"--limit\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\n\xff\xfe\r\n--limit--\r\n";
    assert_eq!(send(good, not_text).await.refusal(), wrong(400, "malformed_form"));
    assert_eq!(ada.messages(&chat, &[]).await.len(), 0, "nothing of all that was sent");
    assert_eq!(send(good, &whole).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_is_no_message() {
    let (server, ada) = somebody().await;
    let chat = ada.group("Team", &[]).await;
    let whole = message_form(&[("chat_id", &chat), ("client_id", &client_id()), ("body", "hello")]);
    let kind = ("Content-Type", "multipart/form-data; boundary=limit");
    let head = raw_head(&ada, "send_message", &[kind, ("Transfer-Encoding", "chunked")]);
    let cut = &whole[..whole.len() - 12];
    let mut request = format!("{head}\r\n{:x}\r\n", cut.len()).into_bytes();
    request.extend_from_slice(cut);
    request.extend_from_slice(b"\r\n0\r\n\r\n");
    let answer = raw(&ada, request, false).await;
    assert_eq!(answer.refusal(), wrong(400, "truncated_upload"));
    assert_eq!(ada.messages(&chat, &[]).await.len(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let log = Log::capture();
    let call = std::time::Duration::from_millis(200);
    let server = TestServer::builder().bounded(Bounds { call, ..Bounds::default() }).start().await;
    let ada = server.register("Ada").await;
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let begin = |headers: &[(&str, &str)]| {
        let head = raw_head(&ada, "update_profile", &[&[kind, ("Content-Length", "100")], headers].concat());
        format!("{head}\r\ndisplay_name=half").into_bytes()
    };
    let answer = raw(&ada, begin(&[]), false).await;
    assert_eq!(answer.refusal(), wrong(408, "request_timeout"));
    let id = answer.json()["error"]["request_id"].as_str().unwrap().to_owned();
    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(&id)).collect();
    assert!(matches!(lines[..], [line] if line.contains("request_timeout")), "{lines:?}");

    let page = raw(&ada, begin(&[("Accept", "text/html")]), false).await;
    assert_eq!(page.status, 408);
    assert!(page.text().contains("The request took too long to arrive."), "{}", page.text());
    assert_eq!(ada.call("me", &[]).await.ok()["display_name"], "Ada");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_called_by_post_and_by_name() {
    let (server, ada) = somebody().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let answer = ada.exchange(ada.request(method.clone(), "/api/me").body(Body::empty()).unwrap()).await;
        assert_eq!(answer.refusal(), wrong(405, "method_not_allowed"), "{method}");
        assert_eq!(answer.header("allow"), "POST");
    }
    for function in ["nothing", "me/too", "ME", "me%00"] {
        assert_eq!(ada.call(function, &[]).await.refusal(), wrong(404, "not_found"), "{function}");
    }
    server.stop().await;
}
