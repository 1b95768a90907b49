//! Edits, answers, reactions and pins: what the store makes of them, and that it is what the log says.

use app::{
    domain::{ChatId, MessageId, Seq, UserId, limits, policy},
    error::{AppError, AppResult, ErrorCode},
    ports::{Appended, DecideMessage, MessageState, NewMessage, PageQuery},
    protocol::{EditView, EventBody, LogEvent, MessageView, QuoteView},
};
use futures::future::join_all;

use crate::{attachments::team, deletions::delete, random::Random, support::*};

/// The message as this person sees it, wherever the store shows messages to them: they all have to agree.
pub async fn seen(store: &TheStore, message: &MessageView, viewer: UserId) -> MessageView {
    let chat = message.chat_id;
    let found = store.message(chat, viewer, message.id).await.unwrap().unwrap();
    let page = store.history(chat, viewer, PageQuery::Around(message.seq), 1).await.unwrap();
    assert_eq!(page.messages, std::slice::from_ref(&found));
    let pinned = store.pinned(chat, viewer).await.unwrap();
    let pinned = pinned.iter().find(|pinned| pinned.id == message.id);
    assert_eq!(pinned, found.pinned_at.map(|_| &found));
    if viewer == message.sender_id {
        let sent = store.message_by_client_id(viewer, message.client_id).await.unwrap();
        assert_eq!(sent.as_ref(), Some(&found));
    }
    if let Some(record) = store.chat(chat, viewer, 1).await.unwrap()
        && let Some(last) = record.last_message.filter(|last| last.id == message.id)
    {
        assert_eq!(last, found);
        let listed = store.chats_of(viewer, 100, 1).await.unwrap();
        let listed = listed.into_iter().find(|record| record.id == chat).unwrap();
        assert_eq!(listed.last_message.as_ref(), Some(&found));
    }
    found
}

/// The message as the log has it: what the page makes of the same events.
pub async fn folded(store: &TheStore, message: &MessageView, viewer: UserId) -> MessageView {
    let events = log(store, message.chat_id).await;
    let (before, after) = events.split_at(usize::try_from(message.seq.0).unwrap());
    let Some(EventBody::NewMessage { message: mut folded }) = before.last().map(|event| event.body.clone())
    else {
        panic!("a message has its event");
    };
    after.iter().for_each(|event| {
        folded.apply(event, Some(viewer));
    });
    folded
}

fn answering(sender: UserId, body: &str, answered: MessageId) -> NewMessage {
    NewMessage { reply_to: Some(answered), ..text(sender, body, at(5)) }
}

async fn answer(store: &TheStore, chat: ChatId, sender: UserId, answered: MessageId) -> MessageView {
    stored(&append(store, chat, answering(sender, "an answer", answered)).await).clone()
}

pub async fn an_edit_is_shown_everywhere_and_its_texts_are_kept(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let message = send(&store, chat, ada, "teh first", 1).await;
    let change = amend(&store, &message, ada, 2, edited(&message, "the first")).await;
    let event = change.event.unwrap();
    assert_eq!((event.chat_id, event.seq, event.at, event.actor_id), (chat, Seq(2), at(2), ada));
    assert_eq!(event.body, edited(&message, "the first"));
    let expected = MessageView {
        body: "the first".into(),
        edited_at: Some(at(2)),
        changed_seq: Seq(2),
        ..message.clone()
    };
    assert_eq!(change.message, expected);
    amend(&store, &message, ada, 3, edited(&message, "the very first")).await;
    let expected = MessageView {
        body: "the very first".into(),
        edited_at: Some(at(3)),
        changed_seq: Seq(3),
        ..expected
    };
    assert_eq!(
        (seen(&store, &message, ada).await, seen(&store, &message, bob).await),
        (expected.clone(), expected)
    );
    let events = log(&store, chat).await;
    assert_eq!((events.len(), &events[1]), (3, &event));
    let texts = [("teh first", 1), ("the first", 2), ("the very first", 3)];
    let texts = texts.map(|(body, when)| EditView { body: body.into(), at: at(when) });
    assert_eq!(store.edits(chat, message.id).await.unwrap(), texts);
    let plain = send(&store, chat, bob, "never changed", 4).await;
    let only = EditView { body: "never changed".into(), at: at(4) };
    assert_eq!(store.edits(chat, plain.id).await.unwrap(), [only]);
    // The head goes on; what the list of chats is ordered by and the number of messages do not.
    let record = store.chat(chat, ada, 1).await.unwrap().unwrap();
    assert_eq!((record.head, record.head_ordinal.0), (Seq(4), 2));
    delete(&store, chat, ada, message.id, 5).await;
    for id in [message.id, MessageId::from_bytes(id())] {
        assert!(store.edits(chat, id).await.unwrap().is_empty());
    }
    assert!(store.edits(group(&store, &[ada]).await, plain.id).await.unwrap().is_empty(), "of another chat");
}

