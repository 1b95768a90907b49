//! What many nodes promise, each part on nodes of its own over a MongoDB replica set and Redis.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `nodes` | starting, killing and stopping several servers over one database |
//! | `log` | a chat's log as a client applies it: pure |
//! | `clients` | sockets that do what a browser does |
//! | `conversation` | people who write |
//! | `verdict` | what was answered against what came: faults and times |
//! | `writers`, `online`, `redis`, `steady` | the parts |

mod clients;
mod conversation;
pub mod log;
mod nodes;
mod online;
mod redis;
mod steady;
mod verdict;
mod writers;

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::{
    process::Launch,
    report::{self, Bar, Figures, Measure},
    table::{Row, Work},
};
use nodes::Services;
use redis::Way;

/// What is measured, and beside which services.
#[derive(Clone, clap::Args)]
pub struct Cluster {
    /// Only these parts.
    #[arg(long, value_delimiter = ',')]
    parts: Vec<Part>,
    /// The connection string of a MongoDB replica set. Each run has a database of its own in it, which stays.
    #[arg(long, env = "MONGODB_URL", hide_env_values = true)]
    mongodb_url: String,
    /// Where Redis is. The part `redis` starts one of its own, which it stops and kills.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    redis_url: String,
    /// Seconds for which Redis is away in the part `redis`.
    #[arg(long, default_value_t = 30)]
    outage: u64,
    /// People in the part `online`, 500 at most.
    #[arg(long, default_value_t = 500)]
    people: usize,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Many people write into one chat on two nodes at once.
    Writers,
    /// Who is online, over three nodes of which one dies.
    Online,
    /// Conversations over two nodes while Redis is stopped, and while it is killed.
    Redis,
    /// One person writes at a steady rate, on three nodes and on one.
    Steady,
}

/// A run of one part, or of one half of it.
#[derive(Clone)]
pub struct Run {
    services: Services,
    scenario: Scenario,
}

#[derive(Clone, Copy)]
enum Scenario {
    Writers,
    Online { people: usize },
    Redis { way: Way, outage: Duration },
    Steady { nodes: usize },
}

/// Where a scenario takes place.
struct Stage<'a> {
    launch: &'a Launch,
    services: &'a Services,
}

impl Cluster {
    /// The parts' rows, in the order in which they are run.
    pub fn rows(self) -> Result<Vec<Row>> {
        ensure!(self.outage > 0, "Redis is away for a second at least");
        let outage = Duration::from_secs(self.outage);
        let redis = |way| Scenario::Redis { way, outage };
        let rows = [
            ("writers", Part::Writers, Scenario::Writers),
            ("online", Part::Online, Scenario::Online { people: self.people }),
            ("redis-stopped", Part::Redis, redis(Way::Stopped)),
            ("redis-killed", Part::Redis, redis(Way::Killed)),
            ("steady-3", Part::Steady, Scenario::Steady { nodes: 3 }),
            ("steady-1", Part::Steady, Scenario::Steady { nodes: 1 }),
        ];
        let services = Services { mongodb_url: self.mongodb_url, redis_url: self.redis_url };
        let wanted = |part: &Part| self.parts.is_empty() || self.parts.contains(part);
        let rows = rows.into_iter().filter(|(_, part, _)| wanted(part)).map(|(name, _, scenario)| {
            let run = Run { services: services.clone(), scenario };
            Row { name, work: Work::Cluster(run), ceiling: false }
        });
        Ok(rows.collect())
    }
}

impl Run {
    /// Runs it once, on nodes that are started as `launch` says.
    pub async fn run(&self, launch: &Launch) -> Result<Figures> {
        let stage = Stage { launch, services: &self.services };
        match self.scenario {
            Scenario::Writers => writers::run(&stage).await,
            Scenario::Online { people } => online::run(&stage, people).await,
            Scenario::Redis { way, outage } => redis::run(&stage, way, outage).await,
            Scenario::Steady { nodes } => steady::run(&stage, nodes).await,
        }
    }
}

