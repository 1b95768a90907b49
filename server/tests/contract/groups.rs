//! Finding the members of a group, and the invitations by which people join it.

use app::{
    domain::{ChatId, InviteId, Role, UserId, limits, policy},
    error::{AppError, ErrorCode},
    ports::{InvitedTo, NewInvite},
    protocol::{EventBody, LogEvent, MemberView},
};

use crate::{chats::chat, support::*};

fn names(members: &[MemberView]) -> Vec<&str> {
    members.iter().map(|member| member.user.display_name.as_str()).collect()
}

async fn search(store: &TheStore, chat: ChatId, words: &[&str], limit: usize) -> Vec<MemberView> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    store.search_members(chat, &words, limit).await.unwrap()
}

pub async fn members_are_found_by_the_beginnings_of_words(store: TheStore) {
    let ada = person(&store, "Ada Lovelace").await;
    let zoe = person(&store, "zoe lovage").await;
    let bob = person(&store, "Bob Love").await;
    let outside = person(&store, "Lovely Outsider").await;
    let team = group(&store, &[ada, zoe, bob]).await;
    let other = group(&store, &[outside, ada]).await;
    assert_eq!(names(&search(&store, team, &["lov"], 10).await), ["Ada Lovelace", "Bob Love", "zoe lovage"]);
    assert_eq!(names(&search(&store, team, &["lov"], 2).await), ["Ada Lovelace", "Bob Love"], "by name");
    assert_eq!(names(&search(&store, team, &["lovel"], 10).await), ["Ada Lovelace"]);
    assert_eq!(names(&search(&store, team, &["lo", "z"], 10).await), ["zoe lovage"]);
    assert!(search(&store, team, &["ove"], 10).await.is_empty(), "not by the middle of a word");
    assert!(search(&store, team, &["%"], 10).await.is_empty(), "nothing in it means anything");
    assert!(search(&store, team, &["lov", "q"], 10).await.is_empty());
    assert_eq!(names(&search(&store, other, &["lov"], 10).await), ["Ada Lovelace", "Lovely Outsider"]);
    assert!(search(&store, ChatId::from_bytes(id()), &["lov"], 10).await.is_empty());

    let found = search(&store, team, &["ada"], 10).await;
    let whole = chat(&store, team, zoe).await;
    let known = MemberView { read: None, ..whole.members[0].clone() };
    assert_eq!(found, [known], "as the chat itself says it, but for how far they have read");

    let left = by_policy(move |chat| policy::leave(chat, zoe));
    store.change_chat(team, zoe, at(1), left).await.unwrap().unwrap();
    assert!(search(&store, team, &["zoe"], 10).await.is_empty());
}

pub async fn members_are_read_in_parts(store: TheStore) {
    let all: [UserId; 7] = people(&store).await;
    let team = group(&store, &all[..6]).await;
    let ids = |members: &[MemberView]| members.iter().map(|member| member.user.id).collect::<Vec<_>>();
    let first = store.members_from(team, 0, 4).await.unwrap();
    assert_eq!(ids(&first.members), all[..4]);
    assert_eq!(first.members[0].role, Role::Admin);
    // Whoever goes and comes meanwhile moves nobody else.
    let left = by_policy(move |chat| policy::leave(chat, all[1]));
    store.change_chat(team, all[1], at(1), left).await.unwrap().unwrap();
    let added = by_policy(move |chat| policy::add_members(chat, all[0], &[all[6]]));
    store.change_chat(team, all[0], at(2), added).await.unwrap().unwrap();
    let second = store.members_from(team, first.next.unwrap(), 4).await.unwrap();
    assert_eq!((ids(&second.members), second.next), (all[4..].to_vec(), None));
    assert_eq!(store.members_from(team, 0, 6).await.unwrap().next, None, "as many as there are");
    assert!(store.members_from(team, u64::MAX, 4).await.unwrap().members.is_empty());
    assert!(store.members_from(ChatId::from_bytes(id()), 0, 4).await.unwrap().members.is_empty());
}

