//! Chats: opening, making, changing and listing them.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::Value;

use crate::support::{Answer, NOBODY, Person, TestServer, id_of};

fn roles(chat: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = chat["members"].as_array().unwrap().iter();
    members.map(|member| (text(&member["display_name"]), text(&member["role"]))).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, role)| ((*name).to_owned(), (*role).to_owned())).collect()
}

async fn get(person: &Person, chat: &str) -> Answer {
    person.call("get_chat", &[("chat_id", chat)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_chats_with_themselves() {
    let server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let answer = ada.call("create_direct_chat", &[("user_id", &ada.id)]).await;
    assert_eq!(answer.refusal(), (400, "cannot_chat_with_self".into()));
    let upper = ada.id.to_uppercase();
    let answer = ada.call("create_direct_chat", &[("user_id", &upper)]).await;
    assert_eq!(answer.refusal(), (400, "cannot_chat_with_self".into()), "however it is written");
    let answer = ada.call("create_direct_chat", &[("user_id", NOBODY)]).await;
    assert_eq!(answer.refusal(), (404, "not_found".into()));
    assert_eq!(ada.call("list_chats", &[]).await.ok(), Value::Array(Vec::new()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_has_one_direct_chat_however_many_race_to_open_it() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let tabs: Vec<_> = (0..20).map(|index| if index % 2 == 0 { ada.copy() } else { bob.copy() }).collect();
    let opened = join_all(tabs.iter().enumerate().map(|(index, tab)| {
        let other = if index % 2 == 0 { bob.id.clone() } else { ada.id.clone() };
        async move { tab.call("create_direct_chat", &[("user_id", &other)]).await }
    }))
    .await;
    let ids: BTreeSet<String> = opened.iter().map(|answer| id_of(&answer.ok())).collect();
    assert_eq!(ids.len(), 1);
    for person in [&ada, &bob] {
        let list = person.call("list_chats", &[]).await.ok();
        assert_eq!(list.as_array().unwrap().len(), 1);
        assert_eq!(list[0]["kind"], "direct");
        assert_eq!(list[0]["name"], Value::Null);
        assert_eq!(list[0]["member_count"], 2);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_each_person_once_and_its_maker_as_admin() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let fields = [
        ("name", "  The   Team "),
        ("member_ids[0]", bob.id.as_str()),
        ("member_ids[1]", &ada.id),
        ("member_ids[2]", &bob.id),
    ];
    let chat = ada.call("create_group_chat", &fields).await.ok();
    assert_eq!(chat["name"], "The Team");
    assert_eq!(roles(&chat), pairs(&[("Ada", "admin"), ("Bob", "member")]));
    assert_eq!(get(&bob, &id_of(&chat)).await.ok()["my_role"], "member");

    let fields = [("name", "Team"), ("member_ids[0]", NOBODY)];
    assert_eq!(ada.call("create_group_chat", &fields).await.refusal(), (422, "unknown_member".into()));
    assert_eq!(ada.call("create_group_chat", &[("name", " ")]).await.field("name"), "required");
    let long = "x".repeat(81);
    assert_eq!(ada.call("create_group_chat", &[("name", &long)]).await.field("name"), "too_long");
    let answer = ada.call("create_group_chat", &[("name", "a\u{202e}b")]).await;
    assert_eq!(answer.field("name"), "forbidden_characters");
    assert_eq!(ada.call("list_chats", &[]).await.ok().as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_renames_adds_removes_and_promotes() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&bob]).await;
    let id = ("chat_id", chat.as_str());
    let renamed = ada.call("rename_chat", &[id, ("name", "Crew")]).await.ok();
    assert_eq!((&renamed["name"], &renamed["head"]), (&"Crew".into(), &1.into()));
    let both = [id, ("user_ids[0]", eve.id.as_str()), ("user_ids[1]", &bob.id), ("user_ids[2]", &eve.id)];
    let added = ada.call("add_members", &both).await.ok();
    assert_eq!(roles(&added), pairs(&[("Ada", "admin"), ("Bob", "member"), ("Eve", "member")]));
    assert_eq!(added["head"], 2, "one event: who was in stays as they are");
    let unknown = ada.call("add_members", &[id, ("user_ids[0]", NOBODY)]).await;
    assert_eq!(unknown.refusal(), (422, "unknown_member".into()));

    let promote = [id, ("user_id", bob.id.as_str()), ("role", "admin")];
    assert_eq!(roles(&ada.call("set_role", &promote).await.ok())[1].1, "admin");
    assert_eq!(ada.call("set_role", &promote).await.ok()["head"], 3, "nothing changed, nothing is said");
    bob.remove(&chat, &eve).await;
    assert_eq!(get(&eve, &chat).await.refusal(), (404, "not_found".into()));
    let gone = bob.call("remove_member", &[id, ("user_id", &eve.id)]).await;
    assert_eq!(gone.refusal(), (404, "not_found".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_says_what_it_is_about() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    let describe =
        async |text: &str| ada.call("set_description", &[("chat_id", &chat), ("description", text)]).await;
    let said = describe("  For all\r\nwho <b>dig</b> ").await.ok();
    assert_eq!((&said["description"], &said["head"]), (&"For all\nwho <b>dig</b>".into(), &1.into()));
    assert_eq!(describe("For all\nwho <b>dig</b>").await.ok()["description"], "For all\nwho <b>dig</b>");
    assert_eq!(get(&bob, &chat).await.ok()["description"], "For all\nwho <b>dig</b>");
    for page in [format!("/c/{chat}"), format!("/c/{chat}/details")] {
        let page = bob.get(&page).await.text();
        assert!(page.contains("For all") && !page.contains("<b>dig</b>"), "text is no markup");
    }
    assert_eq!(describe(&"x".repeat(501)).await.field("description"), "too_long");
    assert_eq!(describe("a\u{202e}b").await.field("description"), "forbidden_characters");
    let gone = describe("").await.ok();
    assert_eq!((&gone["description"], &gone["head"]), (&Value::Null, &3.into()));

    let pair = ada.direct(&bob).await;
    let refused = ada.call("set_description", &[("chat_id", &pair), ("description", "Us")]).await;
    assert_eq!(refused.refusal(), (409, "not_a_group".into()));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_never_loses_its_last_admin() {
    let server = TestServer::start().await;
    let (ada, bob, eve) =
        (server.register("Ada").await, server.register("Bob").await, server.register("Eve").await);
    let chat = ada.group("Team", &[&bob, &eve]).await;
    let id = ("chat_id", chat.as_str());
    let step_down = [id, ("user_id", ada.id.as_str()), ("role", "member")];
    assert_eq!(ada.call("set_role", &step_down).await.refusal(), (409, "last_admin".into()));
    ada.call("leave_chat", &[id]).await.ok();
    let chat_of_bob = get(&bob, &chat).await.ok();
    assert_eq!(roles(&chat_of_bob), pairs(&[("Bob", "admin"), ("Eve", "member")]), "the longest-standing");
    bob.call("leave_chat", &[id]).await.ok();
    assert_eq!(roles(&get(&eve, &chat).await.ok()), pairs(&[("Eve", "admin")]));
    eve.call("leave_chat", &[id]).await.ok();
    assert_eq!(get(&eve, &chat).await.refusal(), (404, "not_found".into()), "nobody is left");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_who_step_down_at_once_leave_one() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    for _ in 0..10 {
        let chat = ada.group("Team", &[&bob]).await;
        let id = ("chat_id", chat.as_str());
        ada.call("set_role", &[id, ("user_id", &bob.id), ("role", "admin")]).await.ok();
        let step_down = async |person: &Person| {
            person.call("set_role", &[id, ("user_id", &person.id), ("role", "member")]).await.status
        };
        let (one, two) = tokio::join!(step_down(&ada), step_down(&bob));
        let mut both = [one, two];
        both.sort_unstable();
        assert_eq!(both, [200, 409]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_group_is_gone_for_everybody() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.group("Team", &[&bob]).await;
    bob.send(&chat, "hello").await;
    ada.call("delete_chat", &[("chat_id", &chat)]).await.ok();
    for person in [&ada, &bob] {
        assert_eq!(get(person, &chat).await.refusal(), (404, "not_found".into()));
        let sent = person.try_send(&chat, &crate::support::client_id(), "x").await;
        assert_eq!(sent.refusal(), (404, "not_found".into()));
        assert_eq!(person.get(&format!("/c/{chat}")).await.status, 404);
        assert_eq!(person.call("list_chats", &[]).await.ok(), Value::Array(Vec::new()));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_chat_has_no_administration() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let chat = ada.direct(&bob).await;
    let id = ("chat_id", chat.as_str());
    for (function, more) in [
        ("rename_chat", &[("name", "x")][..]),
        ("add_members", &[("user_ids[0]", &bob.id)]),
        ("remove_member", &[("user_id", &bob.id)]),
        ("set_role", &[("user_id", &bob.id), ("role", "admin")]),
        ("leave_chat", &[]),
        ("delete_chat", &[]),
    ] {
        let fields: Vec<(&str, &str)> = std::iter::once(id).chain(more.iter().copied()).collect();
        assert_eq!(ada.call(function, &fields).await.refusal(), (409, "not_a_group".into()), "{function}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_begins_with_what_happened_last() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let mut chats = Vec::new();
    for name in ["one", "two", "three"] {
        chats.push(ada.group(name, &[&bob]).await);
        server.clock.advance_seconds(1);
    }
    let order = async || {
        let list = bob.call("list_chats", &[]).await.ok();
        let names = list.as_array().unwrap().iter().map(|chat| chat["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(order().await, ["three", "two", "one"]);
    ada.send(&chats[0], "hello").await;
    assert_eq!(order().await, ["one", "three", "two"]);
    server.clock.advance_seconds(1);
    bob.send(&chats[1], "hello").await;
    assert_eq!(order().await, ["two", "one", "three"]);
    let list = bob.call("list_chats", &[]).await.ok();
    assert_eq!(list[0]["last_message"]["body"], "hello");
    assert_eq!(list[0]["head_ordinal"], 1);
    server.stop().await;
}
