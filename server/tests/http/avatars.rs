//! The pictures that stand for people and groups: chosen, handed out, told of, and gone.

use app::domain::UploadLimits;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::Value;

use crate::support::{Answer, Browser, Fault, Form, NOBODY, PIXEL, TestServer, files_below, until};

const NO_FILES: [std::path::PathBuf; 0] = [];

/// A photo of 300 by 200 pixels that says where it was taken.
fn photo() -> Vec<u8> {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    RgbImage::from_pixel(300, 200, Rgb([20, 120, 200])).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let place = b"12 Secret Street";
    let segment = [&[0xff, 0xfe, 0, u8::try_from(place.len()).unwrap() + 2][..], place].concat();
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

async fn choose(person: &Browser, picture: &[u8]) -> Answer {
    person.call_multipart("set_avatar", Form::empty().avatar(picture).end()).await
}

async fn choose_for(person: &Browser, chat: &str, picture: &[u8]) -> Answer {
    let form = Form::empty().text("chat_id", chat).avatar(picture);
    person.call_multipart("set_chat_avatar", form.end()).await
}

fn path(answer: &Value) -> String {
    format!("/avatars/{}", answer["avatar"].as_str().unwrap())
}

async fn all_is_collected(server: &TestServer) {
    server.clock.advance_seconds(24 * 60 * 60 + 60);
    server.state.services.attachments.collect().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_stands_for_a_person_as_a_square_without_a_trace() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&bob]).await;
    assert!(ada.call("me", &[]).await.ok().get("avatar").is_none());
    let account = choose(&ada, &photo()).await.ok();
    assert_eq!(ada.call("me", &[]).await.ok()["avatar"], account["avatar"]);
    assert_eq!(files_below(&server.attachments).len(), 1, "the square alone");

    for person in [&ada, &bob, &eve] {
        let shown = person.fetch(&path(&account), &[]).await;
        assert_eq!(shown.status, 200);
        assert_eq!(shown.header("content-type"), "image/jpeg");
        assert_eq!(shown.header("cache-control"), "private, max-age=31536000, immutable");
        assert_eq!(shown.header("x-content-type-options"), "nosniff");
        assert!(shown.header("content-security-policy").contains("sandbox"));
        assert_eq!(shown.header("content-length"), shown.body.len().to_string());
        let square = image::load_from_memory_with_format(&shown.body, ImageFormat::Jpeg).unwrap();
        assert_eq!((square.width(), square.height()), (256, 256));
        assert!(memchr::memmem::find(&photo(), b"Secret").is_some());
        assert!(memchr::memmem::find(&shown.body, b"Secret").is_none());
    }
    // Wherever they are seen.
    let avatar = &account["avatar"];
    let members = bob.call("get_chat", &[("chat_id", &chat)]).await.ok();
    assert_eq!(&members["members"][0]["avatar"], avatar);
    assert!(members["members"][1].get("avatar").is_none());
    assert_eq!(&eve.call("search_users", &[("query", &ada.email)]).await.ok()[0]["avatar"], avatar);
    assert_eq!(&ada.send(&chat, "hello").await["sender_avatar"], avatar);
    assert_eq!(&bob.messages(&chat, &[]).await[0]["sender_avatar"], avatar);
    let direct = bob.direct(&ada).await;
    ada.send(&direct, "between us").await;
    let found = bob.call("search_messages", &[("query", "between")]).await.ok();
    assert_eq!(&found["results"][0]["chat_avatar"], avatar);
    assert!(bob.get(&format!("/c/{chat}")).await.text().contains(&path(&account)), "and on the page");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_avatar_is_for_who_is_signed_in_and_no_file_is_one() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let account = choose(&ada, PIXEL).await.ok();
    let answer = server.browser().fetch(&path(&account), &[]).await;
    assert_eq!(answer.refusal(), (401, "unauthenticated".into()));
    let file = ada.share(&chat, "red.gif", PIXEL).await;
    for other in [NOBODY, file["id"].as_str().unwrap(), "x", "%00", "..%2Ffiles"] {
        let answer = ada.fetch(&format!("/avatars/{other}"), &[]).await;
        assert_eq!(answer.refusal(), (404, "not_found".into()), "{other}");
    }
    let id = account["avatar"].as_str().unwrap();
    for part in ["", "/preview", "/thumb"] {
        let answer = ada.fetch(&format!("/files/{id}/x{part}"), &[]).await;
        assert_eq!(answer.refusal(), (404, "not_found".into()), "it is no message's file");
    }
    let bytes = server.state.store.attached_bytes(ada.id.parse().unwrap()).await.unwrap();
    assert_eq!(bytes, PIXEL.len() as u64, "of the message's file alone");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_picture_is_said_and_nothing_is_left_of_it() {
    let limits = UploadLimits { file_bytes: 4_000, ..UploadLimits::default() };
    let server = TestServer::builder().without_rate_limits().uploads(limits).start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let empty = Form::empty;
    let mut header = PIXEL.to_vec();
    // A picture of 60,000 by 60,000 pixels, as it says.
    header[6..10].copy_from_slice(&[0x60, 0xea, 0x60, 0xea]);
    let cases = [
        ("no picture", empty().avatar(b"only words"), 422, "validation_failed"),
        ("a page", empty().avatar(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), 422, "validation_failed"),
        ("a broken one", empty().avatar(&PIXEL[..20]), 422, "validation_failed"),
        ("nothing in it", empty().avatar(b""), 422, "file_empty"),
        ("none", empty(), 422, "validation_failed"),
        ("none chosen", empty().part("name=\"file\"; filename=\"\"", b""), 422, "validation_failed"),
        ("one byte too large", empty().avatar(&[b'x'; 4_001]), 413, "file_too_large"),
        ("too many pixels", empty().avatar(&header), 422, "image_too_large"),
        ("two", empty().avatar(PIXEL).avatar(PIXEL), 400, "malformed_form"),
        ("a text", empty().text("file", "me"), 400, "unexpected_field"),
        ("another field", empty().part("name=\"files\"; filename=\"a\"", PIXEL), 400, "unexpected_field"),
        (
            "a name that is too long",
            empty().part(&format!("name=\"file\"; filename=\"{}\"", "n".repeat(300)), PIXEL),
            422,
            "file_name_too_long",
        ),
    ];
    for (what, form, status, code) in cases {
        let answer = ada.call_multipart("set_avatar", form.end()).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{what}");
        until("nothing is left", || async { files_below(&server.attachments).is_empty().then_some(()) })
            .await;
    }
    assert_eq!(choose(&ada, b"only words").await.field("file"), "not_a_picture");
    assert_eq!(ada.call_multipart("set_avatar", Form::empty().end()).await.field("file"), "required");
    for form in [Form::empty().avatar(PIXEL), Form::empty().avatar(PIXEL).text("chat_id", &chat)] {
        let answer = ada.call_multipart("set_chat_avatar", form.end()).await;
        assert_eq!(answer.refusal(), (400, "malformed_form".into()), "the group stands before its picture");
    }
    let answer = ada.call("set_avatar", &[("file", "x")]).await;
    assert_eq!(answer.refusal(), (415, "unsupported_media_type".into()));
    assert!(ada.call("me", &[]).await.ok().get("avatar").is_none());
    assert_eq!(choose(&ada, PIXEL).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_picture_takes_the_place_of_the_one_before() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let first = choose(&ada, PIXEL).await.ok();
    let second = choose(&ada, &photo()).await.ok();
    assert_ne!(first["avatar"], second["avatar"], "what is at an address never changes");
    assert_eq!(ada.fetch(&path(&first), &[]).await.status, 404, "at once");
    assert_eq!(ada.fetch(&path(&second), &[]).await.status, 200);
    all_is_collected(&server).await;
    assert_eq!(files_below(&server.attachments).len(), 1);
    assert_eq!(ada.fetch(&path(&second), &[]).await.status, 200, "however late it is");
    assert!(ada.call("remove_avatar", &[]).await.ok().get("avatar").is_none());
    assert_eq!(ada.call("remove_avatar", &[]).await.status, 200, "again changes nothing");
    assert_eq!(ada.fetch(&path(&second), &[]).await.status, 404);
    all_is_collected(&server).await;
    assert_eq!(files_below(&server.attachments), NO_FILES);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_choose_the_picture_of_a_group() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&bob]).await;
    let mut socket = bob.socket().await;
    let shown = choose_for(&ada, &chat, PIXEL).await.ok();
    let event = socket.next_event("chat_avatar_changed").await;
    assert_eq!((&event["avatar"], &event["seq"]), (&shown["avatar"], &1.into()));
    assert_eq!(event["named"][&ada.id], "Ada");
    assert_eq!(bob.call("list_chats", &[]).await.ok()[0]["avatar"], shown["avatar"]);
    assert_eq!(eve.fetch(&path(&shown), &[]).await.status, 200, "whoever is invited sees it");
    assert_eq!(choose_for(&bob, &chat, PIXEL).await.refusal(), (403, "forbidden".into()));
    assert_eq!(choose_for(&eve, &chat, PIXEL).await.refusal(), (404, "not_found".into()));
    let direct = ada.direct(&bob).await;
    assert_eq!(choose_for(&ada, &direct, PIXEL).await.refusal(), (409, "not_a_group".into()));
    let of_direct = ada.call("remove_chat_avatar", &[("chat_id", &direct)]).await;
    assert_eq!(of_direct.refusal(), (409, "not_a_group".into()));
    assert_eq!(files_below(&server.attachments).len(), 1, "of what was refused nothing was taken");

    let invite = ada.call("create_invite", &[("chat_id", &chat)]).await.ok();
    let invited = eve.call("get_invite", &[("token", invite["token"].as_str().unwrap())]).await.ok();
    assert_eq!(invited["avatar"], shown["avatar"]);
    assert!(ada.call("remove_chat_avatar", &[("chat_id", &chat)]).await.ok().get("avatar").is_none());
    let event = socket.next_event("chat_avatar_changed").await;
    assert!(event.get("avatar").is_none() && event["seq"] == 2);
    ada.call("remove_chat_avatar", &[("chat_id", &chat)]).await.ok();
    let page = bob.call("list_messages", &[("chat_id", &chat)]).await.ok();
    assert_eq!(page["events"].as_array().unwrap().len(), 2, "what is so already is not told again");

    let last = choose_for(&ada, &chat, PIXEL).await.ok();
    ada.call("delete_chat", &[("chat_id", &chat)]).await.ok();
    assert_eq!(ada.fetch(&path(&last), &[]).await.status, 404);
    all_is_collected(&server).await;
    assert_eq!(files_below(&server.attachments), NO_FILES);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_a_chat_is_told_of_another_name_and_picture() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    ada.direct(&bob).await;
    let (mut bobs, mut eves) = (bob.socket().await, eve.socket().await);
    let mut other = ada.elsewhere().await.socket().await;
    let account = choose(&ada, PIXEL).await.ok();
    for socket in [&mut bobs, &mut other] {
        let told = socket.next_event("user_changed").await;
        assert_eq!((&told["user_id"], &told["avatar"]), (&ada.id.clone().into(), &account["avatar"]));
        assert_eq!(told["display_name"], "Ada");
    }
    ada.call("update_profile", &[("display_name", "Countess"), ("about", "")]).await.ok();
    let told = bobs.next_event("user_changed").await;
    assert_eq!((&told["display_name"], &told["avatar"]), (&"Countess".into(), &account["avatar"]));
    // What one says about oneself is read with the next page.
    ada.call("update_profile", &[("display_name", "Countess"), ("about", "of machines")]).await.ok();
    ada.call("remove_avatar", &[]).await.ok();
    let told = bobs.next_event("user_changed").await;
    assert!(told.get("avatar").is_none(), "{told}");
    eves.round_trip().await;
    assert!(!eves.seen.iter().any(|frame| frame["type"] == "user_changed"), "{:?}", eves.seen);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_whose_fate_is_not_told_leaks_nothing() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let first = choose(&ada, PIXEL).await.ok();
    server.store.fail("set_avatar", Fault::Unavailable);
    assert_eq!(choose(&ada, PIXEL).await.status, 503);
    server.store.mend();
    until("it is given up", || async { (files_below(&server.attachments).len() == 1).then_some(()) }).await;
    assert_eq!(ada.fetch(&path(&first), &[]).await.status, 200, "what was there before stays");

    server.store.fail("set_avatar", Fault::AnswerLost);
    assert_eq!(choose(&ada, PIXEL).await.status, 503);
    server.store.mend();
    let second = ada.call("me", &[]).await.ok();
    assert_ne!(second["avatar"], first["avatar"], "it was done all the same");
    assert_eq!(ada.fetch(&path(&second), &[]).await.status, 200);
    all_is_collected(&server).await;
    assert_eq!(files_below(&server.attachments).len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_without_scripts() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let answer = ada.submit_multipart("/settings", "set_avatar", Form::empty().avatar(PIXEL).end()).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/settings"));
    let shown = path(&ada.call("me", &[]).await.ok());
    assert!(ada.get("/settings").await.text().contains(&shown));
    let refused = ada.submit_multipart("/settings", "set_avatar", Form::empty().avatar(b"words").end()).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("This is no picture that can be shown."), "{}", refused.text());
    let gone = ada.submit("/settings", "remove_avatar", &[]).await;
    assert_eq!((gone.status, gone.header("location")), (303, "/settings"));

    let details = format!("/c/{chat}/details");
    let form = Form::empty().text("chat_id", &chat).avatar(PIXEL);
    let answer = ada.submit_multipart(&details, "set_chat_avatar", form.end()).await;
    assert_eq!((answer.status, answer.header("location")), (303, details.as_str()));
    let refused =
        ada.submit_multipart(&details, "set_chat_avatar", Form::empty().text("chat_id", &chat).end()).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("This must not be empty."), "{}", refused.text());
    let gone = ada.submit(&details, "remove_chat_avatar", &[("chat_id", &chat)]).await;
    assert_eq!((gone.status, gone.header("location")), (303, details.as_str()));
    server.stop().await;
}
