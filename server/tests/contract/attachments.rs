//! Files: they come with their message, count for who sent them, and go when nobody needs them any longer.

use app::{
    domain::{AttachmentId, AttachmentKind, Body, ChatId, MessageId, Seq, UserId},
    ports::{Appended, AttachmentRecord, NewAttachment, NewMessage, PageQuery},
    protocol::{AttachmentView, EventBody, ExcerptView, MessageView, PictureView},
};
use futures::future::join_all;

use crate::support::*;

/// When what is arriving is collected, in seconds.
const ARRIVING: i64 = 3_600;

/// A picture or, every other time, a text of so many bytes.
pub fn file(size: u64) -> AttachmentView {
    let bytes = id();
    let is_picture = bytes[11].is_multiple_of(2);
    AttachmentView {
        id: AttachmentId::from_bytes(bytes),
        name: "नमस्ते $name \"ü\" 🎉.bin".into(),
        kind: if is_picture { AttachmentKind::Image } else { AttachmentKind::Text },
        media_type: if is_picture { "image/webp" } else { "text/plain" }.into(),
        size,
        alt: if is_picture { "$$ROOT, a lake" } else { "" }.into(),
        picture: is_picture.then(|| PictureView {
            width: 1_920,
            height: 1_080,
            media_type: "image/webp".into(),
            placeholder: "00ff7f".repeat(12),
        }),
        excerpt: (!is_picture).then(|| ExcerptView { text: "one\ntwo '; --".into(), is_cut: true }),
    }
}

/// A file of somebody's that is arriving.
pub async fn arriving(store: &TheStore, owner_id: UserId, size: u64) -> AttachmentView {
    let file = file(size);
    let new = NewAttachment { id: file.id, owner_id, collect_at: at(ARRIVING) };
    store.expect_attachment(new).await.unwrap();
    file
}

/// Files of ten bytes each that are arriving.
pub async fn several<const N: usize>(store: &TheStore, owner: UserId) -> [AttachmentView; N] {
    let files = join_all((0..N).map(|_| arriving(store, owner, 10))).await;
    files.try_into().unwrap()
}

/// A message that says nothing and has these files.
pub fn with_files(sender: UserId, files: &[AttachmentView], when: i64) -> NewMessage {
    let body = Body::parse_beside_files("").unwrap();
    NewMessage { body, attachments: files.to_vec(), ..text(sender, "x", at(when)) }
}

fn limited(sender: UserId, files: &[AttachmentView], user_bytes: u64) -> NewMessage {
    NewMessage { user_bytes, ..with_files(sender, files, 1) }
}

/// Ada and Bob, and a group of theirs.
pub async fn team(store: &TheStore) -> (UserId, UserId, ChatId) {
    let [ada, bob] = people(store).await;
    let chat = group(store, &[ada, bob]).await;
    (ada, bob, chat)
}

/// The message wherever the store shows messages: they all have to agree.
pub async fn everywhere(store: &TheStore, message: &MessageView) -> MessageView {
    let chat = message.chat_id;
    let found = store.message(chat, NOBODY, message.id).await.unwrap().unwrap();
    let by_client_id = store.message_by_client_id(message.sender_id, message.client_id).await.unwrap();
    assert_eq!(by_client_id.as_ref(), Some(&found));
    let page = store.history(chat, NOBODY, PageQuery::Around(message.seq), 1).await.unwrap();
    assert_eq!(page.messages, std::slice::from_ref(&found));
    let events = store.events_after(chat, Seq(message.seq.0 - 1), 1).await.unwrap();
    assert_eq!(events[0].body, EventBody::NewMessage { message: found.clone() });
    let member = store.member_ids(chat).await.unwrap()[0];
    let alone = store.chat(chat, member, 1).await.unwrap().unwrap().last_message;
    let listed = store.chats_of(member, 10, 1).await.unwrap().remove(0).last_message;
    assert_eq!(alone, listed);
    if alone.as_ref().is_some_and(|last| last.id == message.id) {
        assert_eq!(alone.as_ref(), Some(&found));
    }
    found
}

