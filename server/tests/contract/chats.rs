//! Chats as their members find them, how they begin and how many there may be.

use app::{
    domain::{ChatId, ChatKind, Ordinal, Role, Seq, UserId, limits, policy},
    error::ErrorCode,
    ports::{ChatRecord, NewDirectChat},
    protocol::EventBody,
};

use crate::support::*;

pub fn member_ids(chat: &ChatRecord) -> Vec<UserId> {
    chat.members.iter().map(|member| member.user.id).collect()
}

/// The chat as one of its members finds it.
pub async fn chat(store: &TheStore, chat: ChatId, viewer: UserId) -> ChatRecord {
    store.chat(chat, viewer, 100).await.unwrap().expect("the viewer is in the chat")
}

pub async fn racing_requests_open_one_direct_chat(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let tasks = (0..20).map(|number| {
        let store = store.clone();
        let pair = if number % 2 == 0 { [ada, bob] } else { [bob, ada] };
        tokio::spawn(async move {
            let chat = NewDirectChat { id: ChatId::from_bytes(id()), pair, created_at: at(1) };
            store.create_direct_chat(chat).await.unwrap()
        })
    });
    let mut outcomes = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        outcomes.push(task.await.unwrap());
    }
    assert_eq!(outcomes.iter().filter(|(_, created)| *created).count(), 1);
    let the_one = outcomes[0].0;
    assert!(outcomes.iter().all(|(id, _)| *id == the_one));
    for viewer in [ada, bob] {
        let chats = store.chats_of(viewer, 10, 10).await.unwrap();
        assert_eq!(chats.iter().map(|chat| chat.id).collect::<Vec<_>>(), [the_one]);
        assert_eq!((chats[0].kind, chats[0].name.as_deref()), (ChatKind::Direct, None));
        assert_eq!((chats[0].member_count, chats[0].my_role), (2, Role::Member));
        let mut members = member_ids(&chats[0]);
        members.sort_unstable();
        assert_eq!(members, [ada, bob]);
    }
}

pub async fn a_direct_chat_needs_two_accounts(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let nobody = UserId::from_bytes(id());
    for (pair, expected) in [
        ([ada, nobody], ErrorCode::UnknownMember),
        ([nobody, ada], ErrorCode::UnknownMember),
        ([ada, ada], ErrorCode::CannotChatWithSelf),
    ] {
        let chat = NewDirectChat { id: ChatId::from_bytes(id()), pair, created_at: at(1) };
        assert_eq!(code(store.create_direct_chat(chat).await), Some(expected));
    }
    assert!(store.chats_of(ada, 10, 10).await.unwrap().is_empty());
}

pub async fn a_group_with_an_unknown_member_leaves_nothing_behind(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let mut group = new_group(&[ada, bob, UserId::from_bytes(id())], at(0));
    let chat = group.id;
    let again = new_group(&[ada, bob], at(0));
    assert_eq!(code(store.create_group_chat(group).await), Some(ErrorCode::UnknownMember));
    assert_eq!(store.role(chat, ada).await.unwrap(), None);
    assert!(store.chats_of(ada, 10, 10).await.unwrap().is_empty());
    assert!(store.member_ids(chat).await.unwrap().is_empty());
    // Its id is free, so the chat itself has gone too.
    group = again;
    group.id = chat;
    store.create_group_chat(group).await.unwrap();
    assert_eq!(store.role(chat, ada).await.unwrap(), Some(Role::Admin));
}

pub async fn members_are_listed_in_the_order_of_joining(store: TheStore) {
    let all: [UserId; 6] = people(&store).await;
    let order = [all[3], all[0], all[5], all[1]];
    let group = group(&store, &order).await;
    let record = chat(&store, group, all[0]).await;
    assert_eq!(member_ids(&record), order);
    assert_eq!((record.kind, record.name.as_deref()), (ChatKind::Group, Some("Team")));
    assert_eq!((record.my_role, record.member_count), (Role::Member, 4));
    assert_eq!((record.head, record.head_ordinal, record.last_message), (Seq(0), Ordinal(0), None));
    assert_eq!(record.members[0].role, Role::Admin);
    assert_eq!(record.members[0].joined_at, at(0));
    assert_eq!(record.members[0].user.display_name, "Person 3");

    let join = move |chat: &_| policy::add_members(chat, all[3], &[all[4], all[2]]);
    store.change_chat(group, all[3], at(100), by_policy(join)).await.unwrap().unwrap();
    let leave = move |chat: &_| policy::leave(chat, all[0]);
    store.change_chat(group, all[0], at(101), by_policy(leave)).await.unwrap().unwrap();
    let rejoin = move |chat: &_| policy::add_members(chat, all[3], &[all[0]]);
    store.change_chat(group, all[3], at(102), by_policy(rejoin)).await.unwrap().unwrap();
    let expected = [all[3], all[5], all[1], all[4], all[2], all[0]];
    assert_eq!(member_ids(&chat(&store, group, all[0]).await), expected, "who comes back is last");

    let short = store.chat(group, all[0], 2).await.unwrap().unwrap();
    assert_eq!(member_ids(&short), expected[..2]);
    assert_eq!(short.member_count, 6);
    let mut ids = store.member_ids(group).await.unwrap();
    ids.sort_unstable();
    assert_eq!(ids, all);
}