pub async fn a_change_is_decided_on_what_there_is(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let message = send(&store, chat, ada, "hello", 1).await;
    let looked = async |actor: UserId| {
        let (tell, told) = std::sync::mpsc::channel::<MessageState>();
        let decide: DecideMessage = Box::new(move |state| {
            tell.send(state.clone()).unwrap();
            Ok(None)
        });
        let change = store.change_message(chat, message.id, actor, at(9), decide).await.unwrap();
        assert_eq!(change.event, None);
        let state = told.recv().unwrap();
        assert_eq!(change.message, state.message);
        state
    };
    let state = looked(ada).await;
    assert_eq!((state.kind, state.role), (app::domain::ChatKind::Group, app::domain::Role::Admin));
    assert_eq!((state.edits, state.pinned, state.message), (0, 0, message.clone()));
    amend(&store, &message, ada, 2, edited(&message, "hello!")).await;
    amend(&store, &message, bob, 2, reacted(&message, "👍", true)).await;
    let other = send(&store, chat, bob, "other", 3).await;
    amend(&store, &other, bob, 3, pinned(&other, true)).await;
    let state = looked(bob).await;
    assert_eq!((state.role, state.edits, state.pinned), (app::domain::Role::Member, 1, 1));
    assert!(state.message.reactions[0].mine);
    assert!(!looked(ada).await.message.reactions[0].mine);
    assert_eq!(log(&store, chat).await.len(), 5, "nothing was logged for looking");
    // A refusal comes back as it is, and writes nothing.
    let decide: DecideMessage = Box::new(|_state| Err(AppError::forbidden()));
    let refused = store.change_message(chat, message.id, bob, at(4), decide).await;
    assert_eq!(code(refused), Some(ErrorCode::Forbidden));
    // Nor does what contradicts the state.
    for impossible in [edited(&other, "not this one"), reacted(&message, "👎", false), renamed("No")] {
        let outcome = try_amend(&store, &message, ada, 4, impossible).await;
        assert_eq!(code(outcome), Some(ErrorCode::Internal));
    }
    assert_eq!(log(&store, chat).await.len(), 5);
    assert_eq!(seen(&store, &message, ada).await, looked(ada).await.message);
}

pub async fn who_is_outside_changes_nothing(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let eve = person(&store, "Eve").await;
    let message = send(&store, chat, bob, "among us", 1).await;
    let elsewhere = group(&store, &[ada, bob]).await;
    let leave = by_policy(move |chat| policy::leave(chat, bob));
    store.change_chat(chat, bob, at(2), leave).await.unwrap().unwrap();
    let never = || -> DecideMessage { Box::new(|_state| panic!("there is nothing to decide about")) };
    let nowhere = (ChatId::from_bytes(id()), MessageId::from_bytes(id()));
    for (chat, message, actor) in [
        (chat, message.id, eve),
        (chat, message.id, bob),
        (chat, message.id, NOBODY),
        (chat, nowhere.1, ada),
        (elsewhere, message.id, ada),
        (nowhere.0, message.id, ada),
    ] {
        let outcome = store.change_message(chat, message, actor, at(3), never()).await;
        assert_eq!(code(outcome), Some(ErrorCode::NotFound));
    }
    let gone = always(vec![EventBody::ChatDeleted {}]);
    store.change_chat(chat, ada, at(4), gone).await.unwrap().unwrap();
    let outcome = store.change_message(chat, message.id, ada, at(5), never()).await;
    assert_eq!(code(outcome), Some(ErrorCode::NotFound));
    assert!(store.pinned(chat, ada).await.unwrap().is_empty());
    assert!(store.edits(chat, message.id).await.unwrap().is_empty());
}

