//! What people are writing and have not sent.

use app::{
    domain::{ChatId, ClientId, DraftBody, MessageId, Role, UserId},
    ports::{Appended, NewDraft, NewMessage},
    protocol::{DraftView, EventBody},
};
use futures::future::join_all;

use crate::support::*;

pub fn new(body: &str, base: u64) -> NewDraft {
    let body = DraftBody::parse(body).unwrap();
    NewDraft { id: ClientId::random(), body, reply_to: None, base, saved_at: at(1) }
}

/// Saves it, and checks that the chat's draft and the person's drafts say so.
pub async fn save(store: &TheStore, chat: ChatId, who: UserId, new: NewDraft) -> DraftView {
    let saved = store.save_draft(chat, who, new).await.unwrap().expect("they are in the chat");
    if saved.revision > 0 {
        assert_eq!(draft(store, chat, who).await.as_ref(), Some(&saved));
    }
    saved
}

/// What they are writing, which their drafts agree upon.
pub async fn draft(store: &TheStore, chat: ChatId, who: UserId) -> Option<DraftView> {
    let draft = store.draft(chat, who).await.unwrap();
    assert_eq!(store.drafts_of(who, 100).await.unwrap().get(&chat), draft.as_ref());
    draft
}

/// The message that is made of this draft.
fn made_of(draft: &DraftView, sender: UserId, when: i64) -> NewMessage {
    NewMessage { client_id: draft.id, ..text(sender, &draft.body, at(when)) }
}

pub async fn the_last_save_is_kept_and_says_what_it_was_made_of(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    assert_eq!(draft(&store, chat, ada).await, None);
    let first = save(&store, chat, ada, new("  half a ", 0)).await;
    assert_eq!((first.body.as_str(), first.since), ("  half a ", first.revision), "nothing is trimmed");
    let made = save(&store, chat, ada, new("half a thought", first.revision)).await;
    assert_eq!((made.revision, made.since), (first.revision + 1, first.revision));
    let beside = save(&store, chat, ada, new("from elsewhere", first.revision)).await;
    assert_eq!((beside.revision, beside.since), (first.revision + 2, first.revision + 2));
    // The same once more changes nothing, whatever it was made of.
    let body = DraftBody::parse("other words").unwrap();
    let again = NewDraft { id: beside.id, body, ..new("", 0) };
    assert_eq!(save(&store, chat, ada, again).await, beside);
    assert_eq!(draft(&store, chat, bob).await, None, "it is hers alone");
    assert_eq!(store.save_draft(chat, NOBODY, new("x", 0)).await.unwrap(), None);
    assert_eq!(store.save_draft(ChatId::from_bytes(id()), ada, new("x", 0)).await.unwrap(), None);
    assert_eq!(store.draft(chat, NOBODY).await.unwrap(), None);
}

pub async fn only_a_draft_that_is_known_is_taken_away(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let none = save(&store, chat, ada, new("", 0)).await;
    assert_eq!((none.revision, draft(&store, chat, ada).await), (0, None), "there was none");
    let first = save(&store, chat, ada, new("one", 0)).await;
    assert_eq!(save(&store, chat, ada, new(" \n", 0)).await, first, "of which somebody did not know");
    let gone = save(&store, chat, ada, new(" \n", first.revision)).await;
    assert!(gone.is_empty() && gone.is_later_than(&first));
    assert_eq!(gone.since, first.since, "what was made of it is gone, too");
    assert_eq!(save(&store, chat, ada, new("", gone.revision)).await, gone);
    let next = save(&store, chat, ada, new("two", gone.revision)).await;
    assert_eq!((next.revision, next.since), (gone.revision + 1, gone.since));
}

pub async fn a_draft_goes_in_the_write_that_stores_its_message(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let team = group(&store, &[ada, bob]).await;
    let other = direct(&store, [ada, bob], at(0)).await;
    let hers = save(&store, team, ada, new("hers", 0)).await;
    let bobs = save(&store, team, bob, new("his", 0)).await;
    let elsewhere = save(&store, other, ada, new("elsewhere", 0)).await;
    // Several of several people at once: one of them was made of a draft.
    let batch = vec![text(bob, "another", at(2)), made_of(&hers, ada, 2), text(ada, "one more", at(2))];
    let stored = store.append_messages(team, batch.clone()).await.unwrap();
    assert!(stored.iter().all(|outcome| matches!(outcome, Appended::New(_))));
    let gone = draft(&store, team, ada).await.unwrap();
    assert_eq!((gone.id, gone.is_empty()), (hers.id, true));
    assert_eq!((gone.revision, gone.since), (hers.revision, hers.since));
    assert!(gone.is_later_than(&hers));
    assert_eq!(draft(&store, team, bob).await, Some(bobs.clone()));
    assert_eq!(draft(&store, other, ada).await, Some(elsewhere));

    // What comes late under the id of a message is not saved, nor does it take the place of something else.
    let late = |base| NewDraft { id: hers.id, ..new("hers", base) };
    assert_eq!(save(&store, team, ada, late(0)).await, gone);
    let next = save(&store, team, ada, new("next", gone.revision)).await;
    assert_eq!(save(&store, team, ada, late(next.revision)).await, next);
    assert_eq!(save(&store, other, ada, late(0)).await.body, "elsewhere", "nor in another chat");
    // A repeated send takes nothing away, and neither does one that is refused.
    store.append_messages(team, batch).await.unwrap();
    let refused = NewMessage { reply_to: Some(MessageId::from_bytes(id())), ..made_of(&next, ada, 3) };
    assert!(matches!(append(&store, team, refused).await, Appended::UnknownReply));
    assert_eq!(draft(&store, team, ada).await, Some(next));
    // Another's message with the same id is another one.
    let alike = NewMessage { client_id: bobs.id, ..text(ada, "alike", at(4)) };
    assert!(matches!(append(&store, team, alike).await, Appended::New(_)));
    assert_eq!(draft(&store, team, bob).await, Some(bobs));
}