pub async fn outsiders_find_nothing(store: TheStore) {
    let [ada, bob, eve] = people(&store).await;
    let direct = direct(&store, [ada, bob], at(0)).await;
    let group = group(&store, &[ada, bob]).await;
    send(&store, direct, ada, "secret", 1).await;
    for chat in [direct, group, ChatId::from_bytes(id())] {
        assert_eq!(store.role(chat, eve).await.unwrap(), None);
        assert_eq!(store.chat(chat, eve, 10).await.unwrap(), None);
    }
    assert!(store.chats_of(eve, 10, 10).await.unwrap().is_empty());
    assert!(store.heads_of(eve).await.unwrap().is_empty());
    assert!(store.contacts_of(eve, 100, 100).await.unwrap().is_empty());
    assert!(store.small_chats_of(eve, 100).await.unwrap().is_empty());
}

pub async fn chats_are_listed_by_last_activity(store: TheStore) {
    let [ada, bob, carol, dan] = people(&store).await;
    let with_bob = direct(&store, [ada, bob], at(10)).await;
    let with_carol = direct(&store, [ada, carol], at(20)).await;
    let mut team = new_group(&[ada, bob, carol, dan], at(30));
    team.id = ChatId::from_bytes(id());
    let team_id = team.id;
    store.create_group_chat(team).await.unwrap();
    let order = async || {
        let chats = store.chats_of(ada, 10, 10).await.unwrap();
        chats.into_iter().map(|chat| chat.id).collect::<Vec<_>>()
    };
    assert_eq!(order().await, [team_id, with_carol, with_bob]);
    let message = send(&store, with_bob, bob, "up", 40).await;
    assert_eq!(order().await, [with_bob, team_id, with_carol]);
    store.change_chat(with_carol, ada, at(50), always(Vec::new())).await.unwrap();
    store.change_chat(team_id, ada, at(50), always(vec![renamed("Crew")])).await.unwrap();
    assert_eq!(order().await, [with_bob, team_id, with_carol], "only messages move a chat");

    let two = store.chats_of(ada, 2, 3).await.unwrap();
    assert_eq!(two.iter().map(|chat| chat.id).collect::<Vec<_>>(), [with_bob, team_id]);
    assert_eq!(two[0].last_message.as_ref(), Some(&message));
    assert_eq!(member_ids(&two[1]), [ada, bob, carol]);
    assert_eq!(two[1].member_count, 4);
    assert_eq!(two[0], chat(&store, with_bob, ada).await, "a list says what the chat itself says");
}

pub async fn a_long_list_says_of_each_chat_what_the_chat_itself_says(store: TheStore) {
    let all: [UserId; 6] = people(&store).await;
    let ada = all[0];
    for number in 0..60_usize {
        let others = 1 + number % 5;
        let chat = match number {
            0 => direct(&store, [all[1], ada], at(0)).await,
            _ => group(&store, &all[..=others]).await,
        };
        // Some are silent, in some the last event is not a message, and from some the first member has gone.
        for message in 0..number % 3 {
            send(&store, chat, all[1], &format!("{number}, {message}"), i64::try_from(number).unwrap()).await;
        }
        if number % 4 == 1 {
            store.change_chat(chat, ada, at(200), always(vec![renamed("Crew")])).await.unwrap();
        }
        if number % 5 == 4 {
            let left = EventBody::MemberRemoved { user_id: all[1] };
            store.change_chat(chat, all[1], at(200), always(vec![left])).await.unwrap();
        }
    }
    for most in [0, 1, 3, 100] {
        let listed = store.chats_of(ada, 1_000, most).await.unwrap();
        assert_eq!(listed.len(), 60);
        for record in listed {
            assert_eq!(Some(&record), store.chat(record.id, ada, most).await.unwrap().as_ref());
        }
    }
}

