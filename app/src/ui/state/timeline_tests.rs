//! Pages, answers and events, merged in every order.

use std::sync::Arc;

use super::{
    happening::Happening,
    testing::{ADA, BEN, CHAT, message},
    timeline::{Phase, Timeline},
};
use crate::{
    domain::{Seq, Timestamp},
    error::ErrorCode,
    protocol::{EventBody, HistoryPage, LogEvent},
};

pub(super) fn page(numbers: impl IntoIterator<Item = u64>, has_older: bool, has_newer: bool) -> HistoryPage {
    let messages = numbers.into_iter().map(|number| message(number, BEN, "hi")).collect();
    HistoryPage { messages, events: Vec::new(), has_older, has_newer }
}

pub(super) fn numbers(timeline: &Timeline) -> Vec<u64> {
    timeline.messages().iter().map(|message| message.seq.0).collect()
}

pub(super) fn arrive(timeline: &mut Timeline, number: u64) -> bool {
    timeline.arrive(Arc::new(message(number, BEN, "hi")))
}

#[test]
fn pages_and_arrivals_merge_in_order_and_once() {
    let mut timeline = Timeline::ready(CHAT, page(10..=12, true, false));
    assert!(arrive(&mut timeline, 14));
    assert!(arrive(&mut timeline, 13));
    assert!(!arrive(&mut timeline, 14));
    timeline.prepend(page(5..=10, true, true));
    timeline.append(page(12..=16, true, false));
    assert_eq!(numbers(&timeline), (5..=16).collect::<Vec<_>>());
    assert!(timeline.has_older() && !timeline.has_newer());
}

#[test]
fn what_arrives_while_the_chat_is_loading_is_kept() {
    let mut timeline = Timeline::loading(CHAT, 1);
    assert_eq!(*timeline.phase(), Phase::Loading);
    arrive(&mut timeline, 3);
    arrive(&mut timeline, 13);
    timeline.load(page(10..=12, true, false));
    // The 3 lies beyond a part that is not loaded.
    assert_eq!(numbers(&timeline), [10, 11, 12, 13]);
    assert_eq!(*timeline.phase(), Phase::Ready);
}

#[test]
fn nothing_is_shown_across_a_part_that_is_not_loaded() {
    let mut timeline = Timeline::ready(CHAT, page(10..=12, true, true));
    assert!(!arrive(&mut timeline, 90));
    timeline.append(page(13..=90, true, false));
    assert!(arrive(&mut timeline, 91));
    let mut elsewhere = message(92, BEN, "hi");
    elsewhere.chat_id = super::testing::OTHER;
    assert!(!timeline.arrive(Arc::new(elsewhere)));
}

#[test]
fn another_part_takes_the_place_of_the_one_that_is_shown() {
    let mut timeline = Timeline::ready(CHAT, page(10..=12, true, false));
    timeline.set_older(Phase::Loading);
    timeline.replace(page(3..=5, true, true));
    assert_eq!(numbers(&timeline), [3, 4, 5]);
    assert!(timeline.has_newer() && timeline.holds(Seq(4)) && !timeline.holds(Seq(11)));
    // What was on its way for the part before is not waited for, and would be of another opening.
    assert_eq!((timeline.older(), timeline.opening()), (&Phase::Ready, 1));
}

#[test]
fn a_failure_says_why() {
    let mut timeline = Timeline::loading(CHAT, 1);
    timeline.fail(ErrorCode::Offline.into());
    assert_eq!(*timeline.phase(), Phase::Failed(ErrorCode::Offline.into()));
    assert_eq!((timeline.first_seq(), timeline.last_seq()), (None, Seq(0)));
}

