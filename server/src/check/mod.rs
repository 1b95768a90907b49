//! `samvad check`: tries what the server would be told, and says in words what is right and wrong with it.
//!
//! | module | what is tried there |
//! | --- | --- |
//! | `settings` | what was said, by itself: the configuration, the secret, the public address |
//! | `machine` | what this machine gives: the address, the folders, open files |
//! | `store` | where everything is kept |
//! | `attachments` | where the files of messages are kept |
//! | `redis` | what nodes tell each other through |
//!
//! A check changes nothing that stays, never prints a secret, and is given up after a few seconds. They run
//! beside each other and are told in the order of [`CHECKS`].

mod attachments;
mod machine;
mod redis;
mod settings;
mod store;

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use app::error::AppError;

use crate::config::{Config, Sources};

/// How long one check may take.
const WITHIN: Duration = Duration::from_secs(5);
/// The width of the column of names.
const NAMES: usize = 14;

/// All there is to try, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("configuration", settings::configuration),
    ("secret", settings::secret),
    ("public address", settings::public_url),
    ("address", machine::address),
    ("data folder", machine::data_folder),
    ("store", store::store),
    ("attachments", attachments::attachments),
    ("Redis", redis::redis),
    ("site", machine::site),
    ("open files", machine::open_files),
];

/// Tries one thing.
pub type Check = fn(Arc<Subject>) -> BoxFuture<'static, Vec<Finding>>;

/// What is tried.
pub struct Subject {
    /// What the server would be told.
    pub config: Config,
    /// Who says so.
    pub sources: Sources,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// The server would start, but somebody should know.
    Note,
    /// The server would not start, or not do its work.
    Wrong,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub verdict: Verdict,
    /// A sentence, for whoever runs the server.
    pub text: String,
}

impl Finding {
    fn fine(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fine, text: text.into() }
    }

    fn note(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Note, text: text.into() }
    }

    fn wrong(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::Wrong, text: text.into() }
    }
}

/// A finding as a line of a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which check found it.
    pub name: &'static str,
    /// What it found.
    pub finding: Finding,
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.finding.verdict {
            Verdict::Fine => "fine",
            Verdict::Note => "note",
            Verdict::Wrong => "WRONG",
        };
        write!(out, "{verdict:<5}  {:<NAMES$}  {}", self.name, self.finding.text)
    }
}

/// Tries everything and reports each finding in order. Returns how many things are wrong.
pub async fn run(config: Config, sources: Sources, mut report: impl FnMut(&Line)) -> usize {
    let subject = Arc::new(Subject { config, sources });
    let running: Vec<_> = CHECKS
        .iter()
        .map(|(name, check)| (*name, tokio::spawn(limited(check(Arc::clone(&subject))))))
        .collect();
    let mut wrong = 0;
    for (name, findings) in running {
        let findings = findings
            .await
            .unwrap_or_else(|error| vec![Finding::wrong(format!("the check itself failed: {error}"))]);
        for finding in findings {
            wrong += usize::from(finding.verdict == Verdict::Wrong);
            report(&Line { name, finding });
        }
    }
    wrong
}

async fn limited(check: BoxFuture<'static, Vec<Finding>>) -> Vec<Finding> {
    match tokio::time::timeout(WITHIN, check).await {
        Ok(findings) => findings,
        Err(_elapsed) => vec![Finding::wrong(format!("no answer within {} s", WITHIN.as_secs()))],
    }
}

/// The cause, which no adapter lets repeat a secret. The error's own code would say less.
fn why(error: &AppError) -> String {
    let chain = error.chain();
    chain.split_once(": ").map_or_else(|| chain.clone(), |(_code, cause)| cause.to_owned())
}

/// Work that asks the system and may wait for it.
fn blocking(
    subject: Arc<Subject>,
    work: impl FnOnce(&Subject) -> Vec<Finding> + Send + 'static,
) -> BoxFuture<'static, Vec<Finding>> {
    Box::pin(async move {
        tokio::task::spawn_blocking(move || work(&subject))
            .await
            .unwrap_or_else(|error| vec![Finding::wrong(format!("the check itself failed: {error}"))])
    })
}

/// Work that waits for nothing.
fn at_once(findings: Vec<Finding>) -> BoxFuture<'static, Vec<Finding>> {
    Box::pin(std::future::ready(findings))
}