pub async fn files_come_with_their_message_and_are_shown_everywhere(store: TheStore) {
    let (ada, _, chat) = team(&store).await;
    let files: [AttachmentView; 3] = several(&store, ada).await;
    assert_eq!(store.attachment(files[0].id).await.unwrap(), None, "it is arriving");
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
    let new = with_files(ada, &files, 5);
    let outcome = append(&store, chat, new.clone()).await;
    let message = stored(&outcome);
    assert_eq!(message.attachments, files, "in the order in which they were sent");
    assert_eq!(message.body, "");
    assert_eq!(&everywhere(&store, message).await, message);
    for file in &files {
        let record = AttachmentRecord { chat_id: chat, view: file.clone() };
        assert_eq!(store.attachment(file.id).await.unwrap(), Some(record));
    }
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 30);
    // Nobody takes a message's files, however late it is.
    store.give_up_attachments(&[files[0].id], at(6)).await.unwrap();
    assert!(store.collect_attachments(at(10 * ARRIVING), 10).await.unwrap().is_empty());
    store.forget_attachments(&[files[0].id]).await.unwrap();
    assert!(store.attachment(files[0].id).await.unwrap().is_some());
    // A text beside it has none.
    let text = send(&store, chat, ada, "just words", 7).await;
    assert!(everywhere(&store, &text).await.attachments.is_empty());
}

pub async fn nobody_knows_of_what_is_not_there(store: TheStore) {
    let (ada, _, chat) = team(&store).await;
    let nowhere = AttachmentId::from_bytes(id());
    assert_eq!(store.attachment(nowhere).await.unwrap(), None);
    assert_eq!(store.attached_bytes(UserId::from_bytes(id())).await.unwrap(), 0);
    store.give_up_attachments(&[nowhere], at(1)).await.unwrap();
    store.forget_attachments(&[nowhere]).await.unwrap();
    store.forget_attachments(&[]).await.unwrap();
    assert!(store.collect_attachments(at(1), 10).await.unwrap().is_empty());
    let message = send(&store, chat, ada, "here", 1).await;
    let other = group(&store, &[ada]).await;
    assert_eq!(store.message(other, NOBODY, message.id).await.unwrap(), None);
    assert_eq!(store.message(chat, NOBODY, MessageId::from_bytes(id())).await.unwrap(), None);
}

pub async fn a_message_whose_files_are_gone_is_refused_and_no_other(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let [claimed, fine, taken, twice, beside] = several(&store, ada).await;
    let theirs = arriving(&store, bob, 10).await;
    append(&store, chat, with_files(ada, std::slice::from_ref(&taken), 1)).await;
    store.give_up_attachments(&[claimed.id], at(1)).await.unwrap();
    assert_eq!(store.collect_attachments(at(2), 10).await.unwrap(), [claimed.id]);
    let batch = vec![
        with_files(ada, &[beside.clone(), claimed], 3),
        with_files(ada, &[file(10)], 3),
        with_files(ada, &[theirs], 3),
        with_files(ada, &[taken], 3),
        with_files(ada, &[twice.clone(), twice], 3),
        with_files(ada, std::slice::from_ref(&fine), 3),
        with_files(ada, std::slice::from_ref(&fine), 3),
        text(bob, "words need no files", at(3)),
    ];
    let outcomes = store.append_messages(chat, batch).await.unwrap();
    for refused in [0, 1, 2, 3, 4, 6] {
        assert!(matches!(outcomes[refused], Appended::AttachmentsGone), "{refused}: {:?}", outcomes[refused]);
    }
    assert_eq!((stored(&outcomes[5]).seq, stored(&outcomes[7]).seq), (Seq(2), Seq(3)));
    assert_eq!(log(&store, chat).await.len(), 3);
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 20);
    // What the refused message would have had beside it is still arriving.
    assert_eq!(store.attachment(beside.id).await.unwrap(), None);
    stored(&append(&store, chat, with_files(ada, &[beside], 4)).await);
}

