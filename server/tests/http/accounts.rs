//! Accounts: registering, signing in, passwords, profiles, finding people.

use crate::support::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn who_registers_is_signed_in() {
    let server = TestServer::start().await;
    let browser = server.browser();
    let fields =
        [("email", " Nova@Example.org"), ("display_name", " Nova  Star "), ("password", "correct horse")];
    let account = browser.call("register", &fields).await.ok();
    assert_eq!(
        (&account["email"], &account["display_name"]),
        (&"nova@example.org".into(), &"Nova Star".into())
    );
    assert_eq!(browser.call("me", &[]).await.ok(), account);
    let again = server.browser().call("register", &fields).await;
    assert_eq!(again.refusal(), (409, "email_taken".into()));
    assert!(again.all("set-cookie").is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_long_enough_uncommon_and_not_ones_own_name() {
    let server = TestServer::start().await;
    let refused = async |password: &str| {
        let fields = [("email", "nova@example.org"), ("display_name", "Starlight"), ("password", password)];
        server.browser().call("register", &fields).await.field("password")
    };
    assert_eq!(refused("abcdefg").await, "too_short", "the demo's password is for the demo alone");
    assert_eq!(refused("").await, "required");
    assert_eq!(refused(&"x".repeat(257)).await, "too_long");
    for common in ["password", "12345678", "qwertyuiop", "PASSWORD1", "iloveyou"] {
        assert_eq!(refused(common).await, "password_too_common", "{common}");
    }
    for own in ["my-samvad-secret", "xStarlightx", "NOVA-and-more!"] {
        assert_eq!(refused(own).await, "password_contains_account", "{own}");
    }
    // Nothing is cut: all 256 characters count.
    let longest = "long enough ".repeat(22)[..256].to_owned();
    let fields = [("email", "nova@example.org"), ("display_name", "Starlight"), ("password", &longest)];
    server.browser().call("register", &fields).await.ok();
    let shorter = [("email", "nova@example.org"), ("password", &longest[..255])];
    assert_eq!(server.browser().call("login", &shorter).await.status, 401);
    let whole = [("email", "nova@example.org"), ("password", longest.as_str())];
    server.browser().call("login", &whole).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_and_a_wrong_password_look_the_same() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let try_with = async |email: &str| {
        let fields = [("email", email), ("password", "not the password")];
        server.browser().call("login", &fields).await.shown()
    };
    // That they take the same time as well is measured in a target of its own: see tests/timing.
    let known = try_with("samyak@chat.test.com").await;
    assert_eq!(known, try_with("nobody@chat.test.com").await);
    assert_eq!(known, try_with("no address").await);
    assert_eq!(known.0, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_over_long_password_is_refused_before_it_costs_anything() {
    let server = TestServer::start().await;
    let long = "x".repeat(200_000);
    let fields = [("email", "samyak@chat.test.com"), ("password", long.as_str())];
    let answer = server.browser().call("login", &fields).await;
    assert_eq!(answer.refusal(), (401, "invalid_credentials".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_the_password_asks_for_the_current_one() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let other = ada.elsewhere().await;
    let change = async |current: &str, new: &str, more: &[(&str, &str)]| {
        let mut fields = vec![("current", current), ("new", new)];
        fields.extend(more);
        ada.call("change_password", &fields).await
    };
    assert_eq!(change("wrong", "another long one", &[]).await.field("current"), "wrong_password");
    assert_eq!(change(&"x".repeat(300), "another long one", &[]).await.field("current"), "wrong_password");
    assert_eq!(change(&ada.password, "short", &[]).await.field("new"), "too_short");
    assert_eq!(change(&ada.password, "password1", &[]).await.field("new"), "password_too_common");
    change(&ada.password, "another long one", &[]).await.ok();
    other.call("me", &[]).await.ok();
    let old = [("email", ada.email.as_str()), ("password", ada.password.as_str())];
    assert_eq!(server.browser().call("login", &old).await.status, 401);

    change("another long one", "and yet another", &[("end_others", "true")]).await.ok();
    assert_eq!(other.call("me", &[]).await.status, 401);
    ada.call("me", &[]).await.ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_the_beginnings_of_their_names() {
    let server = TestServer::start().await;
    let ada = server.register("Ada Lovelace").await;
    let grace = server.register("Grace Hopper").await;
    let found = async |query: &str| {
        let people = ada.call("search_users", &[("query", query)]).await.ok();
        let names =
            people.as_array().unwrap().iter().map(|user| user["display_name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(found("grace").await, ["Grace Hopper"]);
    assert_eq!(found("ho gr").await, ["Grace Hopper"]);
    assert_eq!(found(&grace.email).await, ["Grace Hopper"]);
    assert!(found("ada").await.is_empty(), "one does not find oneself");
    for nothing in ["", "%", "_", "race", "*", "gr* OR x", "'; DROP TABLE users; --"] {
        assert!(found(nothing).await.is_empty(), "{nothing}");
    }
    let user = ada.call("search_users", &[("query", "grace")]).await.ok()[0].clone();
    let mut names: Vec<&String> = user.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["about", "display_name", "id"], "no address, no hash");
    let long = "x".repeat(255);
    assert_eq!(ada.call("search_users", &[("query", &long)]).await.field("query"), "too_long");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_cannot_pose_as_another() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    for (name, error) in [
        ("a\u{202e}b", "forbidden_characters"),
        ("a\u{0}b", "forbidden_characters"),
        ("\u{200b}\u{200b}", "required"),
        ("", "required"),
    ] {
        let answer = ada.call("update_profile", &[("display_name", name)]).await;
        assert_eq!(answer.field("display_name"), error, "{name:?}");
    }
    let long = "न".repeat(61);
    assert_eq!(
        ada.call("update_profile", &[("display_name", &long)]).await.field("display_name"),
        "too_long"
    );
    let account =
        ada.call("update_profile", &[("display_name", "Ame\u{301}lie"), ("about", "a\r\nb")]).await.ok();
    assert_eq!((&account["display_name"], &account["about"]), (&"Amélie".into(), &"a\nb".into()));
    server.stop().await;
}
