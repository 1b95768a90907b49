//! Messages and the log.

use std::collections::BTreeSet;

use app::{
    domain::{About, ChatId, ClientId, DisplayName, Ordinal, Seq, UserId, limits, policy},
    ports::{Appended, NewMessage, PageQuery},
    protocol::{EventBody, HistoryPage, MessageView},
};

use crate::support::*;

pub async fn a_message_is_stored_as_it_was_sent(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let new = text(ada, "नमस्ते <b>&amp;</b> 🎉\n'; DROP TABLE messages; --", at(5));
    let Appended::New(event) = append(&store, chat, new.clone()).await else { panic!("it is new") };
    let expected = MessageView {
        id: new.id,
        chat_id: chat,
        seq: Seq(1),
        ordinal: Ordinal(1),
        sender_id: ada,
        sender_name: "Person 0".into(),
        client_id: new.client_id,
        body: new.body.as_str().into(),
        created_at: at(5),
        ..MessageView::default()
    };
    assert_eq!((event.chat_id, event.seq, event.at, event.actor_id), (chat, Seq(1), at(5), ada));
    assert_eq!(event.body, EventBody::NewMessage { message: expected.clone() });
    assert_eq!(log(&store, chat).await, [event]);
    assert_eq!(store.message_by_client_id(ada, new.client_id).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.message_by_client_id(bob, new.client_id).await.unwrap(), None);
    let page = store.history(chat, NOBODY, PageQuery::Latest, 10).await.unwrap();
    assert_eq!(page.messages, std::slice::from_ref(&expected));
    let record = store.chat(chat, bob, 10).await.unwrap().unwrap();
    assert_eq!((record.head, record.head_ordinal), (Seq(1), Ordinal(1)));
    assert_eq!(record.last_message, Some(expected));
}

pub async fn a_batch_has_one_outcome_per_message_in_order(store: TheStore) {
    let [ada, bob, eve] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let other = direct(&store, [ada, eve], at(0)).await;
    let elsewhere = text(ada, "elsewhere", at(1));
    append(&store, other, elsewhere.clone()).await;
    let (one, two) = (text(ada, "one", at(2)), text(bob, "two", at(3)));
    let batch = vec![one.clone(), text(eve, "no", at(3)), two, NewMessage { ..one.clone() }, elsewhere];
    let outcomes = store.append_messages(chat, batch).await.unwrap();
    assert_eq!(outcomes.len(), 5);
    let first = stored(&outcomes[0]);
    assert_eq!((first.seq, first.ordinal, first.body.as_str()), (Seq(1), Ordinal(1), "one"));
    assert!(matches!(outcomes[1], Appended::NotMember));
    assert_eq!((stored(&outcomes[2]).seq, stored(&outcomes[2]).ordinal), (Seq(2), Ordinal(2)));
    assert!(matches!(&outcomes[3], Appended::Duplicate(message) if message == first));
    assert!(matches!(outcomes[4], Appended::ClientIdReused));
    assert_eq!(log(&store, chat).await.len(), 2);
    assert!(store.append_messages(chat, Vec::new()).await.unwrap().is_empty());
}

pub async fn a_hundred_sends_of_one_message_store_it_once(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let message = text(ada, "once", at(1));
    let tasks = (0..100).map(|_| {
        // A device that sends again gives the same client id; the server makes another id for it.
        let (store, again) = (store.clone(), NewMessage { id: text(ada, "x", at(1)).id, ..message.clone() });
        tokio::spawn(async move { append(&store, chat, again).await })
    });
    let (mut new, mut all) = (0, BTreeSet::new());
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Appended::Duplicate(message) => all.insert(message.id),
            outcome => {
                new += 1;
                all.insert(stored(&outcome).id)
            }
        };
    }
    assert_eq!((new, all.len()), (1, 1));
    assert_eq!(log(&store, chat).await.len(), 1);
}

pub async fn a_repeated_send_finds_its_original_even_after_leaving(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let message = text(bob, "bye", at(1));
    append(&store, chat, message.clone()).await;
    let leave = by_policy(move |chat| policy::leave(chat, bob));
    store.change_chat(chat, bob, at(2), leave).await.unwrap();
    let again = append(&store, chat, message.clone()).await;
    assert!(matches!(again, Appended::Duplicate(original) if original.seq == Seq(1)));
    assert!(matches!(append(&store, chat, text(bob, "more", at(3))).await, Appended::NotMember));
    assert!(store.message_by_client_id(bob, message.client_id).await.unwrap().is_some());
}

