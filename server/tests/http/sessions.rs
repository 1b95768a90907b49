//! Sessions: cookies, tokens and their rotation, and how sessions end.

use axum::{
    body::Body,
    http::{Method, Request, header},
};

use futures::StreamExt;

use crate::support::{Answer, Browser, Person, TestServer};

async fn bearer(browser: &Browser, token: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/me")
        .header(header::HOST, "chat")
        .header(header::AUTHORIZATION, format!("Bearer {token}"));
    browser.exchange(request.body(Body::empty()).unwrap()).await
}

async fn session_id(person: &Person) -> String {
    person.call("me", &[]).await.ok()["session_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_travel_in_cookies_that_scripts_cannot_read() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let fields = [("email", "samyak@chat.test.com"), ("password", "abcdefg")];
    let answer = browser.call("login", &fields).await;
    let cookies = answer.all("set-cookie");
    assert_eq!(cookies.len(), 3);
    for cookie in &cookies {
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age="] {
            assert!(cookie.contains(attribute), "{attribute} in {cookie}");
        }
        assert!(!cookie.contains("Domain") && !cookie.contains("Secure"), "{cookie}");
    }
    let tokens =
        [browser.cookie("samvad_access"), browser.cookie("samvad_refresh"), browser.cookie("samvad_device")];
    for answer in [answer, browser.get("/").await, browser.call("list_sessions", &[]).await] {
        assert_eq!(answer.status, 200);
        assert!(tokens.iter().all(|token| token.len() > 20 && !answer.text().contains(token)));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_cookies_are_secure_and_bound_to_the_host() {
    let server = TestServer::builder().secure().start().await;
    let browser = server.browser();
    let fields = [("email", "samyak@chat.test.com"), ("password", "abcdefg")];
    let answer = browser.call("login", &fields).await;
    answer.ok();
    for cookie in answer.all("set-cookie") {
        assert!(cookie.starts_with("__Host-samvad_") && cookie.contains("; Secure"), "{cookie}");
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    assert!(answer.header("strict-transport-security").contains("max-age="));
    browser.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_whole_and_current_access_token_speaks_for_somebody() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let nobody = server.browser();
    let token = ada.cookie("samvad_access");
    assert_eq!(bearer(&nobody, &token).await.ok()["id"], ada.id.as_str());

    let parts: Vec<&str> = token.split('.').collect();
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0"; // {"alg":"none","typ":"at+jwt"}
    for forged in [
        format!("{unsigned}.{}.", parts[1]),
        format!("{unsigned}.{}.{}", parts[1], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}A.{}", parts[0], parts[1], parts[2]),
        ada.cookie("samvad_device"),
        ada.cookie("samvad_refresh"),
        "x".into(),
    ] {
        assert_eq!(bearer(&nobody, &forged).await.refusal(), (401, "unauthenticated".into()), "{forged}");
    }
    server.clock.advance_seconds(601);
    assert_eq!(bearer(&nobody, &token).await.status, 401, "ten minutes at most");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_rotates_the_token() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let first = ada.cookie("samvad_refresh");
    let session = session_id(&ada).await;
    let answer = ada.call("refresh", &[]).await;
    assert_eq!(answer.ok()["session_id"], session.as_str(), "the same session");
    assert_ne!(ada.cookie("samvad_refresh"), first);
    assert!(!answer.text().contains(&ada.cookie("samvad_refresh")));
    ada.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_refresh_at_once_are_both_served() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let tab = ada.copy();
    let (one, two) = tokio::join!(ada.call("refresh", &[]), tab.call("refresh", &[]));
    one.ok();
    two.ok();
    server.clock.advance_seconds(9);
    // Each goes on with what it got.
    ada.call("refresh", &[]).await.ok();
    tab.call("refresh", &[]).await.ok();
    ada.call("me", &[]).await.ok();
    tab.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_used_again_later_ends_the_session_and_its_sockets() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let elsewhere = ada.elsewhere().await;
    let thief = ada.copy();
    ada.call("refresh", &[]).await.ok();
    let mut socket = ada.socket().await;
    server.clock.advance_seconds(11);
    let answer = thief.call("refresh", &[]).await;
    assert_eq!(answer.refusal(), (401, "unauthenticated".into()));
    assert_eq!(socket.closed().await, 1008);
    assert_eq!(ada.call("me", &[]).await.status, 401, "whoever of the two is the owner signs in again");
    assert_eq!(ada.call("refresh", &[]).await.status, 401);
    assert_eq!(thief.call("me", &[]).await.status, 401);
    elsewhere.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_access_token_is_renewed_on_the_way() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let old = ada.cookie("samvad_access");
    server.clock.advance_seconds(601);
    let page = ada.get("/").await;
    assert_eq!(page.status, 200, "no detour by the sign-in page");
    assert_ne!(ada.cookie("samvad_access"), old);
    server.clock.advance_seconds(601);
    assert_eq!(ada.call("me", &[]).await.ok()["id"], ada.id.as_str());
    server.clock.advance_seconds(601);
    let mut socket = ada.socket().await;
    socket.round_trip().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_is_not_used_and_in_any_case_after_half_a_year() {
    let server = TestServer::start().await;
    let day = 24 * 3600;
    let idle = server.register("Idle").await;
    let busy = server.register("Busy").await;
    for _ in 0..6 {
        server.clock.advance_seconds(29 * day);
        busy.call("refresh", &[]).await.ok();
    }
    assert_eq!(idle.call("me", &[]).await.status, 401);
    server.clock.advance_seconds(7 * day);
    assert_eq!(busy.call("refresh", &[]).await.status, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sign_in_is_a_new_session_that_can_be_ended() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let phone = ada.elsewhere().await;
    let tablet = ada.elsewhere().await;
    let (mine, theirs) = (session_id(&ada).await, session_id(&phone).await);
    assert_ne!(mine, theirs);
    let sessions = ada.call("list_sessions", &[]).await.ok();
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    for session in sessions {
        assert_eq!(session["current"], session["id"] == mine.as_str());
    }

    let mut socket = phone.socket().await;
    let mut other = tablet.socket().await;
    ada.call("end_session", &[("session_id", &theirs)]).await.ok();
    assert_eq!(phone.call("me", &[]).await.status, 401, "at once");
    assert_eq!(socket.closed().await, 1008);
    assert_eq!(phone.try_socket().await.unwrap_err().status, 401);
    other.round_trip().await;
    assert_eq!(ada.call("list_sessions", &[]).await.ok().as_array().unwrap().len(), 2);
    let again = ada.call("end_session", &[("session_id", &theirs)]).await;
    assert_eq!(again.refusal(), (404, "not_found".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_request_comes_from_is_not_for_the_client_to_say() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut request = ada.form("refresh");
    for name in ["x-forwarded-for", "x-real-ip", "forwarded"] {
        request = request.header(name, "for=6.6.6.6").header(name, "6.6.6.6");
    }
    ada.exchange(request.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(ada.call("list_sessions", &[]).await.ok()[0]["address"], "127.0.0.1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_the_session_of_somebody_else() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let eve = server.register("Eve").await;
    let theirs = session_id(&ada).await;
    let answer = eve.call("end_session", &[("session_id", &theirs)]).await;
    assert_eq!(answer.refusal(), (404, "not_found".into()));
    ada.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_and_clears_the_browser() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let kept = ada.copy();
    let mut socket = ada.socket().await;
    let answer = ada.call("logout", &[]).await;
    answer.ok();
    assert!(answer.header("clear-site-data").contains("\"storage\""));
    assert!(ada.cookie("samvad_access").is_empty() && ada.cookie("samvad_refresh").is_empty());
    assert_eq!(socket.closed().await, 1008);
    assert_eq!(kept.call("me", &[]).await.status, 401);
    assert_eq!(kept.call("refresh", &[]).await.status, 401);
    ada.call("logout", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_password_closes_the_others_sockets() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let phone = ada.elsewhere().await;
    let (mut mine, mut theirs) = (ada.socket().await, phone.socket().await);
    let fields = [("current", ada.password.as_str()), ("new", "and yet another"), ("end_others", "true")];
    ada.call("change_password", &fields).await.ok();
    assert_eq!(theirs.closed().await, 1008);
    mine.round_trip().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_and_first_sign_in_ends_the_session_that_was_not_used_for_longest() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let ada = server.register("Ada").await;
    let second = ada.elsewhere().await;
    let mut socket = second.socket().await;
    server.clock.advance_seconds(1);
    ada.call("refresh", &[]).await.ok();
    let others: Vec<Person> = futures::stream::iter(0..98).then(|_| ada.elsewhere()).collect().await;
    assert_eq!(ada.call("list_sessions", &[]).await.ok().as_array().unwrap().len(), 100);
    second.call("me", &[]).await.ok();
    ada.elsewhere().await;
    assert_eq!(socket.closed().await, 1008);
    assert_eq!(second.call("me", &[]).await.status, 401);
    assert_eq!(ada.call("list_sessions", &[]).await.ok().as_array().unwrap().len(), 100);
    others[0].call("me", &[]).await.ok();
    server.stop().await;
}
