//! Searching: everything that one may read is found, by what it says now, and nothing else is.

use app::{
    domain::{Body, ChatId, MessageId, UserId, search::SearchText},
    ports::{NewMessage, SearchRequest},
    protocol::{AttachmentView, EventBody, MessageView},
};

use crate::{attachments::file, random::Random, support::*};

/// More than the page that a person sees, so that most of what the scenarios look for comes at once.
const PAGE: usize = 100;

pub fn words(terms: &[&str]) -> SearchRequest {
    SearchRequest { text: SearchText::new(terms.iter().copied()), ..SearchRequest::default() }
}

/// Everything that is found, page by page.
pub async fn find_all(
    store: &TheStore,
    viewer: UserId,
    request: &SearchRequest,
    page: usize,
) -> Vec<MessageView> {
    let (mut all, mut after) = (Vec::new(), None);
    for _ in 0..10_000 {
        let found = store.search_messages(viewer, request.clone(), after, page).await.unwrap();
        assert!(found.messages.len() <= page);
        all.extend(found.messages);
        let Some(next) = found.next else { return all };
        assert_ne!(after, Some(next), "a page leads to itself");
        after = Some(next);
    }
    panic!("there is always another page");
}

async fn find(store: &TheStore, viewer: UserId, terms: &[&str]) -> Vec<String> {
    let found = find_all(store, viewer, &words(terms), PAGE).await;
    found.into_iter().map(|message| message.body).collect()
}

/// Sends many messages with as few writes as that takes.
pub async fn send_all(store: &TheStore, chat: ChatId, messages: Vec<NewMessage>) -> Vec<MessageView> {
    let mut sent = Vec::with_capacity(messages.len());
    for batch in messages.chunks(100) {
        let outcomes = store.append_messages(chat, batch.to_vec()).await.unwrap();
        sent.extend(outcomes.iter().map(stored).cloned());
    }
    sent
}

const WORDS: [&str; 40] = [
    "hello",
    "help",
    "Hellas",
    "report",
    "Straße",
    "strasse",
    "café",
    "cafe",
    "naïve",
    "lo",
    "l",
    "o2",
    "foo_bar",
    "3.14",
    "c++",
    "don't",
    "https://example.org/x?y=1",
    "**bold**",
    "中文字",
    "中国",
    "文字化け",
    "カタカナ",
    "ｶﾅ",
    "が",
    "한국어",
    "국",
    "ไทย",
    "हिन्दी",
    "हिंदी",
    "नमस्ते",
    "مُحَمَّد",
    "محمد",
    "שלום",
    "Ёлка",
    "елка",
    "👍",
    "👍🏽",
    "❤️",
    "👨‍👩‍👧",
    "e",
];

fn said(random: &mut Random) -> String {
    let count = 1 + random.below(7);
    let words: Vec<&str> = (0..count).map(|_| WORDS[random.below(WORDS.len())]).collect();
    let joint = [" ", "", ", ", "\n"][random.below(4)];
    words.join(joint)
}

/// A part of what somebody said, or some other word.
fn asked(random: &mut Random, messages: &[MessageView]) -> String {
    if random.once_in(4) {
        return WORDS[random.below(WORDS.len())].to_owned();
    }
    let body: Vec<char> = messages[random.below(messages.len())].body.chars().collect();
    let from = random.below(body.len());
    let length = 1 + random.below(8);
    body[from..].iter().take(length).collect()
}

pub async fn what_is_found_is_what_a_scan_finds(store: TheStore) {
    let [ada, ben, eve] = people(&store).await;
    let chats = [group(&store, &[ada, ben]).await, direct(&store, [ada, ben], at(0)).await];
    let hers = group(&store, &[eve, ben]).await;
    let mut random = Random::of(7_141);
    let mut sent: Vec<MessageView> = Vec::new();
    for round in 0..8 {
        for (number, chat) in chats.into_iter().chain([hers]).enumerate() {
            let second = i64::from(round) * 10 + number as i64;
            let batch = (0..60).map(|_| text(ben, &said(&mut random), at(second))).collect();
            sent.extend(send_all(&store, chat, batch).await);
        }
    }
    let mine: Vec<&MessageView> = sent.iter().filter(|message| message.chat_id != hers).collect();
    let mut found_something = 0;
    for _ in 0..150 {
        let terms: Vec<String> = (0..=random.below(2)).map(|_| asked(&mut random, &sent)).collect();
        let request = words(&terms.iter().map(String::as_str).collect::<Vec<_>>());
        let found = find_all(&store, ada, &request, PAGE).await;
        let mut ids: Vec<MessageId> = found.iter().map(|message| message.id).collect();
        assert!(
            found.windows(2).all(|pair| pair[0].created_at >= pair[1].created_at),
            "newest first: {terms:?}"
        );
        ids.sort_unstable();
        let scanned = mine.iter().filter(|message| request.text.matches([message.body.as_str()]));
        let mut scanned: Vec<MessageId> = scanned.map(|message| message.id).collect();
        scanned.sort_unstable();
        assert_eq!(ids, scanned, "{terms:?}");
        found_something += usize::from(!ids.is_empty());
    }
    assert!(found_something > 75, "most of what is looked for is there: {found_something}");
}

