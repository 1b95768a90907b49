//! Never lost, never doubled: real nodes with real clients, and faults in the middle. `make faults` runs this for
//! long, `cargo test` for short.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `scenarios` | the faults, one scenario each |
//! | `trial` | one run of a scenario: its seed, its limits, its verdict |
//! | `world` | people, chats and devices |
//! | `nodes` | the processes that they use |
//! | `device` | one person's device, made of the client's own code |
//! | `evidence` | what was recorded |
//! | `checker` | the one judge: evidence in, verdict out; `checker_trials` holds it against broken evidence |
//! | `recorded_trials` | the same of what is recorded |
//! | `sabotage` | nodes with a guarantee switched off, which the checker has to find |
//! | `report` | figures and the table |
//!
//! | variable | means |
//! | --- | --- |
//! | `SAMVAD_FAULTS_SEEDS` | how many seeds; 1 |
//! | `SAMVAD_FAULTS_FIRST_SEED` | the first; 1 |
//! | `SAMVAD_FAULTS_LONG` | faults last as long as in earnest |
//! | `SAMVAD_FAULTS_SABOTAGE` | (set by the trials themselves) serve as a node with this guarantee switched off |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]

#[path = "../support/mod.rs"]
mod support;

mod checker;
mod checker_trials;
mod device;
mod evidence;
mod nodes;
mod recorded_trials;
mod report;
mod sabotage;
mod scenarios;
mod trial;
mod world;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Failed};

/// Trials that run at once unless told otherwise: each waits more than it computes.
const AT_ONCE: usize = 5;

fn main() -> ExitCode {
    if let Ok(sabotage) = std::env::var(sabotage::VARIABLE) {
        return sabotage::serve(&sabotage);
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let (first, seeds) = (number("SAMVAD_FAULTS_FIRST_SEED"), number("SAMVAD_FAULTS_SEEDS"));
    let is_long = std::env::var("SAMVAD_FAULTS_LONG").is_ok_and(|value| !matches!(value.as_str(), "" | "0"));
    let rows = Arc::new(Mutex::new(Vec::new()));

    let mut trials = Vec::new();
    for (name, run) in checker_trials::trials() {
        trials.push(libtest_mimic::Trial::test(format!("checker::{name}"), || run().map_err(Failed::from)));
    }
    for (name, run) in scenarios::sabotaged(first) {
        trials.push(libtest_mimic::Trial::test(name, || run().map_err(Failed::from)));
    }
    for scenario in scenarios::ALL {
        for &store in scenario.stores {
            for seed in first..first + seeds {
                let (scenario, rows) = (*scenario, Arc::clone(&rows));
                let name = format!("{}::{}::seed_{seed}", scenario.name, store.name());
                trials.push(libtest_mimic::Trial::test(name.clone(), move || {
                    let (row, verdict) = scenario.run(&name, store, seed, is_long);
                    // The table shows what failed as well.
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
                    verdict.map_err(Failed::from)
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
    if !rows.is_empty() {
        println!("{}", report::table(&rows));
        match report::write(&rows) {
            Ok(folder) => println!("This table and the raw figures are in {}.\n", folder.display()),
            Err(error) => eprintln!("The table could not be written: {error}"),
        }
    }
    conclusion.exit_code()
}

/// A whole number of the environment, 1 unless it is there.
fn number(name: &str) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => {
            text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not “{text}”"))
        }
        _ => 1,
    }
}
