//! Whom messages mention: who is found by a name, and what is unread of it for whom.

use app::{
    domain::{
        About, Body, ChatId, ChatKind, DisplayName, Ordinal, Role, Seq, UserId, limits, name_key, policy,
    },
    ports::NewMessage,
    protocol::{EventBody, MentionsView, MessageView},
};

use crate::{
    chats::chat,
    conversation::{folded, seen},
    deletions::delete,
    random::Random,
    reading::{read_to, unread_from},
    support::*,
};

const NONE: [u64; 0] = [];

async fn named(store: &TheStore, id: ChatId, names: &[&str]) -> Vec<UserId> {
    let keys: Vec<String> = names.iter().map(|name| name_key(name)).collect();
    let (kind, found) = store.members_named(id, &keys, 50).await.unwrap().expect("there is such a chat");
    assert_eq!(kind, ChatKind::Group);
    assert!(found.iter().all(|member| keys.contains(&member.key)));
    let mut found: Vec<UserId> = found.into_iter().map(|member| member.user_id).collect();
    found.sort_unstable();
    found
}

/// Sends something that mentions these people, whatever it says.
async fn mention(store: &TheStore, chat: ChatId, sender: UserId, whom: MentionsView) -> MessageView {
    let new = NewMessage { mentions: whom, ..text(sender, "hi there", at(1)) };
    stored(&append(store, chat, new).await).clone()
}

/// The ordinals of the unread messages that mention this person, as the chat and the list of chats say.
async fn unread(store: &TheStore, id: ChatId, who: UserId) -> Vec<u64> {
    let mentioned = chat(store, id, who).await.mentioned;
    let listed = store.chats_of(who, 10, 10).await.unwrap();
    let listed = listed.into_iter().find(|chat| chat.id == id).unwrap();
    assert_eq!(listed.mentioned, mentioned, "the list says the same");
    mentioned.into_iter().map(|ordinal| ordinal.0).collect()
}

pub async fn members_are_found_by_their_names(store: TheStore) {
    let account = async |name: &str, email: &str| {
        let user = new_user(name, email);
        let id = user.id;
        store.create_user(user).await.unwrap();
        id
    };
    let (asha, other) = (account("Asha Rao", "a@x.org").await, account("ASHA  rao", "b@x.org").await);
    let (outside, wide) = (account("Asha Rao", "c@x.org").await, account("Ｒａｖｉ", "d@x.org").await);
    let chat = group(&store, &[asha, other, wide]).await;
    assert_eq!(named(&store, chat, &["asha rao"]).await, [asha.min(other), asha.max(other)]);
    assert_eq!(named(&store, chat, &["asha", "rao", "nobody"]).await, []);
    assert_eq!(named(&store, chat, &["ravi", "asha rao"]).await.len(), 3);
    let keys = [name_key("asha rao")];
    assert_eq!(store.members_named(chat, &keys, 1).await.unwrap().unwrap().1.len(), 1);
    assert_eq!(store.members_named(chat, &[], 50).await.unwrap().unwrap().1, []);
    // By their name of now, and as long as they are in it.
    let name = DisplayName::parse("Ásha").unwrap();
    store.update_profile(other, name, About::parse("").unwrap()).await.unwrap();
    assert_eq!(named(&store, chat, &["Asha Rao", "a\u{301}sha"]).await, [asha.min(other), asha.max(other)]);
    assert_eq!(named(&store, chat, &["Asha Rao"]).await, [asha]);
    let remove = by_policy(move |state| policy::remove_member(state, asha, wide));
    store.change_chat(chat, asha, at(1), remove).await.unwrap();
    assert_eq!(named(&store, chat, &["ravi"]).await, []);
    let direct = direct(&store, [asha, outside], at(1)).await;
    let (kind, found) = store.members_named(direct, &keys, 50).await.unwrap().unwrap();
    assert_eq!((kind, found.len()), (ChatKind::Direct, 2));
    let end = by_policy(move |state| policy::delete(state, asha));
    store.change_chat(chat, asha, at(2), end).await.unwrap();
    assert_eq!(store.members_named(chat, &keys, 50).await.unwrap(), None);
    assert_eq!(store.members_named(ChatId::from_bytes(id()), &keys, 50).await.unwrap(), None);
}

