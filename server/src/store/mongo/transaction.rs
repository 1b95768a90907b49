//! Writes of several documents, and trying again.
//!
//! A transaction reads and writes one snapshot and is committed on a majority with its journal. What may
//! pass (a conflict with another write, a primary that went away) is tried anew from the beginning, with
//! waits that grow and differ, until the time of the call is over. A commit whose answer was lost is
//! repeated, which MongoDB answers with what became of it.

use std::{
    future::{Future, IntoFuture},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use mongodb::{
    ClientSession,
    options::{Acknowledgment, ReadConcern, WriteConcern},
};
use tokio::time::Instant;

use super::{
    MongoStore,
    fault::{Fault, is_unknown_commit},
    primary::Primary,
    reads::Seen,
};

/// How long a call may take, the wait for a primary included: less than the sequencer waits for it, by what
/// it takes to look up what became of it ([`LOOK`]).
pub(super) const CALL: Duration = Duration::from_secs(25);
/// For how long other attempts are begun.
const ATTEMPTS: Duration = Duration::from_secs(20);
/// How long it may take to look up what became of a write that nobody confirmed.
pub(super) const LOOK: Duration = Duration::from_secs(3);
/// How long the server may work at one command.
pub(super) const COMMAND: Duration = Duration::from_secs(10);
/// The first wait between two attempts. It doubles up to 8 times this: about what a few commits take, so that
/// one node does not stand aside while another goes on.
const FIRST_WAIT_MS: u64 = 4;

/// Stored on a majority and in its journals.
pub(super) fn durable() -> WriteConcern {
    WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(COMMAND).build()
}

/// Does the work until it succeeds, or fails for good, or the time is over.
pub(super) async fn retrying<T, F>(primary: &Primary, attempt: impl Fn() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let until = Instant::now() + ATTEMPTS;
    let mut most = FIRST_WAIT_MS;
    loop {
        let outcome = primary.while_same_or_committing(attempt()).await.unwrap_or(Err(Fault::Replaced));
        match outcome {
            Err(fault) if fault.is_passing() && Instant::now() < until => {
                tokio::time::sleep(jitter(most)).await;
                most = (most * 2).min(FIRST_WAIT_MS * 8);
            }
            outcome => return outcome,
        }
    }
}

/// Between half of it and all of it, so that two that met once do not meet again.
fn jitter(most_ms: u64) -> Duration {
    let random = u64::from(getrandom::u32().unwrap_or_default());
    Duration::from_micros(most_ms * 500 + random % (most_ms * 500))
}

/// One transaction. Dropped before its commit, it is aborted and leaves nothing.
pub(super) struct Transaction<'a> {
    session: ClientSession,
    seen: &'a Seen,
    primary: &'a Primary,
}

impl<'a> Transaction<'a> {
    /// Begins. The server hears of it with the first command.
    pub(super) async fn begin(store: &'a MongoStore) -> Result<Self, Fault> {
        let mut session = store.causal().await?;
        session
            .start_transaction()
            .read_concern(ReadConcern::snapshot())
            .write_concern(durable())
            .max_commit_time(COMMAND)
            .await?;
        Ok(Self { session, seen: &store.seen, primary: &store.primary })
    }

    /// The session to be named in each command.
    pub(super) fn session(&mut self) -> &mut ClientSession {
        &mut self.session
    }

    /// Commits. [`Fault::Unknown`] if nobody said in time what became of it.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        let until = Instant::now() + ATTEMPTS;
        let mut most = FIRST_WAIT_MS;
        let _committing = Primary::commits();
        loop {
            let Some(committed) =
                self.primary.while_same(self.session.commit_transaction().into_future()).await
            else {
                // The new primary is asked what became of it: until that is told, or the time of the call is over.
                tokio::time::sleep(jitter(most)).await;
                continue;
            };
            match committed {
                Ok(()) => {
                    self.seen.note(&self.session);
                    return Ok(());
                }
                Err(error) if is_unknown_commit(&error) && Instant::now() < until => {
                    tokio::time::sleep(jitter(most)).await;
                    most = (most * 2).min(FIRST_WAIT_MS * 8);
                }
                Err(error) if is_unknown_commit(&error) => return Err(Fault::Unknown(Box::new(error))),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// What the last attempt was about to commit. If nobody says whether it did, this is what is looked for.
#[derive(Debug)]
pub(super) struct Attempted<T>(Mutex<Option<T>>);

impl<T> Default for Attempted<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Attempted<T> {
    /// Notes it, before the commit.
    pub(super) fn note(&self, what: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// Takes it. `None` if nothing came that far.
    pub(super) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
