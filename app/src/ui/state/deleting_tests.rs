//! Messages that were deleted, heard of in every order.

use super::{
    model::Model,
    model_tests::{apply, event, model, said, shown},
    testing::{BEN, CHAT, message},
    timeline::Timeline,
    timeline_tests::{arrive, numbers, page},
};
use crate::{
    domain::{Seq, Timestamp},
    protocol::EventBody,
};

#[test]
fn a_deleted_message_is_taken_away_and_from_the_list_too_if_it_is_the_last() {
    let mut model = model();
    apply(&mut model, said(1));
    apply(&mut model, said(2));
    let deleted =
        |seq, number| event(seq, EventBody::MessageDeleted { message_id: message(number, BEN, "").id });
    let last = |model: &Model| {
        let last = model.chat(CHAT).and_then(|chat| chat.last_message.clone());
        last.map(|last| (last.body, last.deleted_at.is_some()))
    };
    let effects = apply(&mut model, deleted(3, 1));
    assert_eq!(effects.deleted, [(CHAT, message(1, BEN, "").id, Timestamp::default())]);
    assert_eq!(last(&model), Some(("message 2".into(), false)));
    apply(&mut model, deleted(4, 2));
    assert_eq!(last(&model), Some((String::new(), true)));
    // It comes again, as after a resume: whoever shows messages is told once more, and nothing else changes.
    let effects = apply(&mut model, deleted(4, 2));
    assert_eq!(effects.deleted.len(), 1);
    assert_eq!((last(&model), model.applied(CHAT)), (Some((String::new(), true)), Some(Seq(4))));
    apply(&mut model, said(5));
    assert_eq!(last(&model), Some(("message 5".into(), false)));
}

#[test]
fn a_deletion_waits_for_the_message_and_one_of_ones_own_needs_no_event() {
    let mut model = model();
    let deletion = event(2, EventBody::MessageDeleted { message_id: message(1, BEN, "").id });
    assert!(apply(&mut model, deletion).deleted.is_empty());
    let effects = apply(&mut model, said(1));
    assert_eq!((shown(&effects), effects.deleted.len()), (vec![1], 1));
    let mut model = super::model_tests::model();
    apply(&mut model, said(1));
    model.note_deleted(CHAT, message(1, BEN, "").id, Timestamp::default());
    let last = model.chat(CHAT).and_then(|chat| chat.last_message.clone());
    assert!(last.is_some_and(|last| last.deleted_at.is_some()));
}

fn deleted(timeline: &Timeline) -> Vec<u64> {
    let messages = timeline.messages().iter().filter(|message| message.deleted_at.is_some());
    messages.inspect(|message| assert_eq!(message.body, "")).map(|message| message.seq.0).collect()
}

fn id(number: u64) -> crate::domain::MessageId {
    message(number, BEN, "").id
}

#[test]
fn a_deleted_message_keeps_its_place_and_loses_all_else_for_good() {
    let mut timeline = Timeline::ready(CHAT, page(1..=3, false, false));
    assert!(timeline.delete(id(2), Timestamp::from_millis(9)));
    assert!(!timeline.delete(id(2), Timestamp::from_millis(10)), "it is no news a second time");
    assert_eq!((numbers(&timeline), deleted(&timeline)), (vec![1, 2, 3], vec![2]));
    // What was read before does not bring it back.
    arrive(&mut timeline, 2);
    timeline.append(page(1..=3, false, false));
    assert_eq!(deleted(&timeline), [2]);
    assert_eq!(timeline.messages()[1].deleted_at, Some(Timestamp::from_millis(9)));
}

#[test]
fn the_news_of_a_deletion_may_come_before_the_page_with_the_message() {
    let mut timeline = Timeline::loading(CHAT, 1);
    assert!(!timeline.delete(id(11), Timestamp::default()));
    timeline.load(page(10..=12, true, false));
    assert_eq!(deleted(&timeline), [11]);
    timeline.delete(id(5), Timestamp::default());
    timeline.prepend(page(4..=9, false, false));
    assert_eq!(deleted(&timeline), [5, 11]);
}

#[test]
fn a_page_that_was_read_later_tells_of_a_deletion_that_was_missed() {
    let mut timeline = Timeline::ready(CHAT, page(1..=3, false, false));
    let mut later = page(2..=4, false, false);
    later.messages[0].delete(Timestamp::default());
    timeline.append(later);
    assert_eq!((numbers(&timeline), deleted(&timeline)), (vec![1, 2, 3, 4], vec![2]));
}

#[test]
fn what_is_remembered_of_deletions_is_bounded() {
    let mut timeline = Timeline::loading(CHAT, 1);
    (1..=1_000).for_each(|number| {
        timeline.delete(id(number), Timestamp::default());
    });
    timeline.load(page([1, 1_000], false, false));
    assert_eq!(deleted(&timeline), [1_000]);
}