pub async fn an_answer_shows_what_it_answers_as_it_is_now(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let question = send(&store, chat, ada, &"ü?".repeat(limits::QUOTE_CHARS), 1).await;
    let reply = answer(&store, chat, bob, question.id).await;
    let quote = reply.reply_to.clone().unwrap();
    assert_eq!(quote, QuoteView::of(&question));
    assert_eq!(quote.body.chars().count(), limits::QUOTE_CHARS);
    assert_eq!(seen(&store, &reply, bob).await, reply);
    let EventBody::NewMessage { message } = &log(&store, chat).await[1].body else { panic!("it is one") };
    assert_eq!(message, &reply);
    // Sent again, it is the same, whatever is said of it then.
    let again = NewMessage { client_id: reply.client_id, ..text(bob, "again", at(6)) };
    assert!(matches!(append(&store, chat, again).await, Appended::Duplicate(original) if original == reply));

    amend(&store, &question, ada, 7, edited(&question, "shorter?")).await;
    let now = seen(&store, &reply, bob).await;
    let expected = QuoteView { body: "shorter?".into(), changed_seq: Seq(3), ..quote.clone() };
    assert_eq!(now, MessageView { reply_to: Some(expected.clone()), ..reply.clone() });
    let EventBody::NewMessage { message } = &log(&store, chat).await[1].body else { panic!("it is one") };
    assert_eq!(message.reply_to, Some(expected));
    assert_eq!(folded(&store, &reply, bob).await, now);

    delete(&store, chat, ada, question.id, 8).await;
    let now = seen(&store, &reply, ada).await;
    let expected = QuoteView { body: String::new(), deleted: true, changed_seq: Seq(4), ..quote };
    assert_eq!(now.reply_to.as_ref(), Some(&expected));
    assert_eq!(folded(&store, &reply, ada).await, now);
    let late = answer(&store, chat, bob, question.id).await;
    assert_eq!(late.reply_to, Some(expected), "what is deleted keeps its place");

    // The answer itself goes with what it answers; its own place stays.
    delete(&store, chat, bob, reply.id, 9).await;
    assert_eq!(seen(&store, &reply, bob).await.reply_to, None);
    assert_eq!(folded(&store, &reply, bob).await.reply_to, None);
}

pub async fn an_answer_is_to_something_of_its_chat(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let other = group(&store, &[ada, bob]).await;
    let elsewhere = send(&store, other, ada, "elsewhere", 1).await;
    let here = send(&store, chat, ada, "here", 1).await;
    let batch = vec![
        answering(bob, "to what is elsewhere", elsewhere.id),
        answering(bob, "to what is here", here.id),
        answering(bob, "to nothing", MessageId::from_bytes(id())),
        text(bob, "to nobody", at(5)),
    ];
    let outcomes = store.append_messages(chat, batch).await.unwrap();
    assert!(matches!(outcomes[0], Appended::UnknownReply));
    assert_eq!(stored(&outcomes[1]).reply_to.as_ref().map(|quote| quote.seq), Some(here.seq));
    assert!(matches!(outcomes[2], Appended::UnknownReply));
    assert_eq!(stored(&outcomes[3]).seq, Seq(3), "what was refused left no hole");
    // Who is outside is not told whether there is such a message.
    let eve = person(&store, "Eve").await;
    assert!(matches!(append(&store, chat, answering(eve, "x", elsewhere.id)).await, Appended::NotMember));
    assert!(matches!(append(&store, chat, answering(eve, "x", here.id)).await, Appended::NotMember));
}

