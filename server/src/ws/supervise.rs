//! Keeps a task of the node running: what panics is logged and started again.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

/// How long a task that panicked rests, so that one that always does cannot eat the machine.
const REST: Duration = Duration::from_secs(1);

/// What a supervised task runs: borrows the state that outlives a panic.
pub type Run<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Runs `task` over `state` until the token is cancelled, again after each panic or return.
pub async fn supervise<S: Send>(
    name: &'static str,
    stop: CancellationToken,
    mut state: S,
    task: impl for<'a> Fn(&'a mut S) -> Run<'a> + Send,
) {
    loop {
        let run = AssertUnwindSafe(task(&mut state)).catch_unwind();
        match stop.run_until_cancelled(run).await {
            None => return,
            Some(Ok(())) => {
                tracing::error!(task = name, "a task ended that runs for good; starting it again")
            }
            Some(Err(_panic)) => tracing::error!(task = name, "a task panicked; starting it again"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(REST)).await.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_started_again_with_its_state() {
        let stop = CancellationToken::new();
        let (done, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let task = tokio::spawn(supervise("test", stop.clone(), 0_u32, move |runs| {
            let done = done.clone();
            Box::pin(async move {
                *runs += 1;
                assert!(*runs > 1, "the first run fails");
                let _ = done.send(*runs);
                std::future::pending::<()>().await;
            })
        }));
        assert_eq!(seen.recv().await, Some(2));
        stop.cancel();
        assert!(task.await.is_ok());
    }
}
