//! The one writer: a thread that owns the write connection and commits what waits together.
//!
//! Each write runs in a savepoint of its own, so that one that is refused leaves nothing behind and does
//! not disturb its neighbours. All of a group share one commit, and so one flush to the disk; nobody is
//! answered before it. Under load the group grows while the disk is busy with the last one.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use app::error::{AppError, AppResult, ErrorCode};
use rusqlite::Connection;
use tokio::sync::{
    mpsc::{
        self,
        error::{SendTimeoutError, TryRecvError},
    },
    oneshot,
};

use super::{EmbeddedOptions, WriteStats, fault::Fault, indexing, rows};

/// How long a write waits for its answer. It has then either been committed or not; the caller cannot
/// know, and looks it up or tries again.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// From how many pages on the write-ahead log is moved into the database when there is a moment for it.
/// SQLite would do that within a commit, while people wait for their answers (`mod.rs` lets it do so only
/// when such a moment does not come).
const CHECKPOINT_PAGES: i64 = 1_000;

/// After how many groups the length of that log is looked at: asking costs as much as a small write.
const GROUPS_PER_LOOK: u32 = 8;

/// The handle to the writer thread.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<AppResult<()>>>>,
    patience: Duration,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    writes: AtomicU64,
    commits: AtomicU64,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(connection: Connection, options: &EmbeddedOptions) -> AppResult<Self> {
        let (sender, queue) = mpsc::channel(options.queue.max(1));
        let counters = Arc::new(Counters::default());
        let thread = Committer {
            connection,
            queue,
            group: options.group.max(1),
            counters: Arc::clone(&counters),
            indexes: true,
        };
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || thread.run())
            .map_err(AppError::unavailable)?;
        Ok(Self {
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            patience: options.patience,
            counters,
        })
    }

    /// Carries out one write and returns once it is on the disk. `busy` if the queue stays full.
    pub(super) async fn write<T, F>(&self, work: F) -> AppResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let job = Write { work: Some(work), outcome: None, reply };
        queue.send_timeout(Box::new(job), self.patience).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => {
                AppError::new(ErrorCode::Busy).because("the queue of writes is full")
            }
            SendTimeoutError::Closed(_) => closed(),
        })?;
        drop(queue);
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(gone)) => Err(AppError::unavailable(gone)),
            Err(elapsed) => Err(AppError::unavailable(elapsed)),
        }
    }

    /// What has been written since the start.
    pub(super) fn stats(&self) -> WriteStats {
        WriteStats {
            writes: self.counters.writes.load(Ordering::Relaxed),
            commits: self.counters.commits.load(Ordering::Relaxed),
        }
    }

    /// Lets the thread finish what waits, and waits for it. Does nothing the second time.
    pub(super) fn stop(&self) -> AppResult<()> {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match thread.map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(_panic)) => Err(AppError::internal("the writer thread panicked")),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(error = %error.chain(), "the store was not closed cleanly");
        }
    }
}

/// The store has been closed.
pub(super) fn closed() -> AppError {
    AppError::unavailable("the store is closed")
}

/// One waiting write, whatever it returns.
trait Job: Send {
    /// Whether nobody waits for the answer any longer.
    fn abandoned(&self) -> bool;
    /// Carries it out; true if what it wrote is to stay.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Why it failed, if it did.
    fn failure(&self) -> Option<AppError>;
    /// Tells the caller; `lost` if the group was not committed.
    fn answer(self: Box<Self>, lost: Option<AppError>);
}

struct Write<T, F> {
    work: Option<F>,
    outcome: Option<AppResult<T>>,
    reply: oneshot::Sender<AppResult<T>>,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Fault> + Send,
{
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        // The connection is rolled back to the savepoint afterwards, so nothing half done is seen.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
        let outcome = match outcome {
            Ok(outcome) => outcome.map_err(AppError::from),
            Err(_panic) => Err(AppError::internal("a write panicked")),
        };
        let stays = outcome.is_ok();
        self.outcome = Some(outcome);
        stays
    }

    fn failure(&self) -> Option<AppError> {
        self.outcome.as_ref().and_then(|outcome| outcome.as_ref().err().cloned())
    }

    fn answer(self: Box<Self>, lost: Option<AppError>) {
        let outcome = match (lost, self.outcome) {
            (Some(error), _) => Err(error),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(AppError::internal("a write was not carried out")),
        };
        // A caller who has gone away needs no answer.
        drop(self.reply.send(outcome));
    }
}

/// What runs in the thread.
struct Committer {
    connection: Connection,
    queue: mpsc::Receiver<Box<dyn Job>>,
    group: usize,
    counters: Arc<Counters>,
    /// Whether there is an index of messages to be kept up.
    indexes: bool,
}

