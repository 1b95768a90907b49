//! Changes of a chat: what a decision writes, and what it leaves as it was.

use app::{
    domain::{ChatId, Ordinal, Role, Seq, UserId, policy},
    error::{AppError, ErrorCode},
    ports::{Appended, PageQuery},
    protocol::EventBody,
};

use crate::{
    chats::{chat, member_ids},
    support::*,
};

pub async fn every_change_is_logged_and_applied(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let group = group(&store, &[ada, bob]).await;
    let changes = vec![
        added(carol, Role::Member, at(7)),
        EventBody::RoleChanged { user_id: bob, role: Role::Admin },
        renamed("Crew"),
        EventBody::MemberRemoved { user_id: ada },
    ];
    let events = store.change_chat(group, ada, at(8), always(changes.clone())).await.unwrap().unwrap();
    assert_eq!(events.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(events.iter().all(|event| event.at == at(8) && event.actor_id == ada));
    assert_eq!(events.iter().map(|event| event.body.clone()).collect::<Vec<_>>(), changes);
    assert_eq!(log(&store, group).await, events);

    let record = chat(&store, group, bob).await;
    assert_eq!(record.name.as_deref(), Some("Crew"));
    assert_eq!((record.head, record.head_ordinal), (Seq(4), Ordinal(0)));
    assert_eq!((record.my_role, record.member_count), (Role::Admin, 2));
    assert_eq!(member_ids(&record), [bob, carol]);
    assert_eq!(record.members[1].joined_at, at(7));
    assert_eq!(store.role(group, ada).await.unwrap(), None);
    assert_eq!(store.role(group, carol).await.unwrap(), Some(Role::Member));
    assert!(store.chats_of(ada, 10, 10).await.unwrap().is_empty());
}

pub async fn a_group_says_what_it_is_about(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let team = group(&store, &[ada, bob]).await;
    assert_eq!(chat(&store, team, bob).await.description, "");
    let described = |text: &str| EventBody::ChatDescribed { description: text.into() };
    let events = store.change_chat(team, ada, at(1), always(vec![described("For all\nwho dig")])).await;
    assert_eq!(log(&store, team).await, events.unwrap().unwrap());
    assert_eq!(chat(&store, team, bob).await.description, "For all\nwho dig");
    let listed = store.chats_of(ada, 10, 10).await.unwrap();
    assert_eq!(listed[0].description, "For all\nwho dig", "a list says what the chat itself says");
    store.change_chat(team, ada, at(2), always(vec![described("")])).await.unwrap().unwrap();
    assert_eq!(chat(&store, team, bob).await.description, "");

    let pair = direct(&store, [ada, bob], at(3)).await;
    let refused = store.change_chat(pair, ada, at(4), always(vec![described("Us")])).await;
    assert_eq!(code(refused), Some(ErrorCode::Internal), "a direct chat has none");
    assert!(log(&store, pair).await.is_empty());
}

pub async fn a_refusal_writes_nothing(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let group = group(&store, &[ada, bob]).await;
    let rule = move |chat: &_| policy::rename(chat, bob).map(|()| Vec::new());
    let refused = store.change_chat(group, bob, at(1), by_policy(rule)).await;
    assert_eq!(refused, Err(AppError::forbidden()));
    assert_eq!(chat(&store, group, ada).await.head, Seq(0));
    assert!(log(&store, group).await.is_empty());
}

pub async fn a_change_that_fails_half_way_writes_nothing(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let group = group(&store, &[ada, bob]).await;
    let before = chat(&store, group, ada).await;
    let nobody = UserId::from_bytes(id());
    let impossible = [
        (added(nobody, Role::Member, at(1)), ErrorCode::UnknownMember),
        (added(bob, Role::Member, at(1)), ErrorCode::Internal),
        (EventBody::MemberRemoved { user_id: nobody }, ErrorCode::Internal),
        (EventBody::RoleChanged { user_id: nobody, role: Role::Admin }, ErrorCode::Internal),
    ];
    for (last, expected) in impossible {
        let changes = always(vec![renamed("Half"), EventBody::MemberRemoved { user_id: bob }, last.clone()]);
        // The second removal of Bob's makes adding him possible again: keep him for that case.
        let changes = match &last {
            EventBody::MemberAdded { member } if member.user.id == bob => always(vec![renamed("Half"), last]),
            _ => changes,
        };
        assert_eq!(code(store.change_chat(group, ada, at(1), changes).await), Some(expected));
        assert_eq!(chat(&store, group, ada).await, before);
        assert!(log(&store, group).await.is_empty());
    }
}

pub async fn no_decision_means_no_change(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let group = group(&store, &[ada, bob]).await;
    assert_eq!(store.change_chat(group, ada, at(1), always(Vec::new())).await.unwrap(), Some(Vec::new()));
    assert_eq!(chat(&store, group, ada).await.head, Seq(0));
}

pub async fn an_unknown_chat_cannot_be_changed(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let decide = by_policy(|_state| panic!("there is nothing to decide about"));
    let outcome = store.change_chat(ChatId::from_bytes(id()), ada, at(1), decide).await;
    assert_eq!(outcome.unwrap(), None);
}

pub async fn concurrent_changes_keep_the_log_dense(store: TheStore) {
    let all: [UserId; 6] = people(&store).await;
    let group = group(&store, &all).await;
    let tasks = (0..5).map(|number| {
        let (store, admin, user) = (store.clone(), all[0], all[number + 1]);
        tokio::spawn(async move {
            for round in 0..10 {
                let name = always(vec![renamed(&format!("Name {number} {round}"))]);
                store.change_chat(group, admin, at(1), name).await.unwrap().unwrap();
                let leave = by_policy(move |chat| policy::leave(chat, user));
                store.change_chat(group, user, at(2), leave).await.unwrap().unwrap();
                let join = by_policy(move |chat| policy::add_members(chat, admin, &[user]));
                store.change_chat(group, admin, at(3), join).await.unwrap().unwrap();
                send(&store, group, user, "back again", 4).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let events = log(&store, group).await;
    assert_eq!(events.len(), 5 * 10 * 4);
    let record = chat(&store, group, all[0]).await;
    assert_eq!((record.head, record.head_ordinal), (Seq(200), Ordinal(50)));
    assert_eq!(record.member_count, 6);
    let last_name = events.iter().rev().find_map(|event| match &event.body {
        EventBody::ChatRenamed { name } => Some(name.clone()),
        _ => None,
    });
    assert_eq!(record.name, last_name);
}

pub async fn the_last_admin_hands_over_and_the_last_member_ends_the_group(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let group = group(&store, &[ada, carol, bob]).await;
    let leave = |who: UserId| by_policy(move |chat| policy::leave(chat, who));
    store.change_chat(group, ada, at(1), leave(ada)).await.unwrap().unwrap();
    let record = chat(&store, group, carol).await;
    assert_eq!((record.my_role, record.member_count, record.head), (Role::Admin, 2, Seq(2)));
    assert_eq!(store.role(group, ada).await.unwrap(), None);
    assert_eq!(store.role(group, bob).await.unwrap(), Some(Role::Member));

    store.change_chat(group, carol, at(2), leave(carol)).await.unwrap().unwrap();
    assert_eq!(store.role(group, bob).await.unwrap(), Some(Role::Admin));
    let events = store.change_chat(group, bob, at(3), leave(bob)).await.unwrap().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].seq, &events[0].body), (Seq(5), &EventBody::ChatDeleted {}));
    assert_eq!(store.chat(group, bob, 10).await.unwrap(), None);
}

pub async fn a_deleted_chat_is_gone_for_everybody(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let group = group(&store, &[ada, bob]).await;
    let message = text(bob, "hello", at(1));
    append(&store, group, message.clone()).await;
    let delete = || by_policy(move |chat| policy::delete(chat, ada));
    let events = store.change_chat(group, ada, at(2), delete()).await.unwrap().unwrap();
    assert_eq!(events.last().unwrap().body, EventBody::ChatDeleted {});
    for viewer in [ada, bob] {
        assert_eq!(store.role(group, viewer).await.unwrap(), None);
        assert_eq!(store.chat(group, viewer, 10).await.unwrap(), None);
        assert!(store.chats_of(viewer, 10, 10).await.unwrap().is_empty());
        assert!(store.heads_of(viewer).await.unwrap().is_empty());
    }
    assert!(store.member_ids(group).await.unwrap().is_empty());
    assert_eq!(store.change_chat(group, ada, at(3), delete()).await.unwrap(), None);
    assert!(matches!(append(&store, group, text(ada, "late", at(3))).await, Appended::NotMember));
    assert!(matches!(append(&store, group, message.clone()).await, Appended::NotMember));
    assert!(store.events_after(group, Seq(0), 10).await.unwrap().is_empty());
    assert!(store.history(group, NOBODY, PageQuery::Latest, 10).await.unwrap().messages.is_empty());
    let found = store.message_by_client_id(bob, message.client_id).await.unwrap();
    assert_eq!(found, None);
}
