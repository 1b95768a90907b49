//! Work that goes on to its end though nobody waits for it any longer.
//!
//! A caller whose connection breaks is dropped wherever it stands. What must follow a commit, such as
//! telling sockets of it, must not be dropped with it.

use std::future::Future;

use tokio_util::task::TaskTracker;

use crate::error::{AppError, AppResult};

/// Runs work in tasks of its own, which the node waits for when it stops.
#[derive(Clone)]
pub struct Errands {
    tasks: TaskTracker,
}

impl Errands {
    /// Errands whose tasks live in `tasks`.
    pub fn new(tasks: TaskTracker) -> Self {
        Self { tasks }
    }

    /// Runs work that nobody waits for. What goes wrong is logged under its name.
    pub fn begin(&self, name: &'static str, work: impl Future<Output = AppResult<()>> + Send + 'static) {
        self.tasks.spawn(async move {
            if let Err(error) = work.await {
                tracing::warn!(error = error.chain(), "{name} failed");
            }
        });
    }

    /// Runs the work and returns what it returned. It goes on if this future is dropped; if it panics,
    /// the error is `internal`.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = AppResult<T>> + Send + 'static,
    ) -> AppResult<T> {
        self.tasks.spawn(work).await.map_err(AppError::internal)?
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_work_goes_on_without_its_caller() {
        let errands = Errands::new(TaskTracker::new());
        let (go, gone) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let caller = errands.run(async move {
            let _ = gone.await;
            let _ = done.send(());
            Ok(())
        });
        // Polled once, so that the work has begun, and dropped.
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, caller).await;
        assert!(given_up.is_err());
        assert!(go.send(()).is_ok());
        assert!(finished.await.is_ok());
    }
}