/// Sends files by one store while they are collected by the others, so that now the one and now the others come
/// first: exactly one of them gets each file.
pub async fn a_file_has_one_fate(store: &TheStore, collectors: &[TheStore]) {
    const ROUNDS: usize = 60;
    let (ada, _, chat) = team(store).await;
    let (mut attached, mut collected) = (0, 0);
    // What whoever collects does before it: more where they were too early, less where they were too late.
    let mut reads = 0;
    for _ in 0..ROUNDS {
        let file = arriving(store, ada, 10).await;
        let new = with_files(ada, std::slice::from_ref(&file), 1);
        let sending = tokio::spawn({
            let store = store.clone();
            async move { append(&store, chat, new).await }
        });
        let collect = collectors.iter().map(async |collector| {
            for _ in 0..reads {
                collector.attached_bytes(ada).await.unwrap();
            }
            collector.collect_attachments(at(ARRIVING), 10).await.unwrap()
        });
        let claimed = join_all(collect).await.concat();
        match sending.await.unwrap() {
            Appended::New(_) => {
                assert!(claimed.is_empty(), "a message has what was claimed");
                assert!(store.attachment(file.id).await.unwrap().is_some());
                attached += 1;
                reads = reads * 3 / 4;
            }
            Appended::AttachmentsGone => {
                assert!(!claimed.is_empty() && claimed.iter().all(|id| *id == file.id), "{claimed:?}");
                store.forget_attachments(&claimed).await.unwrap();
                collected += 1;
                reads = reads * 2 + 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(attached > 0 && collected > 0, "no race: {attached} attached, {collected} collected");
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 10 * attached);
    assert_eq!(log(store, chat).await.len() as u64, attached);
    assert!(collectors[0].collect_attachments(at(ARRIVING), 10).await.unwrap().is_empty());
}

pub async fn a_file_is_collected_or_attached_and_never_both(store: TheStore) {
    a_file_has_one_fate(&store, std::slice::from_ref(&store)).await;
}

pub async fn the_room_that_somebody_has_is_counted_in_the_write(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let files: [AttachmentView; 6] = several(&store, ada).await;
    let one = |place: usize, bytes| limited(ada, &files[place..=place], bytes);
    assert!(matches!(append(&store, chat, one(0, 9)).await, Appended::QuotaExceeded));
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
    stored(&append(&store, chat, one(0, 10)).await);
    // Of one batch they are counted together, and each by what it says of the room itself.
    let theirs: [AttachmentView; 1] = several(&store, bob).await;
    let batch = vec![
        one(1, 30),
        limited(bob, &theirs, 10),
        limited(ada, &files[2..=3], 30),
        one(4, 30),
        one(5, 30),
        NewMessage { user_bytes: 0, ..text(ada, "words take no room", at(1)) },
    ];
    let outcomes = store.append_messages(chat, batch).await.unwrap();
    for refused in [2, 4] {
        assert!(matches!(outcomes[refused], Appended::QuotaExceeded), "{refused}: {:?}", outcomes[refused]);
    }
    let places: Vec<_> = [0, 1, 3, 5].map(|place| stored(&outcomes[place]).seq.0).to_vec();
    assert_eq!(places, [2, 3, 4, 5]);
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 30);
    assert_eq!(store.attached_bytes(bob).await.unwrap(), 10);
    // What was refused is arriving still, and more room lets it in.
    stored(&append(&store, chat, limited(ada, &files[2..=3], 50)).await);
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 50);
}

/// Sends into chats of their own, all at once, through any of the stores; there is room for five.
pub async fn racing_sends_stay_within_the_room(stores: &[TheStore]) {
    const SENDS: usize = 20;
    let store = &stores[0];
    let [ada, bob] = people(store).await;
    let sends = stores.iter().cycle().take(SENDS).map(|sender| async {
        let (sender, chat) = (sender.clone(), group(store, &[ada, bob]).await);
        (sender, chat, limited(ada, &[arriving(store, ada, 10).await], 59))
    });
    let sends = join_all(sends).await;
    let sends = sends
        .into_iter()
        .map(|(sender, chat, new)| tokio::spawn(async move { append(&sender, chat, new).await }));
    let mut attached = 0;
    for outcome in join_all(sends).await {
        match outcome.unwrap() {
            Appended::New(_) => attached += 1,
            Appended::QuotaExceeded => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(attached, 5);
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 50);
}

pub async fn racing_sends_stay_within_the_room_of_their_sender(store: TheStore) {
    racing_sends_stay_within_the_room(&[store]).await;
}

pub async fn a_repeated_send_leaves_the_files_that_came_again_alone(store: TheStore) {
    let (ada, _, chat) = team(&store).await;
    let [first, again] = several(&store, ada).await;
    let new = limited(ada, std::slice::from_ref(&first), 10);
    append(&store, chat, new.clone()).await;
    let repeated =
        NewMessage { id: text(ada, "x", at(2)).id, attachments: vec![again.clone()], ..new.clone() };
    let Appended::Duplicate(original) = append(&store, chat, repeated.clone()).await else {
        panic!("it was stored before")
    };
    assert_eq!((original.id, original.attachments), (new.id, vec![first]));
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 10);
    assert_eq!(store.attachment(again.id).await.unwrap(), None);
    // Also within one batch.
    let another = NewMessage { client_id: text(ada, "x", at(3)).client_id, user_bytes: 20, ..repeated };
    let another = NewMessage { id: text(ada, "x", at(3)).id, ..another };
    let outcomes = store.append_messages(chat, vec![another.clone(), another]).await.unwrap();
    assert_eq!(stored(&outcomes[0]).attachments, std::slice::from_ref(&again));
    assert!(matches!(&outcomes[1], Appended::Duplicate(message) if message.attachments == [again]));
}

