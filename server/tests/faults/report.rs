//! Figures and the table.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use app::domain::ClientId;
use serde_json::{Value, json};

use crate::{
    checker::{Column, Violation},
    evidence::{Evidence, Sent},
    trial::{Outcome, StoreKind, Trial},
};

/// What one trial comes to.
#[derive(Clone, Debug, Default)]
pub struct Row {
    scenario: &'static str,
    store: &'static str,
    seed: u64,
    is_long: bool,
    /// Whether anything was wrong, be it that the trial did not come to its end.
    pub has_failed: bool,
    faults: usize,
    acknowledged: usize,
    lost: usize,
    doubled: usize,
    out_of_order: usize,
    other: usize,
    gap_ms: u128,
    recovery_ms: u128,
    reconnections: u64,
    figure: String,
}

impl Row {
    /// The figures of a trial.
    pub fn new(trial: &Trial, outcome: &Outcome, violations: &[Violation]) -> Self {
        let evidence = &outcome.evidence;
        let count = |column| violations.iter().filter(|found| found.column() == column).count();
        Self {
            scenario: trial.scenario,
            store: trial.store.name(),
            seed: trial.seed,
            is_long: trial.is_long,
            has_failed: false,
            faults: evidence.faults.len(),
            acknowledged: evidence.acknowledged(),
            lost: count(Column::Lost),
            doubled: count(Column::Doubled),
            out_of_order: count(Column::OutOfOrder),
            other: count(Column::Other),
            gap_ms: evidence.longest_gap().as_millis(),
            recovery_ms: evidence.recovery().as_millis(),
            reconnections: evidence.reconnections,
            figure: outcome.figure.clone(),
        }
    }

    /// A trial that did not come to its end: nothing is known but that.
    pub fn aborted(scenario: &'static str, store: StoreKind, seed: u64, is_long: bool) -> Self {
        Self { scenario, store: store.name(), seed, is_long, has_failed: true, ..Self::default() }
    }

    fn json(&self) -> Value {
        json!({
            "scenario": self.scenario, "store": self.store, "seed": self.seed, "long": self.is_long,
            "failed": self.has_failed,
            "faults": self.faults, "acknowledged": self.acknowledged, "lost": self.lost,
            "doubled": self.doubled, "out_of_order": self.out_of_order, "other": self.other,
            "longest_gap_ms": self.gap_ms as u64, "recovery_ms": self.recovery_ms as u64,
            "reconnections": self.reconnections, "figure": self.figure,
        })
    }
}

/// The table over all seeds: one row for each scenario and store.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| scenario | store | seeds | failed | faults injected | sends acknowledged | lost | doubled | out of order \
         | longest gap in writes (ms) | time to recover (ms) | besides |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    let mut done = BTreeSet::new();
    for row in rows {
        if !done.insert((row.scenario, row.store)) {
            continue;
        }
        let same = rows.iter().filter(|other| (other.scenario, other.store) == (row.scenario, row.store));
        let same: Vec<_> = same.collect();
        let sum = |of: fn(&Row) -> usize| same.iter().map(|row| of(row)).sum::<usize>();
        let most = |of: fn(&Row) -> u128| same.iter().map(|row| of(row)).max().unwrap_or_default();
        // Of the seed that is worst in the one figure that all scenarios have.
        let worst = same.iter().max_by_key(|row| row.recovery_ms).map_or("", |row| row.figure.as_str());
        // Nothing can be written to a string in vain.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {worst} |",
            row.scenario,
            row.store,
            same.len(),
            sum(|row| row.has_failed.into()),
            sum(|row| row.faults),
            sum(|row| row.acknowledged),
            sum(|row| row.lost),
            sum(|row| row.doubled),
            sum(|row| row.out_of_order),
            most(|row| row.gap_ms),
            most(|row| row.recovery_ms),
        );
    }
    text
}

/// Writes `faults.md` and `faults.jsonl` into the target folder. Returns the folder.
pub fn write(rows: &[Row]) -> std::io::Result<PathBuf> {
    // Beside the folder that cargo gives to tests.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new(".")).to_owned();
    std::fs::write(folder.join("faults.md"), table(rows))?;
    let lines: String = rows.iter().map(|row| format!("{}\n", row.json())).collect();
    std::fs::write(folder.join("faults.jsonl"), lines)?;
    Ok(folder)
}

/// The first violations, and the part of the history that they speak of.
pub fn history(evidence: &Evidence, violations: &[Violation]) -> String {
    let mut text = String::new();
    for violation in violations.iter().take(30) {
        let _ = writeln!(text, "{violation:?}");
    }
    for fault in &evidence.faults {
        let _ = writeln!(text, "fault: {fault:?}");
    }
    let of = |id: ClientId| evidence.sends.iter().find(|sent| sent.client_id == id);
    for violation in violations.iter().take(20) {
        let ids = match violation {
            Violation::Lost { client_id, .. }
            | Violation::Moved { client_id, .. }
            | Violation::Refused { client_id, .. }
            | Violation::Doubled { client_id, .. }
            | Violation::Unsent { client_id, .. }
            | Violation::Altered { client_id, .. } => vec![*client_id],
            Violation::OutOfOrder { earlier, later, .. } => vec![*earlier, *later],
            _ => Vec::new(),
        };
        for sent in ids.into_iter().filter_map(of) {
            let Sent { body, .. } = sent;
            let _ =
                writeln!(text, "sent: {:?}", Sent { body: body.chars().take(60).collect(), ..sent.clone() });
        }
    }
    text
}
