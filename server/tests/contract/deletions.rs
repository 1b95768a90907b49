//! Deleted messages and chats: what stays of them, and what becomes of their files.

use std::collections::BTreeSet;

use app::{
    domain::{Body, ChatId, MessageId, Seq, UserId, limits, policy},
    error::ErrorCode,
    ports::{Appended, DecideMessage, NewMessage},
    protocol::{AttachmentView, EventBody, LogEvent, MessageView},
};
use futures::future::join_all;

use crate::{
    attachments::{arriving, everywhere, several, team, with_files},
    support::*,
};

/// What a service decides when somebody deletes a message.
pub async fn delete(
    store: &TheStore,
    chat: ChatId,
    actor: UserId,
    message: MessageId,
    when: i64,
) -> Option<LogEvent> {
    let decide: DecideMessage = Box::new(move |state| {
        let gone = EventBody::MessageDeleted { message_id: message, ordinal: state.message.ordinal };
        Ok(state.message.deleted_at.is_none().then_some(gone))
    });
    store.change_message(chat, message, actor, at(when), decide).await.unwrap().event
}

/// What is said in a message that is going to be deleted.
pub const SECRET_TEXT: &str = "nobody may read this";
/// What it said for a while, and what its file is called.
pub const SECRET_EDIT: &str = "nobody may read that either";
pub const SECRET_NAME: &str = "the-secret.png";

/// A message of [`SECRET_TEXT`] with a file called [`SECRET_NAME`], which was edited, reacted to, pinned, and answered.
pub struct Secret {
    pub chat: ChatId,
    pub sender: UserId,
    pub message: MessageId,
    /// The id of its file, as it is written.
    pub file: String,
}

pub async fn a_secret(store: &TheStore) -> Secret {
    let [sender, other] = people(store).await;
    let chat = direct(store, [sender, other], at(0)).await;
    let mut photo = arriving(store, sender, 10).await;
    photo.name = SECRET_NAME.into();
    let file = photo.id.to_string();
    let body = Body::parse(SECRET_TEXT).unwrap();
    let first = send(store, chat, other, "what is it?", 1).await;
    let new = NewMessage { body, reply_to: Some(first.id), ..with_files(sender, &[photo], 1) };
    let message = stored(&append(store, chat, new).await).clone();
    for text in [SECRET_EDIT, "harmless", SECRET_TEXT] {
        amend(store, &message, sender, 1, edited(&message, text)).await;
    }
    amend(store, &message, other, 1, reacted(&message, "👀", true)).await;
    amend(store, &message, other, 1, pinned(&message, true)).await;
    let answer = NewMessage { reply_to: Some(message.id), ..text(other, "so that is it", at(1)) };
    append(store, chat, answer).await;
    Secret { chat, sender, message: message.id, file }
}

pub async fn a_deleted_message_leaves_its_place_and_nothing_else(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let files: [AttachmentView; 2] = several(&store, ada).await;
    let kept = arriving(&store, ada, 7).await;
    let before = stored(&append(&store, chat, with_files(ada, std::slice::from_ref(&kept), 1)).await).clone();
    let body = Body::parse("a secret").unwrap();
    let new = NewMessage { body, ..with_files(ada, &files, 2) };
    let message = stored(&append(&store, chat, new.clone()).await).clone();
    let after = send(&store, chat, bob, "an answer", 3).await;

    let event = delete(&store, chat, bob, message.id, 9).await.unwrap();
    assert_eq!((event.seq, event.at, event.actor_id), (Seq(4), at(9), bob));
    assert_eq!(event.body, EventBody::MessageDeleted { message_id: message.id, ordinal: message.ordinal });
    let mut expected = message.clone();
    expected.delete(at(9));
    expected.changed_seq = Seq(4);
    assert_eq!(everywhere(&store, &message).await, expected);
    assert_eq!(everywhere(&store, &before).await, before);
    assert_eq!(everywhere(&store, &after).await, after);
    let events = log(&store, chat).await;
    assert_eq!((events.len(), &events[3]), (4, &event));
    assert_eq!((events[1].at, events[1].actor_id), (at(2), ada), "who wrote it and when stays");
    for file in &files {
        assert_eq!(store.attachment(file.id).await.unwrap(), None);
    }
    assert!(store.attachment(kept.id).await.unwrap().is_some());
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 7);
    // Who sends it again is told what became of it.
    let again = append(&store, chat, new).await;
    assert!(matches!(again, Appended::Duplicate(original) if original == expected));
    // The head of the log goes on, the number of messages does not change.
    let record = store.chat(chat, ada, 1).await.unwrap().unwrap();
    assert_eq!((record.head, record.head_ordinal.0), (Seq(4), 3));
    assert_eq!(send(&store, chat, ada, "next", 10).await.ordinal.0, 4);
}

