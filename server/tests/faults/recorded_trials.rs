//! What the recorder makes of what happened, and what is measured from it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use app::error::ErrorCode;

use crate::{
    checker::{Violation, check},
    checker_trials::{ADA, BOB, CHAT, OTHER, clean, id, log_of, message, ok, place},
    evidence::{Outcome, Recorder, Sent},
};

/// Records something, and judges what comes of it.
type Judge = fn() -> Result<(), String>;

/// What is recorded, and what comes of it.
pub const TRIALS: &[(&str, Judge)] = &[
    ("a_refused_message_that_everybody_is_told_of_is_found", || {
        let recorder = Arc::new(Recorder::new());
        drop(recorder.tries(id(1), ADA, CHAT, "message 1"));
        recorder.failed(id(1), ErrorCode::NotFound);
        recorder.stored(id(1), place(1, 1));
        let mut evidence = recorder.evidence();
        evidence.finals = BTreeMap::from([(CHAT, log_of(vec![message(1, ADA, 1, 1)]))]);
        let found = check(&evidence);
        let is_refused =
            |found: &Violation| matches!(found, Violation::Refused { client_id, .. } if *client_id == id(1));
        if found.iter().any(is_refused) { Ok(()) } else { Err(format!("reported: {found:?}")) }
    }),
    ("what_was_given_up_is_not_under_way_any_more", || {
        let recorder = Arc::new(Recorder::new());
        let under_way = recorder.tries(id(1), ADA, CHAT, "message 1");
        let amid = recorder.is_amid();
        drop(under_way);
        let evidence = recorder.evidence();
        match (amid, recorder.is_amid(), &evidence.sends[0]) {
            (true, false, Sent { ended: Some(_), outcome: Outcome::Unknown, .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }),
    ("a_gap_is_that_of_the_chat_where_it_is_worst", || {
        let mut evidence = clean();
        // In one chat somebody waits from 110 to 900, though others write elsewhere; then nobody does for long.
        evidence.sends.push(ok(7, ADA, 110, 900, place(6, 5)));
        evidence.sends.push(ok(8, ADA, 4_000, 4_010, place(7, 6)));
        for number in 10..90 {
            let began = u64::from(number) * 10;
            let send = ok(number, BOB, began, began + 10, place(began, began));
            evidence.sends.push(Sent { chat: OTHER, ..send });
        }
        let gap = evidence.longest_gap();
        if gap == Duration::from_micros(790) { Ok(()) } else { Err(format!("{gap:?}")) }
    }),
];
