//! When people were last there, what they share, and whom they have blocked.

use std::{collections::BTreeSet, sync::Arc};

use app::{
    domain::{Blocking, ChatId, Ordinal, Timestamp, UserId, limits},
    error::{AppError, ErrorCode},
    ports::{Appended, NewDirectChat, NewMessage, PushQuery},
    protocol::EventBody,
};
use futures::future::join_all;

use crate::{
    chats::chat,
    push::{subscribed, told},
    reading::{change, read_to},
    support::*,
};

async fn last_seen(store: &TheStore, who: UserId) -> Option<Timestamp> {
    store.user(who).await.unwrap().unwrap().last_seen
}

async fn open(store: &TheStore, pair: [UserId; 2]) -> Result<ChatId, AppError> {
    let chat = NewDirectChat { id: ChatId::from_bytes(id()), pair, created_at: at(0) };
    store.create_direct_chat(chat).await.map(|(chat, _)| chat)
}

/// Why a message of this person is refused, if it is.
async fn refusal(store: &TheStore, chat: ChatId, sender: UserId) -> Option<ErrorCode> {
    match append(store, chat, text(sender, "hello", at(1))).await {
        Appended::New(_) => None,
        Appended::Refused(code) => Some(code),
        other => panic!("neither stored nor refused: {other:?}"),
    }
}

pub async fn when_people_were_last_there_is_noted_and_never_goes_back(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    assert_eq!(last_seen(&store, ada).await, None);
    store.note_last_seen(&[ada, bob, NOBODY], at(5)).await.unwrap();
    store.note_last_seen(&[ada], at(3)).await.unwrap();
    store.note_last_seen(&[bob], at(7)).await.unwrap();
    store.note_last_seen(&[], at(9)).await.unwrap();
    assert_eq!([last_seen(&store, ada).await, last_seen(&store, bob).await], [Some(at(5)), Some(at(7))]);
    assert_eq!(last_seen(&store, cid).await, None);
    assert!(store.user(NOBODY).await.unwrap().is_none());
}

pub async fn others_are_told_when_one_was_last_there_unless_that_is_off(store: TheStore) {
    let [ada] = people(&store).await;
    let shows = async || {
        let user = store.user(ada).await.unwrap().unwrap().show_last_seen;
        assert_eq!(store.privacy_of(ada).await.unwrap().shows_last_seen, user);
        user
    };
    assert!(shows().await);
    assert!(store.set_show_last_seen(ada, false).await.unwrap());
    assert!(!shows().await);
    assert!(store.set_show_last_seen(ada, true).await.unwrap());
    assert!(shows().await);
    assert!(!store.set_show_last_seen(NOBODY, false).await.unwrap());
}

pub async fn what_two_people_share_is_found_by_name(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    let named = async |name: &str, members: &[UserId]| {
        let made = group(&store, members).await;
        store.change_chat(made, members[0], at(1), always(vec![renamed(name)])).await.unwrap();
        made
    };
    let zoo = named("Zoo", &[ada, bob]).await;
    let arts = named("arts", &[cid, bob, ada]).await;
    named("Other", &[ada, cid]).await;
    let gone = named("Gone", &[ada, bob]).await;
    store.change_chat(gone, ada, at(2), always(vec![EventBody::ChatDeleted {}])).await.unwrap();
    let shared = store.shared_chats(ada, bob, 10).await.unwrap();
    assert_eq!(shared.direct, None);
    let found = |shared: &app::ports::SharedChats| {
        shared.groups.iter().map(|group| (group.id, group.name.clone())).collect::<Vec<_>>()
    };
    assert_eq!(found(&shared), [(arts, "arts".to_owned()), (zoo, "Zoo".to_owned())]);
    let both = direct(&store, [bob, ada], at(3)).await;
    for (viewer, other) in [(ada, bob), (bob, ada)] {
        let shared = store.shared_chats(viewer, other, 1).await.unwrap();
        assert_eq!((shared.direct, found(&shared)), (Some(both), vec![(arts, "arts".to_owned())]));
    }
    assert_eq!(store.shared_chats(ada, NOBODY, 10).await.unwrap(), Default::default());
}

pub async fn blocking_is_one_way_and_can_be_taken_back(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    for _ in 0..2 {
        store.block(ada, bob, at(1)).await.unwrap();
    }
    store.block(cid, bob, at(1)).await.unwrap();
    let blocked = async |who| store.privacy_of(who).await.unwrap().blocked;
    assert_eq!([blocked(ada).await, blocked(bob).await], [BTreeSet::from([bob]), BTreeSet::new()]);
    let mut blockers = store.blockers_among(bob, &[ada, bob, cid, NOBODY]).await.unwrap();
    blockers.sort_unstable();
    assert_eq!(blockers, [ada, cid]);
    assert_eq!(store.blockers_among(bob, &[cid]).await.unwrap(), [cid]);
    assert_eq!(store.blockers_among(ada, &[bob, cid]).await.unwrap(), []);
    assert_eq!(store.blockers_among(bob, &[]).await.unwrap(), []);
    for _ in 0..2 {
        store.unblock(ada, bob).await.unwrap();
    }
    assert_eq!(blocked(ada).await, BTreeSet::new());
    assert_eq!(store.blockers_among(bob, &[ada, cid]).await.unwrap(), [cid]);
}

