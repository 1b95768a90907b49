//! One run of one scenario on one store with one seed.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::{checker, evidence::Evidence, report::Row, support::Random};

/// On what it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// One node over the embedded store.
    Sqlite,
    /// Many nodes over MongoDB and Redis.
    Cluster,
}

impl StoreKind {
    /// As it stands in a trial's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Cluster => "cluster",
        }
    }
}

/// What a scenario hands over to be judged.
pub struct Outcome {
    pub evidence: Evidence,
    /// What else was measured, for the table: "offline after 31.2 s".
    pub figure: String,
}

/// A scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    pub name: &'static str,
    pub stores: &'static [StoreKind],
    pub run: for<'a> fn(&'a Trial) -> BoxFuture<'a, Outcome>,
}

/// What a scenario runs with.
pub struct Trial {
    /// Its name among the trials.
    name: String,
    pub scenario: &'static str,
    pub store: StoreKind,
    pub seed: u64,
    /// Whether faults last as long as they do in earnest.
    pub is_long: bool,
    random: Mutex<Random>,
    folder: TempDir,
}

/// The longest that a trial may take, in its short and in its long form.
const LIMITS: [Duration; 2] = [Duration::from_secs(150), Duration::from_secs(900)];

impl Trial {
    /// Draws from what the seed decides, apart from everybody who draws otherwise.
    pub fn random(&self) -> Random {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    /// A folder of its own, gone with the trial.
    pub fn folder(&self, name: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder of the trial's own");
        folder
    }

    /// How long something lasts, by the form of the run.
    pub fn lasts(&self, short: Duration, long: Duration) -> Duration {
        if self.is_long { long } else { short }
    }

    /// How to run it again.
    fn again(&self) -> String {
        let long = if self.is_long { " SAMVAD_FAULTS_LONG=1" } else { "" };
        format!(
            "SAMVAD_FAULTS_FIRST_SEED={}{long} cargo test --locked -p server --test faults -- --exact {}",
            self.seed, self.name
        )
    }

    /// What the processes of this trial wrote to their error streams: the last lines of each.
    fn logs(&self) -> String {
        let mut said = String::new();
        for file in crate::support::files_below(self.folder.path()) {
            if file.extension().is_some_and(|end| end == "stderr")
                && let Ok(text) = std::fs::read_to_string(&file)
            {
                let lines: Vec<_> = text.lines().collect();
                let last = &lines[lines.len().saturating_sub(15)..];
                said.push_str(&format!("--- {}\n", file.display()));
                for line in last {
                    said.extend(line.chars().take(300));
                    said.push('\n');
                }
            }
        }
        said
    }

    /// Lines of the processes' error streams that tell of a panic.
    fn panics(&self) -> Vec<String> {
        let mut found = Vec::new();
        for file in crate::support::files_below(self.folder.path()) {
            if file.extension().is_some_and(|end| end == "stderr")
                && let Ok(text) = std::fs::read_to_string(&file)
            {
                found.extend(text.lines().filter(|line| line.contains("panicked")).map(str::to_owned));
            }
        }
        found
    }
}

impl Scenario {
    /// Runs it under this name and judges what came of it. Its row of the table, whatever came of it; `Err` says
    /// what is wrong and how to see it again.
    pub fn run(self, name: &str, store: StoreKind, seed: u64, is_long: bool) -> (Row, Result<(), String>) {
        let (trial, outcome) = match self.perform(name, store, seed, is_long) {
            Ok(performed) => performed,
            Err(reason) => return (Row::aborted(self.name, store, seed, is_long), Err(reason)),
        };
        let violations = checker::check(&outcome.evidence);
        let panics = trial.panics();
        let mut row = Row::new(&trial, &outcome, &violations);
        if violations.is_empty() && panics.is_empty() {
            return (row, Ok(()));
        }
        row.has_failed = true;
        let history = crate::report::history(&outcome.evidence, &violations);
        let panics = panics.join("\n");
        let reason = format!(
            "{} violations\n{panics}\n{history}\n{}\nagain: {}",
            violations.len(),
            trial.logs(),
            trial.again()
        );
        (row, Err(reason))
    }

    /// Runs it under this name without judging.
    pub fn perform(
        self,
        name: &str,
        store: StoreKind,
        seed: u64,
        is_long: bool,
    ) -> Result<(Trial, Outcome), String> {
        let trial = Trial {
            name: name.to_owned(),
            scenario: self.name,
            store,
            seed,
            is_long,
            // Scenarios of one seed differ.
            random: Mutex::new(Random::of(
                self.name.bytes().fold(seed, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())),
            )),
            folder: tempfile::tempdir().map_err(|error| error.to_string())?,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let limit = LIMITS[usize::from(is_long)];
        let run = std::panic::AssertUnwindSafe(|| {
            runtime.block_on(async { tokio::time::timeout(limit, (self.run)(&trial)).await })
        });
        let outcome = match std::panic::catch_unwind(run) {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_elapsed)) => Err(format!("it takes longer than {limit:?}")),
            Err(panic) => Err(panic_text(&*panic)),
        };
        runtime.shutdown_timeout(Duration::from_secs(10));
        match outcome {
            Ok(outcome) => Ok((trial, outcome)),
            Err(reason) => Err(format!("{reason}\n{}\nagain: {}", trial.logs(), trial.again())),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
