//! The log tells who did what when, and never what they said or what they sign in with.

use clap::{Arg, CommandFactory, FromArgMatches, builder::Resettable};
use server::config::{Cli, Command, ConfigError};

use crate::support::{Fault, Log, TestServer, client_id};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_holds_no_secret_and_no_content() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let browser = server.browser();
    let fields = [("email", "bird@example.org"), ("display_name", "Bird"), ("password", "canary-password-1")];
    browser.call("register", &fields).await.ok();
    let guess = [("email", "bird@example.org"), ("password", "canary-password-2")];
    assert_eq!(server.browser().call("login", &guess).await.status, 401);
    browser.submit("/login", "login", &guess).await;
    let change = [("current", "canary-password-3"), ("new", "canary-password-4")];
    assert_eq!(browser.call("change_password", &change).await.status, 422);
    let change = [("current", "canary-password-1"), ("new", "canary-password-5")];
    browser.call("change_password", &change).await.ok();
    let right = [("email", "bird@example.org"), ("password", "canary-password-5")];
    server.browser().call("login", &right).await.ok();

    let ada = server.register("Ada").await;
    let chat = ada.group("canary-group", &[]).await;
    let mut socket = ada.socket().await;
    ada.send(&chat, "canary-body").await;
    socket.next_event("new_message").await;
    for body in ["canary-draft", &"canary-draft".repeat(1000)] {
        ada.call("save_draft", &[("chat_id", &chat), ("client_id", &client_id()), ("body", body)]).await;
    }
    ada.try_send(&chat, &client_id(), &"canary-long".repeat(1000)).await;
    ada.try_send("canary-no-id", &client_id(), "canary-body").await;
    for fault in [Fault::Panic, Fault::Broken, Fault::Unavailable] {
        server.store.fail("append_messages", fault);
        assert!(ada.try_send(&chat, &client_id(), "canary-body").await.status >= 500);
        server.store.mend();
    }
    socket.send_raw(b"canary-frame").await;
    socket.closed().await;
    ada.get("/settings?q=canary-query").await;
    ada.call("search_users", &[("query", "canary-search")]).await.ok();
    let old = ada.copy();
    ada.call("refresh", &[]).await.ok();
    server.clock.advance_seconds(11);
    assert_eq!(old.call("refresh", &[]).await.status, 401);
    let tokens: Vec<String> = [&ada.copy(), &old, &browser]
        .iter()
        .flat_map(|jar| ["samvad_access", "samvad_refresh", "samvad_device"].map(|name| jar.cookie(name)))
        .filter(|token| !token.is_empty())
        .collect();
    assert!(tokens.len() >= 8);
    server.stop().await;

    let text = log.text();
    for canary in [
        "canary-password",
        "canary-body",
        "canary-draft",
        "canary-long",
        "canary-group",
        "canary-frame",
        "canary-search",
    ] {
        assert!(!text.contains(canary), "{canary} in the log");
    }
    for token in tokens {
        assert!(!text.contains(&token), "a token in the log");
        if let Some(signature) = token.rsplit('.').next() {
            assert!(!text.contains(signature), "a part of a token in the log");
        }
    }
    assert!(!text.contains("$argon2id$"), "a hash in the log");
    for told in ["registered", "signed in", "denied", "used again", "panicked"] {
        assert!(text.contains(told), "{told} is missing in the log");
    }
    assert!(text.contains("a broken row: sesame-7141"), "the cause of a fault is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_can_be_found_in_the_log_by_its_request_id() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    server.store.fail("chats_of", Fault::Broken);
    let answer = ada.call("list_chats", &[]).await;
    let id = answer.json()["error"]["request_id"].as_str().unwrap().to_owned();
    let text = log.text();
    let line = text.lines().find(|line| line.contains(&id)).expect("a line with the request's id");
    assert!(line.contains("ERROR") && line.contains("sesame-7141") && line.contains(&ada.id), "{line}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_lines_of_their_own_into_the_log() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let forged = "x\r\n2026-01-01T00:00:00Z ERROR forged-line";
    ada.call(&format!("x%0d%0a{}", "forged-line"), &[]).await;
    ada.call("login", &[("email", forged), ("password", forged)]).await;
    ada.call("get_chat", &[("chat_id", forged)]).await;
    let mut request = ada.request(axum::http::Method::POST, "/api/me").header("user-agent", "x\tforged-line");
    request = request.header("x-forwarded-for", "forged-line");
    ada.exchange(request.body(axum::body::Body::empty()).unwrap()).await.ok();
    for line in log.text().lines().filter(|line| line.contains("forged-line")) {
        assert!(!line.starts_with("2026-01-01T00:00:00Z"), "{line}");
    }
    server.stop().await;
}

#[test]
fn what_is_for_one_machine_is_refused_beyond_it() {
    let check = |arguments: &[&str]| {
        // Whatever stands in the environment of the tests.
        let deaf = |argument: Arg| argument.env(Resettable::Reset);
        let program = Cli::command().mut_subcommand("serve", |serve| serve.mut_args(deaf));
        let all = ["samvad", "serve"].iter().chain(arguments);
        match Cli::from_arg_matches(&program.get_matches_from(all)).unwrap().command {
            Some(Command::Serve(config)) => config.validate(),
            other => panic!("{other:?}"),
        }
    };
    let open = ["--addr", "0.0.0.0:3000", "--public-url", "https://chat.example"];
    let with = |flag: &[&'static str]| [&open[..], flag].concat();
    assert!(check(&open).is_ok());
    assert!(matches!(check(&with(&["--demo"])), Err(ConfigError::DemoBeyondLoopback)));
    let unlimited = check(&with(&["--rate-limits", "off"]));
    assert!(matches!(unlimited, Err(ConfigError::UnlimitedBeyondLoopback)));
    assert!(check(&["--demo"]).is_ok());
    for addr in ["[::]:3000", "192.168.0.1:3000"] {
        let open = check(&["--addr", addr, "--demo", "--public-url", "https://chat.example"]);
        assert!(matches!(open, Err(ConfigError::DemoBeyondLoopback)), "{addr}");
    }
}
