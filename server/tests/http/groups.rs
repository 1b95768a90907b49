//! Groups: finding their members, and the invitations by which people join them.

use serde_json::Value;

use crate::support::{Log, Person, TestServer, id_of};

fn names(members: &Value) -> Vec<&str> {
    members.as_array().unwrap().iter().map(|member| member["display_name"].as_str().unwrap()).collect()
}

/// Makes an invitation. Returns its token.
async fn invite(admin: &Person, chat: &str, more: &[(&str, &str)]) -> String {
    let fields = [&[("chat_id", chat)], more].concat();
    admin.call("create_invite", &fields).await.ok()["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_found_as_one_types_and_read_in_parts() {
    let server = TestServer::start().await;
    let ada = server.register("Ada Lovelace").await;
    let (bob, eve) = (server.register("Bob Love").await, server.register("Eve Lovely").await);
    let chat = ada.group("Team", &[&bob]).await;
    let find = async |who: &Person, query: &str| {
        who.call("search_members", &[("chat_id", &chat), ("query", query)]).await
    };
    assert_eq!(names(&find(&bob, "LO").await.ok()), ["Ada Lovelace", "Bob Love"]);
    assert_eq!(names(&find(&bob, "  love bob ").await.ok()), ["Bob Love"]);
    for nothing in ["", " .%_ ", "ove", "eve"] {
        assert_eq!(find(&bob, nothing).await.ok(), Value::Array(Vec::new()), "{nothing:?}");
    }
    assert_eq!(find(&bob, &"x".repeat(255)).await.field("query"), "too_long");
    assert_eq!(find(&eve, "lo").await.refusal(), (404, "not_found".into()));

    let list = async |fields: &[(&str, &str)]| bob.call("list_members", fields).await.ok();
    let all = list(&[("chat_id", &chat)]).await;
    assert_eq!(names(&all["members"]), ["Ada Lovelace", "Bob Love"]);
    assert_eq!((&all["next"], &all["members"][1]["role"]), (&Value::Null, &"member".into()));
    assert_eq!(names(&list(&[("chat_id", &chat), ("from", "2")]).await["members"]), ["Bob Love"]);

    let page = bob.get(&format!("/c/{chat}/details?m=bob")).await.text();
    assert!(page.contains("1 member found.") && !page.contains("row-\u{22}"), "{page}");
    assert!(page.contains(&format!("id=\"row-{}\"", bob.id)), "{page}");
    assert!(!page.contains(&format!("id=\"row-{}\"", ada.id)), "{page}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_joins_by_a_link_and_everybody_hears_of_it() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Diggers", &[&bob]).await;
    ada.call("set_description", &[("chat_id", &chat), ("description", "For all who dig")]).await.ok();
    ada.send(&chat, "for members only").await;
    let token = invite(&ada, &chat, &[]).await;
    assert!(
        token.len() >= 22 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    let seen = eve.call("get_invite", &[("token", &token)]).await.ok();
    assert_eq!((&seen["name"], &seen["member_count"]), (&"Diggers".into(), &2.into()));
    assert_eq!((&seen["description"], &seen["chat_id"]), (&"For all who dig".into(), &Value::Null));

    // Looking changes nothing.
    let page = eve.get(&format!("/join/{token}")).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("Diggers") && !page.text().contains("for members only"));
    assert!(!page.text().contains(&chat), "whoever is outside does not learn which group it is");
    assert_eq!(eve.call("list_chats", &[]).await.ok(), Value::Array(Vec::new()));

    let (mut theirs, mut hers) = (bob.socket().await, eve.socket().await);
    let joined = eve.call("join_by_invite", &[("token", &token)]).await.ok();
    assert_eq!((id_of(&joined), &joined["member_count"]), (chat.clone(), &3.into()));
    let event = theirs.next_event("member_added").await;
    assert_eq!(
        (&event["actor_id"], &event["member"]["id"]),
        (&eve.id.as_str().into(), &eve.id.as_str().into())
    );
    assert_eq!(hers.next_event("chat_added").await["chat"]["id"], chat.as_str());
    assert_eq!(eve.messages(&chat, &[]).await[0]["body"], "for members only");

    let again = eve.call("join_by_invite", &[("token", &token)]).await.ok();
    assert_eq!(again["head"], joined["head"], "who is in it joins no second time");
    assert_eq!(eve.call("get_invite", &[("token", &token)]).await.ok()["chat_id"], chat.as_str());
    let listed = ada.call("list_invites", &[("chat_id", &chat)]).await.ok();
    assert_eq!((&listed[0]["uses"], &listed[0]["created_by_name"]), (&1.into(), &"Ada".into()));
    assert_eq!(listed[0]["token"], Value::Null, "the link is shown once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_a_link_the_answer_is_the_same() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[]).await;
    let expired = invite(&ada, &chat, &[("expires_in_seconds", "60")]).await;
    let used = invite(&ada, &chat, &[("max_uses", "1")]).await;
    bob.call("join_by_invite", &[("token", &used)]).await.ok();
    let made = ada.call("create_invite", &[("chat_id", &chat)]).await.ok();
    let revoked = made["token"].as_str().unwrap().to_owned();
    let id = id_of(&made);
    let of_bob = bob.call("revoke_invite", &[("chat_id", &chat), ("invite_id", &id)]).await;
    assert_eq!(of_bob.refusal(), (403, "forbidden".into()));
    ada.call("revoke_invite", &[("chat_id", &chat), ("invite_id", &id)]).await.ok();
    server.clock.advance_seconds(60);
    let ends = [expired.as_str(), &used, &revoked, "unknown", "", "' OR 1=1 --"];
    for token in ends {
        for function in ["get_invite", "join_by_invite"] {
            let answer = eve.call(function, &[("token", token)]).await;
            assert_eq!(answer.refusal(), (404, "invite_invalid".into()), "{function} {token:?}");
        }
    }
    for token in &ends[..4] {
        let page = eve.get(&format!("/join/{token}")).await;
        assert_eq!(page.status, 404, "{token}");
        assert!(page.text().contains("This invitation is not good any more"), "{}", page.text());
    }
    assert_eq!(ada.call("list_invites", &[("chat_id", &chat)]).await.ok(), Value::Array(Vec::new()));
    let bounds = async |field| ada.call("create_invite", &[("chat_id", chat.as_str()), field]).await;
    for (field, expected) in [
        (("expires_in_seconds", "59"), "too_short"),
        (("expires_in_seconds", "31622401"), "too_long"),
        (("max_uses", "20001"), "too_long"),
    ] {
        assert_eq!(bounds(field).await.field(field.0), expected, "{field:?}");
    }
    assert_eq!(bounds(("max_uses", "-1")).await.refusal(), (400, "malformed_form".into()));
    let pair = ada.direct(&bob).await;
    let refused = ada.call("create_invite", &[("chat_id", &pair)]).await;
    assert_eq!(refused.refusal(), (409, "not_a_group".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_not_tried_without_end() {
    let server = TestServer::start().await;
    let eve = server.register("Eve").await;
    let mut tries = 0;
    let refused = loop {
        let answer = eve.call("get_invite", &[("token", &format!("guess-{tries}"))]).await;
        if answer.status != 404 {
            break answer;
        }
        tries += 1;
        assert!(tries < 100, "guessing went on");
    };
    assert_eq!(refused.refusal(), (429, "too_many_requests".into()));
    let other = eve.call("join_by_invite", &[("token", "guess")]).await;
    assert_eq!(other.status, 429, "nor the other way");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_a_link_is_made_and_followed_by_plain_forms() {
    let log = Log::capture();
    let server = TestServer::start().await;
    let (ada, eve) = (server.register("Ada").await, server.register("Eve").await);
    let chat = ada.group("Team", &[]).await;
    let details = format!("/c/{chat}/details");
    let fields = [("chat_id", chat.as_str()), ("expires_in_seconds", "604800"), ("max_uses", "0")];
    let made = ada.submit(&details, "create_invite", &fields).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    let page = made.text();
    let token = page.split("/join/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(page.contains(&format!("{}/join/{token}", server.site.origin)), "{page}");
    assert!(!page.contains("id=\"page-data\""), "it is no page's address, so that it runs no script");
    assert!(!ada.get(&details).await.text().contains(&token), "it is shown this once");

    // Who is not signed in does that first, and comes back.
    let join = format!("/join/{token}");
    let stranger = server.browser();
    let answer = stranger.get(&join).await;
    assert_eq!((answer.status, answer.header("location").to_owned()), (303, format!("/login?next={join}")));
    let joined = eve.submit(&join, "join_by_invite", &[("token", &token)]).await;
    assert_eq!((joined.status, joined.header("location").to_owned()), (303, format!("/c/{chat}")));
    let invite = ada.call("list_invites", &[("chat_id", &chat)]).await.ok();
    let fields = [("chat_id", chat.as_str()), ("invite_id", invite[0]["id"].as_str().unwrap())];
    let revoked = ada.submit(&details, "revoke_invite", &fields).await;
    assert_eq!((revoked.status, revoked.header("location")), (303, details.as_str()));
    let late = server.register("Late").await;
    let refused = late.submit(&join, "join_by_invite", &[("token", &token)]).await;
    assert_eq!(refused.status, 404);
    assert!(refused.text().contains("This invitation is not good any more"), "{}", refused.text());
    server.stop().await;
    assert!(!log.text().contains(&token), "the log holds no token");
}
