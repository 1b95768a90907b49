//! How far people have read, and what else a chat is to each of its members alone.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use app::{
    domain::{ChatId, Ordinal, Role, UserId, limits},
    ports::{Appended, DecideMine, MineChange},
    protocol::{EventBody, MyChatView},
};
use futures::future::join_all;

use crate::{chats::chat, random::Random, support::*};

/// Courses of the recount, and what happens in each.
const SEEDS: u64 = 6;
const STEPS: i64 = 40;

/// Somebody marks as read up to there.
pub fn read_to(ordinal: u64) -> DecideMine {
    changing(move |mine, head| mine.mark_read(Ordinal(ordinal), head))
}

/// Somebody has a chat count as unread from there on.
pub fn unread_from(ordinal: u64) -> DecideMine {
    changing(move |mine, head| mine.mark_unread(Ordinal(ordinal), head))
}

fn changing(change: impl Fn(&mut MyChatView, Ordinal) + Send + Sync + 'static) -> DecideMine {
    Box::new(move |mine, head| {
        let mut new = mine.clone();
        change(&mut new, head);
        new
    })
}

pub async fn change(store: &TheStore, chat: ChatId, who: UserId, decide: DecideMine) -> MineChange {
    store.change_mine(chat, who, decide).await.unwrap().expect("they are in the chat")
}

/// What the chat is to them, which the list of their chats, their places and the chat itself agree upon.
async fn mine(store: &TheStore, id: ChatId, who: UserId) -> MyChatView {
    let record = chat(store, id, who).await;
    let listed = store.chats_of(who, 100, 100).await.unwrap();
    assert_eq!(listed.iter().find(|listed| listed.id == id), Some(&record));
    let place = &store.places_of(who).await.unwrap()[&id];
    assert_eq!(
        (place.head, place.member_count, &place.mine),
        (record.head, record.member_count, &record.mine)
    );
    record.mine
}

async fn unread(store: &TheStore, id: ChatId, who: UserId) -> u64 {
    let head = chat(store, id, who).await.head_ordinal;
    mine(store, id, who).await.unread(head)
}

pub async fn what_was_sent_is_unread_until_it_is_marked(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    for number in 1..=3 {
        send(&store, chat, ada, "hello", number).await;
    }
    assert_eq!((unread(&store, chat, ada).await, unread(&store, chat, bob).await), (0, 3));
    let (before, hers) = (mine(&store, chat, bob).await, mine(&store, chat, ada).await);
    let marked = change(&store, chat, bob, read_to(2)).await;
    assert_eq!((&marked.before, marked.after.read, marked.is_shown), (&before, Ordinal(2), true));
    assert_eq!(marked.after.revision, before.revision + 1);
    assert_eq!(mine(&store, chat, bob).await, marked.after);
    assert_eq!(unread(&store, chat, bob).await, 1);
    // Neither back nor beyond the end.
    for (ordinal, read) in [(1, 2), (2, 2), (99, 3), (u64::MAX, 3)] {
        assert_eq!(change(&store, chat, bob, read_to(ordinal)).await.after.read, Ordinal(read));
    }
    assert_eq!(
        mine(&store, chat, bob).await.revision,
        before.revision + 2,
        "what changes nothing is nothing"
    );
    assert_eq!(mine(&store, chat, ada).await, hers, "nor is what others do");
}

pub async fn a_chat_counts_as_unread_from_a_mark_until_that_is_reached(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let nothing = change(&store, chat, bob, unread_from(1)).await;
    assert_eq!(nothing.after, nothing.before, "there is nothing to count");
    for number in 1..=5 {
        send(&store, chat, ada, "hello", number).await;
    }
    change(&store, chat, bob, read_to(5)).await;
    change(&store, chat, bob, unread_from(3)).await;
    assert_eq!(unread(&store, chat, bob).await, 3);
    change(&store, chat, bob, read_to(2)).await;
    assert_eq!(mine(&store, chat, bob).await.unread_from, Some(Ordinal(3)), "not reached yet");
    change(&store, chat, bob, read_to(3)).await;
    assert_eq!((mine(&store, chat, bob).await.unread_from, unread(&store, chat, bob).await), (None, 0));
    change(&store, chat, bob, unread_from(0)).await;
    assert_eq!(
        (mine(&store, chat, bob).await.unread_from, unread(&store, chat, bob).await),
        (Some(Ordinal(1)), 5)
    );
}

