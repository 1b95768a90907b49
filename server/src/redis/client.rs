//! Where Redis is, and single connections to it.

use std::time::Duration;

use ::redis::{
    AsyncConnectionConfig, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, ProtocolVersion, RedisFuture,
    RedisResult, Value,
    aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection},
    cluster::{ClusterClient, ClusterClientBuilder},
    cluster_async::ClusterConnection,
};

use crate::config::ServiceUrl;

/// For how long a connection may take to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// For how long an answer may take, for the driver; whoever asks may be less patient.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Commands that may be on their way at once over one connection; more wait.
const IN_FLIGHT: usize = 1_024;

/// Where Redis is: one server, or several nodes of one cluster.
#[derive(Clone)]
pub struct Client {
    nodes: Vec<ConnectionInfo>,
}

impl Client {
    /// The servers that the URL names: a cluster if it is more than one. Nothing is connected yet.
    ///
    /// # Errors
    /// If it is no URL of Redis. The error does not repeat it.
    pub fn new(url: &ServiceUrl) -> RedisResult<Self> {
        // Two providers may be in the binary, as drivers choose: then rustls asks for a choice.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let node = |url: &str| {
            let info = url.into_connection_info()?;
            // Sharded channels and news on the connection of commands need the third version.
            let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            Ok(info.set_redis_settings(settings))
        };
        let nodes = url.each().map(node).collect::<RedisResult<Vec<_>>>()?;
        Ok(Self { nodes })
    }

    /// Connects. What the server sends by itself goes to `pushes`, which must not block.
    ///
    /// # Errors
    /// If no connection stands within a second.
    pub async fn connect(&self, pushes: impl AsyncPushSender) -> RedisResult<Connection> {
        if let [node] = self.nodes.as_slice() {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT_WITHIN))
                .set_response_timeout(Some(ANSWER_WITHIN))
                .set_concurrency_limit(IN_FLIGHT)
                .set_push_sender(pushes);
            let client = redis::Client::open(node.clone())?;
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            return Ok(Connection::Single(connection));
        }
        let client: ClusterClient = ClusterClientBuilder::new(self.nodes.iter().cloned())
            .use_protocol(ProtocolVersion::RESP3)
            .connection_timeout(CONNECT_WITHIN)
            .response_timeout(ANSWER_WITHIN)
            .connection_concurrency_limit(IN_FLIGHT)
            .push_sender(pushes)
            .build()?;
        Ok(Connection::Cluster(client.get_async_connection().await?))
    }
}

/// A connection to one server, or to all nodes of a cluster. Clones share it.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To a cluster.
    Cluster(ClusterConnection),
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
