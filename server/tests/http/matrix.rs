//! Who may do what: every server function, the pages and the socket, for everybody who may try.

mod pages;
mod sockets;

use std::collections::BTreeSet;

use crate::support::{
    Answer, Browser, Form, NOBODY, PIXEL, Person, TestServer, client_id, id_of, message_form, push_keys,
};

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anonymous,
    Outsider,
    Former,
    Member,
    Admin,
}

const EVERYBODY: [Who; 5] = [Who::Anonymous, Who::Outsider, Who::Former, Who::Member, Who::Admin];

/// A group and everybody around it.
struct World {
    server: TestServer,
    anonymous: Browser,
    outsider: Person,
    former: Person,
    member: Person,
    admin: Person,
    /// A plain member whom others act upon.
    other: Person,
}

impl World {
    async fn new() -> Self {
        let server = TestServer::builder().without_rate_limits().start().await;
        Self {
            anonymous: server.browser(),
            outsider: server.register("Outsider").await,
            former: server.register("Former").await,
            member: server.register("Member").await,
            admin: server.register("Admin").await,
            other: server.register("Other").await,
            server,
        }
    }

    fn browser(&self, who: Who) -> &Browser {
        match who {
            Who::Anonymous => &self.anonymous,
            Who::Outsider => &self.outsider,
            Who::Former => &self.former,
            Who::Member => &self.member,
            Who::Admin => &self.admin,
        }
    }

    async fn group(&self) -> String {
        let chat = self.admin.group("Team", &[&self.member, &self.former, &self.other]).await;
        self.admin.remove(&chat, &self.former).await;
        chat
    }
}

