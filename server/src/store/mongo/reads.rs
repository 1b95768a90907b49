//! Reading so that what was written is seen, also right after another server has become primary.
//!
//! A new primary may for a moment tell what a majority had before it knew of the last writes. Every read
//! therefore names the time of the last write that this node has had confirmed (a causally consistent session's
//! `afterClusterTime`), and waits until the server that answers knows that a majority has it. As long as nothing
//! fails there is nothing to wait for. <https://www.mongodb.com/docs/manual/core/causal-consistency-read-write-concerns/>

use std::sync::{Mutex, PoisonError};

use futures::TryStreamExt;
use mongodb::{
    ClientSession,
    action::{Aggregate, CountDocuments, Find, FindOne, ImplicitSession},
    bson::Timestamp,
};
use serde::de::DeserializeOwned;

use super::{MongoStore, fault::Fault, transaction::COMMAND};

/// When, by the servers' clock, the last write took place that was confirmed to this node.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<Option<Timestamp>>);

impl Written {
    /// The session's last write was confirmed.
    pub(super) fn note(&self, session: &ClientSession) {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *written = (*written).max(session.operation_time());
    }

    fn last(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MongoStore {
    /// A session that sees every write which was confirmed to this node.
    pub(super) async fn causal(&self) -> Result<ClientSession, Fault> {
        let mut session = self.client.start_session().causal_consistency(true).await?;
        if let Some(time) = self.written.last() {
            session.advance_operation_time(time);
        }
        Ok(session)
    }

    /// The first that is found.
    pub(super) async fn first<T>(&self, find: FindOne<'_, T>) -> Result<Option<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync,
    {
        let mut session = self.causal().await?;
        Ok(find.max_time(COMMAND).session(&mut session).await?)
    }

    /// All that are found, in their order.
    pub(super) async fn all<T>(&self, find: Find<'_, T>) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let mut session = self.causal().await?;
        let mut found = find.max_time(COMMAND).session(&mut session).await?;
        Ok(found.stream(&mut session).try_collect().await?)
    }

    /// All that the pipeline brings, in its order.
    pub(super) async fn brought<T>(
        &self,
        aggregate: Aggregate<'_, ImplicitSession, T>,
    ) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let mut session = self.causal().await?;
        let mut found = aggregate.max_time(COMMAND).session(&mut session).await?;
        Ok(found.stream(&mut session).try_collect().await?)
    }

    /// How many are found.
    pub(super) async fn count(&self, count: CountDocuments<'_>) -> Result<u64, Fault> {
        let mut session = self.causal().await?;
        Ok(count.max_time(COMMAND).session(&mut session).await?)
    }
}
