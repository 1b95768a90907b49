//! Who is online: the set of sockets per person, each held by a lease.

use async_trait::async_trait;

use crate::{
    domain::{Timestamp, UserId},
    error::AppResult,
};

/// One socket, unique over all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u128);

/// Who is online, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Online {
    /// Those of the people asked about who are, in the order of asking.
    pub people: Vec<UserId>,
    /// Whether all of them are. For a while after leases were lost there may be more, whose nodes have not renewed
    /// them yet.
    pub is_whole: bool,
}

/// Presence. A person is online while any of their leases, from any node, runs.
#[async_trait]
pub trait Presence: Send + Sync {
    /// Records a socket under a lease. True if the person had no running lease before: they came online.
    async fn connect(
        &self,
        user: UserId,
        socket: SocketId,
        now: Timestamp,
        until: Timestamp,
    ) -> AppResult<bool>;

    /// Renews the leases of sockets of this node, and makes those that are not there: they were lost, and
    /// nobody was told. Returns the people of whom that is not so, since [`Self::expire`] reported them or
    /// their [`Self::connect`] could not be carried out: they came online by this.
    async fn renew(&self, sockets: &[(UserId, SocketId)], until: Timestamp) -> AppResult<Vec<UserId>>;

    /// Shortens the lease of a socket that was closed to a moment of grace, so that a reload does not
    /// show. The person goes offline by [`Self::expire`].
    async fn release(&self, user: UserId, socket: SocketId, until: Timestamp) -> AppResult<()>;

    /// Removes what has run out, and returns who went offline by it: each of them once, to one caller, unless that
    /// caller never got to hear of it.
    async fn expire(&self, now: Timestamp) -> AppResult<Vec<UserId>>;

    /// Which of these people are online.
    async fn online(&self, users: &[UserId], now: Timestamp) -> AppResult<Online>;
}