pub async fn many_people_react_and_each_knows_what_is_theirs(store: TheStore) {
    const MANY: usize = limits::REACTION_USERS + 5;
    let people: [UserId; MANY] = people(&store).await;
    let chat = group(&store, &people).await;
    let message = send(&store, chat, people[0], "who comes?", 1).await;
    for person in people {
        let change = amend(&store, &message, person, 2, reacted(&message, "✋", true)).await;
        assert!(change.message.reactions[0].mine, "who reacts sees it at once");
    }
    amend(&store, &message, people[0], 3, reacted(&message, "🎉", true)).await;
    let shown = async |viewer: UserId| {
        let shown = seen(&store, &message, viewer).await;
        assert_eq!(folded(&store, &message, viewer).await, shown);
        let first = &shown.reactions[0];
        (first.emoji.clone(), first.count, first.user_ids.clone(), first.mine)
    };
    let named = people[..limits::REACTION_USERS].to_vec();
    for person in people {
        assert_eq!(shown(person).await, ("✋".into(), MANY as u64, named.clone(), true));
    }
    assert_eq!(seen(&store, &message, people[1]).await.reactions[1].count, 1);
    assert!(!seen(&store, &message, people[1]).await.reactions[1].mine);
    // One who is named and one who is not take theirs back.
    for gone in [people[3], people[MANY - 1]] {
        let change = amend(&store, &message, gone, 4, reacted(&message, "✋", false)).await;
        assert!(!change.message.reactions[0].mine);
    }
    let left: Vec<_> = named.iter().copied().filter(|user| *user != people[3]).collect();
    for (person, mine) in [(people[3], false), (people[MANY - 1], false), (people[MANY - 2], true)] {
        assert_eq!(shown(person).await, ("✋".into(), MANY as u64 - 2, left.clone(), mine));
    }
    // With the last one an emoji goes; put there again, it comes last.
    amend(&store, &message, people[0], 5, reacted(&message, "👀", true)).await;
    amend(&store, &message, people[0], 5, reacted(&message, "🎉", false)).await;
    amend(&store, &message, people[0], 5, reacted(&message, "🎉", true)).await;
    let emoji = |message: MessageView| {
        message.reactions.iter().map(|reaction| reaction.emoji.clone()).collect::<Vec<_>>()
    };
    assert_eq!(emoji(seen(&store, &message, people[0]).await), ["✋", "👀", "🎉"]);
    // Nothing of it stands in the events for all.
    let EventBody::NewMessage { message: logged } = &log(&store, chat).await[0].body else { panic!("it is") };
    assert!(logged.reactions.is_empty());
    delete(&store, chat, people[0], message.id, 6).await;
    assert!(seen(&store, &message, people[0]).await.reactions.is_empty());
}

pub async fn pinned_messages_are_listed_last_pinned_first(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let other = group(&store, &[ada]).await;
    let mut sent = Vec::new();
    for number in 1..=4 {
        sent.push(send(&store, chat, ada, &number.to_string(), number).await);
    }
    for (place, when) in [(2, 5), (0, 6), (1, 7), (3, 7)] {
        let change = amend(&store, &sent[place], bob, when, pinned(&sent[place], true)).await;
        assert_eq!(change.message.pinned_at, Some(at(when)));
    }
    let list = async || bodies(&store.pinned(chat, ada).await.unwrap()).join(" ");
    assert_eq!(list().await, "4 2 1 3", "of those pinned at once the later one first");
    assert_eq!(seen(&store, &sent[0], bob).await.pinned_at, Some(at(6)));
    amend(&store, &sent[1], ada, 8, pinned(&sent[1], false)).await;
    delete(&store, chat, ada, sent[3].id, 8).await;
    assert_eq!(list().await, "1 3");
    amend(&store, &sent[1], ada, 9, pinned(&sent[1], true)).await;
    assert_eq!(list().await, "2 1 3");
    assert!(store.pinned(other, ada).await.unwrap().is_empty());
}

/// What somebody may want, chosen by chance, and what the rules make of it.
fn by_chance(random: &mut Random, actor: UserId, people: &[UserId], id: MessageId) -> DecideMessage {
    let on = random.once_in(2);
    let emoji = ["👍", "❤️", "🎉"][random.below(3)];
    let what = random.below(20);
    let body = format!("text {}", random.below(5));
    let mentions = mentioning(random.once_in(3), &people[..random.below(people.len())]);
    Box::new(move |state: &MessageState| -> AppResult<Option<EventBody>> {
        let message = &state.message;
        let is_deleted = message.deleted_at.is_some();
        Ok(match what {
            0 if !is_deleted => Some(EventBody::MessageDeleted { message_id: id, ordinal: message.ordinal }),
            1..=6 if policy::edit_message(actor, message.sender_id, is_deleted).is_ok() => {
                (message.body != body).then(|| EventBody::MessageEdited {
                    message_id: id,
                    ordinal: message.ordinal,
                    body: body.clone(),
                    mentions: mentions.clone(),
                })
            }
            7..=15 if policy::react(is_deleted, false, 0).is_ok() => {
                let mine = message.reactions.iter().any(|reaction| reaction.emoji == emoji && reaction.mine);
                let emoji = emoji.to_owned();
                (mine != on).then_some(EventBody::ReactionChanged { message_id: id, emoji, on })
            }
            16..20 if !is_deleted && message.pinned_at.is_some() != on => {
                Some(EventBody::PinChanged { message_id: id, on })
            }
            _ => None,
        })
    })
}

