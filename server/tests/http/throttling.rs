//! Guessing passwords, and doing anything too often.

use crate::support::{Browser, TestServer};

async fn guess(browser: &Browser, email: &str) -> crate::support::Answer {
    browser.call("login", &[("email", email), ("password", "a wrong guess")]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_gets_slower_and_does_not_lock_the_owner_out() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    ada.call("logout", &[]).await.ok();
    let guesser = server.browser();
    let mut wrong = 0;
    let refused = loop {
        let answer = guess(&guesser, &ada.email).await;
        match answer.refusal() {
            (401, code) => assert_eq!(code, "invalid_credentials"),
            refused => break (refused, answer.header("retry-after").parse::<i64>().unwrap()),
        }
        wrong += 1;
        assert!(wrong < 10, "guessing went on");
    };
    assert!(wrong >= 5, "a few slips of the finger cost nothing: {wrong}");
    assert_eq!(refused.0, (429, "too_many_requests".into()));
    let right = [("email", ada.email.as_str()), ("password", ada.password.as_str())];
    assert_eq!(guesser.call("login", &right).await.status, 429, "the right one has to wait as well");

    ada.call("login", &right).await.ok();
    server.clock.advance_seconds(refused.1);
    assert_eq!(guess(&guesser, &ada.email).await.status, 401);
    let longer = guess(&guesser, &ada.email).await.header("retry-after").parse::<i64>().unwrap();
    assert!(longer > refused.1, "{longer}");
    server.clock.advance_seconds(longer);
    guesser.call("login", &right).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_is_slowed_like_a_known_one() {
    let server = TestServer::start().await;
    let mut codes = [Vec::new(), Vec::new()];
    for (email, codes) in ["samyak@chat.test.com", "nobody@chat.test.com"].into_iter().zip(&mut codes) {
        for _ in 0..8 {
            codes.push(guess(&server.browser(), email).await.shown());
        }
    }
    assert_eq!(codes[0], codes[1]);
    assert_eq!(codes[0].last().unwrap().0, 429);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_tries_many_accounts_is_slowed() {
    let server = TestServer::start().await;
    let mut tries = 0;
    while guess(&server.browser(), &format!("somebody{tries}@chat.test.com")).await.status == 401 {
        tries += 1;
        assert!(tries < 60, "spraying went on");
    }
    assert!(tries >= 40, "people behind one address do not stop each other: {tries}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_the_current_password_is_slowed_as_well() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut tries = 0;
    let fields = [("current", "a wrong guess"), ("new", "and yet another")];
    let refused = loop {
        let answer = ada.call("change_password", &fields).await;
        if answer.status != 422 {
            break answer;
        }
        tries += 1;
        assert!(tries < 10, "guessing went on");
    };
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    ada.call("list_chats", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_person_slows_nobody_else() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let mut asked = 0;
    let refused = loop {
        let answer = ada.call("search_users", &[("query", "bob")]).await;
        if answer.status != 200 {
            break answer;
        }
        asked += 1;
        assert!(asked < 1000, "the flood went on");
    };
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    bob.call("search_users", &[("query", "ada")]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_refresh_tokens_is_slowed_and_slows_nobody_at_the_same_address() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let guesser = server.browser();
    guesser.set_cookie("samvad_refresh", "a guess");
    let mut tries = 0;
    let refused = loop {
        let answer = guesser.call("refresh", &[]).await;
        if answer.status != 401 {
            break answer;
        }
        tries += 1;
        assert!(tries < 3_000, "guessing went on");
    };
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(guesser.call("me", &[]).await.status, 429, "a refresh on the way is one as well");

    ada.call("refresh", &[]).await.ok();
    server.clock.advance_seconds(601);
    assert_eq!(ada.get("/").await.status, 200, "a refresh on the way");
    ada.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_behind_one_address_refreshes_as_often_as_it_has_sessions() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let mut office = vec![ada.elsewhere().await, ada.elsewhere().await, ada.elsewhere().await];
    office.extend([ada.elsewhere().await, ada.elsewhere().await, ada]);
    let all = office.iter().map(|person| async move {
        for _ in 0..280 {
            person.call("refresh", &[]).await.ok();
        }
    });
    futures::future::join_all(all).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_refreshes_without_end_is_slowed_and_goes_on() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let phone = ada.elsewhere().await;
    let mut done = 0;
    let refused = loop {
        let answer = ada.call("refresh", &[]).await;
        if answer.status != 200 {
            break answer;
        }
        done += 1;
        assert!(done < 2_000, "it went on");
    };
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(wait > 0);
    phone.call("refresh", &[]).await.ok();
    ada.call("me", &[]).await.ok();
    // Its token has not been exchanged, and is as good as before.
    let again = async || Some(ada.call("refresh", &[]).await).filter(|answer| answer.status != 429);
    crate::support::until("it may refresh again", again).await.ok();
    server.stop().await;
}