pub fn new_invite(chat_id: ChatId, created_by: UserId, made: i64) -> NewInvite {
    NewInvite {
        id: InviteId::from_bytes(id()),
        chat_id,
        token_hash: hash(),
        created_by,
        created_at: at(made),
        expires_at: None,
        max_uses: None,
    }
}

async fn invite(store: &TheStore, invite: NewInvite) -> NewInvite {
    store.create_invite(invite.clone()).await.unwrap();
    invite
}

/// Joins as the service does.
async fn join(
    store: &TheStore,
    invite: &NewInvite,
    who: UserId,
    when: i64,
) -> Result<Option<Vec<LogEvent>>, AppError> {
    let decide = by_policy(move |chat| policy::join(chat, who));
    store.join_by_invite(invite.chat_id, invite.token_hash, who, at(when), decide).await
}

async fn uses(store: &TheStore, chat: ChatId, now: i64) -> Vec<u32> {
    store.invites(chat, at(now)).await.unwrap().iter().map(|invite| invite.uses).collect()
}

pub async fn people_join_by_an_invitation(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let team = group(&store, &[ada, bob]).await;
    let link = invite(&store, new_invite(team, ada, 1)).await;
    let to = store.invite(&link.token_hash, carol, at(2)).await.unwrap();
    let expected = InvitedTo {
        chat_id: team,
        name: "Team".into(),
        description: String::new(),
        member_count: 2,
        is_member: false,
        avatar: None,
    };
    assert_eq!(to, Some(expected.clone()));
    let events = join(&store, &link, carol, 3).await.unwrap().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].actor_id, carol, "who joins did it");
    assert!(matches!(&events[0].body, EventBody::MemberAdded { member } if member.user.id == carol));
    assert_eq!(log(&store, team).await, events);
    assert_eq!(store.role(team, carol).await.unwrap(), Some(Role::Member));
    assert_eq!(uses(&store, team, 4).await, [1]);

    assert_eq!(join(&store, &link, carol, 5).await.unwrap(), Some(Vec::new()), "once more");
    assert_eq!(join(&store, &link, bob, 5).await.unwrap(), Some(Vec::new()));
    assert_eq!(uses(&store, team, 6).await, [1], "who is in it uses nothing");
    let again = store.invite(&link.token_hash, carol, at(6)).await.unwrap();
    assert_eq!(again, Some(InvitedTo { member_count: 3, is_member: true, ..expected }));

    let listed = store.invites(team, at(6)).await.unwrap();
    assert_eq!((listed[0].id, listed[0].created_by), (link.id, ada));
    assert_eq!(listed[0].created_by_name, "Person 0");
    assert_eq!((listed[0].created_at, listed[0].expires_at, listed[0].max_uses), (at(1), None, None));
}

