//! Scenarios of messages on their way.

#![allow(clippy::unwrap_used)]

use super::outbox::{Delivery, Full, MAX_ENTRIES, Outbox, Progress, Unsent};
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
fn a_refused_message_holds_back_those_of_its_chat_until_its_writer_has_decided() {
    let refused = || {
        let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
        next(&mut outbox, CHAT);
        assert_eq!(outbox.failed(id(1), &ErrorCode::Forbidden.into(), 0.0), None);
        outbox
    };
    let progress = |outbox: &Outbox| outbox.standing(CHAT).map(|(_, progress)| progress).collect::<Vec<_>>();
    let mut outbox = refused();
    outbox.requeue_all();
    assert_eq!(outbox.requeue(id(1), false), None);
    assert_eq!(progress(&outbox), [Progress::Refused(ErrorCode::Forbidden), Progress::Behind]);
    assert_eq!(outbox.failed_in(CHAT), [id(1)].into(), "that the other waits for it is no news");
    assert_eq!((next(&mut outbox, CHAT), next(&mut outbox, OTHER)), (None, Some(id(3))));
    // Tried again, it goes first.
    assert_eq!(outbox.requeue(id(1), true), Some(CHAT));
    assert_eq!(progress(&outbox), [Progress::Sending, Progress::Sending]);
    assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
    // Given up, it lets the others go.
    let mut outbox = refused();
    outbox.take(id(1));
    assert_eq!(next(&mut outbox, CHAT), Some(id(2)));
}

#[test]
fn the_order_of_writing_is_kept_whatever_the_clock_says() {
    let mut outbox = Outbox::default();
    let mut write = |n: u8, millis: i64| {
        let at = Timestamp::from_millis(millis);
        outbox.push(CHAT, id(n), String::new(), Vec::new(), at).unwrap();
        outbox.get(id(n)).unwrap().written_at.as_millis()
    };
    assert_eq!([write(3, 500), write(2, 500), write(1, 90)], [500, 501, 502]);
    // Also when nothing waits any more, for somebody else's page may not have heard of that.
    outbox.take(id(1));
    outbox.push(CHAT, id(4), String::new(), Vec::new(), Timestamp::from_millis(502)).unwrap();
    assert_eq!(outbox.get(id(4)).unwrap().written_at.as_millis(), 503);
    assert_eq!(outbox.of(CHAT).map(|entry| entry.client_id).collect::<Vec<_>>(), [id(3), id(2), id(4)]);
}

#[test]
fn what_is_held_waits_until_it_is_let_go() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT)]);
    outbox.hold(id(1));
    assert_eq!(next(&mut outbox, CHAT), None);
    outbox.requeue_all();
    assert_eq!(next(&mut outbox, CHAT), None, "a connection is not what it waits for");
    assert_eq!(outbox.requeue(id(1), false), Some(CHAT));
    assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
    outbox.hold(id(1));
    assert_eq!(outbox.get(id(1)).unwrap().delivery, Delivery::Sending, "its request is under way");
}

#[test]
fn a_failure_is_news_once_until_the_writer_asks_for_another_try() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
    let progress = |outbox: &Outbox| outbox.standing(CHAT).next().unwrap().1;
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
    let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
    next(&mut outbox, CHAT);
    outbox.failed(id(1), &ErrorCode::ValidationFailed.into(), 0.0);
    next(&mut outbox, OTHER);
    let mut back = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    assert_eq!(back.of(CHAT).count(), 2);
    assert_eq!(next(&mut back, OTHER), Some(id(3)));
    assert!(matches!(back.get(id(1)).unwrap().delivery, Delivery::Refused(_)));
    assert_eq!(Outbox::default().to_json(), None);
    assert!(Outbox::from_json("{").is_err());
}

#[test]
fn the_tab_keeps_by_itself_what_the_browser_does_not() {
    let mut outbox = with(&[(1, CHAT), (2, CHAT)]);
    assert!(outbox.keep(id(1)).is_some());
    let own = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    assert_eq!(own.of(CHAT).map(|entry| entry.client_id).collect::<Vec<_>>(), [id(2)]);
    assert!(outbox.keep(id(2)).is_some() && outbox.keep(id(3)).is_none());
    assert_eq!(outbox.to_json(), None);
}

/// What the browser keeps of what is in this outbox.
fn records(outbox: &Outbox) -> Vec<Unsent> {
    let copy = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    let all = copy.chats().into_iter().flat_map(|chat| copy.of(chat).cloned().collect::<Vec<_>>());
    all.collect()
}

