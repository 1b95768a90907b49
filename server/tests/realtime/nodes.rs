//! Two places that people may connect to: the same node twice, or two nodes beside each other.

use std::future::Future;

use crate::support::{Database, Person, RedisCluster, TestServer};

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

/// Two nodes over one store and one Redis.
pub struct Together {
    one: TestServer,
    two: TestServer,
    pub redis: Database,
}

impl Nodes for Together {
    async fn start() -> Self {
        let redis = Database::take().await;
        let one = TestServer::builder().redis(&redis.url).start().await;
        let two = TestServer::builder().redis(&redis.url).beside(&one).start().await;
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

/// Two nodes over one store and a Redis Cluster.
pub struct OverCluster {
    one: TestServer,
    two: TestServer,
    _redis: RedisCluster,
}

impl Nodes for OverCluster {
    async fn start() -> Self {
        let redis = RedisCluster::start().await;
        let one = TestServer::builder().redis(&redis.url).start().await;
        let two = TestServer::builder().redis(&redis.url).beside(&one).start().await;
        Self { one, two, _redis: redis }
    }

    fn one(&self) -> &TestServer {
        &self.one
    }

    fn two(&self) -> &TestServer {
        &self.two
    }

    async fn stop(self) {
        self.two.stop().await;
        self.one.stop().await;
    }
}

/// Signs somebody in at another place as well.
pub async fn also_at(person: &Person, place: &TestServer) -> Person {
    Person::sign_in(place.browser(), &person.email, &person.password).await
}