pub async fn a_mention_is_unread_for_whom_it_means_until_they_have_read_it(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let chat = group(&store, &[ada, bob, carol]).await;
    let sent = mention(&store, chat, ada, mentioning(false, &[ada, bob])).await;
    assert_eq!(sent.mentions, mentioning(false, &[ada, bob]));
    assert_eq!(seen(&store, &sent, bob).await, sent);
    assert_eq!(folded(&store, &sent, bob).await, sent);
    send(&store, chat, ada, "just words", 2).await;
    mention(&store, chat, ada, mentioning(true, &[bob])).await;
    mention(&store, chat, carol, mentioning(true, &[])).await;
    assert_eq!(unread(&store, chat, ada).await, [4], "nobody mentions themselves");
    assert_eq!(unread(&store, chat, bob).await, [1, 3, 4], "each message once");
    assert_eq!(unread(&store, chat, carol).await, NONE, "who sends has read what was there");
    store.change_mine(chat, bob, read_to(2)).await.unwrap();
    assert_eq!(unread(&store, chat, bob).await, [3, 4]);
    store.change_mine(chat, bob, read_to(4)).await.unwrap();
    assert_eq!(unread(&store, chat, bob).await, NONE);
    store.change_mine(chat, bob, unread_from(2)).await.unwrap();
    assert_eq!(unread(&store, chat, bob).await, [3, 4]);
    store.change_mine(chat, carol, unread_from(1)).await.unwrap();
    assert_eq!(unread(&store, chat, carol).await, [3], "one's own @all is none");
    // In another chat nothing of it counts.
    let other = group(&store, &[ada, bob]).await;
    send(&store, other, ada, "hi", 3).await;
    assert_eq!(unread(&store, other, bob).await, NONE);
    recount(&store).await;
}

/// Whatever is sent, changed, deleted and read: what is unread of mentions is what a recount of the messages comes to.
async fn recount(store: &TheStore) {
    for seed in 1..=4 {
        let mut random = Random::of(seed);
        let mut all = Vec::new();
        for number in 0..3 {
            all.push(person(store, &format!("Counted {seed} {number}")).await);
        }
        let id = group(store, &all).await;
        let mut sent: Vec<MessageView> = Vec::new();
        for step in 0..40 {
            let (who, place) = (all[random.below(3)], random.below(sent.len() + 2));
            let whom = mentioning(random.once_in(3), &[all[random.below(3)]]);
            let there = sent.get(place).filter(|message| message.deleted_at.is_none()).cloned();
            match (random.below(7), there) {
                (0..=1, Some(message)) => {
                    let edit = edited_naming(&message, "changed", whom);
                    sent[place] = amend(store, &message, message.sender_id, step, edit).await.message;
                }
                (2, Some(message)) => {
                    delete(store, id, message.sender_id, message.id, step).await.unwrap();
                    sent[place].delete(at(step));
                }
                (3, _) => {
                    store.change_mine(id, who, read_to(place as u64)).await.unwrap();
                }
                (4, _) => {
                    store.change_mine(id, who, unread_from(place as u64)).await.unwrap();
                }
                _ => sent.push(mention(store, id, who, whom).await),
            }
            for who in &all {
                let mine = chat(store, id, *who).await.mine;
                let from = mine.unread_from.unwrap_or(Ordinal(u64::MAX));
                let is_unread =
                    |message: &&MessageView| message.ordinal > mine.read || message.ordinal >= from;
                let mentions = sent.iter().filter(|message| message.mentions_reader(*who)).filter(is_unread);
                let expected: Vec<u64> = mentions.map(|message| message.ordinal.0).collect();
                assert_eq!(unread(store, id, *who).await, expected, "seed {seed}, step {step}");
            }
        }
    }
}

