//! The whole harness, held against products that break a promise: each has to be caught, for the right reason, and
//! the same run with nothing switched off has to be clean.

use std::time::Duration;

use futures::{FutureExt, future::BoxFuture};

use crate::{
    checker::{Violation, check},
    checker_trials::Run,
    evidence::Expected,
    nodes::Nodes,
    sabotage::Sabotage,
    support::{Proxy, Site},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::World,
};

/// How long sends may take to go on.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to become quiet, which with something switched off it never does.
const QUIET_WITHIN: Duration = Duration::from_secs(8);
/// How long answers are on their way: enough to lose some.
const DELAY: Duration = Duration::from_millis(40);
/// Rounds of lost answers and a killed node.
const ROUNDS: usize = 2;

/// What is switched off, and what the checker has to say of it.
struct Case {
    name: &'static str,
    run: for<'a> fn(&'a Trial) -> BoxFuture<'a, Outcome>,
    /// What has to be among the violations.
    is_named: fn(&Violation) -> bool,
    /// What else may follow from it.
    follows: fn(&Violation) -> bool,
}

const CASES: &[Case] = &[
    Case {
        name: "deduplication_off",
        run: |trial| run(trial, Some(Sabotage::DeduplicationOff), true).boxed(),
        is_named: |found| matches!(found, Violation::Doubled { .. }),
        follows: |found| matches!(found, Violation::Moved { .. } | Violation::Noticed(_)),
    },
    Case {
        name: "gap_fetching_off",
        run: |trial| run(trial, None, false).boxed(),
        is_named: |found| matches!(found, Violation::Lacks { .. }),
        follows: |found| matches!(found, Violation::Behind { .. } | Violation::Noticed(_)),
    },
    Case {
        name: "acknowledged_early",
        run: |trial| run(trial, Some(Sabotage::AcknowledgedEarly), true).boxed(),
        is_named: |found| matches!(found, Violation::Lost { .. }),
        // Devices show what is gone, and others stand in its place.
        follows: |found| !matches!(found, Violation::Vacuous(_) | Violation::Refused { .. }),
    },
];

/// The trials' names and what they do.
pub fn trials(seed: u64) -> Vec<(String, Run)> {
    let scenario = |run| Scenario { name: "sabotage", stores: &[StoreKind::Sqlite], run };
    let mut trials: Vec<(String, Run)> = Vec::new();
    for case in CASES {
        let name = format!("sabotage::{}", case.name);
        let its_name = name.clone();
        let judge = move || {
            let (_, outcome) = scenario(case.run).perform(&its_name, StoreKind::Sqlite, seed, false)?;
            let violations = check(&outcome.evidence);
            let is_caught = violations.iter().any(case.is_named);
            let strays = violations.iter().find(|found| !(case.is_named)(found) && !(case.follows)(found));
            match (is_caught, strays) {
                (true, None) => Ok(()),
                (true, Some(stray)) => Err(format!("found, but also: {stray:?}")),
                (false, _) => Err(format!("not found: {:?}", violations.iter().take(20).collect::<Vec<_>>())),
            }
        };
        trials.push((name, Box::new(judge)));
    }
    let name = "sabotage::nothing_off";
    let clean = move || {
        let run: for<'a> fn(&'a Trial) -> BoxFuture<'a, Outcome> = |trial| run(trial, None, true).boxed();
        scenario(run).run(name, StoreKind::Sqlite, seed, false).1
    };
    trials.push((name.to_owned(), Box::new(clean)));
    trials
}

async fn run(trial: &Trial, sabotage: Option<Sabotage>, fetches_gaps: bool) -> Outcome {
    let mut nodes = Nodes::start_with(trial, sabotage).await;
    let proxy = Proxy::start(nodes.site(0).addr).await;
    nodes.entrances.set(vec![Site { addr: proxy.addr, ..nodes.site(0) }]);
    let mut world =
        World::populate_with(trial, &nodes.entrances, |_, habits| habits.fetches_gaps = fetches_gaps).await;
    world.quiet_within = QUIET_WITHIN;
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;
    for _ in 0..ROUNDS {
        proxy.delay(DELAY);
        world.acknowledged(20, BACK_WITHIN).await;
        // What was carried out by now, and whose answer is on its way, is sent again.
        world.amid().await;
        let fault = world.recorder.fault("answers are lost");
        proxy.reset_connections();
        proxy.restore();
        world.recorder.healed(fault);
        world.acknowledged(20, BACK_WITHIN).await;
        world.amid().await;
        let fault = world.recorder.fault("the node is killed");
        nodes.kill(0);
        nodes.restart(0).await;
        world.recorder.healed(fault);
        world.acknowledged(20, BACK_WITHIN).await;
    }
    world.quiet().await;
    let expected = Expected {
        acknowledged: 50 + 60 * ROUNDS,
        faults: 2 * ROUNDS,
        reconnections: world.devices.len() as u64,
        refused: 1,
    };
    Outcome { evidence: world.finish(nodes, expected).await, figure: String::new() }
}
