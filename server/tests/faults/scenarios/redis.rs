//! The Redis between the nodes is lost, wiped, hangs, or drops its clients: sends go on, other nodes learn of them by
//! the heads that the heartbeat compares, and nobody is seen to leave.

use std::{
    collections::BTreeSet,
    future::Future,
    time::{Duration, Instant},
};

use app::domain::{ChatId, UserId};
use futures::{FutureExt, future::BoxFuture};

use serde_json::Value;

use crate::{
    device::Status,
    evidence::Expected,
    nodes::Nodes,
    support::{Person, RedisServer, Socket},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::{PEOPLE, World},
};

/// How many nodes are beside it.
const NODES: usize = 3;
/// How long sends may stop: not at all, but for a machine that is busy.
const GAP: Duration = Duration::from_secs(8);
/// Within what time a message is everywhere while nobody carries the news (G12), also if it is the last one (G6).
const CATCH_UP: Duration = Duration::from_secs(5);
/// What a busy machine may add to that.
const BUSY: Duration = Duration::from_secs(2);
/// Within what time presence is whole again after Redis has lost everything (G9).
const REBUILT: Duration = Duration::from_secs(15);
/// How long everybody may take to be as before.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// By how much a node may grow, all that it keeps for Redis included.
const GROWTH: u64 = 64 << 20;

/// Killed, and started again empty.
pub const KILLED: Scenario = scenario("redis_killed", |trial| run(trial, How::Killed).boxed());
/// Everything in it is gone.
pub const FLUSHED: Scenario = scenario("redis_flushed", |trial| run(trial, How::Flushed).boxed());
/// It hangs, with its connections open, and goes on.
pub const FROZEN: Scenario = scenario("redis_frozen", |trial| run(trial, How::Frozen).boxed());
/// It closes every connection, again and again.
pub const CLIENTS_KILLED: Scenario =
    scenario("redis_clients_killed", |trial| run(trial, How::ClientsKilled).boxed());

const fn scenario(name: &'static str, run: for<'a> fn(&'a Trial) -> BoxFuture<'a, Outcome>) -> Scenario {
    Scenario { name, stores: &[StoreKind::Cluster], run }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Killed,
    Flushed,
    Frozen,
    ClientsKilled,
}

async fn run(trial: &Trial, how: How) -> Outcome {
    let mut redis = RedisServer::start().await;
    let nodes = Nodes::beside_redis(trial, NODES, &redis.url).await;
    let world = World::populate(trial, &nodes.entrances).await;
    let sockets = connections(&world);
    let everybody_sees_all = |all: &[Status]| all.iter().all(|status| status.online.len() == PEOPLE - 1);
    world.until("everybody to be seen online", BACK_WITHIN, everybody_sees_all).await;
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;
    let before = memory(&nodes);

    let mut quiet = Quiet::begin(&world, &nodes).await;
    let mut left = BTreeSet::new();
    let late = watching(&world, &mut left, async {
        world.amid().await;
        let late = match how {
            How::Killed => {
                let fault = world.recorder.fault("Redis is killed");
                redis.kill();
                let late =
                    without(&world, &mut quiet, trial.lasts(Duration::from_secs(5), Duration::from_secs(30)))
                        .await;
                redis.revive().await;
                world.recorder.healed(fault);
                world.recovered(fault, &[], BACK_WITHIN).await;
                late
            }
            How::Frozen => {
                let fault = world.recorder.fault("Redis hangs");
                redis.freeze();
                let late =
                    without(&world, &mut quiet, trial.lasts(Duration::from_secs(8), Duration::from_secs(60)))
                        .await;
                redis.thaw();
                world.recorder.healed(fault);
                world.recovered(fault, &[], BACK_WITHIN).await;
                late
            }
            How::Flushed => {
                let fault = world.recorder.fault("Redis loses everything");
                assert!(redis.keys().await > 0, "there is something to lose");
                redis.flush().await;
                world.recorder.healed(fault);
                let late = quiet.reaches().await;
                world.recovered(fault, &[], BACK_WITHIN).await;
                late
            }
            How::ClientsKilled => {
                let mut late = Duration::ZERO;
                for _ in 0..if trial.is_long { 20 } else { 5 } {
                    world.amid().await;
                    let fault = world.recorder.fault("Redis closes every connection");
                    assert!(redis.kill_clients().await >= NODES as u64, "every node had one");
                    world.recorder.healed(fault);
                    let (busy, last) = tokio::join!(everywhere(&world), quiet.reaches());
                    late = late.max(busy).max(last);
                    world.recovered(fault, &[], BACK_WITHIN).await;
                }
                late
            }
        };
        if matches!(how, How::Killed | How::Frozen) {
            assert_eq!(who_said(trial, "Redis is away"), NODES, "every node has noticed");
        }
        rebuilt(&world).await;
        world.acknowledged(50, BACK_WITHIN).await;
        late
    })
    .await;
    drop(quiet);
    assert_eq!(left, BTreeSet::new(), "somebody was seen to leave");
    world.until("everybody to be seen online", BACK_WITHIN, everybody_sees_all).await;
    world.quiet().await;
    assert_eq!(connections(&world), sockets, "nobody lost their socket");
    assert!(late <= CATCH_UP + BUSY, "the other nodes knew of a message after {late:?}");
    let grown = memory(&nodes).saturating_sub(before);
    assert!(grown < GROWTH, "a node has grown by {grown} bytes");

    let faults = world.recorder.evidence().faults.len();
    let expected = Expected { acknowledged: 100 + faults, faults, reconnections: 0, refused: 1 };
    let evidence = world.finish(nodes, expected).await;
    let gap = evidence.longest_gap();
    assert!(gap <= GAP, "nothing was written for {gap:?}");
    let figure = format!(
        "elsewhere after {:.1} s, a node grew by {:.1} MiB",
        late.as_secs_f64(),
        grown as f64 / f64::from(1 << 20)
    );
    Outcome { evidence, figure }
}

/// A chat in which nothing follows a message that would show that it was missed.
struct Quiet<'a> {
    sender: &'a Person,
    chat: String,
    /// Somebody else's, at another node than the sender's.
    socket: Socket,
}

