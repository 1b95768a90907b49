//! The client: what the connection string says, and what it cannot take back.

use std::time::Duration;

use app::error::AppError;
use mongodb::{
    Client, Database,
    bson::{Document, doc},
    error::ErrorKind,
    options::{ClientOptions, ReadConcern, ReadPreference, SelectionCriteria},
};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    fault::{Cause, Fault},
    primary::Primary,
    transaction::{CALL, durable},
};
use crate::config::MongoUrl;

/// How long it may take to reach one server.
const CONNECT: Duration = Duration::from_secs(5);
/// Connections to each server, unless the connection string says otherwise.
const CONNECTIONS: u32 = 64;
/// MongoDB 6.0, whose `$lookup` with a pipeline can use the indexes.
const WIRE_VERSION: i32 = 17;

/// The servers cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the connection string in MONGODB_URL cannot be read: {0}")]
    Url(&'static str),
    #[error("no MongoDB server that takes writes was found at {servers} within {seconds} s")]
    Unreachable {
        servers: String,
        seconds: u64,
        /// What was seen instead.
        #[source]
        seen: Option<Cause>,
    },
    #[error(
        "the MongoDB server at {servers} is not part of a replica set, which transactions need: start it with \
         --replSet and initiate the set, even if it has one member"
    )]
    Standalone { servers: String },
    #[error("the MongoDB server at {servers} is too old: 6.0 or newer is needed")]
    TooOld { servers: String },
}

/// What a server says of itself.
#[derive(Deserialize)]
struct Hello {
    #[serde(rename = "maxWireVersion", default)]
    wire_version: i32,
    #[serde(rename = "setName")]
    replica_set: Option<String>,
    /// `isdbgrid`, of the router of a sharded cluster.
    msg: Option<String>,
}

/// What the nodes of one installation call themselves to the servers: by it they know each other's transactions.
pub(super) fn name(url: &MongoUrl) -> String {
    format!("samvad/{}", url.database())
}

/// Connects, and waits at most `patience` for a server that takes writes.
pub(super) async fn connect(
    url: &MongoUrl,
    patience: Duration,
) -> Result<(Client, Primary, Database), Fault> {
    let servers = url.servers();
    let began = Instant::now();
    let unreachable = |seen| {
        let (servers, seconds) = (servers.clone(), began.elapsed().as_secs());
        Fault::from(AppError::unavailable(Unusable::Unreachable { servers, seconds, seen }))
    };
    let opening = async {
        let mut options = options(url).await?;
        let primary = Primary::follow(&mut options);
        let client = Client::with_options(options)?;
        let hello = doc! { "hello": 1 };
        let hello: Document = client.database("admin").run_command(hello).await?;
        Ok::<_, Fault>((client, primary, hello))
    };
    let (client, primary, hello) = match tokio::time::timeout(patience, opening).await {
        Ok(Err(Fault::Driver(error))) if matches!(*error.kind, ErrorKind::ServerSelection { .. }) => {
            return Err(unreachable(Some(Cause::of(&error))));
        }
        Ok(outcome) => outcome?,
        Err(_elapsed) => return Err(unreachable(None)),
    };
    let hello: Hello =
        mongodb::bson::deserialize_from_document(hello).map_err(|_odd| Fault::undecodable("greeting"))?;
    if hello.replica_set.is_none() && hello.msg.as_deref() != Some("isdbgrid") {
        return Err(AppError::internal(Unusable::Standalone { servers }).into());
    }
    if hello.wire_version < WIRE_VERSION {
        return Err(AppError::internal(Unusable::TooOld { servers }).into());
    }
    let database = client.database(url.database());
    Ok((client, primary, database))
}

/// The durability that is promised does not depend on what stands in the connection string.
async fn options(url: &MongoUrl) -> Result<ClientOptions, Fault> {
    // The driver's own words about a connection string may quote it.
    let unreadable = |_secret| {
        Fault::from(AppError::internal(Unusable::Url(
            "its hosts, its options or its name in DNS are wrong; special characters in a password are \
             written as %XX",
        )))
    };
    let mut options = ClientOptions::parse(url.expose()).await.map_err(unreadable)?;
    // Whatever the string says.
    options.app_name = Some(name(url));
    options.max_pool_size.get_or_insert(CONNECTIONS);
    options.connect_timeout = Some(options.connect_timeout.map_or(CONNECT, |time| time.min(CONNECT)));
    // Waiting longer than a call may take would leave nothing to be said.
    let selection = options.server_selection_timeout.unwrap_or(CALL);
    options.server_selection_timeout = Some(selection.min(CALL));
    options.read_concern = Some(ReadConcern::majority());
    options.write_concern = Some(durable());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.retry_reads = Some(true);
    options.retry_writes = Some(true);
    Ok(options)
}
