//! The checker's own test: for each rule, evidence that breaks it and nothing else, beside evidence that breaks
//! none.

use std::collections::{BTreeMap, BTreeSet};

use app::{
    domain::{ChatId, ClientId, Ordinal, Seq, UserId},
    error::ErrorCode,
};

use crate::{
    checker::{Violation, check},
    evidence::{DeviceLog, Entry, Evidence, Expected, FinalLog, Injected, Message, Outcome, Place, Sent},
    recorded_trials,
};

pub const CHAT: ChatId = ChatId::from_bytes([1; 12]);
pub const OTHER: ChatId = ChatId::from_bytes([2; 12]);
pub const ADA: UserId = UserId::from_bytes([1; 12]);
pub const BOB: UserId = UserId::from_bytes([2; 12]);

pub fn id(number: u8) -> ClientId {
    ClientId::from_bytes([number; 16])
}

pub fn place(seq: u64, ordinal: u64) -> Place {
    Place { seq: Seq(seq), ordinal: Ordinal(ordinal) }
}

pub fn message(number: u8, sender: UserId, seq: u64, ordinal: u64) -> Message {
    Message { place: place(seq, ordinal), client_id: id(number), sender, body: format!("message {number}") }
}

fn sent(number: u8, sender: UserId, began: u64, ended: Option<u64>, outcome: Outcome) -> Sent {
    let body = format!("message {number}");
    Sent { client_id: id(number), sender, chat: CHAT, body, began, ended, tries: 1, outcome }
}

pub fn ok(number: u8, sender: UserId, began: u64, ended: u64, at: Place) -> Sent {
    sent(number, sender, began, Some(ended), Outcome::Ok(BTreeSet::from([at])))
}

pub fn log_of(messages: Vec<Message>) -> FinalLog {
    let entries: Vec<_> = messages
        .iter()
        .map(|message| Entry { seq: message.place.seq, message: Some(message.clone()) })
        .collect();
    FinalLog { head: entries.last().map_or(Seq(0), |entry| entry.seq), entries, history: messages }
}

/// A run in which everything is as it has to be: a rename between messages, a send whose fate nobody told and
/// that is stored, one that is not, one that was refused, and a fault in the middle.
pub fn clean() -> Evidence {
    let messages =
        vec![message(1, ADA, 1, 1), message(2, BOB, 2, 2), message(3, ADA, 4, 3), message(4, ADA, 5, 4)];
    let mut log = log_of(messages.clone());
    log.entries.insert(2, Entry { seq: Seq(3), message: None });
    let device = |device: &str, joined: usize| DeviceLog {
        device: device.to_owned(),
        chat: CHAT,
        joined: messages[joined].place.seq,
        applied: Seq(5),
        messages: messages[joined..].to_vec(),
    };
    Evidence {
        sends: vec![
            ok(1, ADA, 10, 20, place(1, 1)),
            sent(2, BOB, 15, Some(25), Outcome::Unknown),
            ok(3, ADA, 30, 60, place(4, 3)),
            ok(4, ADA, 70, 80, place(5, 4)),
            sent(5, BOB, 40, Some(50), Outcome::Unknown),
            sent(6, BOB, 50, Some(55), Outcome::Failed(ErrorCode::NotFound)),
        ],
        devices: vec![device("Ada's", 0), device("Bob's", 1)],
        noticed: Vec::new(),
        faults: vec![Injected { what: "a fault".into(), began: 35, healed: Some(45), recovered: Some(60) }],
        reconnections: 2,
        pauses: Vec::new(),
        finals: BTreeMap::from([(CHAT, log)]),
        expected: Expected { acknowledged: 3, faults: 1, reconnections: 2, refused: 1 },
    }
}

fn log(evidence: &mut Evidence) -> &mut FinalLog {
    evidence.finals.get_mut(&CHAT).expect("the chat of all")
}

fn stored(evidence: &mut Evidence, entry: usize) -> &mut Message {
    log(evidence).entries[entry].message.as_mut().expect("a message")
}

/// Keeps the pages of history and the devices in step with the log, so that only one rule is broken.
fn follow(evidence: &mut Evidence) {
    let log = log(evidence);
    log.history = log.entries.iter().filter_map(|entry| entry.message.clone()).collect();
    log.head = log.entries.last().map_or(Seq(0), |entry| entry.seq);
    let (history, head) = (log.history.clone(), log.head);
    for device in &mut evidence.devices {
        device.messages =
            history.iter().filter(|message| message.place.seq >= device.joined).cloned().collect();
        device.applied = head;
    }
}

type Break = fn(&mut Evidence);
type Expect = fn(&Violation) -> bool;

