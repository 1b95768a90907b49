//! Plain forms: everything that has to work without a script.

use axum::http::{Method, Request, header};

use crate::support::{Fault, Log, TestServer, client_id, message_form};

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_leads_to_where_one_wanted_to_go() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let page = browser.get("/settings").await;
    assert_eq!((page.status, page.header("location")), (303, "/login?next=/settings"));
    let fields = [("email", "samyak@chat.test.com"), ("password", "abcdefg"), ("next", "/settings")];
    let answer = browser.submit("/login?next=/settings", "login", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/settings"));
    let settings = browser.get("/settings").await;
    assert_eq!(settings.status, 200);
    assert!(settings.text().contains("Samyak"));
    let again = browser.get("/login").await;
    assert_eq!((again.status, again.header("location")), (303, "/"), "who is signed in need not again");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_form_keeps_what_was_entered_but_for_the_password() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let fields = [("email", "samyak@chat.test.com"), ("password", "wrong-and-secret")];
    let answer = browser.submit("/login", "login", &fields).await;
    assert_eq!(answer.status, 401);
    let page = answer.text();
    assert!(page.contains(r#"value="samyak@chat.test.com""#), "{page}");
    assert!(page.contains("The e-mail or the password is wrong."), "{page}");
    assert!(!page.contains("wrong-and-secret"), "{page}");
    assert_eq!(answer.header("cache-control"), "no-store");

    let fields = [("email", "new@example.org"), ("display_name", "Nova"), ("password", "sh0rt!")];
    let answer = browser.submit("/register", "register", &fields).await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(page.contains(r#"value="new@example.org""#) && page.contains(r#"value="Nova""#), "{page}");
    assert!(page.contains("This is too short."), "{page}");
    assert!(!page.contains("sh0rt!"), "{page}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_an_address_puts_words_on_a_page() {
    let server = TestServer::start().await;
    let words = "Your account is locked";
    let query = "error=Your+account+is+locked&message=Your+account+is+locked&__err=Your+account+is+locked";
    for path in ["/login", "/register", "/nowhere"] {
        let page = server.browser().get(&format!("{path}?{query}")).await;
        assert!(!page.text().contains(words), "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_done_leads_to_the_page_that_shows_it() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let bob = server.register("Bob").await;
    let to = |answer: crate::support::Answer| {
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").to_owned()
    };
    let direct = to(ada.submit("/new", "create_direct_chat", &[("user_id", &bob.id)]).await);
    assert_eq!(ada.get(&direct).await.status, 200);
    let fields = [("name", "Team"), ("member_ids[]", bob.id.as_str())];
    let group = to(ada.submit("/new-group", "create_group_chat", &fields).await);
    let chat = group.strip_prefix("/c/").unwrap().to_owned();

    let form = message_form(&[("chat_id", &chat), ("client_id", &client_id()), ("body", "without a script")]);
    let request = ada
        .request(Method::POST, "/api/send_message")
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
    assert_eq!(to(ada.exchange(request.body(form.into()).unwrap()).await), group);
    assert!(bob.get(&group).await.text().contains("without a script"));

    let id = ("chat_id", chat.as_str());
    let details = format!("{group}/details");
    let renamed = ada.submit(&details, "rename_chat", &[id, ("name", "Crew")]).await;
    assert_eq!(to(renamed), details);
    assert_eq!(to(bob.submit(&details, "leave_chat", &[id]).await), "/");
    assert_eq!(
        to(ada.submit("/settings", "update_profile", &[("display_name", "Ada L")]).await),
        "/settings"
    );
    assert_eq!(
        to(ada.submit("/settings", "update_settings", &[("read_receipts", "false")]).await),
        "/settings"
    );
    assert_eq!(to(ada.submit("/settings", "logout", &[]).await), "/login");
    assert_eq!(ada.get("/").await.header("location"), "/login");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_meets_a_fault_keeps_the_text_and_says_when_to_try_again() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    server.store.fail("append_messages", Fault::Unavailable);
    let form = message_form(&[("chat_id", &chat), ("client_id", &client_id()), ("body", "a long thought")]);
    let request = ada
        .request(Method::POST, "/api/send_message")
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, format!("{}/c/{chat}", server.site.origin))
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
    let answer = ada.exchange(request.body(form.into()).unwrap()).await;
    assert_eq!(answer.status, 503);
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(answer.text().contains("a long thought"), "{}", answer.text());
    assert!(!answer.text().contains("sesame"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_not_admitted_gets_a_page_that_says_so_and_nothing_of_what_it_said() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let form = "application/x-www-form-urlencoded";
    let ours = server.site.origin.as_str();
    for (origin, kind, status, sentence) in [
        ("http://evil.example", form, 403, "The request came from another site and was refused."),
        (ours, "text/plain", 415, "The server does not take this kind of content."),
    ] {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/api/update_profile")
            .header(header::HOST, "chat")
            .header(header::ORIGIN, origin)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(header::CONTENT_TYPE, kind)
            .header(header::COOKIE, ada.cookies());
        let page = ada.exchange(request.body("display_name=canary-name".into()).unwrap()).await;
        assert_eq!(page.status, status);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(page.header("cache-control"), "no-store");
        let text = page.text();
        assert!(text.contains(sentence), "{text}");
        assert!(!text.contains("canary-name"), "{text}");
    }
    let told = log.text();
    assert!(told.lines().any(|line| line.contains("cross_site") && line.contains("http://evil.example")));
    let page = ada.get("/api/me").await;
    assert_eq!((page.status, page.header("allow")), (405, "POST"));
    assert!(page.text().contains("That address does not take this kind of request."), "{}", page.text());
    assert_eq!(ada.call("me", &[]).await.ok()["display_name"], "Ada");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_page_is_one_of_ours() {
    let server = TestServer::start().await;
    for (next, location) in [
        ("/c/68949f5ee36d65cad2b71230", "/c/68949f5ee36d65cad2b71230"),
        ("/new?q=ada", "/new?q=ada"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("/%2fevil.example", "/"),
        ("/%5cevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ] {
        let browser = server.browser();
        let fields = [("email", "samyak@chat.test.com"), ("password", "abcdefg"), ("next", next)];
        let answer = browser.submit("/login", "login", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, location), "{next:?}");
        // Who is signed in already is sent on by the page itself.
        let query: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let page = browser.get(&format!("/login?next={query}")).await;
        assert_eq!((page.status, page.header("location")), (303, location), "{next:?}");
    }
    server.stop().await;
}