impl<'a> Quiet<'a> {
    async fn begin(world: &'a World, nodes: &Nodes) -> Self {
        let [sender, other] = [&world.persons[3], &world.persons[4]];
        let chat = sender.group("Quiet", &[other]).await;
        let socket = Socket::open(&other.copy_at(nodes.site(1))).await;
        Self { sender, chat, socket }
    }

    /// Sends a message. Returns after how long it has reached the other node.
    async fn reaches(&mut self) -> Duration {
        let sent = self.sender.send(&self.chat, "nothing follows").await;
        let began = Instant::now();
        let (chat, seq) = (&self.chat, sent["seq"].as_u64().expect("a number"));
        let is_it = |frame: &Value| frame["message"] == sent;
        let tells = |frame: &Value| frame["type"] == "heads" && frame["heads"][chat].as_u64() == Some(seq);
        let frame = self.socket.next_that("news of the message", |frame| is_it(frame) || tells(frame)).await;
        if !is_it(&frame) {
            self.socket.resume(chat, seq - 1).await;
            self.socket.next_that("the message", is_it).await;
        }
        self.socket.seen.clear();
        began.elapsed()
    }
}

/// So long without Redis. Sends go on, and whatever is sent is everywhere in time. Returns how late it was at the
/// latest.
async fn without(world: &World, quiet: &mut Quiet<'_>, lasts: Duration) -> Duration {
    let began = Instant::now();
    let mut late = Duration::ZERO;
    loop {
        world.acknowledged(20, GAP).await;
        let (busy, last) = tokio::join!(everywhere(world), quiet.reaches());
        late = late.max(busy).max(last);
        if began.elapsed() >= lasts {
            return late;
        }
    }
}

/// Waits until everybody knows what anybody knows now. Returns how long that took.
async fn everywhere(world: &World) -> Duration {
    let statuses = world.statuses();
    let latest = |chat: &ChatId| statuses.iter().filter_map(|status| status.applied.get(chat)).max().copied();
    let known = |all: &[Status]| {
        all.iter().all(|status| status.applied.iter().all(|(chat, seq)| Some(*seq) >= latest(chat)))
    };
    world.until("everybody to know it", BACK_WITHIN, known).await
}

/// Waits until whoever comes anew is told of everybody.
async fn rebuilt(world: &World) {
    let all: BTreeSet<UserId> = world.people.iter().copied().collect();
    let whole = async {
        loop {
            let socket = world.persons[0].socket().await;
            let online = socket.hello["online"].as_array().cloned().unwrap_or_default();
            socket.close().await;
            let mut seen: BTreeSet<UserId> =
                online.iter().filter_map(|id| id.as_str()?.parse().ok()).collect();
            // Nobody is told of themselves.
            seen.insert(world.people[0]);
            if seen == all {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    tokio::time::timeout(REBUILT, whole).await.expect("presence is rebuilt in time");
}

/// Does the work, and notes meanwhile whom a device sees as offline. One that was told so is told otherwise a
/// renewal later at the soonest: nothing is missed between two looks.
async fn watching<T>(world: &World, left: &mut BTreeSet<UserId>, work: impl Future<Output = T>) -> T {
    let looks = async {
        loop {
            for (device, status) in world.devices.iter().zip(world.statuses()) {
                // Nobody is told of themselves.
                let others = world.people.iter().filter(|person| **person != device.me);
                left.extend(others.filter(|person| !status.online.contains(person)));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        done = work => done,
        () = looks => unreachable!("it looks for good"),
    }
}

/// How many nodes have logged this.
fn who_said(trial: &Trial, words: &str) -> usize {
    let logs = crate::support::files_below(&trial.folder("logs"));
    logs.iter().filter(|log| std::fs::read_to_string(log).is_ok_and(|log| log.contains(words))).count()
}

/// How often each device was connected.
fn connections(world: &World) -> Vec<u64> {
    world.statuses().iter().map(|status| status.connections).collect()
}

/// What the largest of the nodes holds, in bytes.
fn memory(nodes: &Nodes) -> u64 {
    (0..NODES).map(|node| nodes.process(node).memory()).max().unwrap_or_default()
}
