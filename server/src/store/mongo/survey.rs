//! Looking at the servers without changing anything, for `samvad check`.

use std::{future::IntoFuture, time::Duration};

use app::error::AppError;
use mongodb::bson::{Document, doc};
use serde::Deserialize;

use super::{
    connect,
    fault::Fault,
    migrations::{self, COLLECTION, KNOWN},
};
use crate::config::MongoUrl;

/// Matches nothing.
const NOBODY: &str = "samvad check";

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The version of the server.
    pub server: String,
    /// The version of the schema; 0 if the database is empty.
    pub found: i32,
    /// The newest schema that this program knows, to which the database is migrated at the start.
    pub known: i32,
}

#[derive(Deserialize)]
struct BuildInfo {
    version: String,
}

pub(super) async fn survey(url: &MongoUrl, patience: Duration) -> Result<Survey, Fault> {
    let (client, _primary, database) = connect::connect(url, patience).await?;
    let info = database.run_command(doc! { "buildInfo": 1 }).await?;
    let info: BuildInfo =
        mongodb::bson::deserialize_from_document(info).map_err(|_odd| Fault::undecodable("build"))?;
    let found = migrations::look(&database).await?;
    // A write that finds nothing to change needs the right to write, and a majority that confirms it.
    let schema = database.collection::<Document>(COLLECTION);
    let write = schema.update_one(doc! { "_id": NOBODY }, doc! { "$set": { "version": 0 } });
    tokio::time::timeout(patience, write.into_future()).await.map_err(|_elapsed| {
        AppError::unavailable("no majority of the replica set confirms what is written")
    })??;
    client.shutdown().immediate(true).await;
    Ok(Survey { server: info.version, found, known: KNOWN })
}