pub async fn nobody_begins_a_direct_chat_past_a_block(store: TheStore) {
    let [ada, bob] = people(&store).await;
    store.block(ada, bob, at(1)).await.unwrap();
    assert_eq!(code(open(&store, [bob, ada]).await), Some(ErrorCode::CannotMessage));
    assert_eq!(code(open(&store, [ada, bob]).await), Some(ErrorCode::YouBlockedThem));
    assert_eq!(store.shared_chats(ada, bob, 1).await.unwrap().direct, None);
    store.unblock(ada, bob).await.unwrap();
    let made = open(&store, [bob, ada]).await.unwrap();
    store.block(bob, ada, at(2)).await.unwrap();
    assert_eq!(open(&store, [ada, bob]).await.unwrap(), made, "one that is there is found");
}

pub async fn nobody_writes_to_a_direct_chat_past_a_block(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let (id, team) = (direct(&store, [ada, bob], at(0)).await, group(&store, &[ada, bob]).await);
    let first = text(bob, "before", at(1));
    let sent = stored(&append(&store, id, first.clone()).await).clone();
    let blocking = async |who| chat(&store, id, who).await.blocking;
    for (blocker, blocked) in [(ada, bob), (bob, ada)] {
        store.block(blocker, blocked, at(2)).await.unwrap();
        assert_eq!(refusal(&store, id, blocker).await, Some(ErrorCode::YouBlockedThem));
        assert_eq!(refusal(&store, id, blocked).await, Some(ErrorCode::CannotMessage));
        assert_eq!(blocking(blocker).await, Blocking { by_me: true, by_them: false });
        assert_eq!(blocking(blocked).await, Blocking { by_me: false, by_them: true });
        let listed = store.chats_of(blocked, 10, 10).await.unwrap();
        assert!(listed.iter().find(|chat| chat.id == id).unwrap().blocking.by_them);
        store.unblock(blocker, blocked).await.unwrap();
        assert_eq!(blocking(blocked).await, Blocking::default());
        assert_eq!(refusal(&store, id, blocked).await, None);
    }
    store.block(ada, bob, at(3)).await.unwrap();
    store.block(bob, ada, at(3)).await.unwrap();
    assert_eq!(blocking(ada).await, Blocking { by_me: true, by_them: true });
    store.unblock(bob, ada).await.unwrap();
    assert_eq!(refusal(&store, id, bob).await, Some(ErrorCode::CannotMessage), "the other block stands");
    // A retry of what was stored before finds it, and a group knows nothing of all this.
    match append(&store, id, first).await {
        Appended::Duplicate(original) => assert_eq!(original.id, sent.id),
        other => panic!("expected the original: {other:?}"),
    }
    assert_eq!([refusal(&store, team, ada).await, refusal(&store, team, bob).await], [None, None]);
    assert_eq!(chat(&store, team, ada).await.blocking, Blocking::default());
}

pub async fn a_change_of_a_message_knows_who_has_blocked_whom(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let id = direct(&store, [ada, bob], at(0)).await;
    let sent = send(&store, id, bob, "hello", 1).await;
    let decided = async |who: UserId| {
        let seen = Arc::new(std::sync::Mutex::new(None));
        let note = Arc::clone(&seen);
        let decide: app::ports::DecideMessage = Box::new(move |state| {
            *note.lock().unwrap() = Some(state.blocking);
            Ok(None)
        });
        store.change_message(id, sent.id, who, at(2), decide).await.unwrap();
        let seen = *seen.lock().unwrap();
        seen.unwrap()
    };
    assert_eq!(decided(bob).await, Blocking::default());
    store.block(ada, bob, at(2)).await.unwrap();
    assert_eq!(decided(bob).await, Blocking { by_me: false, by_them: true });
    assert_eq!(decided(ada).await, Blocking { by_me: true, by_them: false });
    // What the rules allow is done all the same.
    let gone = EventBody::MessageDeleted { message_id: sent.id, ordinal: sent.ordinal };
    assert!(amend(&store, &sent, bob, 3, gone).await.event.is_some());
}

pub async fn who_is_blocked_is_not_told_how_far_one_has_read(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let (id, team) = (direct(&store, [ada, bob], at(0)).await, group(&store, &[ada, bob]).await);
    for chat in [id, team] {
        send(&store, chat, bob, "one", 1).await;
        send(&store, chat, bob, "two", 2).await;
    }
    assert!(change(&store, id, ada, read_to(1)).await.is_shown);
    store.block(ada, bob, at(3)).await.unwrap();
    let marked = change(&store, id, ada, read_to(2)).await;
    assert!(!marked.is_shown && marked.after.read == Ordinal(2), "{marked:?}");
    assert!(change(&store, team, ada, read_to(2)).await.is_shown, "in a group they are");
    assert!(change(&store, id, bob, read_to(2)).await.is_shown, "who is blocked hides nothing");
}