impl Committer {
    /// Until every sender is gone.
    fn run(mut self) -> AppResult<()> {
        let mut groups = 0;
        // What an earlier run, or a version without an index, has left.
        let mut missing = self.missing();
        while let Some(first) = self.next(&mut missing) {
            let mut waiting = VecDeque::from([first]);
            while waiting.len() < self.group
                && let Ok(job) = self.queue.try_recv()
            {
                waiting.push_back(job);
            }
            waiting.retain(|job| !job.abandoned());
            self.carry_out(waiting);
            groups += 1;
            if groups % GROUPS_PER_LOOK == 0 {
                missing = self.missing();
                if missing >= indexing::MOST_MISSING {
                    missing = self.index();
                }
            }
            if groups >= GROUPS_PER_LOOK && self.queue.is_empty() {
                groups = 0;
                self.tidy();
            }
        }
        self.finish().map_err(AppError::from)
    }

    /// The next write, or `None` once every sender is gone. While nothing waits, the index of messages is kept up.
    fn next(&mut self, missing: &mut usize) -> Option<Box<dyn Job>> {
        while *missing >= indexing::STEP {
            match self.queue.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {
                    *missing = self.index();
                    self.tidy();
                }
            }
        }
        self.queue.blocking_recv()
    }

    /// How many messages the index lacks.
    fn missing(&self) -> usize {
        if !self.indexes {
            return 0;
        }
        indexing::missing(&self.connection).unwrap_or_else(|error| unindexed(error.into()))
    }

    /// Adds a few messages to the index, and tells how many it lacks then. If that fails it is tried again later: until
    /// then they are found without it.
    fn index(&self) -> usize {
        let step = self.statement("BEGIN IMMEDIATE").and_then(|()| {
            indexing::step(&self.connection)?;
            self.statement("COMMIT")
        });
        match step {
            Ok(()) => self.missing(),
            Err(error) => {
                self.roll_back();
                unindexed(error.into())
            }
        }
    }

    /// Answers every write. More than one transaction is needed only if SQLite gave one up in the middle.
    fn carry_out(&self, mut waiting: VecDeque<Box<dyn Job>>) {
        while !waiting.is_empty() {
            let mut ran = Vec::with_capacity(waiting.len());
            let lost = self.transaction(&mut waiting, &mut ran).err().map(AppError::from);
            if lost.is_some() {
                self.roll_back();
            }
            for job in ran {
                job.answer(lost.clone());
            }
        }
    }

    fn transaction(
        &self,
        waiting: &mut VecDeque<Box<dyn Job>>,
        ran: &mut Vec<Box<dyn Job>>,
    ) -> Result<(), Fault> {
        if let Err(error) = self.statement("BEGIN IMMEDIATE") {
            // Nobody can write at the moment: trying again for each of them would only take longer.
            ran.extend(waiting.drain(..));
            return Err(error);
        }
        while let Some(mut job) = waiting.pop_front() {
            let step = self.step(job.as_mut());
            ran.push(job);
            step?;
        }
        self.statement("COMMIT")?;
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        self.counters.writes.fetch_add(u64::try_from(ran.len()).unwrap_or_default(), Ordering::Relaxed);
        Ok(())
    }

    /// One write in its savepoint.
    fn step(&self, job: &mut dyn Job) -> Result<(), Fault> {
        self.statement("SAVEPOINT one_write")?;
        let stays = job.run(&self.connection);
        if self.connection.is_autocommit() {
            // A full disk or a failed read made SQLite roll back the whole transaction.
            let error = job.failure().unwrap_or_else(|| AppError::internal("the transaction was given up"));
            return Err(error.into());
        }
        if !stays {
            self.statement("ROLLBACK TO one_write")?;
        }
        self.statement("RELEASE one_write")
    }

    fn roll_back(&self) {
        if self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.statement("ROLLBACK") {
            let error = AppError::from(error);
            tracing::error!(error = %error.chain(), "a transaction could not be rolled back");
        }
    }

    /// Moves the write-ahead log into the database if it has grown, without waiting for readers.
    fn tidy(&self) {
        let pages = |sql: &str| {
            rows::one(&self.connection, sql, [], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
        };
        let tidied = pages("PRAGMA wal_checkpoint(NOOP)").and_then(|waiting| {
            if waiting.is_some_and(|waiting| waiting >= CHECKPOINT_PAGES) {
                pages("PRAGMA wal_checkpoint(PASSIVE)")?;
            }
            Ok(())
        });
        if let Err(error) = tidied {
            // What is in the log is safe there. The next commit that fails for the same reason is answered.
            tracing::warn!(error = %AppError::from(error).chain(), "the write-ahead log was not checkpointed");
        }
    }

    /// Moves everything from the write-ahead log into the database, so that the file is complete.
    fn finish(&self) -> Result<(), Fault> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_row| Ok(()))?;
        Ok(())
    }

    fn statement(&self, sql: &str) -> Result<(), Fault> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

/// Nothing is to be added to the index for now.
fn unindexed(error: AppError) -> usize {
    tracing::warn!(error = %error.chain(), "messages were not added to the index of search");
    0
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod model;
