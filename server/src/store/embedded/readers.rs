//! The readers: a few connections, each used by one read at a time on a blocking thread.
//!
//! In WAL mode reads neither wait for the writer nor hold it up. No lock is held while a read runs: a
//! connection is taken out of the pool and put back by a guard, also if the read panics or nobody waits
//! for it any longer.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::error::{AppError, AppResult, ErrorCode};
use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{fault::Fault, writer::closed};

/// How long a read may take before its caller gives up.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The pool.
pub(super) struct Readers {
    /// As many permits as there are connections: who holds one finds a connection in the pool.
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    patience: Duration,
}

impl Readers {
    /// A pool of these connections.
    pub(super) fn new(connections: Vec<Connection>, patience: Duration) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
            patience,
        }
    }

    /// Carries out one read. `busy` if no connection becomes free.
    pub(super) async fn read<T, F>(&self, work: F) -> AppResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = match tokio::time::timeout(self.patience, permit).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(closing)) => return Err(AppError::unavailable(closing)),
            Err(elapsed) => return Err(AppError::new(ErrorCode::Busy).because(elapsed)),
        };
        let lease = Lease::take(&self.idle, &self.permits, permit).ok_or_else(closed)?;
        let read = tokio::task::spawn_blocking(move || lease.run(work));
        match tokio::time::timeout(ANSWER_LIMIT, read).await {
            Ok(Ok(outcome)) => outcome.map_err(AppError::from),
            Ok(Err(failed)) if failed.is_cancelled() => Err(AppError::unavailable(failed)),
            Ok(Err(_panic)) => Err(AppError::internal("a read panicked")),
            Err(elapsed) => Err(AppError::unavailable(elapsed)),
        }
    }

    /// Refuses further reads and closes the connections; those in use are closed when they come back.
    pub(super) fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(idle);
    }
}

/// A connection that is out of the pool; dropping the lease puts it back.
struct Lease {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    /// Given back after the connection: fields are dropped after the body of `drop`.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    fn take(
        idle: &Arc<Mutex<Vec<Connection>>>,
        permits: &Arc<Semaphore>,
        permit: OwnedSemaphorePermit,
    ) -> Option<Self> {
        let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Self {
            connection: Some(connection),
            idle: Arc::clone(idle),
            permits: Arc::clone(permits),
            _permit: permit,
        })
    }

    fn run<T>(self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, Fault> {
        match &self.connection {
            Some(connection) => work(connection),
            None => Err(closed().into()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock, so that a pool that closes now finds the connection or we see it closed.
        if !self.permits.is_closed() {
            idle.push(connection);
        }
    }
}