#[test]
fn a_tab_takes_up_what_others_wrote_and_drops_what_they_sent_or_discarded() {
    let mut elsewhere = with(&[(1, CHAT), (2, OTHER)]);
    let mut outbox = Outbox::default();
    assert_eq!(outbox.take_up(records(&elsewhere), &mut |_| ()), []);
    assert_eq!(outbox.chats(), [CHAT, OTHER]);
    // What is written here is not there yet, and not gone.
    outbox.push(CHAT, id(3), String::new(), Vec::new(), Timestamp::default()).unwrap();
    elsewhere.take(id(1));
    let gone = outbox.take_up(records(&elsewhere), &mut |_| ());
    assert_eq!(gone.iter().map(|entry| entry.client_id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(outbox.of(CHAT).map(|entry| entry.client_id).collect::<Vec<_>>(), [id(3)]);
}

#[test]
fn records_that_were_read_a_moment_before_bring_nothing_back() {
    let mut outbox = with(&[(1, CHAT)]);
    let before = records(&outbox);
    outbox.keep(id(1));
    outbox.take(id(1));
    assert!(!outbox.wants_files(&before[0]));
    outbox.take_up(before, &mut |_| ());
    assert_eq!(outbox.chats(), []);
}

#[test]
fn what_was_decided_in_another_tab_is_taken_over() {
    let mut elsewhere = with(&[(1, CHAT)]);
    let mut outbox = Outbox::default();
    outbox.take_up(records(&elsewhere), &mut |_| ());
    next(&mut elsewhere, CHAT);
    elsewhere.failed(id(1), &ErrorCode::Forbidden.into(), 0.0);
    // Not while a request is under way, which will say the same.
    next(&mut outbox, CHAT);
    outbox.take_up(records(&elsewhere), &mut |_| ());
    assert_eq!(outbox.get(id(1)).unwrap().delivery, Delivery::Sending);
    outbox.aborted(id(1));
    outbox.take_up(records(&elsewhere), &mut |_| ());
    assert_eq!(outbox.get(id(1)).unwrap().delivery, Delivery::Refused(ErrorCode::Forbidden));
    elsewhere.requeue(id(1), true);
    outbox.take_up(records(&elsewhere), &mut |_| ());
    assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
}

#[test]
fn the_queue_is_bounded() {
    let mut outbox = Outbox::default();
    for n in 0..MAX_ENTRIES {
        outbox.push(CHAT, id(n as u8), String::new(), Vec::new(), Timestamp::default()).unwrap();
    }
    assert_eq!(outbox.push(CHAT, id(255), String::new(), Vec::new(), Timestamp::default()), Err(Full));
}

fn with_files(body: &str) -> Outbox {
    let mut outbox = Outbox::default();
    let files = vec![chosen(1, "a.png", 10), chosen(2, "b.pdf", 20)];
    outbox.push(CHAT, id(1), body.into(), files, Timestamp::default()).unwrap();
    outbox
}

#[test]
fn after_a_reload_a_message_is_set_aside_whose_files_the_browser_did_not_keep() {
    let mut outbox = with_files("look");
    outbox.push(CHAT, id(2), "and this".into(), Vec::new(), Timestamp::default()).unwrap();
    next(&mut outbox, CHAT);
    assert!(outbox.has_files());
    let mut back = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    let gone = back.get(id(1)).unwrap();
    assert_eq!((gone.delivery, gone.body.as_str()), (Delivery::FilesGone, "look"));
    assert_eq!(gone.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.png", "b.pdf"]);
    assert!(gone.files.iter().all(|file| file.key == 0) && !back.has_files());
    // It cannot go out as it is.
    back.requeue_all();
    assert_eq!(back.requeue(id(1), true), None);
    assert_eq!(next(&mut back, CHAT), None);
    assert_eq!(back.failed_in(CHAT), [id(1)].into());
    assert_eq!(back.not_kept().map(|entry| entry.client_id).collect::<Vec<_>>(), [id(2)]);
}

#[test]
fn files_that_the_browser_kept_come_back_and_are_kept_with_the_message() {
    let outbox = with_files("look");
    let mut back = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
    let mut record = records(&outbox).remove(0);
    assert!(back.wants_files(&record));
    record.files = vec![chosen(7, "a.png", 10), chosen(8, "b.pdf", 20)];
    back.take_up(vec![record.clone()], &mut |_| ());
    assert!(!back.has_files(), "nothing would be lost with the page");
    // What is here already is not held twice.
    assert!(!back.wants_files(&record));
    let sent = back.start_next(CHAT).unwrap();
    assert_eq!(sent.files.iter().map(|file| file.key).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn a_record_brings_nothing_back_that_was_changed_since() {
    let mut outbox = with_files("look");
    let mut late = records(&outbox).remove(0);
    late.files = vec![chosen(7, "a.png", 10), chosen(8, "b.pdf", 20)];
    outbox.take_file(id(1), 1);
    assert!(!outbox.wants_files(&late));
    next(&mut outbox, CHAT);
    outbox.failed(id(1), &ErrorCode::Forbidden.into(), 0.0);
    outbox.take_up(vec![late.clone()], &mut |_| ());
    let entry = outbox.get(id(1)).unwrap();
    assert_eq!(entry.delivery, Delivery::Refused(ErrorCode::Forbidden));
    assert_eq!(entry.files.iter().map(|file| file.key).collect::<Vec<_>>(), [2]);
    assert!(!entry.kept, "what is newer than the record is still to be written");
    assert_eq!(outbox.keep(id(1)), Some(late.revision + 2));
}

#[test]
fn of_several_files_those_that_can_be_read_stay() {
    let mut outbox = with_files("look");
    next(&mut outbox, CHAT);
    outbox.files_gone(id(1), &[2]);
    let entry = outbox.take(id(1)).unwrap();
    assert_eq!(entry.delivery, Delivery::FilesGone);
    assert_eq!(entry.files.iter().map(|file| file.key).collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn without_one_of_its_files_a_message_goes_out_anew_and_the_last_one_is_told() {
    let mut outbox = with_files("look");
    next(&mut outbox, CHAT);
    assert!(!outbox.take_file(id(1), 1));
    outbox.aborted(id(1));
    let again = outbox.start_next(CHAT).unwrap();
    assert_eq!((again.client_id, again.files.len(), again.progress()), (id(1), 1, Progress::Sending));
    assert!(outbox.take_file(id(1), 2));
    assert_eq!(outbox.take(id(1)).unwrap().body, "look");
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
        assert_eq!(outbox.get(id(1)).unwrap().delivery, Delivery::Refused(code));
        assert_eq!(outbox.requeue(id(1), true), Some(CHAT));
    }
    // Text is tried again, as before.
    let mut outbox = with(&[(1, CHAT)]);
    next(&mut outbox, CHAT);
    assert!(outbox.failed(id(1), &ErrorCode::StorageFull.into(), 0.0).is_some());
}
