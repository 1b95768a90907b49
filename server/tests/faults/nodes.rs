//! The nodes of a trial: one over the embedded store, or several over MongoDB and Redis.

use std::{path::PathBuf, sync::Arc};

use app::ports::Store;
use server::{
    config::MongoUrl,
    database_file,
    store::{
        embedded::{EmbeddedOptions, EmbeddedStore},
        mongo::{MongoOptions, MongoStore},
    },
};

use crate::{
    device::Entrances,
    sabotage::{Sabotage, Sabotaged},
    support::{Database, Launch, Process, Site},
    trial::{StoreKind, Trial},
};

/// Nodes beside MongoDB and Redis, unless a scenario wants another number.
const NODES: usize = 3;

/// Where the nodes keep everything, and what stands beside them.
pub enum Kept {
    /// In this folder.
    Folder(PathBuf),
    /// In this MongoDB database; dropped with the trial if it is one of the shared servers'.
    Mongo { url: MongoUrl, is_shared: bool },
}

/// The nodes.
pub struct Nodes {
    /// Where people go in: each node's own address, unless a scenario sets others.
    pub entrances: Entrances,
    processes: Vec<Option<Process>>,
    launches: Vec<Launch>,
    sites: Vec<Site>,
    kept: Kept,
    sabotage: Option<Sabotage>,
    _redis: Option<Database>,
}

impl Nodes {
    /// As many as the trial's store has.
    pub async fn start(trial: &Trial) -> Self {
        Self::start_with(trial, None).await
    }

    /// The same with a guarantee switched off.
    pub async fn start_with(trial: &Trial, sabotage: Option<Sabotage>) -> Self {
        match trial.store {
            StoreKind::Sqlite => {
                let data = trial.folder("data");
                let launch = Launch::over(&data).log_to(&trial.folder("logs").join("0.stderr"));
                Self::launch(vec![launch], Kept::Folder(data), sabotage, None).await
            }
            StoreKind::Cluster => {
                let url = shared_mongodb();
                let redis = Database::take().await;
                let launches = Self::launches(trial, NODES, &url, &redis.url);
                let kept = Kept::Mongo { url: MongoUrl::from(url), is_shared: true };
                Self::launch(launches, kept, sabotage, Some(redis)).await
            }
        }
    }

    /// One over the embedded store, whose files are on a disk of so many MiB.
    pub async fn on_small_disk(trial: &Trial, mebibytes: u32) -> Self {
        let data = trial.folder("data");
        let launch = Launch::over(&data).on_small_disk(mebibytes);
        let launch = launch.log_to(&trial.folder("logs").join("0.stderr"));
        Self::launch(vec![launch], Kept::Folder(data), None, None).await
    }

    /// So many nodes beside servers of the scenario's own.
    pub async fn beside(trial: &Trial, count: usize, mongodb_url: &str, redis_url: &str) -> Self {
        let launches = Self::launches(trial, count, mongodb_url, redis_url);
        let kept = Kept::Mongo { url: MongoUrl::from(mongodb_url.to_owned()), is_shared: false };
        Self::launch(launches, kept, None, None).await
    }

    /// So many nodes over a database of the shared servers, beside a Redis of the scenario's own.
    pub async fn beside_redis(trial: &Trial, count: usize, redis_url: &str) -> Self {
        let url = shared_mongodb();
        let launches = Self::launches(trial, count, &url, redis_url);
        Self::launch(launches, Kept::Mongo { url: MongoUrl::from(url), is_shared: true }, None, None).await
    }

    fn launches(trial: &Trial, count: usize, mongodb_url: &str, redis_url: &str) -> Vec<Launch> {
        let launch = |number| {
            Launch::over(&trial.folder(&format!("node_{number}")))
                .beside(mongodb_url, redis_url)
                .log_to(&trial.folder("logs").join(format!("{number}.stderr")))
        };
        (0..count).map(launch).collect()
    }

    async fn launch(
        launches: Vec<Launch>,
        kept: Kept,
        sabotage: Option<Sabotage>,
        redis: Option<Database>,
    ) -> Self {
        let prepare = |launch: Launch| match sabotage {
            Some(sabotage) => sabotage.launch(launch),
            None => launch,
        };
        let launches = launches.into_iter().map(prepare);
        // The first migrates; one after another, as an operator would start them.
        let mut processes = Vec::new();
        for launch in launches {
            processes.push(launch.start().await);
        }
        let sites: Vec<Site> = processes.iter().map(|process| process.site.clone()).collect();
        let entrances = Entrances::default();
        entrances.set(sites.clone());
        Self {
            entrances,
            launches: processes.iter().map(Process::launch).collect(),
            processes: processes.into_iter().map(Some).collect(),
            sites,
            kept,
            sabotage,
            _redis: redis,
        }
    }

    /// How many there are, dead ones included.
    pub fn count(&self) -> usize {
        self.launches.len()
    }

    /// Where a node is.
    pub fn site(&self, node: usize) -> Site {
        self.sites[node].clone()
    }

    /// A node that runs.
    pub fn process(&self, node: usize) -> &Process {
        self.processes[node].as_ref().expect("a node that runs")
    }

    /// Kills a node without a word.
    pub fn kill(&mut self, node: usize) {
        self.processes[node].take().expect("a node that runs").kill();
    }

    /// Asks a node to stop, and waits until it has.
    pub async fn stop(&mut self, node: usize) {
        let process = self.processes[node].take().expect("a node that runs");
        process.terminate();
        let status = process.ended().await;
        assert!(status.success(), "a node that was asked to stop ended with {status}");
    }

    /// Starts a node again where it was.
    pub async fn restart(&mut self, node: usize) {
        self.processes[node] = Some(self.launches[node].start().await);
    }

    /// Kills all nodes, and opens what they have left behind. It is there as long as this.
    pub async fn open_store(&mut self) -> Arc<dyn Store> {
        for process in self.processes.iter_mut().filter_map(Option::take) {
            process.kill();
        }
        let store: Arc<dyn Store> = match &self.kept {
            Kept::Folder(data) => {
                EmbeddedStore::open(&database_file(data), EmbeddedOptions::default()).expect("the store")
            }
            Kept::Mongo { url, .. } => {
                MongoStore::open(url, MongoOptions::default()).await.expect("the store")
            }
        };
        match self.sabotage {
            Some(sabotage) => Arc::new(Sabotaged::around(store, sabotage)),
            None => store,
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.processes.clear();
        if let Kept::Mongo { url, is_shared: true } = &self.kept {
            let url = url.expose().to_owned();
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async move {
                    // A database that stays is only in the way.
                    if let Ok(client) = mongodb::Client::with_uri_str(&url).await
                        && let Some(database) = client.default_database()
                    {
                        let dropped =
                            tokio::time::timeout(std::time::Duration::from_secs(10), database.drop());
                        let _ = dropped.await;
                    }
                });
            });
        }
    }
}

/// A database that nobody else has on the shared servers: its connection string.
pub fn shared_mongodb() -> String {
    let servers = std::env::var("MONGODB_URL").unwrap_or_else(|_| {
        panic!(
            "MONGODB_URL and REDIS_URL name the servers that the faults are injected beside: `make faults` starts \
             some; on your own, scripts/services.sh start, then eval \"$(scripts/services.sh env)\""
        )
    });
    let name = format!("samvad_faults_{}", crate::support::client_id().replace('-', ""));
    let (before, options) = servers.split_once('?').unwrap_or((&servers, ""));
    let hosts = before.trim_start_matches("mongodb://").split('/').next().unwrap_or_default();
    format!("mongodb://{hosts}/{name}?{options}")
}