/// What the rows' medians say of what is promised, and the figures beside it. A bar that is missed is a broken
/// promise.
pub fn measures(rows: &BTreeMap<&'static str, Figures>) -> Vec<Measure> {
    use Bar::{AtMost, Nothing};
    let value = |row, figure| rows.get(row).and_then(|figures: &Figures| figures.get(figure)).copied();
    let measure = |title, row, figure, bar| Measure { title, value: value(row, figure), bar };
    // The longer one of those who write on both nodes and of those who write on one.
    let away = |row| {
        let both = value(row, "away_ms_max").zip(value(row, "one_writes_away_ms_max"));
        both.map(|(both, one)| both.max(one) / 1_000.0)
    };
    let recovered = |row| {
        let both = value(row, "recovered_s").zip(value(row, "one_writes_recovered_s"));
        both.map(|(both, one)| both.max(one))
    };
    let faults = rows.values().flat_map(|row| report::FAULTS.iter().filter_map(|name| row.get(name))).sum();
    vec![
        Measure { title: "lost, doubled, disordered, untold", value: Some(faults), bar: AtMost(0.0) },
        measure("16 writers on two nodes: accepted a second", "writers", "accepted_per_s", Nothing),
        measure("… answer, p50, ms", "writers", "answer_ms_p50", Nothing),
        measure("… answer, p99, ms", "writers", "answer_ms_p99", Nothing),
        measure("… delivery on the sender's node, p50, ms", "writers", "delivery_ms_p50", Nothing),
        measure("… delivery on the sender's node, p99, ms", "writers", "delivery_ms_p99", Nothing),
        measure("… delivery on the other node, p50, ms", "writers", "other_node_delivery_ms_p50", Nothing),
        measure("… delivery on the other node, p99, ms", "writers", "other_node_delivery_ms_p99", Nothing),
        measure("… answers other than 2xx", "writers", "refused", Nothing),
        measure("three nodes agree that all are online, s", "online", "agreed_s", Nothing),
        measure("… after the last hello, s", "online", "agreed_after_last_hello_s", Nothing),
        measure("a dead node's people are offline, s", "online", "offline_s", AtMost(45.0)),
        measure("they are back elsewhere and all agree, s", "online", "back_agreed_s", Nothing),
        Measure {
            title: "Redis stopped: largest delay to the other node, s",
            value: away("redis-stopped"),
            bar: AtMost(5.0),
        },
        measure("… answers other than 2xx", "redis-stopped", "refused", AtMost(0.0)),
        Measure {
            title: "… delays below 100 ms again after, s",
            value: recovered("redis-stopped"),
            bar: Nothing,
        },
        Measure {
            title: "Redis killed: largest delay to the other node, s",
            value: away("redis-killed"),
            bar: AtMost(5.0),
        },
        measure("… answers other than 2xx", "redis-killed", "refused", AtMost(0.0)),
        Measure {
            title: "… delays below 100 ms again after, s",
            value: recovered("redis-killed"),
            bar: Nothing,
        },
        measure("92 a second on three nodes: answer, p50, ms", "steady-3", "answer_ms_p50", Nothing),
        measure("… answer, p99, ms", "steady-3", "answer_ms_p99", Nothing),
        measure("… delivery on the sender's node, p50, ms", "steady-3", "delivery_ms_p50", Nothing),
        measure("… delivery on the sender's node, p99, ms", "steady-3", "delivery_ms_p99", Nothing),
        measure("… delivery on another node, p50, ms", "steady-3", "other_node_delivery_ms_p50", Nothing),
        measure("… delivery on another node, p99, ms", "steady-3", "other_node_delivery_ms_p99", Nothing),
        measure("… servers' CPU for a delivery, µs", "steady-3", "server_cpu_us_per_delivery", Nothing),
        measure("the same on one node: answer, p50, ms", "steady-1", "answer_ms_p50", Nothing),
        measure("… answer, p99, ms", "steady-1", "answer_ms_p99", Nothing),
        measure("… delivery, p50, ms", "steady-1", "delivery_ms_p50", Nothing),
        measure("… delivery, p99, ms", "steady-1", "delivery_ms_p99", Nothing),
        measure("… server's CPU for a delivery, µs", "steady-1", "server_cpu_us_per_delivery", Nothing),
    ]
}
