//! Which server is the primary, as the driver finds out by asking all of them. A server that hangs tells nobody
//! that it is none any longer, and what was asked of it would be waited for until the time of the call is over.

use std::{
    cell::Cell,
    future::{Future, pending},
    sync::{Arc, Mutex, PoisonError},
};

use mongodb::{
    ServerType,
    event::{EventHandler, sdam::SdamEvent},
    options::{ClientOptions, ServerAddress},
};
use tokio::sync::watch;

tokio::task_local! {
    /// Whether the attempt has come to its commit.
    static COMMITTING: Cell<bool>;
}

/// Tells when another server has become the primary.
#[derive(Clone, Debug)]
pub(super) struct Primary {
    replaced: Arc<watch::Sender<()>>,
}

impl Primary {
    /// Listens to what the client with these options will find out.
    pub(super) fn follow(options: &mut ClientOptions) -> Self {
        let replaced = Arc::new(watch::Sender::new(()));
        let this = Self { replaced: Arc::clone(&replaced) };
        let known: Mutex<Option<ServerAddress>> = Mutex::default();
        options.sdam_event_handler = Some(EventHandler::callback(move |event| {
            let SdamEvent::ServerDescriptionChanged(change) = event else { return };
            if change.new_description.server_type() != ServerType::RsPrimary {
                return;
            }
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let before = known.replace(change.address.clone());
            if before.is_some_and(|before| before != change.address) {
                replaced.send_replace(());
            }
        }));
        this
    }

    /// Does the work. `None` if another server becomes the primary before its end: it is dropped where it stands,
    /// which its connection does not survive.
    pub(super) async fn while_same<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut replaced = self.replaced.subscribe();
        tokio::select! {
            biased;
            outcome = work => Some(outcome),
            () = next(&mut replaced) => None,
        }
    }

    /// Does one attempt of a call in the same way, unless it has come to its commit: that is never dropped without
    /// finding out what became of it, but carried on with the new primary by [`Self::commits`].
    pub(super) async fn while_same_or_committing<T>(&self, attempt: impl Future<Output = T>) -> Option<T> {
        let mut replaced = self.replaced.subscribe();
        let dropped = async {
            loop {
                next(&mut replaced).await;
                if !COMMITTING.with(Cell::get) {
                    return;
                }
            }
        };
        let work = async {
            tokio::select! {
                biased;
                outcome = attempt => Some(outcome),
                () = dropped => None,
            }
        };
        COMMITTING.scope(Cell::new(false), work).await
    }

    /// From here on the attempt commits, until what is returned is dropped.
    pub(super) fn commits() -> Committing {
        Committing::set(true);
        Committing
    }
}

/// An attempt is in its commit.
pub(super) struct Committing;

impl Committing {
    fn set(committing: bool) {
        // Outside of an attempt there is nobody who would drop it.
        let _ = COMMITTING.try_with(|cell| cell.set(committing));
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        Self::set(false);
    }
}

/// Waits for another primary.
async fn next(replaced: &mut watch::Receiver<()>) {
    if replaced.changed().await.is_err() {
        // Nobody asks any longer.
        pending::<()>().await;
    }
}