pub async fn whoever_sends_has_read_what_was_there(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    for number in 1..=4 {
        send(&store, chat, ada, "hello", number).await;
    }
    change(&store, chat, bob, unread_from(2)).await;
    let before = mine(&store, chat, bob).await;
    // One batch, of two people: each has read up to their own last one.
    let batch = [(bob, "one"), (ada, "two"), (bob, "three"), (ada, "four")];
    let batch = batch.map(|(sender, body)| text(sender, body, at(5))).to_vec();
    let again = batch.clone();
    store.append_messages(chat, batch).await.unwrap();
    let after = mine(&store, chat, bob).await;
    assert_eq!((after.read, after.unread_from, after.revision), (Ordinal(7), None, before.revision));
    assert_eq!((unread(&store, chat, bob).await, unread(&store, chat, ada).await), (1, 0));
    // What was sent before is not sent again.
    change(&store, chat, bob, unread_from(2)).await;
    for outcome in store.append_messages(chat, again).await.unwrap() {
        assert!(matches!(outcome, Appended::Duplicate(_)), "{outcome:?}");
    }
    assert_eq!(mine(&store, chat, bob).await.unread_from, Some(Ordinal(2)));
}

pub async fn what_a_chat_is_to_somebody_is_theirs_alone(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let (chat, other) = (direct(&store, [ada, bob], at(0)).await, group(&store, &[ada, bob]).await);
    let untouched = [mine(&store, chat, ada).await, mine(&store, other, bob).await];
    let put_away = change(
        &store,
        chat,
        bob,
        changing(|mine, _| {
            mine.muted_until = Some(at(9));
            mine.mentions_only = true;
            mine.archived = true;
            mine.revision = 0;
        }),
    );
    let put_away = put_away.await.after;
    assert_eq!((put_away.muted_until, put_away.mentions_only, put_away.archived), (Some(at(9)), true, true));
    assert!(put_away.revision > 0, "the store alone counts");
    assert_eq!(mine(&store, chat, bob).await, put_away);
    let back = change(
        &store,
        chat,
        bob,
        changing(|mine, _| {
            mine.muted_until = None;
            mine.mentions_only = false;
            mine.archived = false;
        }),
    );
    assert_eq!(back.await.before, put_away);
    assert_eq!([mine(&store, chat, ada).await, mine(&store, other, bob).await], untouched);
}

pub async fn nobody_marks_what_they_are_not_in(store: TheStore) {
    let [ada, bob, eve] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    send(&store, chat, ada, "hello", 1).await;
    let nowhere = ChatId::from_bytes(id());
    for (chat, who) in [(chat, eve), (nowhere, ada), (chat, UserId::from_bytes(id()))] {
        assert_eq!(store.change_mine(chat, who, read_to(1)).await.unwrap(), None);
    }
    assert!(store.places_of(eve).await.unwrap().is_empty());
    store
        .change_chat(chat, ada, at(2), always(vec![EventBody::MemberRemoved { user_id: bob }]))
        .await
        .unwrap();
    assert_eq!(store.change_mine(chat, bob, read_to(1)).await.unwrap(), None);
    store.change_chat(chat, ada, at(3), always(vec![EventBody::ChatDeleted {}])).await.unwrap();
    assert_eq!(store.change_mine(chat, ada, read_to(1)).await.unwrap(), None);
}

pub async fn who_joins_again_begins_anew_with_later_revisions(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada]).await;
    let join = || always(vec![added(bob, Role::Member, at(1))]);
    send(&store, chat, ada, "before", 1).await;
    store.change_chat(chat, ada, at(1), join()).await.unwrap();
    assert_eq!(unread(&store, chat, bob).await, 0, "what was there before is read");
    send(&store, chat, ada, "after", 2).await;
    assert_eq!(unread(&store, chat, bob).await, 1);
    for ordinal in [1, 2, 1] {
        change(&store, chat, bob, unread_from(ordinal)).await;
    }
    let first = change(&store, chat, bob, changing(|mine, _| mine.archived = true)).await.after;
    store
        .change_chat(chat, ada, at(3), always(vec![EventBody::MemberRemoved { user_id: bob }]))
        .await
        .unwrap();
    store.change_chat(chat, ada, at(4), join()).await.unwrap();
    let second = mine(&store, chat, bob).await;
    assert!(second.revision > first.revision, "{} after {}", second.revision, first.revision);
    let anew = MyChatView { revision: second.revision, read: Ordinal(2), ..MyChatView::default() };
    assert_eq!(second, anew);
}