pub async fn a_draft_that_answers_shows_what_it_answers_as_it_is_now(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let question = send(&store, chat, bob, "why?", 1).await;
    let answer = |body: &str, base| NewDraft { reply_to: Some(question.id), ..new(body, base) };
    let first = save(&store, chat, ada, answer("", 0)).await;
    assert!(!first.is_empty(), "what is answered is something");
    let draft_now = save(&store, chat, ada, answer("because", first.revision)).await;
    let quote = draft_now.reply_to.unwrap();
    assert_eq!((quote.id, quote.body.as_str(), quote.sender_id), (question.id, "why?", bob));
    amend(&store, &question, bob, 2, edited(&question, "why not?")).await;
    let quote = draft(&store, chat, ada).await.unwrap().reply_to.unwrap();
    assert_eq!(quote.body, "why not?");
    let plain = save(&store, chat, ada, new("because", draft_now.revision)).await;
    assert_eq!(plain.reply_to, None);
}

pub async fn a_draft_goes_with_the_membership(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    let team = group(&store, &[ada, bob, cid]).await;
    let before = save(&store, team, bob, new("half a thought", 0)).await;
    save(&store, team, ada, new("hers", 0)).await;
    let removed = EventBody::MemberRemoved { user_id: bob };
    store.change_chat(team, ada, at(2), always(vec![removed])).await.unwrap().unwrap();
    assert_eq!(draft(&store, team, bob).await, None);
    assert_eq!(store.save_draft(team, bob, new("late", 0)).await.unwrap(), None);
    store
        .change_chat(team, ada, at(3), always(vec![added(bob, Role::Member, at(3))]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(draft(&store, team, bob).await, None);
    let after = save(&store, team, bob, new("anew", 0)).await;
    assert!(after.revision > before.revision, "of a later membership");
    store.change_chat(team, ada, at(4), always(vec![EventBody::ChatDeleted {}])).await.unwrap().unwrap();
    for who in [ada, bob] {
        assert_eq!(draft(&store, team, who).await, None);
    }
    store.purge(at(5)).await.unwrap();
}

pub async fn the_drafts_that_were_saved_last_are_listed(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    let mut chats = Vec::new();
    for (number, when) in [(0, 3), (1, 1), (2, 2)] {
        let chat = group(&store, &[ada, bob, cid]).await;
        let new = NewDraft { saved_at: at(when), ..new(&format!("draft {number}"), 0) };
        save(&store, chat, ada, new).await;
        chats.push(chat);
    }
    let listed = store.drafts_of(ada, 2).await.unwrap();
    let mut last = [chats[0], chats[2]];
    last.sort();
    assert_eq!(listed.keys().copied().collect::<Vec<_>>(), last);
    assert!(store.drafts_of(bob, 2).await.unwrap().is_empty());
}

/// Whichever of a save and the send that was made of it comes first: no draft is left.
pub async fn a_save_beside_its_send_leaves_no_draft(store: TheStore) {
    saves_beside_sends(&store, &store).await;
}

pub async fn saves_beside_sends(one: &TheStore, other: &TheStore) {
    let [ada, bob] = people(one).await;
    let chat = group(one, &[ada, bob]).await;
    for round in 0..12 {
        let drafted = new(&format!("text {round}"), 0);
        let message = NewMessage { client_id: drafted.id, ..text(ada, drafted.body.as_str(), at(round)) };
        let marks = (0..3).map(|_| other.change_mine(chat, ada, crate::reading::read_to(1)));
        let (saved, stored, _) = tokio::join!(
            one.save_draft(chat, ada, drafted.clone()),
            other.append_messages(chat, vec![message]),
            join_all(marks),
        );
        assert!(saved.unwrap().is_some());
        assert!(matches!(stored.unwrap()[..], [Appended::New(_)]));
        let left = one.draft(chat, ada).await.unwrap();
        assert!(left.is_none_or(|left| left.is_empty()), "round {round}");
    }
}

/// However many save at once, one of them is kept, whole.
pub async fn of_racing_saves_one_is_kept(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let drafts: Vec<NewDraft> = (0..8).map(|number| new(&format!("draft {number}"), 0)).collect();
    join_all(drafts.iter().map(|new| store.save_draft(chat, ada, new.clone()))).await;
    let kept = draft(&store, chat, ada).await.unwrap();
    let it = drafts.iter().find(|new| new.id == kept.id).unwrap();
    assert_eq!(kept.body, it.body.as_str());
    assert_eq!(kept.revision & 0xff, 8, "each was a save: {kept:?}");
}