pub async fn an_edit_adds_mentions_and_takes_them_away(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let chat = group(&store, &[ada, bob, carol]).await;
    let sent = mention(&store, chat, ada, mentioning(false, &[bob])).await;
    let edit = async |when, whom: MentionsView| {
        let change = amend(&store, &sent, ada, when, edited_naming(&sent, "changed", whom.clone())).await;
        assert_eq!(change.message.mentions, whom);
        assert_eq!(seen(&store, &sent, bob).await.mentions, whom);
    };
    edit(2, mentioning(false, &[carol, bob])).await;
    assert_eq!((unread(&store, chat, bob).await, unread(&store, chat, carol).await), (vec![1], vec![1]));
    edit(3, mentioning(true, &[carol])).await;
    assert_eq!((unread(&store, chat, bob).await, unread(&store, chat, carol).await), (vec![1], vec![1]));
    edit(4, mentioning(false, &[carol])).await;
    assert_eq!((unread(&store, chat, bob).await, unread(&store, chat, carol).await), (vec![], vec![1]));
    amend(&store, &sent, bob, 5, reacted(&sent, "👍", true)).await;
    assert_eq!(unread(&store, chat, carol).await, [1], "nothing else changes them");
    edit(6, MentionsView::default()).await;
    assert_eq!(unread(&store, chat, carol).await, NONE);
}

pub async fn a_deletion_takes_mentions_away_and_their_names_out_of_the_log(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let sent = mention(&store, chat, ada, mentioning(true, &[bob])).await;
    amend(&store, &sent, ada, 2, edited_naming(&sent, "changed", mentioning(false, &[bob]))).await;
    assert_eq!(unread(&store, chat, bob).await, [1]);
    delete(&store, chat, ada, sent.id, 3).await.unwrap();
    assert_eq!(unread(&store, chat, bob).await, NONE);
    assert!(seen(&store, &sent, bob).await.mentions.is_empty());
    let events = log(&store, chat).await;
    assert!(!format!("{events:?}").contains("name of"), "{events:?}");
    assert!(events.iter().any(|event| matches!(event.body, EventBody::MessageEdited { .. })));
}

pub async fn who_joins_again_has_no_unread_mentions(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    mention(&store, chat, ada, mentioning(true, &[bob])).await;
    let remove = by_policy(move |state| policy::remove_member(state, ada, bob));
    store.change_chat(chat, ada, at(2), remove).await.unwrap();
    assert!(store.chats_of(bob, 10, 10).await.unwrap().is_empty());
    // Of what is sent meanwhile it is not asked who was there.
    mention(&store, chat, ada, mentioning(true, &[bob])).await;
    store.change_chat(chat, ada, at(3), always(vec![added(bob, Role::Member, at(3))])).await.unwrap();
    assert_eq!(unread(&store, chat, bob).await, NONE);
    mention(&store, chat, ada, mentioning(false, &[bob])).await;
    assert_eq!(unread(&store, chat, bob).await, [3]);
}

pub async fn of_many_unread_mentions_the_newest_are_told(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let most = limits::MENTIONS_PER_CHAT as u64;
    let batch = (0..most + 20).map(|number| NewMessage {
        mentions: if number % 2 == 0 { mentioning(true, &[]) } else { mentioning(false, &[bob]) },
        body: Body::parse(&format!("number {number}")).unwrap(),
        ..text(ada, "x", at(1))
    });
    store.append_messages(chat, batch.collect()).await.unwrap();
    let told = unread(&store, chat, bob).await;
    assert_eq!((told.len() as u64, told.last()), (most, Some(&(most + 20))));
    assert!(told.is_sorted());
}

pub async fn the_mentions_of_a_deleted_chat_are_purged(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    mention(&store, chat, ada, mentioning(true, &[bob])).await;
    let end = by_policy(move |state| policy::delete(state, ada));
    store.change_chat(chat, ada, at(2), end).await.unwrap();
    let mut gone = 0;
    loop {
        match store.purge(at(3)).await.unwrap() {
            0 => break,
            some => gone += some,
        }
    }
    // Two mentions, the message, two events and the chat.
    assert_eq!(gone, 2 + 1 + 2 + 1);
    assert!(store.events_after(chat, Seq(0), 10).await.unwrap().is_empty());
}