#[test]
fn messages_of_one_author_stand_together_for_a_while_and_days_are_parted() {
    // The number is the minute: 1 and 2 are together, 9 is too late, 10 is somebody else's.
    let mut timeline = Timeline::ready(CHAT, page([1, 2, 9, 11, 1_440], false, false));
    timeline.arrive(Arc::new(message(10, ADA, "hi")));
    let rows = timeline.rows(0);
    let starts: Vec<_> = rows.iter().map(|row| row.starts_group).collect();
    assert_eq!(starts, [true, false, true, true, true, true]);
    let days: Vec<_> = rows.iter().map(|row| row.new_day).collect();
    assert_eq!(days, [Some(0), None, None, None, None, Some(1)]);
    // East of Greenwich the day is over earlier.
    let days: Vec<_> = timeline.rows(24 * 60 - 5).iter().map(|row| row.new_day).collect();
    assert_eq!(days, [Some(0), None, Some(1), None, None, None]);
}

/// Something that happened to the chat, at the place and minute of this number.
fn happened(number: u64) -> LogEvent {
    let body = EventBody::ChatRenamed { name: format!("Name {number}") };
    let at = Timestamp::from_millis(number as i64 * 60_000);
    LogEvent { chat_id: CHAT, seq: Seq(number), at, actor_id: BEN, named: Default::default(), body }
}

/// What is shown, in order: messages, and what happened as negative numbers.
fn shown(timeline: &Timeline) -> Vec<i64> {
    let number = |seq: Seq| seq.0 as i64;
    let events = |all: &[Happening]| all.iter().map(|one| -number(one.event.seq)).collect::<Vec<_>>();
    let rows = timeline.rows(0);
    let rows = rows.iter().flat_map(|row| [events(&row.before), vec![number(row.message.seq)]].concat());
    [rows.collect(), events(&timeline.tail(0))].concat()
}

#[test]
fn what_happened_stands_in_its_place_whatever_came_first() {
    let page = |numbers: &[u64], events: &[u64], has_older, has_newer| HistoryPage {
        events: events.iter().map(|number| happened(*number)).collect(),
        ..page(numbers.iter().copied(), has_older, has_newer)
    };
    let mut timeline = Timeline::ready(CHAT, page(&[10, 12], &[11], true, false));
    assert!(timeline.happen(happened(13)));
    assert!(!timeline.happen(happened(13)), "again");
    arrive(&mut timeline, 14);
    assert!(timeline.happen(happened(15)));
    assert!(!timeline.happen(happened(4)), "it lies beyond a part that is not loaded");
    assert_eq!(shown(&timeline), [10, -11, 12, -13, 14, -15]);
    timeline.prepend(page(&[5, 6], &[7, 8], false, true));
    assert_eq!(shown(&timeline), [5, 6, -7, -8, 10, -11, 12, -13, 14, -15]);
    let rows = timeline.rows(0);
    let starts: Vec<_> = rows.iter().map(|row| row.starts_group).collect();
    assert_eq!(starts, [true, false, true, true, true], "what stands between parts messages of one author");

    timeline.replace(page(&[5, 6], &[], true, true));
    assert!(!timeline.happen(happened(16)), "here is not the end");
    timeline.append(page(&[10, 12], &[7, 8, 11, 13], true, false));
    assert_eq!(shown(&timeline), [5, 6, -7, -8, 10, -11, 12, -13]);
}

#[test]
fn a_day_begins_with_whatever_is_first_on_it() {
    let mut timeline = Timeline::ready(CHAT, page([1, 1_442], false, false));
    timeline.happen(happened(1_441));
    timeline.happen(happened(2_881));
    let rows = timeline.rows(0);
    assert_eq!(rows[1].before[0].new_day, Some(1));
    assert_eq!(rows[1].new_day, None, "the day has begun");
    assert_eq!(timeline.tail(0)[0].new_day, Some(2));
}

#[test]
fn what_happens_while_the_chat_is_loading_is_kept() {
    let mut timeline = Timeline::loading(CHAT, 1);
    timeline.happen(happened(3));
    timeline.happen(happened(13));
    timeline.load(page(10..=12, true, false));
    assert_eq!(shown(&timeline), [10, 11, 12, -13]);
}