pub async fn a_client_id_belongs_to_one_chat(store: TheStore) {
    let [ada, bob, carol] = people(&store).await;
    let one = direct(&store, [ada, bob], at(0)).await;
    let other = direct(&store, [ada, carol], at(0)).await;
    let message = text(ada, "first", at(1));
    append(&store, one, message.clone()).await;
    assert!(matches!(append(&store, other, message.clone()).await, Appended::ClientIdReused));
    assert!(log(&store, other).await.is_empty());
    // Another person may use it: it is theirs.
    let hers = NewMessage { sender_id: carol, id: text(carol, "x", at(1)).id, ..message };
    stored(&append(&store, other, hers).await);
}

pub async fn only_members_append(store: TheStore) {
    let [ada, bob, eve] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    assert!(matches!(append(&store, chat, text(eve, "hi", at(1))).await, Appended::NotMember));
    let nowhere = ChatId::from_bytes(id());
    assert!(matches!(append(&store, nowhere, text(ada, "hi", at(1))).await, Appended::NotMember));
    let nobody = UserId::from_bytes(id());
    assert!(matches!(append(&store, chat, text(nobody, "hi", at(1))).await, Appended::NotMember));
    assert!(log(&store, chat).await.is_empty());
    assert_eq!(store.message_by_client_id(eve, ClientId::random()).await.unwrap(), None);
}

pub async fn the_longest_body_is_kept_as_it_is(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let body = "🎉".repeat(limits::BODY_CHARS);
    assert_eq!(send(&store, chat, ada, &body, 1).await.body, body);
    let page = store.history(chat, NOBODY, PageQuery::Latest, 1).await.unwrap();
    assert_eq!(page.messages[0].body, body);
}

pub async fn racing_writers_get_dense_numbers_and_one_order(store: TheStore) {
    const EACH: usize = 100;
    let all: [UserId; 8] = people(&store).await;
    let chat = group(&store, &all).await;
    let tasks = all.map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut last = Seq(0);
            for number in 0..EACH {
                let body = format!("{writer} {number}");
                let message = send(&store, chat, writer, &body, 1).await;
                assert!(message.seq > last, "one's own messages are in the order of sending");
                last = message.seq;
            }
        })
    });
    let admin = all[0];
    for number in 0..50 {
        let name = always(vec![renamed(&format!("Name {number}"))]);
        store.change_chat(chat, admin, at(1), name).await.unwrap().unwrap();
    }
    for task in tasks {
        task.await.unwrap();
    }
    let events = log(&store, chat).await;
    assert_eq!(events.len(), 8 * EACH + 50);
    let messages: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::NewMessage { message } => Some(message),
            _ => None,
        })
        .collect();
    assert_eq!(messages.len(), 8 * EACH);
    for (message, ordinal) in messages.iter().zip(1..) {
        assert_eq!(message.ordinal, Ordinal(ordinal));
    }
    for writer in all {
        let own = messages.iter().filter(|message| message.sender_id == writer);
        let own: Vec<_> = own.map(|message| message.body.clone()).collect();
        let sent: Vec<_> = (0..EACH).map(|number| format!("{writer} {number}")).collect();
        assert_eq!(own, sent);
    }
    // Paging through the history gives the same.
    let (mut paged, mut from) = (Vec::new(), Seq(0));
    loop {
        let page = store.history(chat, NOBODY, PageQuery::After(from), 100).await.unwrap();
        from = page.messages.last().map_or(from, |message| message.seq);
        paged.extend(page.messages);
        if !page.has_newer {
            break;
        }
    }
    assert!(paged.iter().eq(messages));
    let record = store.chat(chat, admin, 1).await.unwrap().unwrap();
    assert_eq!(record.head.0, events.len() as u64);
    assert_eq!(record.head_ordinal.0, paged.len() as u64);
    let tail = store.events_after(chat, Seq(record.head.0 - 10), 5).await.unwrap();
    assert_eq!(tail, events[events.len() - 10..events.len() - 5]);
}

/// A chat with messages "1" to "10" at seq 1 to 10.
async fn ten(store: &TheStore) -> ChatId {
    let [ada, bob] = people(store).await;
    let chat = direct(store, [ada, bob], at(0)).await;
    let batch = (1..=10).map(|number| text(ada, &number.to_string(), at(number))).collect();
    store.append_messages(chat, batch).await.unwrap();
    chat
}

