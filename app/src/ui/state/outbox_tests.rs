//! Scenarios of messages on their way.

#![allow(clippy::unwrap_used)]

use super::outbox::{Delivery, Full, MAX_ENTRIES, Outbox, Progress};
use crate::{
    domain::{ChatId, ClientId, Timestamp},
    error::{AppError, ErrorCode},
    ui::state::testing::chosen,
};

const CHAT: ChatId = ChatId::from_bytes([1; 12]);
const OTHER: ChatId = ChatId::from_bytes([2; 12]);

fn id(n: u8) -> ClientId {
    ClientId::from_bytes([n; 16])
}

fn with(ids: &[(u8, ChatId)]) -> Outbox {
    let mut outbox = Outbox::default();
    for (n, chat) in ids {
        outbox.push(*chat, id(*n), format!("message {n}"), Vec::new(), Timestamp::default()).unwrap();
    }
    outbox
}

fn next(outbox: &mut Outbox, chat: ChatId) -> Option<ClientId> {
    outbox.start_next(chat).map(|entry| entry.client_id)
}

#[test]
fn each_chats_messages_go_out_in_order_one_at_a_time() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
    assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
    assert_eq!(next(&mut outbox, CHAT), None);
    assert_eq!(next(&mut outbox, OTHER), Some(id(3)));
    assert!(outbox.take(id(1)).is_some());
    assert_eq!(next(&mut outbox, CHAT), Some(id(2)));
}

#[test]
fn what_may_work_later_holds_back_those_behind_it() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT)]);
    next(&mut outbox, CHAT);
    let delay = outbox.failed(id(1), &ErrorCode::Offline.into(), 1.0);
    assert_eq!(delay, Some(1_000));
    assert_eq!(next(&mut outbox, CHAT), None);
    assert_eq!(outbox.requeue(id(1), false), Some(CHAT));
    assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
}

#[test]
fn a_refused_message_is_set_aside_and_can_be_tried_again_or_dropped() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT)]);
    next(&mut outbox, CHAT);
    assert_eq!(outbox.failed(id(1), &ErrorCode::Forbidden.into(), 0.0), None);
    assert_eq!(outbox.get(id(1)).unwrap().delivery, Delivery::Refused(ErrorCode::Forbidden));
    assert_eq!(next(&mut outbox, CHAT), Some(id(2)));
    outbox.requeue_all();
    assert_eq!(outbox.requeue(id(1), false), None);
    assert_eq!(outbox.requeue(id(1), true), Some(CHAT));
    // Not while another one of the chat is under way.
    assert_eq!(next(&mut outbox, CHAT), None);
    outbox.take(id(2));
    assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
}

#[test]
fn a_failure_is_news_once_until_the_writer_asks_for_another_try() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
    let progress = |outbox: &Outbox| outbox.get(id(1)).unwrap().progress();
    next(&mut outbox, CHAT);
    assert_eq!(progress(&outbox), Progress::Sending);
    for _ in 0..3 {
        outbox.failed(id(1), &ErrorCode::Offline.into(), 0.0);
        outbox.requeue_all();
        next(&mut outbox, CHAT);
        assert_eq!(progress(&outbox), Progress::Waiting);
        // Those that wait behind it have not failed.
        assert_eq!(outbox.failed_in(CHAT), [id(1)].into());
    }
    // It is under way already, and its writer is told so.
    assert_eq!(outbox.requeue(id(1), true), None);
    assert_eq!((progress(&outbox), outbox.failed_in(CHAT).len()), (Progress::Sending, 0));
    outbox.failed(id(1), &ErrorCode::Forbidden.into(), 0.0);
    assert_eq!(progress(&outbox), Progress::Refused(ErrorCode::Forbidden));
    assert_eq!(outbox.failed_in(CHAT), [id(1)].into());
}