pub async fn heads_contacts_and_small_chats(store: TheStore) {
    let all: [UserId; 5] = people(&store).await;
    let pair = direct(&store, [all[0], all[1]], at(0)).await;
    let team = group(&store, &[all[0], all[1], all[2]]).await;
    let crowd = group(&store, &all).await;
    send(&store, pair, all[0], "one", 1).await;
    send(&store, pair, all[1], "two", 2).await;
    store.change_chat(team, all[0], at(3), always(vec![renamed("Crew")])).await.unwrap();
    let heads = store.heads_of(all[0]).await.unwrap();
    assert_eq!(heads.into_iter().collect::<Vec<_>>(), {
        let mut expected = vec![(pair, Seq(2)), (team, Seq(1)), (crowd, Seq(0))];
        expected.sort_unstable();
        expected
    });
    let unknown = ChatId::from_bytes(id());
    let asked = store.heads(&[crowd, unknown, pair]).await.unwrap();
    assert_eq!(asked, [(pair, Seq(2)), (crowd, Seq(0))].into());
    assert!(store.heads(&[]).await.unwrap().is_empty());

    let contacts = async |largest, limit| {
        let mut contacts = store.contacts_of(all[0], largest, limit).await.unwrap();
        contacts.sort_unstable();
        contacts
    };
    assert_eq!(contacts(2, 100).await, all[1..2]);
    assert_eq!(contacts(3, 100).await, all[1..3]);
    assert_eq!(contacts(5, 100).await, all[1..]);
    assert_eq!(contacts(5, 2).await.len(), 2);
    let small = async |largest| {
        let mut chats = store.small_chats_of(all[0], largest).await.unwrap();
        chats.sort_unstable();
        chats
    };
    assert_eq!(small(4).await, {
        let mut expected = vec![pair, team];
        expected.sort_unstable();
        expected
    });
    assert_eq!(small(1).await, []);
}

pub async fn who_made_as_many_chats_as_they_may_makes_no_more(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let with_bob = direct(&store, [ada, bob], at(0)).await;
    let alone = [ada];
    let groups = (1..limits::CHATS_MADE_PER_USER).map(|_| group(&store, &alone));
    let groups = futures::future::join_all(groups).await;
    let refused = Some(ErrorCode::TooManyChats);

    let with_carol = || NewDirectChat { id: ChatId::from_bytes(id()), pair: [ada, carol], created_at: at(1) };
    assert_eq!(code(store.create_direct_chat(with_carol()).await), refused);
    assert_eq!(code(store.create_group_chat(new_group(&[ada, bob], at(1))).await), refused);
    assert!(store.heads_of(carol).await.unwrap().is_empty(), "of what was refused nothing is left");
    assert_eq!(direct(&store, [ada, bob], at(2)).await, with_bob, "what there is stays open");

    let leave = by_policy(move |chat| policy::leave(chat, ada));
    store.change_chat(groups[0], ada, at(3), leave).await.unwrap();
    assert!(store.create_direct_chat(with_carol()).await.unwrap().1);
    assert_eq!(code(store.create_group_chat(new_group(&[ada], at(4))).await), refused);
}

pub async fn nobody_uses_up_the_chats_of_somebody_else(store: TheStore) {
    let [ada, bob, carol, dora] = people(&store).await;
    let both = [bob, ada];
    let groups = (0..limits::CHATS_MADE_PER_USER).map(|_| group(&store, &both));
    futures::future::join_all(groups).await;
    assert_eq!(code(store.create_group_chat(new_group(&both, at(1))).await), Some(ErrorCode::TooManyChats));

    let team = group(&store, &[carol, ada, bob]).await;
    let mine = group(&store, &[ada]).await;
    let add = by_policy(move |chat| policy::add_members(chat, ada, &[carol, bob, dora]));
    store.change_chat(mine, ada, at(2), add).await.unwrap();
    assert_eq!(chat(&store, mine, bob).await.member_count, 4);
    direct(&store, [ada, dora], at(3)).await;
    let last = direct(&store, [carol, ada], at(4)).await;

    assert_eq!(store.heads_of(ada).await.unwrap().len(), limits::CHATS_MADE_PER_USER + 4);
    assert_eq!(chat(&store, team, ada).await.member_count, 3);
    let listed = store.chats_of(ada, limits::CHATS_IN_LIST, 1).await.unwrap();
    assert_eq!((listed.len(), listed[0].id), (limits::CHATS_IN_LIST, last), "the last active ones");
}
