//! The files of messages: who gets them, as what, and for how long.

use axum::{body::Body, http::Method};
use serde_json::Value;

use crate::support::{Answer, Form, NOBODY, PIXEL, Person, TestServer, file_path, files_below, id_of, until};

#[tokio::test(flavor = "multi_thread")]
async fn files_come_with_their_message_to_everybody_in_the_chat() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    let mut socket = bob.socket().await;
    let noise: Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let form = Form::message(&chat, "look")
        .text("alt[0]", "one red point")
        .file("red.gif", PIXEL)
        .file("नमस्ते %22x%22 🎉.bin", &noise)
        .file("notes.txt", b"first\nsecond\n");
    let sent = ada.post(form).await.ok();
    let event = socket.next_event("new_message").await;
    assert_eq!(event["message"], sent, "live");
    assert_eq!(bob.messages(&chat, &[]).await.last(), Some(&sent), "and in the history");

    let [picture, binary, text] = [0, 1, 2].map(|place| sent["attachments"][place].clone());
    assert_eq!((picture["kind"].as_str(), picture["alt"].as_str()), (Some("image"), Some("one red point")));
    assert_eq!((&picture["picture"]["width"], &picture["picture"]["height"]), (&1.into(), &1.into()));
    assert_eq!((binary["kind"].as_str(), binary["size"].as_u64()), (Some("file"), Some(300_000)));
    assert_eq!(text["excerpt"]["text"], "first\nsecond");
    let fetched = bob.fetch(&file_path(&binary), &[]).await;
    assert_eq!((fetched.status, &fetched.body[..]), (200, &noise[..]));
    for part in ["preview", "thumb"] {
        let shown = bob.fetch(&format!("{}/{part}", file_path(&picture)), &[]).await;
        assert_eq!(shown.status, 200, "{part}");
        assert_eq!(shown.header("content-type"), picture["picture"]["media_type"].as_str().unwrap());
        assert_eq!(shown.header("content-disposition"), "inline");
        let none = bob.fetch(&format!("{}/{part}", file_path(&binary)), &[]).await;
        assert_eq!(none.refusal(), (404, "not_found".into()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_be_its_files_alone() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let sent = ada.post(Form::message(&chat, " \n").file("a.txt", b"a")).await.ok();
    assert_eq!((sent["body"].as_str(), sent["attachments"].as_array().unwrap().len()), (Some(""), 1));
    let nothing = ada.post(Form::message(&chat, "").part("name=\"files\"; filename=\"\"", b"")).await;
    assert_eq!(nothing.field("body"), "required");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_in_the_chat_gets_a_file_and_only_as_long() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let (eve, nobody) = (server.register("Eve").await, server.browser());
    let chat = ada.group("Team", &[&bob]).await;
    let file = ada.share(&chat, "red.gif", PIXEL).await;
    let path = file_path(&file);
    let all = [path.clone(), format!("{path}/preview"), format!("{path}/thumb")];
    let absent = eve.fetch(&format!("/files/{NOBODY}/x"), &[]).await;
    for path in &all {
        assert_eq!(bob.fetch(path, &[]).await.status, 200, "{path}");
        assert_eq!(nobody.fetch(path, &[]).await.refusal(), (401, "unauthenticated".into()), "{path}");
        let told = eve.fetch(path, &[]).await;
        assert_eq!(told.shown(), absent.shown(), "what one may not have does not exist: {path}");
        // Not even whether it has changed.
        let tag = bob.fetch(path, &[]).await.header("etag").to_owned();
        assert_eq!(eve.fetch(path, &[("If-None-Match", &tag)]).await.status, 404, "{path}");
    }
    ada.remove(&chat, &bob).await;
    for path in &all {
        assert_eq!(bob.fetch(path, &[]).await.refusal(), (404, "not_found".into()), "{path}");
    }
    for odd in ["/files/x/y", "/files/../healthz", "/files/%00/x", "/files/68949f5ee36d65cad2b71230"] {
        assert_eq!(ada.fetch(odd, &[]).await.status, 404, "{odd}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_is_to_be_kept_and_never_a_page_of_ours() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let script = b"<script>document.title='run'</script>";
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    let polyglot = [PIXEL, script].concat();
    let pdf = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj";
    let hostile: [(&str, &[u8]); 5] = [
        ("a.html", &[b"<!doctype html>".as_slice(), script].concat()),
        ("a.svg", svg),
        ("a.gif", &polyglot),
        ("a.pdf", pdf),
        ("a.js", b"alert(1)"),
    ];
    for (name, content) in hostile {
        let file = ada.share(&chat, name, content).await;
        let original = ada.fetch(&file_path(&file), &[]).await;
        assert_eq!(&original.body[..], content, "{name}");
        is_bound(&original, name);
        let disposition = original.header("content-disposition");
        assert!(disposition.starts_with("attachment; filename="), "{name}: {disposition}");
        let kind = original.header("content-type");
        let risky = ["html", "svg", "xml", "javascript"].iter().any(|risky| kind.contains(risky));
        assert!(!risky, "{name}: {kind}");
        if file["kind"] == "image" {
            let shown = ada.fetch(&format!("{}/preview", file_path(&file)), &[]).await;
            is_bound(&shown, name);
            assert!(!contains(&shown.body, b"script"), "{name}: what is shown was made anew");
        }
    }
    server.stop().await;
}

/// What every content comes with (security.md 38).
#[track_caller]
fn is_bound(answer: &Answer, name: &str) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{name}");
    assert_eq!(answer.all("content-security-policy").len(), 1, "{name}");
    assert!(answer.header("content-security-policy").ends_with("; sandbox"), "{name}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{name}");
    assert!(answer.header("cache-control").starts_with("private"), "{name}");
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_any_script_survives_and_does_no_harm() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    for (sent, kept, header) in [
        ("नमस्ते 🎉.txt", "नमस्ते 🎉.txt", "%F0%9F%8E%89.txt"),
        ("%22quoted%22.txt", "\"quoted\".txt", "''%22quoted%22.txt"),
        ("../../../etc/passwd", "passwd", "''passwd"),
        ("C:\\\\Windows\\\\system.ini", "system.ini", "''system.ini"),
        ("invoice\u{202e}gpj.exe", "invoicegpj.exe", "''invoicegpj.exe"),
        ("a;b=c'd.txt", "a;b=c'd.txt", "a%3Bb%3Dc%27d.txt"),
        ("..", "file", "''file"),
    ] {
        let file = ada.share(&chat, sent, b"content").await;
        assert_eq!(file["name"], kept, "{sent}");
        let disposition = ada.fetch(&file_path(&file), &[]).await.header("content-disposition").to_owned();
        assert!(disposition.ends_with(header), "{sent}: {disposition}");
    }
    // Where it lies, nothing of all that is to be seen.
    for path in files_below(&server.attachments) {
        let below = path.strip_prefix(&server.attachments).unwrap().to_str().unwrap().to_owned();
        let [one, two, name] = below.split('/').collect::<Vec<_>>()[..] else { panic!("{below}") };
        assert!(name.starts_with(&format!("{one}{two}")) && name.len() > 24, "{below}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_file_can_be_asked_for() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let path = file_path(&ada.share(&chat, "film.bin", &content).await);
    let whole = ada.fetch(&path, &[]).await;
    let tag = whole.header("etag").to_owned();
    assert_eq!((whole.header("accept-ranges"), whole.header("content-length")), ("bytes", "200000"));
    for (range, bytes, says) in [
        ("bytes=0-0", 0..1, "bytes 0-0/200000"),
        ("bytes=150000-", 150_000..200_000, "bytes 150000-199999/200000"),
        ("bytes=-5", 199_995..200_000, "bytes 199995-199999/200000"),
        ("bytes=199990-300000", 199_990..200_000, "bytes 199990-199999/200000"),
    ] {
        let part = ada.fetch(&path, &[("Range", range)]).await;
        assert_eq!((part.status, part.header("content-range")), (206, says), "{range}");
        assert_eq!(&part.body[..], &content[bytes.clone()], "{range}");
        assert_eq!(part.header("content-length"), bytes.len().to_string(), "{range}");
    }
    let beyond = ada.fetch(&path, &[("Range", "bytes=200000-")]).await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */200000"));
    // If it were another file by now, a part of it would be of no use.
    let same = ada.fetch(&path, &[("Range", "bytes=0-9"), ("If-Range", &tag)]).await;
    assert_eq!((same.status, same.body.len()), (206, 10));
    let other = ada.fetch(&path, &[("Range", "bytes=0-9"), ("If-Range", "\"other\"")]).await;
    assert_eq!((other.status, other.body.len()), (200, 200_000));
    let known = ada.fetch(&path, &[("If-None-Match", &tag)]).await;
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, &*tag));
    let head = ada.exchange(ada.request(Method::HEAD, &path).body(Body::empty()).unwrap()).await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "200000", 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_message_takes_its_files_with_it_after_a_while() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let message = ada.post(Form::message(&chat, "secret").file("red.gif", PIXEL)).await.ok();
    let path = file_path(&message["attachments"][0]);
    let mut socket = bob.socket().await;
    let delete = async |person: &Person| {
        let fields = [("chat_id", chat.as_str()), ("message_id", message["id"].as_str().unwrap())];
        person.call("delete_message", &fields).await
    };
    assert_eq!(delete(&server.register("Eve").await).await.refusal(), (404, "not_found".into()));
    assert_eq!(delete(&bob).await.refusal(), (403, "forbidden".into()));
    assert_eq!(bob.fetch(&path, &[]).await.status, 200);
    assert_eq!(delete(&ada).await.ok()["ok"], true);
    let event = socket.next_event("message_deleted").await;
    assert_eq!(event["message_id"], message["id"]);
    assert_eq!(bob.fetch(&path, &[]).await.refusal(), (404, "not_found".into()), "at once");
    let left = bob.messages(&chat, &[]).await.pop().unwrap();
    assert_eq!(
        (left["body"].as_str(), &left["attachments"], &left["ordinal"]),
        (Some(""), &Value::Null, &1.into())
    );
    assert!(left["deleted_at"].is_string());
    let text = bob.call("get_chat", &[("chat_id", &chat)]).await.text();
    assert!(!text.contains("secret") && !text.contains("red.gif"), "{text}");
    assert_eq!(delete(&ada).await.ok()["ok"], true, "again changes nothing");

    server.state.services.attachments.collect().await.unwrap();
    assert_eq!(files_below(&server.attachments).len(), 3, "there is time to think better of it");
    server.clock.advance_seconds(24 * 60 * 60 + 60);
    server.state.services.attachments.collect().await.unwrap();
    assert_eq!(files_below(&server.attachments), [] as [std::path::PathBuf; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_a_deleted_group_go_with_it_and_of_one_who_left_they_stay() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let file = bob.share(&chat, "notes.txt", b"of Bob").await;
    bob.call("leave_chat", &[("chat_id", &chat)]).await.ok();
    assert_eq!(ada.fetch(&file_path(&file), &[]).await.text(), "of Bob");
    ada.call("delete_chat", &[("chat_id", &chat)]).await.ok();
    assert_eq!(ada.fetch(&file_path(&file), &[]).await.status, 404);
    while server.state.store.purge(app::ports::Clock::now(&*server.clock)).await.unwrap() > 0 {}
    server.clock.advance_seconds(24 * 60 * 60 + 60);
    server.state.services.attachments.collect().await.unwrap();
    assert_eq!(files_below(&server.attachments), [] as [std::path::PathBuf; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_again_it_is_the_same_message_with_the_same_files() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let form = Form::message(&chat, "once").file("a.txt", b"content");
    let first = ada.post(form.clone()).await.ok();
    let again = ada.post(form.clone()).await.ok();
    assert_eq!(first, again);
    assert_eq!(ada.messages(&chat, &[]).await.len(), 1);
    // Two at once: one of them finds out only when it stores the message, and gives its files up.
    let racing = Form::message(&chat, "race").file("b.txt", b"content");
    let other = ada.elsewhere().await;
    let (one, two) = tokio::join!(ada.post(racing.clone()), other.post(racing));
    assert_eq!(one.ok(), two.ok());
    until("one content for each of two files", || async {
        (files_below(&server.attachments).len() == 2).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_send_is_told_before_their_files_are_read() {
    let server = TestServer::start().await;
    let (ada, eve) = (server.register("Ada").await, server.register("Eve").await);
    let chat = ada.group("Team", &[]).await;
    let answer = eve.post(Form::message(&chat, "hello").file("a.txt", b"content")).await;
    assert_eq!(answer.refusal(), (404, "not_found".into()));
    assert_eq!(
        server.browser().call_multipart("send_message", Form::message(&chat, "x").end()).await.status,
        401
    );
    assert_eq!(files_below(&server.attachments).len(), 0);
    assert_eq!(id_of(&ada.call("get_chat", &[("chat_id", &chat)]).await.ok()), chat);
    server.stop().await;
}