pub async fn whom_one_has_blocked_mentions_and_notifies_one_no_longer(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    let team = group(&store, &[ada, bob, cid]).await;
    let mention = async |sender: UserId, whom| {
        append(&store, team, NewMessage { mentions: whom, ..text(sender, "hi", at(1)) }).await
    };
    mention(bob, mentioning(false, &[ada])).await;
    mention(bob, mentioning(true, &[])).await;
    mention(cid, mentioning(false, &[ada])).await;
    let mentioned = async || {
        let one = chat(&store, team, ada).await.mentioned;
        assert_eq!(store.chats_of(ada, 1, 1).await.unwrap()[0].mentioned, one);
        one.into_iter().map(|ordinal| ordinal.0).collect::<Vec<_>>()
    };
    assert_eq!(mentioned().await, [1, 2, 3]);
    for (who, name) in [(ada, "ada"), (bob, "bob"), (cid, "cid")] {
        subscribed(&store, who, name).await;
    }
    let of = |writer| PushQuery {
        chat: team,
        seq: app::domain::Seq(3),
        ordinal: Ordinal(4),
        except: writer,
        called_only: false,
        now: at(2),
        most_members: 10,
        most_targets: 10,
    };
    assert_eq!(told(&store, of(bob)).await, ["ada", "cid"]);
    store.block(ada, bob, at(2)).await.unwrap();
    assert_eq!(mentioned().await, [3]);
    assert_eq!(told(&store, of(bob)).await, ["cid"]);
    assert_eq!(told(&store, of(cid)).await, ["ada", "bob"], "others are heard");
    store.unblock(ada, bob).await.unwrap();
    assert_eq!(mentioned().await, [1, 2, 3]);
    assert_eq!(told(&store, of(bob)).await, ["ada", "cid"]);
}

pub async fn one_blocks_a_bounded_number_of_people(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let mut others = Vec::new();
    for start in (0..=limits::BLOCKED_PER_USER).step_by(50) {
        let some = (start..(start + 50).min(limits::BLOCKED_PER_USER + 1)).map(|number| {
            let store = store.clone();
            async move { person(&store, &format!("Other {number}")).await }
        });
        others.extend(join_all(some).await);
    }
    let (last, first) = others.split_last().unwrap();
    for some in first.chunks(50) {
        let done = join_all(some.iter().map(|other| store.block(ada, *other, at(1)))).await;
        assert!(done.iter().all(Result::is_ok));
    }
    assert_eq!(store.privacy_of(ada).await.unwrap().blocked.len(), limits::BLOCKED_PER_USER);
    assert_eq!(code(store.block(ada, *last, at(2)).await), Some(ErrorCode::TooManyBlocked));
    store.block(ada, first[0], at(2)).await.unwrap();
    store.unblock(ada, first[0]).await.unwrap();
    store.block(ada, *last, at(2)).await.unwrap();
}

pub async fn a_block_and_a_new_direct_chat_cannot_miss_each_other(store: TheStore) {
    for round in 0..15 {
        let (ada, bob) =
            (person(&store, &format!("Ada {round}")).await, person(&store, &format!("Bob {round}")).await);
        let (opened, blocked) = tokio::join!(open(&store, [bob, ada]), store.block(ada, bob, at(1)));
        blocked.unwrap();
        match opened {
            Ok(id) => assert_eq!(refusal(&store, id, bob).await, Some(ErrorCode::CannotMessage), "{round}"),
            Err(refused) => assert_eq!(refused.code, ErrorCode::CannotMessage),
        }
    }
}

pub async fn a_block_that_is_repeated_and_its_end_cannot_miss_each_other(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let id = direct(&store, [ada, bob], at(0)).await;
    for round in 0..15 {
        store.block(ada, bob, at(round)).await.unwrap();
        let (again, over) = tokio::join!(store.block(ada, bob, at(round)), store.unblock(ada, bob));
        again.unwrap();
        over.unwrap();
        let is_blocked = store.privacy_of(ada).await.unwrap().blocked.contains(&bob);
        let refused = is_blocked.then_some(ErrorCode::CannotMessage);
        assert_eq!(refusal(&store, id, bob).await, refused, "the chat and the list say the same: {round}");
    }
}

pub async fn nothing_is_stored_after_a_block(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let id = direct(&store, [ada, bob], at(0)).await;
    for round in 0..10 {
        let sends = (0..5).map(|_| refusal(&store, id, bob));
        let block = async {
            store.block(ada, bob, at(round)).await.unwrap();
            chat(&store, id, ada).await.head
        };
        let (refusals, head) = tokio::join!(join_all(sends), block);
        assert!(refusals.iter().flatten().all(|code| *code == ErrorCode::CannotMessage));
        assert_eq!(refusal(&store, id, bob).await, Some(ErrorCode::CannotMessage));
        assert_eq!(chat(&store, id, ada).await.head, head, "stored after the block was answered");
        store.unblock(ada, bob).await.unwrap();
    }
    log(&store, id).await;
}