pub async fn only_who_is_in_a_chat_finds_what_is_said_in_it(store: TheStore) {
    let [ada, ben, eve] = people(&store).await;
    let chat = group(&store, &[ada, ben]).await;
    send(&store, chat, ada, "the secret plan", 1).await;
    assert_eq!(find(&store, ben, &["secret"]).await, ["the secret plan"]);
    assert!(find(&store, eve, &["secret"]).await.is_empty());
    assert!(find(&store, NOBODY, &["secret"]).await.is_empty());
    let only = SearchRequest { chats: Some(vec![chat]), ..words(&["secret"]) };
    assert!(find_all(&store, eve, &only, PAGE).await.is_empty(), "naming the chat does not help");
    // Who joins finds what was said before, and who leaves nothing.
    let join = |user| always(vec![added(user, app::domain::Role::Member, at(2))]);
    store.change_chat(chat, ada, at(2), join(eve)).await.unwrap().unwrap();
    assert_eq!(find(&store, eve, &["plan"]).await, ["the secret plan"]);
    let leave = always(vec![EventBody::MemberRemoved { user_id: ben }]);
    store.change_chat(chat, ben, at(3), leave).await.unwrap().unwrap();
    assert!(find(&store, ben, &["plan"]).await.is_empty());
    store.change_chat(chat, ada, at(4), always(vec![EventBody::ChatDeleted {}])).await.unwrap().unwrap();
    assert!(find(&store, ada, &["plan"]).await.is_empty());
}

pub async fn a_message_is_found_by_what_it_says_now(store: TheStore) {
    let [ada, ben] = people(&store).await;
    let chat = direct(&store, [ada, ben], at(0)).await;
    let first = send(&store, chat, ada, "an elephant", 1).await;
    // Enough that the first one may have come into an index by now.
    let many = (0..700).map(|number| text(ben, &format!("number {number}"), at(2))).collect();
    let many = send_all(&store, chat, many).await;
    let last = send(&store, chat, ada, "another elephant", 3).await;
    assert_eq!(find(&store, ben, &["elephant"]).await, ["another elephant", "an elephant"]);
    for (message, now) in [(&first, "a giraffe"), (&last, "another giraffe")] {
        amend(&store, message, ada, 4, edited(message, now)).await;
    }
    assert!(find(&store, ben, &["elephant"]).await.is_empty());
    assert_eq!(find(&store, ben, &["giraffe"]).await, ["another giraffe", "a giraffe"]);
    // What happens besides does not matter.
    amend(&store, &first, ben, 5, reacted(&first, "👍", true)).await;
    let found = find_all(&store, ben, &words(&["a giraffe"]), PAGE).await;
    assert_eq!(found.len(), 1, "a phrase");
    assert_eq!(found[0], store.message(chat, ben, first.id).await.unwrap().unwrap(), "as the viewer sees it");
    for message in [&first, &last, &many[3]] {
        amend(
            &store,
            message,
            ada,
            6,
            EventBody::MessageDeleted { message_id: message.id, ordinal: message.ordinal },
        )
        .await;
    }
    assert!(find(&store, ben, &["giraffe"]).await.is_empty());
    assert_eq!(find(&store, ben, &["number 3"]).await.len(), 110);
    let all = find_all(&store, ben, &SearchRequest::default(), PAGE).await;
    assert_eq!(all.len(), 699, "without words everything that is there");
}