async fn page(store: &TheStore, chat: ChatId, query: PageQuery, limit: usize) -> (String, bool, bool) {
    let HistoryPage { messages, has_older, has_newer, .. } =
        store.history(chat, NOBODY, query, limit).await.unwrap();
    (bodies(&messages).join(" "), has_older, has_newer)
}

pub async fn history_is_paged_from_either_end(store: TheStore) {
    let chat = ten(&store).await;
    let all = "1 2 3 4 5 6 7 8 9 10";
    for (query, limit, expected, older, newer) in [
        (PageQuery::Latest, 3, "8 9 10", true, false),
        (PageQuery::Latest, 10, all, false, false),
        (PageQuery::Latest, 100, all, false, false),
        (PageQuery::Before(Seq(8)), 3, "5 6 7", true, true),
        (PageQuery::Before(Seq(4)), 3, "1 2 3", false, true),
        (PageQuery::Before(Seq(1)), 3, "", false, true),
        (PageQuery::Before(Seq(11)), 10, all, false, false),
        (PageQuery::Before(Seq(u64::MAX)), 2, "9 10", true, false),
        (PageQuery::After(Seq(0)), 3, "1 2 3", false, true),
        (PageQuery::After(Seq(7)), 3, "8 9 10", true, false),
        (PageQuery::After(Seq(3)), 3, "4 5 6", true, true),
        (PageQuery::After(Seq(10)), 3, "", true, false),
        (PageQuery::After(Seq(u64::MAX)), 3, "", true, false),
    ] {
        let found = page(&store, chat, query, limit).await;
        assert_eq!(found, (expected.to_owned(), older, newer), "{query:?}, at most {limit}");
    }
    let nowhere = ChatId::from_bytes(id());
    assert_eq!(store.history(nowhere, NOBODY, PageQuery::Latest, 5).await.unwrap(), HistoryPage::default());
    assert!(store.events_after(nowhere, Seq(0), 5).await.unwrap().is_empty());
    assert_eq!(store.events_after(chat, Seq(9), 5).await.unwrap().len(), 1);
    assert!(store.events_after(chat, Seq(10), 5).await.unwrap().is_empty());
}

pub async fn history_around_an_event_fills_the_page(store: TheStore) {
    let chat = ten(&store).await;
    for (seq, limit, expected, older, newer) in [
        (5, 4, "3 4 5 6", true, true),
        (5, 5, "3 4 5 6 7", true, true),
        (1, 4, "1 2 3 4", false, true),
        (10, 4, "7 8 9 10", true, false),
        (2, 5, "1 2 3 4 5", false, true),
        (100, 3, "8 9 10", true, false),
        (0, 3, "1 2 3", false, true),
        (5, 10, "1 2 3 4 5 6 7 8 9 10", false, false),
        (5, 1, "5", true, true),
    ] {
        let found = page(&store, chat, PageQuery::Around(Seq(seq)), limit).await;
        assert_eq!(found, (expected.to_owned(), older, newer), "around {seq}, at most {limit}");
    }
}

pub async fn events_that_are_no_messages_do_not_break_paging(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let rename = async || {
        store.change_chat(chat, ada, at(1), always(vec![renamed("A"), renamed("B")])).await.unwrap();
    };
    // Messages at 3, 6 and 9; everything else is renames, up to 11.
    for number in 1..=3 {
        rename().await;
        send(&store, chat, ada, &number.to_string(), 1).await;
    }
    rename().await;
    for (query, limit, expected, older, newer) in [
        (PageQuery::Latest, 2, "2 3", true, false),
        (PageQuery::Latest, 3, "1 2 3", false, false),
        (PageQuery::Before(Seq(3)), 2, "", false, true),
        (PageQuery::Before(Seq(6)), 2, "1", false, true),
        (PageQuery::Before(Seq(11)), 1, "3", true, false),
        (PageQuery::After(Seq(3)), 1, "2", true, true),
        (PageQuery::After(Seq(4)), 5, "2 3", true, false),
        (PageQuery::After(Seq(9)), 5, "", true, false),
        (PageQuery::Around(Seq(5)), 2, "1 2", false, true),
        (PageQuery::Around(Seq(11)), 2, "2 3", true, false),
    ] {
        let found = page(&store, chat, query, limit).await;
        assert_eq!(found, (expected.to_owned(), older, newer), "{query:?}, at most {limit}");
    }
    let record = store.chat(chat, ada, 1).await.unwrap().unwrap();
    assert_eq!((record.head, record.head_ordinal), (Seq(11), Ordinal(3)));
    assert_eq!(record.last_message.unwrap().seq, Seq(9));
}

