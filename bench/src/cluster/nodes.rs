//! Several nodes over one database, as the driver starts and stops them.

use std::{net::SocketAddr, ops::Range};

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;

use super::clients::Place;
use crate::{
    api,
    process::{Launch, Server},
};

/// What the nodes have in common.
#[derive(Clone)]
pub struct Services {
    /// A replica set of MongoDB; the name of its database is of no account.
    pub mongodb_url: String,
    /// Redis.
    pub redis_url: String,
}

/// Nodes that are up.
pub struct Nodes(Vec<Server>);

impl Nodes {
    /// Starts so many, over a database that nobody has used before.
    pub async fn start(launch: &Launch, services: &Services, count: usize) -> Result<Self> {
        let mut launch = launch.clone();
        let Launch::Samvad { environment, .. } = &mut launch else {
            bail!("the nodes of a cluster are started here");
        };
        let database = format!("samvad_bench_{:016x}", api::random());
        let secret = (0..4).map(|_| format!("{:016x}", api::random())).collect();
        *environment = vec![
            ("MONGODB_URL", with_database(&services.mongodb_url, &database)?),
            ("REDIS_URL", services.redis_url.clone()),
            ("SAMVAD_SECRET", secret),
        ];
        let mut nodes = Vec::with_capacity(count);
        for number in 1..=count {
            nodes.push(Server::start(&launch).await.with_context(|| format!("starting node {number}"))?);
        }
        Ok(Self(nodes))
    }

    /// Where a node listens.
    pub fn addr(&self, node: usize) -> SocketAddr {
        self.0[node].addr
    }

    /// A place for each of these people, spread over the nodes.
    pub fn places(&self, people: Range<usize>) -> Vec<Place> {
        let nodes = self.0.len();
        people.map(|person| Place { person, node: person % nodes, addr: self.addr(person % nodes) }).collect()
    }

    /// Ends a node without a word.
    pub async fn kill(&mut self, node: usize) -> Result<()> {
        self.0[node].kill().await
    }

    /// Seconds of processor time so far, of all nodes together.
    pub fn cpu_seconds(&self) -> Result<f64> {
        self.0.iter().try_fold(0.0, |sum, node| Ok(sum + node.cpu_seconds()?.unwrap_or_default()))
    }

    /// Stops all that still run.
    pub async fn stop(self) -> Result<()> {
        try_join_all(self.0.into_iter().map(Server::stop)).await.map(drop)
    }
}

/// The connection string with another database.
fn with_database(url: &str, database: &str) -> Result<String> {
    let (scheme, rest) = url.split_once("://").context("MONGODB_URL is no connection string")?;
    let (place, options) = rest.split_once('?').map_or((rest, None), |(place, rest)| (place, Some(rest)));
    let hosts = place.split_once('/').map_or(place, |(hosts, _database)| hosts);
    let options = options.map(|options| format!("?{options}")).unwrap_or_default();
    Ok(format!("{scheme}://{hosts}/{database}{options}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_database_of_a_connection_string_is_another_one() {
        for (url, wanted) in [
            ("mongodb://a:1,b:2/samvad?replicaSet=r", "mongodb://a:1,b:2/new?replicaSet=r"),
            ("mongodb://a:1?replicaSet=r", "mongodb://a:1/new?replicaSet=r"),
            ("mongodb+srv://u:p%2Fq@a.example/", "mongodb+srv://u:p%2Fq@a.example/new"),
            ("mongodb://a", "mongodb://a/new"),
        ] {
            assert_eq!(with_database(url, "new").unwrap(), wanted);
        }
        assert!(with_database("a:1/samvad", "new").is_err());
    }
}