pub async fn what_is_found_can_be_narrowed(store: TheStore) {
    let [ada, ben] = people(&store).await;
    let [one, two] = [group(&store, &[ada, ben]).await, group(&store, &[ada, ben]).await];
    let report = AttachmentView { name: "Quarterly report.pdf".into(), ..arriving_for(&store, ben).await };
    let beside = NewMessage { body: Body::parse("the figures").unwrap(), ..with_file(ben, &report, 10) };
    append(&store, one, beside).await;
    send(&store, one, ada, "the report is there", 20).await;
    send(&store, two, ben, "which report?", 30).await;
    let narrowed = |change: fn(SearchRequest, UserId, ChatId) -> SearchRequest, who, chat| {
        let (store, request) = (store.clone(), change(words(&["report"]), who, chat));
        async move {
            let found = find_all(&store, ada, &request, PAGE).await;
            found.into_iter().map(|message| message.body).collect::<Vec<_>>()
        }
    };
    assert_eq!(
        narrowed(|all, _, _| all, ada, one).await,
        ["which report?", "the report is there", "the figures"]
    );
    let in_one = narrowed(|all, _, chat| SearchRequest { chats: Some(vec![chat]), ..all }, ada, one);
    assert_eq!(in_one.await, ["the report is there", "the figures"]);
    let by_ben = narrowed(|all, who, _| SearchRequest { senders: Some(vec![who]), ..all }, ben, one);
    assert_eq!(by_ben.await, ["which report?", "the figures"]);
    let with_files = narrowed(|all, _, _| SearchRequest { has_file: true, ..all }, ada, one);
    assert_eq!(with_files.await, ["the figures"]);
    let since = narrowed(|all, _, _| SearchRequest { since: Some(at(20)), ..all }, ada, one);
    assert_eq!(since.await, ["which report?", "the report is there"]);
    let until = narrowed(|all, _, _| SearchRequest { until: Some(at(20)), ..all }, ada, one);
    assert_eq!(until.await, ["the figures"]);
    let nobodys = narrowed(|all, _, _| SearchRequest { senders: Some(Vec::new()), ..all }, ada, one);
    assert!(nobodys.await.is_empty());
    let anything = SearchRequest { has_file: true, senders: Some(vec![ben]), ..SearchRequest::default() };
    assert_eq!(find_all(&store, ada, &anything, PAGE).await.len(), 1, "no words are needed");
}

async fn arriving_for(store: &TheStore, owner: UserId) -> AttachmentView {
    let file = file(10);
    let new = app::ports::NewAttachment { id: file.id, owner_id: owner, collect_at: at(3_600) };
    store.expect_attachment(new).await.unwrap();
    file
}

fn with_file(sender: UserId, file: &AttachmentView, when: i64) -> NewMessage {
    NewMessage { attachments: vec![file.clone()], ..text(sender, "x", at(when)) }
}

pub async fn pages_lose_and_repeat_nothing(store: TheStore) {
    let [ada, ben] = people(&store).await;
    let chats = [group(&store, &[ada, ben]).await, group(&store, &[ada, ben]).await];
    let mut sent = Vec::new();
    // Many of one moment, over two chats.
    for round in 0..6 {
        for chat in chats {
            let batch = (0..60).map(|number| text(ben, &format!("page {number}"), at(round / 3))).collect();
            sent.extend(send_all(&store, chat, batch).await);
        }
    }
    let mut sent: Vec<MessageId> = sent.into_iter().map(|message| message.id).collect();
    sent.sort_unstable();
    let mut orders = Vec::new();
    for page in [1, 7, 50, 1_000] {
        let found = find_all(&store, ada, &words(&["page"]), page).await;
        let order: Vec<MessageId> = found.iter().map(|message| message.id).collect();
        let mut ids = order.clone();
        ids.sort_unstable();
        assert_eq!(ids, sent, "in pages of {page}");
        orders.push(order);
    }
    assert!(orders.windows(2).all(|pair| pair[0] == pair[1]), "in one order");
    // What comes while somebody pages is before what they have seen.
    let first = store.search_messages(ada, words(&["page"]), None, 10).await.unwrap();
    send(&store, chats[0], ben, "a new page", 9).await;
    let second = store.search_messages(ada, words(&["page"]), first.next, 10).await.unwrap();
    let seen: Vec<MessageId> =
        first.messages.iter().chain(&second.messages).map(|message| message.id).collect();
    assert_eq!(seen, orders[0][..20]);
    // The message at which a page ended is deleted.
    let last = &second.messages[9];
    amend(&store, last, ben, 10, EventBody::MessageDeleted { message_id: last.id, ordinal: last.ordinal })
        .await;
    let third = store.search_messages(ada, words(&["page"]), second.next, 10).await.unwrap();
    assert_eq!(third.messages[0].id, orders[0][20]);
}

pub async fn what_somebody_does_not_see_takes_no_room_from_what_they_do(store: TheStore) {
    let [ada, ben, eve] = people(&store).await;
    let (mine, theirs) = (direct(&store, [ada, ben], at(0)).await, group(&store, &[ben, eve]).await);
    send(&store, mine, ben, "a needle", 1).await;
    let batch = (0..2_600).map(|number| text(ben, &format!("needle {number}"), at(2))).collect();
    send_all(&store, theirs, batch).await;
    let found = find_all(&store, ada, &words(&["needle"]), 10).await;
    assert_eq!(bodies(&found), ["a needle"]);
    let first = store.search_messages(ben, words(&["needle"]), None, 10).await.unwrap();
    assert_eq!(first.messages.len(), 10);
}