pub async fn what_is_shown_is_what_the_log_says(store: TheStore) {
    for seed in 0..4 {
        let mut random = Random::of(seed);
        let people: [UserId; 4] = {
            let mut all = [NOBODY; 4];
            for (number, one) in all.iter_mut().enumerate() {
                *one = person(&store, &format!("Person {seed} {number}")).await;
            }
            all
        };
        let chat = group(&store, &people).await;
        let mut messages = vec![send(&store, chat, people[0], "the first", 0).await];
        // As somebody sees it who was there all the time and heard of each event.
        let mut heard: Vec<MessageView> = messages.clone();
        let me = people[1];
        for step in 1..120 {
            let actor = people[random.below(4)];
            let event: Option<LogEvent> = if random.once_in(8) {
                let answered = messages[random.below(messages.len())].id;
                let new = answering(actor, &format!("message {step}"), answered);
                let message = stored(&append(&store, chat, new).await).clone();
                messages.push(message.clone());
                heard.push(message);
                None
            } else {
                let id = messages[random.below(messages.len())].id;
                let decide = by_chance(&mut random, actor, &people, id);
                store.change_message(chat, id, actor, at(step), decide).await.unwrap().event
            };
            for message in &mut heard {
                event.iter().for_each(|event| {
                    message.apply(event, Some(me));
                });
            }
        }
        for (message, heard) in messages.iter().zip(&heard) {
            let shown = seen(&store, message, me).await;
            assert_eq!(&shown, heard, "seed {seed}: what a page made of the events");
            assert_eq!(folded(&store, message, me).await, shown, "seed {seed}: what a resume brings");
        }
    }
}

pub async fn racing_changes_of_one_message_keep_the_log_dense(store: TheStore) {
    race(&[store.clone(), store]).await;
}

/// Many people change one message at once, over several handles to one store.
pub async fn race(stores: &[TheStore]) {
    let store = &stores[0];
    let people: [UserId; 8] = people(store).await;
    let chat = group(store, &people).await;
    let message = send(store, chat, people[0], "the one", 0).await;
    let tasks = people.iter().enumerate().map(|(number, person)| {
        let (store, person, id) = (stores[number % stores.len()].clone(), *person, message.id);
        let mut random = Random::of(number as u64);
        tokio::spawn(async move {
            let mut logged = 0;
            for when in 0..15 {
                let decide = but_deletion(by_chance(&mut random, person, &people, id));
                let change = store.change_message(chat, id, person, at(when), decide).await.unwrap();
                logged += u64::from(change.event.is_some());
            }
            logged
        })
    });
    let logged: u64 =
        join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(|logged| logged.unwrap()).sum();
    let events = log(store, chat).await;
    assert_eq!(events.len() as u64, logged + 1, "each is logged once");
    for (store, viewer) in stores.iter().zip(people) {
        assert_eq!(seen(store, &message, viewer).await, folded(store, &message, viewer).await);
    }
    let edits = events.iter().filter(|event| matches!(event.body, EventBody::MessageEdited { .. })).count();
    assert_eq!(store.edits(chat, message.id).await.unwrap().len(), edits + 1);
}

/// A deletion would end the race.
fn but_deletion(decide: DecideMessage) -> DecideMessage {
    Box::new(move |state| {
        Ok(decide(state)?.filter(|event| !matches!(event, EventBody::MessageDeleted { .. })))
    })
}

pub async fn reactions_of_a_deleted_chat_are_purged(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let message = send(&store, chat, ada, "goes", 1).await;
    for actor in [ada, bob] {
        amend(&store, &message, actor, 2, reacted(&message, "👋", true)).await;
    }
    amend(&store, &message, ada, 2, pinned(&message, true)).await;
    let remove = by_policy(move |chat| policy::delete(chat, ada));
    store.change_chat(chat, ada, at(3), remove).await.unwrap().unwrap();
    let mut gone = 0;
    loop {
        match store.purge(at(4)).await.unwrap() {
            0 => break,
            slice => gone += slice,
        }
    }
    // Two reactions, a message, its event and four others, the chat.
    assert_eq!(gone, 2 + 1 + 5 + 1);
}