pub async fn others_see_how_far_one_has_read_unless_that_is_off(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let id = direct(&store, [ada, bob], at(0)).await;
    send(&store, id, ada, "hello", 1).await;
    let seen = |store: TheStore| async move {
        let listed = store.chats_of(ada, 10, 10).await.unwrap().remove(0).members;
        let members = chat(&store, id, ada).await.members;
        assert_eq!(members, listed);
        members.into_iter().map(|member| (member.user.id, member.read)).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(seen(store.clone()).await, BTreeMap::from([(ada, Some(Ordinal(1))), (bob, Some(Ordinal(0)))]));
    assert!(store.user(bob).await.unwrap().unwrap().read_receipts);
    assert!(store.set_read_receipts(bob, false).await.unwrap());
    assert!(!store.user(bob).await.unwrap().unwrap().read_receipts);
    let marked = change(&store, id, bob, read_to(1)).await;
    assert!(!marked.is_shown && marked.after.read == Ordinal(1), "{marked:?}");
    assert_eq!(seen(store.clone()).await, BTreeMap::from([(ada, Some(Ordinal(1))), (bob, None)]));
    assert_eq!(mine(&store, id, bob).await.read, Ordinal(1), "it is their own affair, not gone");
    assert!(store.set_read_receipts(bob, true).await.unwrap());
    assert_eq!(seen(store.clone()).await[&bob], Some(Ordinal(1)));
    assert!(!store.set_read_receipts(UserId::from_bytes([0; 12]), true).await.unwrap());
}

pub async fn in_a_large_chat_nobody_is_told_how_far_others_have_read(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let others = (0..limits::RECEIPT_MEMBERS).map(|number| {
        let store = store.clone();
        async move { person(&store, &format!("Member {number}")).await }
    });
    let others = join_all(others).await;
    let mut members = vec![ada];
    members.extend(&others[1..]);
    let chat = group(&store, &members).await;
    send(&store, chat, ada, "hello", 1).await;
    assert!(change(&store, chat, others[1], read_to(1)).await.is_shown);
    store.change_chat(chat, ada, at(1), always(vec![added(others[0], Role::Member, at(1))])).await.unwrap();
    assert!(!change(&store, chat, others[2], read_to(1)).await.is_shown);
}

pub async fn marks_and_sends_of_one_person_do_not_undo_each_other(store: TheStore) {
    sends_beside_marks(&store, &store).await;
}

/// Ada sends at one node and marks at another, all at once.
pub async fn sends_beside_marks(store: &TheStore, elsewhere: &TheStore) {
    let [ada, bob] = people(store).await;
    let chat = direct(store, [ada, bob], at(0)).await;
    for number in 0..20 {
        send(store, chat, bob, "hello", number).await;
    }
    let first = mine(store, chat, ada).await.revision;
    let sent = AtomicBool::new(false);
    let sends = async {
        for number in 0..20 {
            let ordinal = send(store, chat, ada, "mine", number).await.ordinal;
            let read = store.places_of(ada).await.unwrap()[&chat].mine.read;
            assert!(read >= ordinal, "a mark has undone a send: {read} after {ordinal}");
        }
        sent.store(true, Ordering::Relaxed);
    };
    let marks = async |device: u64| {
        let mut changed = 0;
        for number in 0.. {
            if sent.load(Ordering::Relaxed) {
                break;
            }
            let decide = match device {
                0 => read_to(number),
                1 => unread_from(number),
                _ => changing(move |mine, _| mine.archived = number % 2 == 0),
            };
            let done = change(elsewhere, chat, ada, decide).await;
            changed += done.after.revision - done.before.revision;
        }
        changed
    };
    let ((), one, two, three) = tokio::join!(sends, marks(0), marks(1), marks(2));
    let after = mine(store, chat, ada).await;
    assert_eq!(after.read, Ordinal(40), "her last message");
    assert_eq!(after.revision, first + one + two + three, "each change has counted once");
    assert_eq!(chat_head(store, chat, ada).await, 40);
}

async fn chat_head(store: &TheStore, id: ChatId, who: UserId) -> u64 {
    chat(store, id, who).await.head_ordinal.0
}

/// What a test knows of one member: how far they have read, by what they did.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// The messages up to this one were there when they joined, or they marked them.
    read: u64,
    unread_from: Option<u64>,
    /// The log's length when they joined, and when they last marked as unread.
    since: usize,
    marked: usize,
}

