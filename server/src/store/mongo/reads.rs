//! Reading so that what was written is seen, also right after another server has become primary.
//!
//! A new primary may for a moment tell what a majority had before it knew of the last writes. Every read
//! therefore names a time: that of the last write which this node has had confirmed, or of what it has read since, and
//! waits until the server that answers has come so far (a causally consistent session's `afterClusterTime`). With one
//! replica set there is nothing to wait for as long as nothing fails; a shard that was idle first catches up with the
//! clock. <https://www.mongodb.com/docs/manual/core/causal-consistency-read-write-concerns/>

use std::sync::{Mutex, PoisonError};

use futures::TryStreamExt;
use mongodb::{
    ClientSession, SessionCursor,
    action::{Aggregate, CountDocuments, Find, FindOne, ImplicitSession},
    bson::Timestamp,
    options::ReadConcern,
};
use serde::de::DeserializeOwned;

use super::{MongoStore, fault::Fault, transaction::COMMAND};

/// How far, by the servers' clock, this node has seen that a majority has come.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Option<Timestamp>>);

impl Seen {
    /// The session's last write was confirmed, or it has read what a majority has. Of a read of the newest state
    /// nothing is noted: it may be lost yet.
    pub(super) fn note(&self, session: &ClientSession) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = (*seen).max(session.operation_time());
    }

    fn last(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MongoStore {
    /// A session that sees everything which this node has seen.
    pub(super) async fn causal(&self) -> Result<ClientSession, Fault> {
        let mut session = self.client.start_session().causal_consistency(true).await?;
        if let Some(time) = self.seen.last() {
            session.advance_operation_time(time);
        }
        Ok(session)
    }

    /// The first that is found, of what a majority has.
    pub(super) async fn first<T>(&self, find: FindOne<'_, T>) -> Result<Option<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync,
    {
        let mut session = self.causal().await?;
        let found = find.max_time(COMMAND).session(&mut session).await?;
        self.seen.note(&session);
        Ok(found)
    }

    /// The first that is found, of the newest state. What is not yet on a majority is good to build a write upon: a
    /// commit that follows it is on none without it.
    pub(super) async fn newest<T>(&self, find: FindOne<'_, T>) -> Result<Option<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync,
    {
        let mut session = self.causal().await?;
        let find = find.read_concern(ReadConcern::local()).max_time(COMMAND);
        Ok(find.session(&mut session).await?)
    }

    /// All that are found, in their order, of the newest state, as [`Self::newest`].
    pub(super) async fn newest_all<T>(&self, find: Find<'_, T>) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let mut session = self.causal().await?;
        let find = find.read_concern(ReadConcern::local()).max_time(COMMAND);
        let mut found = find.session(&mut session).await?;
        Ok(found.stream(&mut session).try_collect().await?)
    }

    /// The first that the pipeline brings, of the newest state, as [`Self::newest`].
    pub(super) async fn newest_brought<T>(
        &self,
        aggregate: Aggregate<'_, ImplicitSession, T>,
    ) -> Result<Option<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync,
    {
        let mut session = self.causal().await?;
        let aggregate = aggregate.read_concern(ReadConcern::local()).max_time(COMMAND);
        let mut found = aggregate.session(&mut session).await?;
        Ok(found.next(&mut session).await.transpose()?)
    }

    /// All that are found, in their order, of what a majority has.
    pub(super) async fn all<T>(&self, find: Find<'_, T>) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let mut session = self.causal().await?;
        let found = find.max_time(COMMAND).session(&mut session).await?;
        self.drained(found, session).await
    }

    /// All that the pipeline brings, in its order, of what a majority has.
    pub(super) async fn brought<T>(
        &self,
        aggregate: Aggregate<'_, ImplicitSession, T>,
    ) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let mut session = self.causal().await?;
        let found = aggregate.max_time(COMMAND).session(&mut session).await?;
        self.drained(found, session).await
    }

    /// Everything of a cursor, in its order.
    async fn drained<T>(
        &self,
        mut found: SessionCursor<T>,
        mut session: ClientSession,
    ) -> Result<Vec<T>, Fault>
    where
        T: DeserializeOwned + Send + Sync + Unpin,
    {
        let found = found.stream(&mut session).try_collect().await?;
        self.seen.note(&session);
        Ok(found)
    }

    /// How many are found, of what a majority has.
    pub(super) async fn count(&self, count: CountDocuments<'_>) -> Result<u64, Fault> {
        let mut session = self.causal().await?;
        let count = count.max_time(COMMAND).session(&mut session).await?;
        self.seen.note(&session);
        Ok(count)
    }
}