/// What is done to clean evidence, and what has to be reported of it, alone.
const RULES: &[(&str, Break, Expect)] = &[
    (
        "an_acknowledged_message_that_is_not_there_is_lost",
        |evidence| {
            log(evidence).entries.pop();
            follow(evidence);
        },
        |found| matches!(found, Violation::Lost { client_id, .. } if *client_id == id(4)),
    ),
    (
        "an_acknowledged_message_at_another_place_has_moved",
        |evidence| evidence.sends[3] = ok(4, ADA, 70, 80, place(6, 4)),
        |found| matches!(found, Violation::Moved { stands, .. } if *stands == place(5, 4)),
    ),
    (
        "an_acknowledged_message_of_another_ordinal_has_moved",
        |evidence| evidence.sends[3] = ok(4, ADA, 70, 80, place(5, 3)),
        |found| matches!(found, Violation::Moved { told, .. } if *told == place(5, 3)),
    ),
    (
        "a_second_answer_that_contradicts_the_first_is_found",
        |evidence| {
            let told = BTreeSet::from([place(5, 4), place(7, 4)]);
            evidence.sends[3].outcome = Outcome::Ok(told);
        },
        |found| matches!(found, Violation::Moved { told, .. } if *told == place(7, 4)),
    ),
    (
        "a_refused_message_that_is_stored_is_found",
        |evidence| {
            evidence.sends[1].outcome = Outcome::Failed(ErrorCode::NotFound);
            evidence.sends[1].ended = Some(16);
        },
        |found| matches!(found, Violation::Refused { client_id, .. } if *client_id == id(2)),
    ),
    (
        "an_acknowledged_message_that_is_there_twice_is_doubled",
        |evidence| {
            log(evidence).entries.push(Entry { seq: Seq(6), message: Some(message(3, ADA, 6, 5)) });
            follow(evidence);
        },
        |found| matches!(found, Violation::Doubled { client_id, at } if *client_id == id(3) && at.len() == 2),
    ),
    (
        "an_unknown_message_that_is_there_twice_is_doubled",
        |evidence| {
            log(evidence).entries.push(Entry { seq: Seq(6), message: Some(message(2, BOB, 6, 5)) });
            follow(evidence);
        },
        |found| matches!(found, Violation::Doubled { client_id, .. } if *client_id == id(2)),
    ),
    (
        "a_message_that_is_in_two_chats_is_doubled",
        |evidence| {
            evidence.finals.insert(OTHER, log_of(vec![message(2, BOB, 1, 1)]));
        },
        |found| match found {
            Violation::Doubled { at, .. } => at.iter().any(|(chat, _)| *chat == OTHER),
            Violation::Altered { .. } => true,
            _ => false,
        },
    ),
    (
        "a_message_that_nobody_sent_is_found",
        |evidence| {
            log(evidence).entries.push(Entry { seq: Seq(6), message: Some(message(9, BOB, 6, 5)) });
            follow(evidence);
        },
        |found| matches!(found, Violation::Unsent { seq: Seq(6), .. }),
    ),
    (
        "a_message_with_another_text_is_found",
        |evidence| {
            stored(evidence, 1).body = "message 1".into();
            follow(evidence);
        },
        |found| matches!(found, Violation::Altered { client_id, .. } if *client_id == id(2)),
    ),
    (
        "a_message_under_another_name_is_found",
        |evidence| {
            stored(evidence, 0).sender = BOB;
            follow(evidence);
        },
        |found| matches!(found, Violation::Altered { client_id, .. } if *client_id == id(1)),
    ),
    (
        "a_hole_in_the_log_is_found",
        |evidence| {
            log(evidence).entries.remove(2);
            follow(evidence);
        },
        |found| matches!(found, Violation::Gap { after, .. } if *after == place(2, 2)),
    ),
    (
        "a_place_that_is_taken_twice_is_found",
        |evidence| log(evidence).entries[2].seq = Seq(2),
        |found| matches!(found, Violation::Gap { after, .. } if *after == place(2, 2)),
    ),
    (
        "a_hole_in_the_ordinals_is_found",
        |evidence| {
            stored(evidence, 4).place.ordinal = Ordinal(5);
            evidence.sends[3] = ok(4, ADA, 70, 80, place(5, 5));
            follow(evidence);
        },
        |found| matches!(found, Violation::Gap { after, .. } if *after == place(4, 3)),
    ),
    (
        "a_head_that_is_not_the_logs_end_is_found",
        |evidence| log(evidence).head = Seq(6),
        |found| matches!(found, Violation::Head { told: Seq(6), last: Seq(5), .. }),
    ),
    (
        "a_page_that_lacks_a_message_is_found",
        |evidence| {
            log(evidence).history.pop();
        },
        |found| matches!(found, Violation::Pages { seq: Seq(5), .. }),
    ),
    (
        "a_later_message_that_stands_before_an_earlier_one_is_found",
        |evidence| {
            // The first one had been answered before the other began.
            evidence.sends[2] = ok(3, ADA, 30, 60, place(5, 4));
            evidence.sends[3] = ok(4, ADA, 70, 80, place(4, 3));
            *stored(evidence, 3) = message(4, ADA, 4, 3);
            *stored(evidence, 4) = message(3, ADA, 5, 4);
            follow(evidence);
        },
        |found| matches!(found, Violation::OutOfOrder { earlier, later, .. } if (*earlier, *later) == (id(3), id(4))),
    ),
    (
        "a_message_that_a_device_lacks_is_found",
        |evidence| {
            evidence.devices[1].messages.remove(1);
        },
        |found| matches!(found, Violation::Lacks { device, seq: Seq(4), .. } if device == "Bob's"),
    ),
    (
        "a_message_that_only_a_device_has_is_found",
        |evidence| evidence.devices[0].messages.push(message(5, BOB, 6, 5)),
        |found| matches!(found, Violation::Surplus { device, seq: Seq(6), .. } if device == "Ada's"),
    ),
    (
        "a_message_that_a_device_shows_twice_is_found",
        |evidence| {
            let again = evidence.devices[0].messages[3].clone();
            evidence.devices[0].messages.push(again);
        },
        |found| matches!(found, Violation::Surplus { seq: Seq(5), .. }),
    ),
    (
        "messages_that_a_device_shows_in_another_order_are_found",
        |evidence| evidence.devices[0].messages.swap(0, 1),
        |found| matches!(found, Violation::Surplus { seq: Seq(1), .. }),
    ),
    (
        "a_device_that_has_not_come_to_the_end_is_found",
        |evidence| evidence.devices[0].applied = Seq(4),
        |found| matches!(found, Violation::Behind { applied: Seq(4), head: Seq(5), .. }),
    ),
    (
        "what_a_reader_noticed_is_reported",
        |evidence| evidence.noticed.push("a message went away".into()),
        |found| matches!(found, Violation::Noticed(_)),
    ),
    (
        "a_run_with_too_few_sends_proves_nothing",
        |evidence| evidence.expected.acknowledged = 4,
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("acknowledged")),
    ),
    (
        "a_run_in_which_nothing_was_refused_proves_nothing",
        |evidence| {
            evidence.sends.pop();
        },
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("refused")),
    ),
    (
        "a_run_without_the_fault_proves_nothing",
        |evidence| evidence.faults.clear(),
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("faults")),
    ),
    (
        "a_fault_while_nobody_was_sending_proves_nothing",
        |evidence| {
            // Whose fate nobody told is under way to the end of its last try, and no longer.
            let fault = &mut evidence.faults[0];
            (fault.began, fault.healed) = (62, Some(65));
        },
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("was sending")),
    ),
    (
        "a_fault_after_which_nothing_was_acknowledged_proves_nothing",
        |evidence| {
            let fault = &mut evidence.faults[0];
            (fault.began, fault.healed) = (75, Some(75));
        },
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("after this")),
    ),
    (
        "a_run_in_which_nobody_came_back_proves_nothing",
        |evidence| evidence.reconnections = 1,
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("made anew")),
    ),
    (
        "a_run_of_which_no_log_was_read_proves_nothing",
        |evidence| {
            evidence.finals.clear();
            evidence.sends.retain(|sent| !matches!(sent.outcome, Outcome::Ok(_)));
            evidence.faults.clear();
            evidence.expected = Expected::default();
        },
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("no final log")),
    ),
    (
        "a_run_without_devices_proves_nothing",
        |evidence| evidence.devices.clear(),
        |found| matches!(found, Violation::Vacuous(reason) if reason.contains("devices")),
    ),
];

/// What a trial does; `Err` says what is wrong.
pub type Run = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// Each rule as a trial of its own.
pub fn trials() -> Vec<(&'static str, Run)> {
    let mut trials: Vec<(&'static str, Run)> = vec![(
        "what_is_right_is_found_right",
        Box::new(|| {
            let found = check(&clean());
            if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
        }),
    )];
    for &(name, run) in recorded_trials::TRIALS {
        trials.push((name, Box::new(run)));
    }
    for &(name, break_it, expected) in RULES {
        trials.push((
            name,
            Box::new(move || {
                let mut evidence = clean();
                break_it(&mut evidence);
                let found = check(&evidence);
                if !found.is_empty() && found.iter().all(expected) {
                    Ok(())
                } else {
                    Err(format!("reported: {found:?}"))
                }
            }),
        ));
    }
    trials
}
