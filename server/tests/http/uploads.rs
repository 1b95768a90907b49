//! What can be wrong with an upload: each thing has its own code, and nothing is left of it.

use std::time::Duration;

use app::domain::UploadLimits;
use server::http::bounds::Bounds;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{Form, Person, TestServer, client_id, files_below, raw, raw_head, until};

const MULTIPART: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=limit");

fn small() -> UploadLimits {
    UploadLimits { files: 3, file_bytes: 1_000, user_bytes: 5_000 }
}

/// A server with small limits, somebody, and their chat.
async fn somebody() -> (TestServer, Person, String) {
    let server = TestServer::builder().without_rate_limits().uploads(small()).start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    (server, ada, chat)
}

/// Nothing was sent, and after a moment nothing is kept of it.
async fn nothing_is_left(server: &TestServer, ada: &Person, chat: &str) {
    assert_eq!(ada.messages(chat, &[]).await.len(), 0);
    until("nothing is left", || async { files_below(&server.attachments).is_empty().then_some(()) }).await;
}

/// The bytes of a request with this body, as long as it says.
fn request(ada: &Person, kind: (&str, &str), length: usize, body: &[u8]) -> Vec<u8> {
    let head = raw_head(ada, "send_message", &[kind, ("Content-Length", &length.to_string())]);
    [format!("{head}\r\n").as_bytes(), body].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_form_has_its_own_code() {
    let (server, ada, chat) = somebody().await;
    let new = || Form::message(&chat, "hello").file("good.txt", b"good");
    let mut many = new();
    for place in 0..20 {
        many = many.text(&format!("alt[{place}]"), "x");
    }
    let no_chat = Form::empty().text("client_id", &client_id()).text("body", "x").file("a", b"a");
    let cases = [
        ("one byte too large", new().file("a", &[b'x'; 1_001]), 413, "file_too_large"),
        ("too many files", new().file("a", b"a").file("b", b"b").file("c", b"c"), 413, "too_many_files"),
        ("an empty file", new().file("a", b""), 422, "file_empty"),
        ("a name that is too long", new().file(&"n".repeat(300), b"a"), 422, "file_name_too_long"),
        ("too many parts", many, 413, "too_many_parts"),
        (
            "a file in another field",
            new().part("name=\"avatar\"; filename=\"a\"", b"a"),
            400,
            "unexpected_field",
        ),
        ("a file without a field", new().part("filename=\"a\"", b"a"), 400, "unexpected_field"),
        ("a text in the files' field", new().text("files", "a"), 400, "unexpected_field"),
        ("the same text twice", new().text("body", "again"), 400, "malformed_form"),
        ("no chat", no_chat, 400, "malformed_form"),
        (
            "a head without an end",
            new().part(&format!("name=\"{}\"", "n".repeat(40_000)), b"a"),
            400,
            "malformed_multipart",
        ),
        ("no text and no file", Form::message(&chat, ""), 422, "validation_failed"),
        ("too much said of a file", new().text("alt[0]", &"x".repeat(501)), 422, "validation_failed"),
    ];
    for (what, form, status, code) in cases {
        assert_eq!(ada.post(form).await.refusal(), (status, code.to_owned()), "{what}");
        nothing_is_left(&server, &ada, &chat).await;
    }
    assert_eq!(
        ada.post(Form::message(&chat, "x").file("a", &[b'x'; 1_000])).await.status,
        200,
        "to the byte"
    );
    let more = Form::message(&chat, "x").text("user_id", &ada.id).text("seq", "7").text("ordinal", "9");
    assert_eq!(ada.post(more).await.ok()["seq"], 2, "what a form does not know never takes effect");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_body_has_its_own_code() {
    let (server, ada, chat) = somebody().await;
    let form = Form::message(&chat, "hello").file("a.txt", b"content");
    let whole = form.clone().end();
    let kind = |kind: &'static str| ("Content-Type", kind);
    let cases: [(&str, Vec<u8>, u16, &str); 7] = [
        (
            "no boundary",
            request(&ada, kind("multipart/form-data"), whole.len(), &whole),
            400,
            "missing_boundary",
        ),
        (
            "another boundary",
            request(&ada, kind("multipart/form-data; boundary=other"), whole.len(), &whole),
            400,
            "malformed_multipart",
        ),
        (
            "another kind",
            request(&ada, kind("application/json"), whole.len(), &whole),
            415,
            "unsupported_media_type",
        ),
        (
            "no end of a file",
            request(&ada, MULTIPART, whole.len() - 30, &whole[..whole.len() - 30]),
            400,
            "truncated_upload",
        ),
        (
            "no last boundary",
            request(&ada, MULTIPART, whole.len() - 11, &form.unfinished()),
            400,
            "truncated_upload",
        ),
        ("nothing", request(&ada, MULTIPART, 0, b""), 400, "malformed_multipart"),
        ("noise", request(&ada, MULTIPART, 50_000, &[b'x'; 50_000]), 400, "malformed_multipart"),
    ];
    for (what, bytes, status, code) in cases {
        assert_eq!(raw(&ada, bytes, false).await.refusal(), (status, code.to_owned()), "{what}");
        nothing_is_left(&server, &ada, &chat).await;
    }
    let packed = [MULTIPART, ("Content-Encoding", "gzip"), ("Content-Length", "3")];
    let head = raw_head(&ada, "send_message", &packed);
    let answer = raw(&ada, format!("{head}\r\n\x1f\x08").into_bytes(), false).await;
    assert_eq!(answer.refusal(), (415, "unsupported_media_type".into()), "a packed body is not unpacked");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_too_long_is_refused_before_it_comes() {
    let (server, ada, chat) = somebody().await;
    let begun = Form::message(&chat, "hello").file("a.iso", &[b'x'; 500]).unfinished();
    // The rest of it never comes, and is not waited for longer than a moment.
    let answer = raw(&ada, request(&ada, MULTIPART, 1 << 30, &begun), true).await;
    assert_eq!(answer.refusal(), (413, "payload_too_large".into()));
    nothing_is_left(&server, &ada, &chat).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_read_by_who_is_still_sending() {
    let (server, ada, chat) = somebody().await;
    // Much more than what the system takes in by itself, after a file that is refused at its beginning.
    let form = Form::message(&chat, "hello").file("a", b"").file("b", &vec![b'x'; 20_000_000]);
    assert_eq!(ada.post(form).await.refusal(), (413, "payload_too_large".into()));
    let chunked = Form::message(&chat, "hello").file("a", b"").file("b", &vec![b'x'; 20_000_000]).end();
    let head = raw_head(&ada, "send_message", &[MULTIPART, ("Transfer-Encoding", "chunked")]);
    let mut bytes = format!("{head}\r\n{:x}\r\n", chunked.len()).into_bytes();
    bytes.extend_from_slice(&chunked);
    bytes.extend_from_slice(b"\r\n0\r\n\r\n");
    assert_eq!(raw(&ada, bytes, false).await.refusal(), (422, "file_empty".into()));
    nothing_is_left(&server, &ada, &chat).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_leaves_nothing() {
    let (server, ada, chat) = somebody().await;
    let form = Form::message(&chat, "hello").file("a", &[b'a'; 900]).file("b", &[b'b'; 900]);
    let begun = form.unfinished();
    for cut in [begun.len() / 4, begun.len() / 2, begun.len() - 1] {
        let mut stream = TcpStream::connect(server.site.addr).await.unwrap();
        stream.write_all(&request(&ada, MULTIPART, 5_000, &begun[..cut])).await.unwrap();
        // What came is on its way into the folder when the peer goes.
        until("something has come", || async {
            let some = !files_below(&server.attachments).is_empty();
            (some || cut < 900).then_some(())
        })
        .await;
        drop(stream);
        nothing_is_left(&server, &ada, &chat).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_given_up_and_one_that_only_takes_its_time_is_not() {
    let bounds = Bounds { call: Duration::from_millis(600), ..Bounds::default() };
    let server = TestServer::builder().bounded(bounds).start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let body = Form::message(&chat, "slow").file("a.bin", &[0xff; 60_000]).end();
    // In all this takes twice as long as the server waits for a step.
    let mut stream = TcpStream::connect(server.site.addr).await.unwrap();
    stream.write_all(&request(&ada, MULTIPART, body.len(), &[])).await.unwrap();
    for piece in body.chunks(body.len() / 12 + 1) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until("the message is there", || async { (ada.messages(&chat, &[]).await.len() == 1).then_some(()) })
        .await;
    // A byte now and then is no step.
    let body = Form::message(&chat, "slower").file("a.bin", &[0xff; 60_000]).end();
    let mut stream = TcpStream::connect(server.site.addr).await.unwrap();
    stream.write_all(&request(&ada, MULTIPART, body.len(), &body[..20_000])).await.unwrap();
    let begun = std::time::Instant::now();
    let (reader, mut writer) = stream.into_split();
    let dripping = async {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let answered = async {
        let mut first = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut { reader }, &mut first).await.unwrap();
        String::from_utf8_lossy(&first).into_owned()
    };
    tokio::select! {
        () = dripping => panic!("nobody answered"),
        head = answered => assert_eq!(head, "HTTP/1.1 408"),
    }
    assert!(begun.elapsed() < Duration::from_secs(12));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_files_together_have_a_bound() {
    let (server, ada, chat) = somebody().await;
    let full = async |bytes: usize| ada.post(Form::message(&chat, "x").file("a", &vec![b'x'; bytes])).await;
    let first = full(1_000).await.ok();
    for _ in 0..4 {
        full(1_000).await.ok();
    }
    assert_eq!(full(1).await.refusal(), (507, "quota_exceeded".into()));
    // Somebody else's is another one.
    let bob = server.register("Bob").await;
    let theirs = bob.direct(&ada).await;
    assert_eq!(bob.post(Form::message(&theirs, "x").file("a", b"a")).await.status, 200);
    let fields = [("chat_id", chat.as_str()), ("message_id", first["id"].as_str().unwrap())];
    ada.call("delete_message", &fields).await.ok();
    assert_eq!(full(999).await.status, 200, "what is deleted counts no longer");
    assert_eq!(full(2).await.refusal(), (507, "quota_exceeded".into()));
    assert_eq!(full(1).await.status, 200, "to the byte");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_form_brings_files_too_and_keeps_its_text_when_they_are_refused() {
    let (server, ada, chat) = somebody().await;
    let page = format!("/c/{chat}");
    let submit = async |form: Form| {
        let request = ada
            .request(axum::http::Method::POST, "/api/send_message")
            .header(MULTIPART.0, MULTIPART.1)
            .header("accept", "text/html,application/xhtml+xml")
            .header("referer", format!("{}{page}", server.site.origin));
        ada.exchange(request.body(form.end().into()).unwrap()).await
    };
    let refused = submit(Form::message(&chat, "typed with care").file("a", &[b'x'; 1_001])).await;
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("typed with care"), "{}", refused.text());
    assert!(refused.text().contains("A file is larger than a file may be."), "{}", refused.text());
    let sent = submit(Form::message(&chat, "typed with care").file("a", b"good")).await;
    assert_eq!((sent.status, sent.header("location")), (303, page.as_str()));
    assert!(ada.get(&page).await.text().contains("typed with care"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_of_too_many_pixels_is_refused_unseen() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend_from_slice(&60_000_u32.to_be_bytes());
    png.extend_from_slice(&60_000_u32.to_be_bytes());
    // Eight bits of red, green, blue; then the check sum of this chunk.
    png.extend_from_slice(b"\x08\x02\0\0\0");
    png.extend_from_slice(&crc32(&png[12..]).to_be_bytes());
    png.extend_from_slice(b"\0\0\0\x0aIDAT\x78\x9c\x63\0\0\0\x02\0\x01\xe2\x21\xbc\x33");
    let answer = ada.post(Form::message(&chat, "big").file("big.png", &png)).await;
    assert_eq!(answer.refusal(), (422, "image_too_large".into()));
    nothing_is_left(&server, &ada, &chat).await;
    server.stop().await;
}

/// The check sum of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}