#[test]
fn waits_grow_to_a_bound_and_honour_the_server() {
    let mut outbox = with(&[(1, CHAT)]);
    let mut delays = Vec::new();
    for _ in 0..8 {
        next(&mut outbox, CHAT);
        delays.push(outbox.failed(id(1), &ErrorCode::Unavailable.into(), 1.0).unwrap());
        outbox.requeue(id(1), false);
    }
    assert_eq!(delays, [2_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    next(&mut outbox, CHAT);
    let patient = AppError::new(ErrorCode::TooManyRequests).retry_after(90);
    assert_eq!(outbox.failed(id(1), &patient, 0.0), Some(90_000));
}

#[test]
fn a_reload_keeps_what_is_unsent_and_tries_it_again() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, CHAT)]);
    next(&mut outbox, CHAT);
    outbox.failed(id(1), &ErrorCode::ValidationFailed.into(), 0.0);
    next(&mut outbox, CHAT);
    let mut back = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    assert_eq!(back.of(CHAT).count(), 3);
    assert_eq!(next(&mut back, CHAT), Some(id(2)));
    assert!(matches!(back.get(id(1)).unwrap().delivery, Delivery::Refused(_)));
    assert_eq!(Outbox::default().to_json(), None);
    assert!(Outbox::from_json("{").is_err());
}

#[test]
fn the_queue_is_bounded() {
    let mut outbox = Outbox::default();
    for _ in 0..MAX_ENTRIES {
        outbox.push(CHAT, id(0), String::new(), Vec::new(), Timestamp::default()).unwrap();
    }
    assert_eq!(outbox.push(CHAT, id(1), String::new(), Vec::new(), Timestamp::default()), Err(Full));
}

fn with_files(body: &str) -> Outbox {
    let mut outbox = Outbox::default();
    let files = vec![chosen(1, "a.png", 10), chosen(2, "b.pdf", 20)];
    outbox.push(CHAT, id(1), body.into(), files, Timestamp::default()).unwrap();
    outbox
}

#[test]
fn after_a_reload_a_message_is_set_aside_whose_files_are_gone() {
    let mut outbox = with_files("look");
    outbox.push(CHAT, id(2), "and this".into(), Vec::new(), Timestamp::default()).unwrap();
    next(&mut outbox, CHAT);
    assert!(outbox.has_files());
    let mut back = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    let gone = back.get(id(1)).unwrap();
    assert_eq!((gone.progress(), gone.body.as_str()), (Progress::FilesGone, "look"));
    assert_eq!(gone.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.png", "b.pdf"]);
    assert!(gone.files.iter().all(|file| file.key == 0) && !back.has_files());
    // It cannot go out as it is, and holds nobody back.
    back.requeue_all();
    assert_eq!(back.requeue(id(1), true), None);
    assert_eq!(next(&mut back, CHAT), Some(id(2)));
    assert_eq!(back.failed_in(CHAT), [id(1)].into());
}

#[test]
fn without_one_of_its_files_a_message_goes_out_anew_and_without_all_it_is_given_back() {
    let mut outbox = with_files("look");
    next(&mut outbox, CHAT);
    assert_eq!(outbox.take_file(id(1), 1), None);
    outbox.aborted(id(1));
    let again = outbox.start_next(CHAT).unwrap();
    assert_eq!((again.client_id, again.files.len(), again.progress()), (id(1), 1, Progress::Sending));
    let given_back = outbox.take_file(id(1), 2).unwrap();
    assert_eq!((given_back.body.as_str(), outbox.get(id(1))), ("look", None));
    // Its request ends afterwards.
    outbox.aborted(id(1));
    assert_eq!(next(&mut outbox, CHAT), None);
}

#[test]
fn files_for_which_there_is_no_room_are_set_aside() {
    for code in [ErrorCode::StorageFull, ErrorCode::QuotaExceeded, ErrorCode::FileTooLarge] {
        let mut outbox = with_files("");
        next(&mut outbox, CHAT);
        assert_eq!(outbox.failed(id(1), &code.into(), 0.0), None);
        assert_eq!(outbox.get(id(1)).unwrap().progress(), Progress::Refused(code));
        assert_eq!(outbox.requeue(id(1), true), Some(CHAT));
    }
    // Text is tried again, as before.
    let mut outbox = with(&[(1, CHAT)]);
    next(&mut outbox, CHAT);
    assert!(outbox.failed(id(1), &ErrorCode::StorageFull.into(), 0.0).is_some());
}
