//! Messages that were changed and deleted, heard of in every order.

use std::sync::Arc;

use super::{
    model::Model,
    model_tests::{apply, event, model, said, shown},
    testing::{ADA, BEN, CHAT, message},
    timeline::Timeline,
    timeline_tests::{arrive, numbers, page},
};
use crate::{
    domain::{Ordinal, Seq, Timestamp, UserId},
    protocol::{EventBody, HistoryPage, LogEvent, MentionsView, MessageView, QuoteView, ReactionView},
};

#[test]
fn a_deleted_message_is_taken_away_and_from_the_list_too_if_it_is_the_last() {
    let mut model = model();
    apply(&mut model, said(1));
    apply(&mut model, said(2));
    let deleted = |seq, number| event(seq, deletion(number));
    let last = |model: &Model| {
        let last = model.chat(CHAT).and_then(|chat| chat.last_message.clone());
        last.map(|last| (last.body, last.deleted_at.is_some()))
    };
    let effects = apply(&mut model, deleted(3, 1));
    assert_eq!(effects.changed, [deleted(3, 1)]);
    assert_eq!(last(&model), Some(("message 2".into(), false)));
    apply(&mut model, deleted(4, 2));
    assert_eq!(last(&model), Some((String::new(), true)));
    // It comes again, as after a resume: whoever shows messages is told once more, and nothing else changes.
    let effects = apply(&mut model, deleted(4, 2));
    assert_eq!(effects.changed.len(), 1);
    assert_eq!((last(&model), model.applied(CHAT)), (Some((String::new(), true)), Some(Seq(4))));
    apply(&mut model, said(5));
    assert_eq!(last(&model), Some(("message 5".into(), false)));
}

#[test]
fn a_deletion_waits_for_the_message_and_one_of_ones_own_needs_no_event() {
    let mut model = model();
    assert!(apply(&mut model, event(2, deletion(1))).changed.is_empty());
    let effects = apply(&mut model, said(1));
    assert_eq!((shown(&effects), effects.changed.len()), (vec![1], 1));
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
fn the_news_of_a_change_may_come_before_the_page_with_the_message() {
    let mut timeline = Timeline::loading(CHAT, 1);
    assert!(!timeline.change(log(20, deletion(11)), ME));
    assert!(!timeline.change(log(21, edit(12, "better")), ME));
    timeline.load(page(10..=12, true, false));
    assert_eq!((deleted(&timeline), body(&timeline, 12)), (vec![11], "better".to_owned()));
    timeline.change(log(22, deletion(5)), ME);
    timeline.prepend(page(4..=9, false, false));
    assert_eq!(deleted(&timeline), [5, 11]);
}

#[test]
fn a_page_that_was_read_later_tells_of_what_was_missed() {
    let mut timeline = Timeline::ready(CHAT, page(1..=3, false, false));
    let mut later = page(2..=4, false, false);
    later.messages[0].delete(Timestamp::default());
    later.messages[1].apply(&log(6, edit(3, "better")), ME);
    timeline.append(later);
    assert_eq!((numbers(&timeline), deleted(&timeline)), (vec![1, 2, 3, 4], vec![2]));
    assert_eq!(body(&timeline, 3), "better");
    // One that was read earlier does not undo it.
    timeline.append(page(2..=4, false, false));
    assert_eq!((deleted(&timeline), body(&timeline, 3)), (vec![2], "better".to_owned()));
}

#[test]
fn an_answer_and_its_event_count_once_in_any_order() {
    let event = log(5, react(2, true));
    let mut answer = message(2, BEN, "hi");
    answer.apply(&event, ME);
    let of = |answer_first: bool| {
        let mut timeline = Timeline::ready(CHAT, page(1..=3, false, false));
        let mut once = 0;
        for answers in [answer_first, !answer_first] {
            let is_news = if answers { timeline.renew(&answer) } else { timeline.change(event.clone(), ME) };
            once += usize::from(is_news);
        }
        assert_eq!(once, 1);
        timeline.messages()[1].reactions.clone()
    };
    let one = ReactionView { emoji: "👍".into(), count: 1, user_ids: vec![ADA], mine: true };
    assert_eq!((of(true), of(false)), (vec![one.clone()], vec![one]));
}

#[test]
fn the_quote_of_a_message_follows_it_wherever_the_two_are() {
    let answer = |quoted: &MessageView| MessageView {
        reply_to: Some(QuoteView::of(quoted)),
        ..message(9, ADA, "because")
    };
    let mut timeline = Timeline::ready(CHAT, page([3], true, false));
    timeline.arrive(Arc::new(answer(&message(1, BEN, "why?"))));
    let quote = |timeline: &Timeline| {
        let quote = timeline.messages().last().and_then(|last| last.reply_to.clone());
        quote.map(|quote| (quote.body, quote.deleted)).unwrap_or_default()
    };
    assert!(timeline.change(log(12, edit(1, "why not?")), ME));
    assert_eq!(quote(&timeline), ("why not?".to_owned(), false));
    // An older event that comes late changes nothing, nor does an older page.
    assert!(!timeline.change(log(11, edit(1, "what?")), ME));
    timeline
        .append(HistoryPage { messages: vec![answer(&message(1, BEN, "why?"))], ..page([], true, false) });
    assert_eq!(quote(&timeline), ("why not?".to_owned(), false));
    assert!(timeline.delete(id(1), Timestamp::default()));
    assert_eq!(quote(&timeline), (String::new(), true));
}

#[test]
fn the_last_message_of_a_list_follows_an_answer_and_counts_its_event_once() {
    let mut model = model();
    apply(&mut model, said(1));
    let mut answer = message(1, BEN, "message 1");
    answer.apply(&log(2, react(1, true)), ME);
    model.note_changed(&answer);
    let last = |model: &Model| model.chat(CHAT).and_then(|chat| chat.last_message.clone());
    assert_eq!(last(&model).as_ref(), Some(&answer));
    apply(&mut model, log(2, react(1, true)));
    assert_eq!(last(&model).map(|last| last.reactions.len()), Some(1));
}

#[test]
fn what_is_remembered_of_changes_is_bounded() {
    let mut timeline = Timeline::loading(CHAT, 1);
    for number in 1..=1_000 {
        timeline.change(log(2_000 + number, deletion(number)), ME);
    }
    timeline.load(page([1, 1_000], false, false));
    assert_eq!(deleted(&timeline), [1_000]);
}

const ME: Option<UserId> = Some(ADA);

fn log(seq: u64, body: EventBody) -> LogEvent {
    LogEvent {
        chat_id: CHAT,
        seq: Seq(seq),
        at: Timestamp::default(),
        actor_id: ADA,
        named: Default::default(),
        body,
    }
}

fn deletion(number: u64) -> EventBody {
    EventBody::MessageDeleted { message_id: id(number), ordinal: Ordinal(number) }
}

fn edit(number: u64, body: &str) -> EventBody {
    let (message_id, ordinal) = (id(number), Ordinal(number));
    EventBody::MessageEdited { message_id, ordinal, body: body.into(), mentions: MentionsView::default() }
}

fn react(number: u64, on: bool) -> EventBody {
    EventBody::ReactionChanged { message_id: id(number), emoji: "👍".into(), on }
}

fn body(timeline: &Timeline, number: u64) -> String {
    let message = timeline.messages().iter().find(|message| message.seq == Seq(number));
    message.map(|message| message.body.clone()).unwrap_or_default()
}