pub async fn refusals_have_an_order(store: TheStore) {
    let [ada, bob, eve] = people(&store).await;
    let chat = group(&store, &[ada, bob]).await;
    let other = group(&store, &[ada, eve]).await;
    let here = append(&store, chat, text(ada, "here", at(1))).await;
    let there = append(&store, other, text(ada, "there", at(1))).await;
    let hers = append(&store, other, text(eve, "hers", at(1))).await;
    let gone = || vec![file(10)];
    let as_sent = |sent: &Appended, files| NewMessage {
        client_id: stored(sent).client_id,
        ..limited(stored(sent).sender_id, files, 0)
    };
    let full: [AttachmentView; 1] = several(&store, ada).await;
    let batch = vec![
        as_sent(&here, &gone()),
        as_sent(&hers, &gone()),
        as_sent(&there, &gone()),
        limited(ada, &gone(), 0),
        limited(ada, &full, 0),
    ];
    let outcomes = store.append_messages(chat, batch).await.unwrap();
    assert!(matches!(&outcomes[0], Appended::Duplicate(message) if message == stored(&here)));
    assert!(matches!(outcomes[1], Appended::NotMember));
    assert!(matches!(outcomes[2], Appended::ClientIdReused));
    assert!(matches!(outcomes[3], Appended::AttachmentsGone));
    assert!(matches!(outcomes[4], Appended::QuotaExceeded));
    assert_eq!(log(&store, chat).await.len(), 1);
}

pub async fn files_are_collected_oldest_first_until_they_are_forgotten(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let mut ids = Vec::new();
    for when in [30, 10, 40, 20] {
        let new = NewAttachment { id: file(1).id, owner_id: ada, collect_at: at(when) };
        ids.push(new.id);
        store.expect_attachment(new).await.unwrap();
    }
    let [thirty, ten, forty, twenty] = ids.try_into().unwrap();
    let due = async |when, limit| store.collect_attachments(at(when), limit).await.unwrap();
    assert!(due(9, 10).await.is_empty());
    assert!(due(50, 0).await.is_empty());
    assert_eq!(due(50, 2).await, [ten, twenty]);
    assert_eq!(due(50, 3).await, [ten, twenty, thirty], "what was claimed is given again");
    // Only what is claimed is forgotten.
    store.forget_attachments(&[forty, ten]).await.unwrap();
    assert_eq!(due(35, 10).await, [twenty, thirty]);
    store.forget_attachments(&[twenty, thirty, twenty]).await.unwrap();
    assert_eq!(due(40, 10).await, [forty]);
    store.forget_attachments(&[forty]).await.unwrap();
    assert!(due(100, 10).await.is_empty());
}

pub async fn what_is_given_up_is_collected_from_then_on(store: TheStore) {
    let (ada, _, chat) = team(&store).await;
    let [given_up, arriving, attached, claimed] = several(&store, ada).await;
    append(&store, chat, with_files(ada, std::slice::from_ref(&attached), 1)).await;
    store.give_up_attachments(&[claimed.id], at(5)).await.unwrap();
    assert_eq!(store.collect_attachments(at(5), 10).await.unwrap(), [claimed.id]);
    store.give_up_attachments(&[given_up.id, attached.id, claimed.id], at(9)).await.unwrap();
    assert_eq!(store.collect_attachments(at(8), 10).await.unwrap(), [claimed.id]);
    assert_eq!(store.collect_attachments(at(9), 10).await.unwrap(), [claimed.id, given_up.id]);
    let still = append(&store, chat, with_files(ada, &[arriving], 10)).await;
    assert_eq!(stored(&still).seq, Seq(2));
}
