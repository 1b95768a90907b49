//! What people see when something behind the server fails.

use crate::support::{Answer, Fault, Log, TestServer, client_id};

/// The id that a page tells people to ask about.
#[track_caller]
fn reference(page: &Answer) -> String {
    let text = page.text();
    let id = text.split("<code>").nth(1).and_then(|rest| rest.split('<').next());
    let id = id.unwrap_or_else(|| panic!("no reference in {text}"));
    assert_eq!(id.len(), 32, "{id}");
    id.to_owned()
}

/// One line of the log, and no other, says what was wrong with the request.
#[track_caller]
fn assert_is_logged(log: &Log, request_id: &str, what: &str) {
    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(request_id)).collect();
    assert!(matches!(lines[..], [line] if line.contains(what)), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_said_everywhere_and_the_process_stays() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    assert_eq!(ada.get("/readyz").await.status, 200);
    server.lose_store().await;

    let fields = [("email", ada.email.as_str()), ("password", ada.password.as_str())];
    let anonymous = server.browser();
    for answer in [
        anonymous.call("login", &fields).await,
        ada.call("list_chats", &[]).await,
        ada.try_send("68949f5ee36d65cad2b71230", &client_id(), "hello").await,
    ] {
        assert_eq!(answer.refusal(), (503, "unavailable".into()));
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        assert!(!answer.text().contains("store"), "{}", answer.text());
    }
    let page = ada.get("/").await;
    assert_eq!(page.status, 503);
    assert!(page.header("retry-after").parse::<u32>().unwrap() > 0);
    let ready = ada.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert!(ready.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(ada.get("/healthz").await.status, 200);
    assert_eq!(anonymous.get("/login").await.status, 200, "what needs no store is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_a_500_with_a_request_id_and_nothing_else() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    server.store.fail("chats_of", Fault::Panic);
    let answer = ada.call("list_chats", &[]).await;
    assert_eq!(answer.refusal(), (500, "internal".into()));
    let mut names: Vec<String> = answer.json()["error"].as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(names, ["code", "message", "request_id"]);
    assert_is_logged(&log, answer.json()["error"]["request_id"].as_str().unwrap(), "it panicked");
    assert!(!answer.text().contains("asked for"), "{}", answer.text());

    let page = ada.get("/").await;
    assert_eq!(page.status, 500);
    assert!(!page.text().contains("asked for"));
    assert_eq!(page.header("x-content-type-options"), "nosniff", "the headers are there all the same");
    assert!(page.header("content-type").starts_with("text/html"), "a page for people");
    assert_is_logged(&log, &reference(&page), "it panicked");

    server.store.mend();
    ada.call("list_chats", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_it_is_found_out_who_asks_has_a_request_id_as_well() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    server.store.fail("session", Fault::Panic);
    // Nobody has asked for this session yet, so it is looked up.
    let answer = ada.copy().call("me", &[]).await;
    assert_eq!(answer.refusal(), (500, "internal".into()));
    assert_is_logged(&log, answer.json()["error"]["request_id"].as_str().unwrap(), "it panicked");
    let page = ada.get("/settings").await;
    assert_eq!(page.status, 500);
    assert_is_logged(&log, &reference(&page), "it panicked");
    server.store.mend();
    assert_eq!(ada.get("/settings").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cause_of_a_fault_of_ours_is_not_told() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    for (fault, status) in [(Fault::Broken, 500), (Fault::Unavailable, 503)] {
        server.store.fail("chats_of", fault);
        let answer = ada.call("list_chats", &[]).await;
        assert_eq!(answer.status, status);
        answer.code();
        assert!(!answer.text().contains("sesame"), "{}", answer.text());
        let page = ada.get("/").await;
        assert_eq!(page.status, status);
        assert!(!page.text().contains("sesame"), "{}", page.text());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_while_a_message_is_written_does_not_stop_the_chat() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    server.store.fail("append_messages", Fault::Panic);
    let id = client_id();
    let answer = ada.try_send(&chat, &id, "hello").await;
    assert_eq!(answer.refusal(), (503, "unavailable".into()), "nobody knows what became of it");
    server.store.mend();
    let message = ada.try_send(&chat, &id, "hello").await.ok();
    assert_eq!((&message["seq"], &message["body"]), (&1.into(), &"hello".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_answer_was_lost_is_looked_up() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    server.store.fail("append_messages", Fault::AnswerLost);
    let id = client_id();
    let first = ada.try_send(&chat, &id, "once").await.ok();
    server.store.mend();
    let again = ada.try_send(&chat, &id, "once").await.ok();
    assert_eq!(first, again);
    assert_eq!(ada.messages(&chat, &[]).await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_for_a_moment_stores_nothing_and_says_so() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    server.store.fail("append_messages", Fault::Unavailable);
    let answer = ada.try_send(&chat, &client_id(), "hello").await;
    assert_eq!(answer.refusal(), (503, "unavailable".into()));
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    server.store.mend();
    assert_eq!(ada.messages(&chat, &[]).await.len(), 0);
    server.stop().await;
}