/// What a function needs beside the chat: made from the world at the moment of the call.
type More = fn(&World) -> Vec<(&'static str, String)>;

fn nothing(_: &World) -> Vec<(&'static str, String)> {
    Vec::new()
}

/// Functions upon a chat, and the status for a member and for an admin. Everybody else is told that
/// there is no such chat, and who is not signed in to sign in.
const IN_A_CHAT: &[(&str, More, u16, u16)] = &[
    ("get_chat", nothing, 200, 200),
    ("rename_chat", |_| vec![("name", "New".into())], 403, 200),
    ("set_description", |_| vec![("description", "What it is about".into())], 403, 200),
    ("set_chat_avatar", nothing, 403, 200),
    ("remove_chat_avatar", nothing, 403, 200),
    ("add_members", |world| vec![("user_ids[0]", world.outsider.id.clone())], 403, 200),
    ("search_members", |_| vec![("query", "ot".into())], 200, 200),
    ("list_members", nothing, 200, 200),
    ("create_invite", nothing, 403, 200),
    ("list_invites", nothing, 403, 200),
    ("revoke_invite", |_| vec![("invite_id", NOBODY.into())], 403, 200),
    ("remove_member", |world| vec![("user_id", world.other.id.clone())], 403, 200),
    ("set_role", |world| vec![("user_id", world.other.id.clone()), ("role", "admin".into())], 403, 200),
    ("leave_chat", nothing, 200, 200),
    ("delete_chat", nothing, 403, 200),
    ("list_messages", nothing, 200, 200),
    ("list_messages_at", |_| vec![("ordinal", "1".into())], 200, 200),
    ("delete_message", nothing, 403, 200),
    ("edit_message", |_| vec![("body", "changed".into())], 403, 403),
    ("list_edits", nothing, 403, 403),
    ("react", |_| vec![("emoji", "👍".into()), ("on", "true".into())], 200, 200),
    ("pin_message", |_| vec![("on", "true".into())], 200, 200),
    ("find_message", |_| vec![("at", "2026-01-01T00:00:00Z".into())], 200, 200),
    ("list_pinned", nothing, 200, 200),
    // Without a chat it is one of those of one's own.
    ("search_messages", |_| vec![("query", "theirs".into())], 200, 200),
    ("mark_read", |_| vec![("ordinal", "1".into())], 200, 200),
    ("mark_unread", |_| vec![("ordinal", "1".into())], 200, 200),
    ("mute_chat", |_| vec![("on", "true".into())], 200, 200),
    ("notify_mentions", |_| vec![("on", "true".into())], 200, 200),
    ("archive_chat", |_| vec![("on", "true".into())], 200, 200),
    ("save_draft", |_| vec![("client_id", client_id()), ("body", "half a tho".into())], 200, 200),
    ("send_message", |_| vec![("client_id", client_id()), ("body", "hello".into())], 200, 200),
];

/// Those of them that are upon a message: here on somebody else's.
const UPON_A_MESSAGE: &[&str] = &["delete_message", "edit_message", "list_edits", "react", "pin_message"];

/// Functions of one's own, and the status for who is not signed in and for who is.
const OF_ONES_OWN: &[(&str, More, u16, u16)] = &[
    ("register", new_account, 200, 200),
    ("login", |_| vec![("email", "samyak@chat.test.com".into()), ("password", "abcdefg".into())], 200, 200),
    ("logout", nothing, 200, 200),
    ("refresh", nothing, 401, 200),
    ("me", nothing, 401, 200),
    ("update_profile", |_| vec![("display_name", "Somebody".into())], 401, 200),
    ("set_avatar", nothing, 401, 200),
    ("remove_avatar", nothing, 401, 200),
    ("update_settings", |_| vec![("read_receipts", "true".into())], 401, 200),
    ("change_password", |_| vec![("current", "wrong".into()), ("new", "x".into())], 401, 422),
    ("list_sessions", nothing, 401, 200),
    ("end_session", |_| vec![("session_id", NOBODY.into())], 401, 404),
    ("get_user", |world| vec![("user_id", world.other.id.clone())], 401, 200),
    ("block_user", |world| vec![("user_id", world.other.id.clone())], 401, 200),
    ("unblock_user", |world| vec![("user_id", world.other.id.clone())], 401, 200),
    ("list_blocked", nothing, 401, 200),
    ("search_users", |_| vec![("query", "other".into())], 401, 200),
    ("search_messages", |_| vec![("query", "other".into())], 401, 200),
    ("create_direct_chat", |world| vec![("user_id", world.other.id.clone())], 401, 200),
    ("create_group_chat", |_| vec![("name", "Mine".into())], 401, 200),
    ("list_chats", nothing, 401, 200),
    ("list_drafts", nothing, 401, 200),
    ("get_invite", |_| vec![("token", "guessed".into())], 401, 404),
    ("join_by_invite", |_| vec![("token", "guessed".into())], 401, 404),
    ("push_key", nothing, 401, 200),
    ("subscribe_push", |_| push_subscription(), 401, 200),
    ("unsubscribe_push", nothing, 401, 200),
];

/// At a push service that is known, which nothing is ever sent to: nobody writes a message.
fn push_subscription() -> Vec<(&'static str, String)> {
    let (p256dh, auth) = push_keys();
    vec![("endpoint", "https://fcm.googleapis.com/matrix".into()), ("p256dh", p256dh), ("auth", auth)]
}

fn new_account(_: &World) -> Vec<(&'static str, String)> {
    let email = format!("{}@example.org", uuid::Uuid::new_v4().simple());
    vec![("email", email), ("display_name", "New".into()), ("password", "correct horse".into())]
}

async fn call(browser: &Browser, function: &str, fields: &[(&'static str, String)]) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    if function == "send_message" {
        browser.call_multipart(function, message_form(&fields)).await
    } else if matches!(function, "set_avatar" | "set_chat_avatar") {
        let form = fields.iter().fold(Form::empty(), |form, (name, value)| form.text(name, value));
        browser.call_multipart(function, form.avatar(PIXEL).end()).await
    } else {
        browser.call(function, &fields).await
    }
}

/// The functions that the server has registered.
fn registered() -> BTreeSet<String> {
    leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/api/").expect("a function under /api/").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_has_a_row_and_none_is_called_by_get() {
    let listed = IN_A_CHAT.iter().chain(OF_ONES_OWN).map(|row| row.0.to_owned());
    // The router registers them.
    let server = TestServer::start().await;
    assert_eq!(registered(), listed.collect());
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        assert_eq!(method, axum::http::Method::POST, "{path}");
        let browser = server.browser();
        let request = browser.request(axum::http::Method::GET, path).body(axum::body::Body::empty());
        let answer = browser.exchange(request.unwrap()).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".into()), "{path}");
        assert_eq!(browser.get(path).await.status, 405, "{path} as a link");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_chat_everybody_may_what_their_role_says() {
    let world = World::new().await;
    for (function, more, for_member, for_admin) in IN_A_CHAT {
        for who in EVERYBODY {
            let chat = world.group().await;
            let mut fields = vec![("chat_id", chat.clone())];
            fields.extend(more(&world));
            if UPON_A_MESSAGE.contains(function) {
                fields.push(("message_id", id_of(&world.other.send(&chat, "theirs").await)));
            }
            let before = world.admin.call("get_chat", &[("chat_id", &chat)]).await.ok();
            let browser = world.browser(who);
            let answer = call(browser, function, &fields).await;
            let expected = match who {
                Who::Anonymous => 401,
                Who::Outsider | Who::Former => 404,
                Who::Member => *for_member,
                Who::Admin => *for_admin,
            };
            assert_eq!(answer.status, expected, "{function} by {who:?}: {}", answer.text());
            if expected == 403 {
                assert_eq!(answer.code(), "forbidden", "{function} by {who:?}");
            }
            if matches!(who, Who::Outsider | Who::Former | Who::Anonymous) {
                fields[0].1 = NOBODY.into();
                let missing = call(browser, function, &fields).await;
                assert_eq!(answer.shown(), missing.shown(), "{function} tells {who:?} that there is a chat");
                let untouched = world.admin.call("get_chat", &[("chat_id", &chat)]).await.ok();
                assert_eq!(untouched, before);
            }
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upon_a_message_of_ones_own_a_plain_member_may_everything_for_as_long_as_they_are_one() {
    let world = World::new().await;
    let author = &world.other;
    for (function, more, _, _) in IN_A_CHAT.iter().filter(|row| UPON_A_MESSAGE.contains(&row.0)) {
        let chat = world.group().await;
        let mut fields = vec![("chat_id", chat.clone())];
        fields.extend(more(&world));
        fields.push(("message_id", id_of(&author.send(&chat, "mine").await)));
        world.admin.remove(&chat, author).await;
        let refused = call(author, function, &fields).await;
        assert_eq!(refused.refusal(), (404, "not_found".into()), "{function} by who wrote it and is gone");
        fields[0].1 = NOBODY.into();
        assert_eq!(refused.shown(), call(author, function, &fields).await.shown(), "{function}");
        fields[0].1 = chat.clone();
        world.admin.add(&chat, author).await;
        let answer = call(author, function, &fields).await;
        assert_eq!(answer.status, 200, "{function} by who wrote it: {}", answer.text());
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_tells_an_outsider_nothing_either() {
    let world = World::new().await;
    let chat = world.group().await;
    let message = id_of(&world.admin.send(&chat, "ours").await);
    for who in [Who::Outsider, Who::Former] {
        for (function, field) in [
            ("rename_chat", ("name", String::new())),
            ("set_description", ("description", "x".repeat(501))),
            ("add_members", ("user_ids[0]", NOBODY.to_owned())),
            ("search_members", ("query", "x".repeat(300))),
            ("create_invite", ("max_uses", "1000000".to_owned())),
            ("remove_member", ("user_id", NOBODY.to_owned())),
            ("list_messages", ("limit", "100000".to_owned())),
            ("edit_message", ("body", "x".repeat(8_001))),
            ("react", ("emoji", "no emoji".to_owned())),
            ("mark_read", ("ordinal", u64::MAX.to_string())),
        ] {
            let browser = world.browser(who);
            let more = [field, ("message_id", message.clone()), ("on", "true".to_owned())];
            let in_chat = |chat: &str| [vec![("chat_id", chat.to_owned())], more.to_vec()].concat();
            let there = call(browser, function, &in_chat(&chat)).await;
            let nowhere = call(browser, function, &in_chat(NOBODY)).await;
            assert_eq!(there.shown(), nowhere.shown(), "{function} by {who:?}");
            assert_eq!(there.status, 404);
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ones_own_is_for_who_is_signed_in() {
    let world = World::new().await;
    for (function, more, for_anonymous, for_person) in OF_ONES_OWN {
        for who in EVERYBODY {
            // A copy: signing out must not sign the next one out, and a session of its own to end.
            let browser = match who {
                Who::Anonymous => world.server.browser(),
                _ => world.server.register("Somebody").await.copy(),
            };
            let answer = call(&browser, function, &more(&world)).await;
            let expected = if who == Who::Anonymous { for_anonymous } else { for_person };
            assert_eq!(answer.status, *expected, "{function} by {who:?}: {}", answer.text());
            if *expected == 401 {
                assert_eq!(answer.code(), "unauthenticated");
            }
        }
    }
    world.server.stop().await;
}