pub async fn a_message_is_deleted_once(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let files: [AttachmentView; 1] = several(&store, ada).await;
    let message = stored(&append(&store, chat, with_files(ada, &files, 1)).await).clone();
    delete(&store, chat, ada, message.id, 2).await;
    let deleted = everywhere(&store, &message).await;
    assert_eq!(delete(&store, chat, bob, message.id, 50).await, None);
    let again = EventBody::MessageDeleted { message_id: message.id, ordinal: message.ordinal };
    assert_eq!(code(try_amend(&store, &message, bob, 51, again).await), Some(ErrorCode::Internal));
    assert_eq!(everywhere(&store, &message).await, deleted);
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
    // Of racing ones, too, one does it.
    let files: [AttachmentView; 1] = several(&store, ada).await;
    let third = stored(&append(&store, chat, with_files(ada, &files, 1)).await).clone();
    let done = join_all((5..15).map(|when| delete(&store, chat, bob, third.id, when))).await;
    assert_eq!(done.iter().flatten().count(), 1);
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
    assert_eq!(log(&store, chat).await.len(), 4);
}

pub async fn a_message_of_another_chat_is_not_deleted(store: TheStore) {
    let (ada, bob, chat) = team(&store).await;
    let other = group(&store, &[ada, bob]).await;
    let message = send(&store, other, ada, "elsewhere", 1).await;
    let elsewhere = MessageView { chat_id: chat, ..message.clone() };
    let deleted = EventBody::MessageDeleted { message_id: message.id, ordinal: message.ordinal };
    let outcome = try_amend(&store, &elsewhere, ada, 2, deleted.clone()).await;
    assert_eq!(code(outcome), Some(ErrorCode::NotFound));
    // Nor by a change of its chat, which knows nothing of messages.
    let outcome = store.change_chat(other, ada, at(2), always(vec![renamed("Half"), deleted])).await;
    assert_eq!(code(outcome), Some(ErrorCode::Internal));
    assert!(log(&store, chat).await.is_empty());
    assert_eq!((log(&store, other).await.len(), everywhere(&store, &message).await), (1, message));
}

pub async fn released_files_are_collected_after_a_grace(store: TheStore) {
    let (ada, _, chat) = team(&store).await;
    let files: [AttachmentView; 2] = several(&store, ada).await;
    let message = stored(&append(&store, chat, with_files(ada, &files, 1)).await).clone();
    delete(&store, chat, ada, message.id, 2).await;
    let grace = limits::RELEASED_GRACE_SECONDS;
    assert!(store.collect_attachments(at(1 + grace), 10).await.unwrap().is_empty());
    let mut claimed = store.collect_attachments(at(2 + grace), 10).await.unwrap();
    claimed.sort_unstable();
    assert_eq!(claimed, [files[0].id, files[1].id]);
    // No message gets them again.
    let again = append(&store, chat, with_files(ada, &files, 3)).await;
    assert!(matches!(again, Appended::AttachmentsGone));
}

pub async fn the_files_of_a_deleted_chat_are_released_by_its_purge(store: TheStore) {
    const MESSAGES: usize = 90;
    const EACH: usize = 8;
    let (ada, bob, chat) = team(&store).await;
    let other = group(&store, &[ada, bob]).await;
    let kept = arriving(&store, ada, 5).await;
    append(&store, other, with_files(ada, std::slice::from_ref(&kept), 1)).await;
    let (mut batch, mut ids) = (Vec::new(), BTreeSet::new());
    for number in 0..MESSAGES {
        let sender = if number % 3 == 0 { bob } else { ada };
        let files: [AttachmentView; EACH] = several(&store, sender).await;
        ids.extend(files.iter().map(|file| file.id));
        batch.push(with_files(sender, &files, 1));
    }
    let first = batch[0].id;
    for outcome in store.append_messages(chat, batch).await.unwrap() {
        stored(&outcome);
    }
    let one = *ids.first().unwrap();
    assert!(store.attachment(one).await.unwrap().is_some());
    let sent = 10 * EACH as u64 * MESSAGES as u64;
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 5 + sent * 2 / 3);

    let remove = by_policy(move |chat| policy::delete(chat, ada));
    store.change_chat(chat, ada, at(2), remove).await.unwrap().unwrap();
    assert_eq!(store.attachment(one).await.unwrap(), None, "at once");
    assert_eq!(store.message(chat, NOBODY, first).await.unwrap(), None);
    let mut slices = 0;
    while store.purge(at(3)).await.unwrap() > 0 {
        slices += 1;
    }
    assert!(slices > 1, "a bounded slice at a time");
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 5);
    assert_eq!(store.attached_bytes(bob).await.unwrap(), 0);
    assert!(store.attachment(kept.id).await.unwrap().is_some());
    let grace = limits::RELEASED_GRACE_SECONDS;
    assert!(store.collect_attachments(at(2 + grace), 1_000).await.unwrap().is_empty());
    let claimed = store.collect_attachments(at(3 + grace), 1_000).await.unwrap();
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), ids);
}