pub async fn messages_show_the_current_name_of_their_sender(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[bob, ada]).await;
    let sent = text(ada, "hello", at(1));
    append(&store, chat, sent.clone()).await;
    let (name, about) = (DisplayName::parse("Countess").unwrap(), About::parse("").unwrap());
    store.update_profile(ada, name, about).await.unwrap();
    let leave = by_policy(move |chat| policy::leave(chat, ada));
    store.change_chat(chat, ada, at(2), leave).await.unwrap();
    let history = store.history(chat, NOBODY, PageQuery::Latest, 1).await.unwrap();
    let last = store.chat(chat, bob, 1).await.unwrap().unwrap().last_message.unwrap();
    let found = store.message_by_client_id(ada, sent.client_id).await.unwrap().unwrap();
    let events = log(&store, chat).await;
    let EventBody::NewMessage { message } = &events[0].body else { panic!("it was a message") };
    for view in [&history.messages[0], &last, &found, message] {
        assert_eq!(view.sender_name, "Countess");
    }
}

pub async fn the_log_of_a_deleted_chat_is_purged(store: TheStore) {
    const MESSAGES: usize = 1_200;
    let [ada, bob] = people(&store).await;
    let kept = direct(&store, [ada, bob], at(0)).await;
    send(&store, kept, ada, "stays", 1).await;
    let chat = group(&store, &[ada, bob]).await;
    let batch: Vec<_> = (0..MESSAGES).map(|_| text(ada, "goes", at(1))).collect();
    let again = batch[0].clone();
    store.append_messages(chat, batch).await.unwrap();
    assert_eq!(store.purge(at(2)).await.unwrap(), 0);
    let delete = by_policy(move |chat| policy::delete(chat, ada));
    store.change_chat(chat, ada, at(3), delete).await.unwrap();
    let (mut gone, mut slices) = (0, 0);
    loop {
        let slice = store.purge(at(4)).await.unwrap();
        if slice == 0 {
            break;
        }
        gone += slice;
        slices += 1;
    }
    assert!(gone >= 2 * MESSAGES as u64, "messages and their events go: {gone}");
    assert!(slices > 1, "a bounded slice at a time");
    assert_eq!(log(&store, kept).await.len(), 1);
    // Nothing is left of it: even the ids of its messages are free.
    stored(&append(&store, kept, again).await);
}

/// Not only what was written last: heads, numbers and sessions go on where they were.
pub async fn everything_is_there_after_reopening<F: Fixture>() {
    let mut fixture = F::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let (session, _) = session(&store, ada, 0, 3_600).await;
    for number in 0..5 {
        send(&store, chat, ada, &number.to_string(), number).await;
    }
    store.change_chat(chat, ada, at(9), always(vec![renamed("Crew")])).await.unwrap();
    let (events, record) = (log(&store, chat).await, store.chat(chat, bob, 10).await.unwrap());
    drop(store);
    fixture.reopen().await;
    let store = fixture.store();
    assert_eq!(log(&store, chat).await, events);
    assert_eq!(store.chat(chat, bob, 10).await.unwrap(), record);
    assert_eq!(store.session(session.id, at(10)).await.unwrap(), Some(session));
    let next = send(&store, chat, bob, "next", 10).await;
    assert_eq!((next.seq, next.ordinal), (Seq(7), Ordinal(6)));
}

/// The places of what a page tells of its chat.
fn happened(page: &HistoryPage) -> Vec<u64> {
    page.events.iter().map(|event| event.seq.0).collect()
}