pub async fn an_invitation_that_is_not_good_lets_nobody_in(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let team = group(&store, &[ada]).await;
    let other = group(&store, &[ada]).await;
    let good = invite(&store, new_invite(team, ada, 0)).await;
    let ends = NewInvite { expires_at: Some(at(10)), ..new_invite(team, ada, 1) };
    let ends = invite(&store, ends).await;
    let single = NewInvite { max_uses: Some(1), ..new_invite(team, ada, 2) };
    let single = invite(&store, single).await;
    let revoked = invite(&store, new_invite(team, ada, 3)).await;
    assert_eq!(join(&store, &single, bob, 3).await.unwrap().unwrap().len(), 1);
    assert!(!store.revoke_invite(other, revoked.id).await.unwrap(), "an invitation to another group");
    assert!(store.revoke_invite(team, revoked.id).await.unwrap());
    assert!(!store.revoke_invite(team, revoked.id).await.unwrap());
    let unknown = new_invite(team, ada, 4);
    let elsewhere = NewInvite { chat_id: other, ..good.clone() };

    let listed = store.invites(team, at(9)).await.unwrap();
    assert_eq!(listed.iter().map(|invite| invite.id).collect::<Vec<_>>(), [ends.id, good.id]);
    assert_eq!((listed[0].expires_at, listed[0].max_uses), (Some(at(10)), None));
    assert_eq!(store.invites(team, at(10)).await.unwrap().len(), 1, "it ends at its end");
    for (what, link) in
        [("expired", &ends), ("used up", &single), ("revoked", &revoked), ("unknown", &unknown)]
    {
        assert_eq!(store.invite(&link.token_hash, carol, at(10)).await.unwrap(), None, "{what}");
        assert_eq!(join(&store, link, carol, 10).await.unwrap(), None, "{what}");
    }
    assert_eq!(join(&store, &elsewhere, carol, 10).await.unwrap(), None, "by the group of another one");
    assert_eq!(store.role(team, carol).await.unwrap(), None);
    assert_eq!(log(&store, team).await.len(), 1);
    // Whose last use it was finds the group again, and who has left is as far outside as everybody else.
    assert!(store.invite(&single.token_hash, bob, at(10)).await.unwrap().unwrap().is_member);
    assert_eq!(join(&store, &single, bob, 10).await.unwrap(), Some(Vec::new()));
    let left = by_policy(move |chat| policy::leave(chat, bob));
    store.change_chat(team, bob, at(11), left).await.unwrap().unwrap();
    assert_eq!(join(&store, &single, bob, 12).await.unwrap(), None);

    let refused = by_policy(|_chat| Err(AppError::forbidden()));
    let outcome = store.join_by_invite(team, good.token_hash, carol, at(13), refused).await;
    assert_eq!(code(outcome), Some(ErrorCode::Forbidden));
    assert_eq!(uses(&store, team, 14).await, [0], "what is refused is no use");
    let gone = always(vec![EventBody::ChatDeleted {}]);
    store.change_chat(team, ada, at(15), gone).await.unwrap().unwrap();
    assert_eq!(store.invite(&good.token_hash, carol, at(16)).await.unwrap(), None);
    assert_eq!(join(&store, &good, carol, 16).await.unwrap(), None);
    let late = store.create_invite(new_invite(team, ada, 17)).await;
    assert_eq!(code(late), Some(ErrorCode::NotFound));
    while store.purge(at(18)).await.unwrap() > 0 {}
    assert_eq!(store.invites(team, at(0)).await.unwrap(), []);
}

pub async fn of_many_who_race_for_the_last_uses_as_many_get_in(store: TheStore) {
    let all: [UserId; 9] = people(&store).await;
    let team = group(&store, &all[..1]).await;
    let link = NewInvite { max_uses: Some(3), ..new_invite(team, all[0], 0) };
    let link = invite(&store, link).await;
    let tasks = all[1..].iter().copied().map(|who| {
        let (store, link) = (store.clone(), link.clone());
        tokio::spawn(async move { join(&store, &link, who, 1).await.unwrap().is_some() })
    });
    let mut joined = 0;
    for task in tasks.collect::<Vec<_>>() {
        joined += usize::from(task.await.unwrap());
    }
    assert_eq!(joined, 3);
    assert_eq!(chat(&store, team, all[0]).await.member_count, 4);
    assert_eq!(log(&store, team).await.len(), 3);
}

pub async fn a_group_has_a_bounded_number_of_invitations(store: TheStore) {
    let [ada] = people(&store).await;
    let (team, other) = (group(&store, &[ada]).await, group(&store, &[ada]).await);
    for number in 0..limits::INVITES_PER_CHAT {
        let ends = (number < 2).then(|| at(100));
        invite(&store, NewInvite { expires_at: ends, ..new_invite(team, ada, 0) }).await;
    }
    let refused = store.create_invite(new_invite(team, ada, 1)).await;
    assert_eq!(code(refused), Some(ErrorCode::TooManyInvites));
    invite(&store, new_invite(other, ada, 1)).await;
    invite(&store, new_invite(team, ada, 100)).await;
    assert_eq!(store.invites(team, at(100)).await.unwrap().len(), limits::INVITES_PER_CHAT - 1);
    let nobody = store.create_invite(new_invite(other, UserId::from_bytes(id()), 1)).await;
    assert_eq!(code(nobody), Some(ErrorCode::UnknownMember));
}
