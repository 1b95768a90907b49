//! Two places that people may connect to: the same node twice, or two nodes beside each other.

use std::future::Future;

use crate::support::{Database, Person, RedisCluster, RedisServer, TestServer};

/// Where people connect.
pub trait Nodes: Sized {
    /// Starts them.
    fn start() -> impl Future<Output = Self> + Send;
    /// Where Ada connects.
    fn one(&self) -> &TestServer;
    /// Where the others connect.
    fn two(&self) -> &TestServer;
    /// Stops them.
    fn stop(self) -> impl Future<Output = ()> + Send;
}

/// One node without Redis.
pub struct Alone(TestServer);

impl Nodes for Alone {
    async fn start() -> Self {
        Self(TestServer::start().await)
    }

    fn one(&self) -> &TestServer {
        &self.0
    }

    fn two(&self) -> &TestServer {
        &self.0
    }

    async fn stop(self) {
        self.0.stop().await;
    }
}

/// What two nodes share beside the store.
pub trait Shared: Sized + Send {
    /// Makes one that nobody else uses.
    fn start() -> impl Future<Output = Self> + Send;
    /// Where it is, as a node is told.
    fn url(&self) -> &str;
}

impl Shared for Database {
    fn start() -> impl Future<Output = Self> + Send {
        Self::take()
    }

    fn url(&self) -> &str {
        &self.url
    }
}

impl Shared for RedisServer {
    fn start() -> impl Future<Output = Self> + Send {
        Self::start()
    }

    fn url(&self) -> &str {
        &self.url
    }
}

impl Shared for RedisCluster {
    fn start() -> impl Future<Output = Self> + Send {
        Self::start()
    }

    fn url(&self) -> &str {
        &self.url
    }
}

/// Two nodes beside each other, over one store.
pub struct TwoNodes<R> {
    one: TestServer,
    two: TestServer,
    pub redis: R,
}

/// Two nodes over a database of the Redis that all tests share.
pub type Together = TwoNodes<Database>;
/// Two nodes over a Redis of their own, which can be lost.
pub type OverServer = TwoNodes<RedisServer>;
/// Two nodes over a Redis Cluster.
pub type OverCluster = TwoNodes<RedisCluster>;

impl<R: Shared> Nodes for TwoNodes<R> {
    async fn start() -> Self {
        let redis = R::start().await;
        let one = TestServer::builder().redis(redis.url()).start().await;
        let two = TestServer::builder().redis(redis.url()).beside(&one).start().await;
        Self { one, two, redis }
    }

    fn one(&self) -> &TestServer {
        &self.one
    }

    fn two(&self) -> &TestServer {
        &self.two
    }

    async fn stop(self) {
        // The store is the first one's.
        self.two.stop().await;
        self.one.stop().await;
    }
}

/// Signs somebody in at another place as well.
pub async fn also_at(person: &Person, place: &TestServer) -> Person {
    Person::sign_in(place.browser(), &person.email, &person.password).await
}