/// Counts by the log what the chat must count, of one message after the other.
fn recount(events: &[app::protocol::LogEvent], who: UserId, told: Told) -> u64 {
    let (mut read, mut from, mut messages) = (told.read, told.unread_from, 0);
    for (place, event) in events.iter().enumerate() {
        let EventBody::NewMessage { message } = &event.body else { continue };
        messages += 1;
        if message.sender_id == who && place >= told.since {
            read = read.max(messages);
            if place >= told.marked {
                from = None;
            }
        }
    }
    (1..=messages).filter(|ordinal| *ordinal > read || from.is_some_and(|from| *ordinal >= from)).count()
        as u64
}

/// Whatever people do, one after the other or at once, the unread count is what a recount of the log comes to.
pub async fn the_unread_count_is_what_a_recount_of_the_log_comes_to(store: TheStore) {
    for seed in 1..=SEEDS {
        let mut random = Random::of(seed);
        let all: [UserId; 4] = {
            let people = (0..4).map(|number| {
                let store = store.clone();
                async move { person(&store, &format!("Person {seed} {number}")).await }
            });
            join_all(people).await.try_into().unwrap()
        };
        let chat = group(&store, &all).await;
        let mut told: BTreeMap<UserId, Told> = all.iter().map(|user| (*user, Told::default())).collect();
        for step in 0..STEPS {
            let who = all[random.below(4)];
            let events = log(&store, chat).await;
            let head =
                events.iter().filter(|event| matches!(event.body, EventBody::NewMessage { .. })).count();
            let somewhere = random.below(head + 3) as u64;
            let is_in = told.contains_key(&who);
            match random.below(10) {
                0..=2 if is_in => {
                    // Several at once, of several people.
                    let senders = (0..=random.below(3))
                        .map(|_| all[random.below(4)])
                        .filter(|one| told.contains_key(one));
                    let batch: Vec<_> = senders.map(|sender| text(sender, "hello", at(step))).collect();
                    store.append_messages(chat, batch).await.unwrap();
                }
                3..=5 if is_in => {
                    change(&store, chat, who, read_to(somewhere)).await;
                    let reached = somewhere.min(head as u64);
                    let known = told.get_mut(&who).unwrap();
                    // A message of their own since the mark has taken it away: the recount knows.
                    known.read = known.read.max(reached);
                    known.unread_from = known.unread_from.filter(|from| *from > reached);
                }
                6 if is_in && head > 0 => {
                    change(&store, chat, who, unread_from(somewhere)).await;
                    let known = told.get_mut(&who).unwrap();
                    known.unread_from = Some(somewhere.clamp(1, head as u64));
                    known.marked = events.len();
                }
                7 if who != all[0] => {
                    let what = if is_in {
                        told.remove(&who);
                        EventBody::MemberRemoved { user_id: who }
                    } else {
                        let since = events.len();
                        told.insert(who, Told { read: head as u64, since, ..Told::default() });
                        added(who, Role::Member, at(step))
                    };
                    store.change_chat(chat, all[0], at(step), always(vec![what])).await.unwrap().unwrap();
                }
                _ => {
                    change(&store, chat, all[0], changing(|mine, _| mine.archived = !mine.archived)).await;
                }
            }
            let events = log(&store, chat).await;
            for (who, told) in &told {
                let expected = recount(&events, *who, *told);
                assert_eq!(unread(&store, chat, *who).await, expected, "seed {seed}, step {step}: {told:?}");
            }
        }
    }
}