pub async fn what_happened_to_a_chat_is_in_one_of_the_pages_beside_each_other(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let page = async |query, limit| store.history(chat, NOBODY, query, limit).await.unwrap();
    let rename = async || store.change_chat(chat, ada, at(1), always(vec![renamed("Crew")])).await.unwrap();
    rename().await;
    assert_eq!(happened(&page(PageQuery::Latest, 5).await), [1], "where nothing was said");
    // 2 3 | 4 5 | 6 7 | 8, with events at 1, 3, 5, 6, 8; what becomes of messages is none of them.
    let first = send(&store, chat, ada, "2", 2).await;
    rename().await;
    send(&store, chat, bob, "4", 2).await;
    rename().await;
    rename().await;
    send(&store, chat, ada, "7", 2).await;
    rename().await;
    amend(&store, &first, bob, 3, reacted(&first, "👍", true)).await;
    send(&store, chat, ada, "10", 4).await;

    assert_eq!(happened(&page(PageQuery::Latest, 9).await), [1, 3, 5, 6, 8]);
    assert_eq!(happened(&page(PageQuery::Latest, 2).await), [8]);
    assert_eq!(
        happened(&page(PageQuery::Before(Seq(7)), 1).await),
        [5, 6],
        "up to where the next one begins"
    );
    assert_eq!(happened(&page(PageQuery::Before(Seq(4)), 1).await), [1, 3], "and before the first one");
    assert_eq!(happened(&page(PageQuery::After(Seq(2)), 1).await), [3], "from where the last one ends");
    assert_eq!(happened(&page(PageQuery::After(Seq(4)), 9).await), [5, 6, 8]);
    assert!(happened(&page(PageQuery::After(Seq(10)), 9).await).is_empty());
    assert_eq!(happened(&page(PageQuery::Around(Seq(4)), 2).await), [1, 3]);
    // Whichever pages somebody reads one beside the other, each event is in one of them.
    for size in 1..4 {
        let (mut before, mut all) = (Seq(u64::MAX), Vec::new());
        loop {
            let page = page(PageQuery::Before(before), size).await;
            all.splice(..0, happened(&page));
            before = page.messages[0].seq;
            if !page.has_older {
                break;
            }
        }
        assert_eq!(all, [1, 3, 5, 6, 8], "backwards by {size}");
        let (mut after, mut all) = (Seq(0), Vec::new());
        loop {
            let page = page(PageQuery::After(after), size).await;
            all.extend(happened(&page));
            after = page.messages.last().unwrap().seq;
            if !page.has_newer {
                break;
            }
        }
        assert_eq!(all, [1, 3, 5, 6, 8], "forwards by {size}");
    }
}

pub async fn what_happened_to_a_chat_names_who_is_gone(store: TheStore) {
    let (ada, bob) = (person(&store, "Ada").await, person(&store, "Bob").await);
    let chat = group(&store, &[ada, bob]).await;
    let left = by_policy(move |chat| policy::leave(chat, bob));
    let told = store.change_chat(chat, bob, at(1), left).await.unwrap().unwrap();
    assert_eq!(told[0].named, [(bob, "Bob".to_owned())].into());
    let page = store.history(chat, ada, PageQuery::Latest, 5).await.unwrap();
    assert_eq!(page.events, told);
    let name = DisplayName::parse("Bob the Builder").unwrap();
    assert!(store.update_profile(bob, name, About::parse("").unwrap()).await.unwrap());
    for events in
        [store.history(chat, ada, PageQuery::Latest, 5).await.unwrap().events, log(&store, chat).await]
    {
        assert_eq!(events[0].named[&bob], "Bob the Builder", "as they are called now");
    }
}

pub async fn what_a_page_tells_of_its_chat_is_bounded(store: TheStore) {
    let [ada] = people(&store).await;
    let chat = group(&store, &[ada]).await;
    let most = limits::EVENTS_PER_PAGE as u64;
    let names = (0..most + 10).map(|number| renamed(&format!("Name {number}"))).collect();
    store.change_chat(chat, ada, at(1), always(names)).await.unwrap().unwrap();
    let latest = store.history(chat, ada, PageQuery::Latest, 5).await.unwrap();
    assert_eq!(happened(&latest), (11..=most + 10).collect::<Vec<_>>(), "the last ones");
    let after = store.history(chat, ada, PageQuery::After(Seq(0)), 5).await.unwrap();
    assert_eq!(happened(&after), (1..=most).collect::<Vec<_>>(), "those that go on from there");
}

pub async fn a_message_is_found_by_its_time(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let (chat, other) = (group(&store, &[ada, bob]).await, group(&store, &[ada]).await);
    assert_eq!(store.message_at(chat, at(0)).await.unwrap(), None);
    for when in [10, 10, 20] {
        send(&store, chat, ada, "so it goes", when).await;
    }
    send(&store, other, ada, "elsewhere", 30).await;
    for (when, expected) in
        [(0, Some(Seq(1))), (10, Some(Seq(1))), (11, Some(Seq(3))), (20, Some(Seq(3))), (21, None)]
    {
        assert_eq!(store.message_at(chat, at(when)).await.unwrap(), expected, "{when}");
    }
    store.change_chat(chat, ada, at(40), always(vec![EventBody::ChatDeleted {}])).await.unwrap();
    assert_eq!(store.message_at(chat, at(0)).await.unwrap(), None);
}
