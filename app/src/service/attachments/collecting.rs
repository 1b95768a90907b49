//! Removing the contents of files that no message has any longer: claimed first, so that none can get them
//! meanwhile, then removed, then forgotten. Whoever is interrupted leaves them claimed for the next.

use super::{Attachments, Shared};
use crate::{domain::Timestamp, error::AppResult};

/// Files that are claimed at once.
const SLICE: usize = 50;
/// How old what has begun to arrive on this machine is at least when it is taken for forgotten, in seconds.
const FORGOTTEN_AFTER_SECONDS: i64 = 2 * 60 * 60;

impl Attachments {
    /// Removes up to a slice of the files whose time has come, and what killed processes have left of arriving
    /// ones on this machine. Returns how many went, 0 when nothing is left to do.
    pub async fn collect(&self) -> AppResult<u64> {
        let now = self.shared.ports.clock.now();
        let before = now.plus_seconds(-FORGOTTEN_AFTER_SECONDS);
        let swept = self.shared.ports.staging.sweep(before).await.unwrap_or_else(|error| {
            tracing::warn!(error = error.chain(), "what is left of arriving files could not be removed");
            0
        });
        Ok(swept + self.shared.collect(now).await?)
    }
}

impl Shared {
    /// One at a time: whoever comes meanwhile has nothing to do, since it is tried again soon.
    pub(super) async fn collect(&self, now: Timestamp) -> AppResult<u64> {
        let Ok(_turn) = self.collecting.try_lock() else { return Ok(0) };
        let claimed = self.ports.store.collect_attachments(now, SLICE).await?;
        let mut removed = Vec::with_capacity(claimed.len());
        for id in claimed {
            match self.ports.blobs.delete(id).await {
                Ok(()) => removed.push(id),
                // It stays claimed, and is tried again.
                Err(error) => tracing::warn!(%id, error = error.chain(), "a file could not be removed"),
            }
        }
        self.ports.store.forget_attachments(&removed).await?;
        Ok(removed.len() as u64)
    }
}
