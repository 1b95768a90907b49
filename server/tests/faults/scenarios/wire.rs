//! The network between devices and nodes is slow, moves one way only, or swallows everything. That it cuts is in
//! `cuts`.

use std::time::{Duration, Instant};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::timeout;

use crate::{
    device::{Entrances, Habits, Status},
    evidence::Expected,
    nodes::Nodes,
    support::{Browser, Direction, Person, Proxy, Site, Socket},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::World,
};

/// How long everybody may take to be as before.
const BACK_WITHIN: Duration = Duration::from_secs(45);
/// How long devices wait for an answer, where they are to lose patience.
const PATIENCE: Duration = Duration::from_secs(3);
/// Within what time a device has to find that nobody is there: two heartbeats of 15 s and a second, and what a busy
/// machine adds.
const FOUND_BY_DEVICE: Duration = Duration::from_secs(33);
/// Within what time a node has to: a ping each 15 s, 45 s of silence, the grace of two, and the same. On a busy machine
/// a node may lose Redis for a moment, and then says of nobody that they went for another 12 s.
const FOUND_BY_NODE: Duration = Duration::from_secs(78);

/// Half a second each way.
pub const SLOW: Scenario = scenario("wire_slow", |trial| slow(trial).boxed());
/// Nothing arrives one way, then nothing the other way.
pub const HALF_OPEN: Scenario = scenario("wire_half_open", |trial| half_open(trial).boxed());
/// Everything is swallowed, and nobody is told.
pub const BLACK_HOLE: Scenario = scenario("wire_black_hole", |trial| black_hole(trial).boxed());

/// One that runs on both stores.
pub const fn scenario(name: &'static str, run: for<'a> fn(&'a Trial) -> BoxFuture<'a, Outcome>) -> Scenario {
    Scenario { name, stores: &[StoreKind::Sqlite, StoreKind::Cluster], run }
}

/// A proxy before each node.
pub struct Wires(Vec<Proxy>);

impl Wires {
    /// Puts them there. Returns where devices go in by them.
    pub async fn before(nodes: &Nodes) -> (Self, Entrances) {
        let (mut proxies, mut sites) = (Vec::new(), Vec::new());
        for node in 0..nodes.count() {
            let (proxy, site) = wire_to(&nodes.site(node)).await;
            proxies.push(proxy);
            sites.push(site);
        }
        let entrances = Entrances::default();
        entrances.set(sites);
        (Self(proxies), entrances)
    }

    /// Does this with each.
    pub fn each(&self, change: impl FnMut(&Proxy)) {
        self.0.iter().for_each(change);
    }

    /// What all of them count together.
    pub fn sum(&self, of: impl Fn(&Proxy) -> u64) -> u64 {
        self.0.iter().map(of).sum()
    }
}

/// A proxy, and the node as it is found behind it.
pub async fn wire_to(site: &Site) -> (Proxy, Site) {
    let proxy = Proxy::start(site.addr).await;
    let site = Site { addr: proxy.addr, origin: site.origin.clone() };
    (proxy, site)
}

async fn slow(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    let (wires, entrances) = Wires::before(&nodes).await;
    let world = World::populate(trial, &entrances).await;
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;
    world.amid().await;
    let delay = Duration::from_millis(500);
    let fault = world.recorder.fault("everything arrives half a second late, each way");
    wires.each(|wire| wire.delay(delay));
    let since = world.recorder.now();
    tokio::time::sleep(trial.lasts(Duration::from_secs(5), Duration::from_secs(30))).await;
    world.acknowledged(20, BACK_WITHIN).await;
    let until = world.recorder.now();
    wires.each(Proxy::restore);
    world.recorder.healed(fault);
    world.recovered(fault, &[], BACK_WITHIN).await;
    world.quiet().await;
    let expected = Expected { acknowledged: 71, faults: 1, reconnections: 0, refused: 1 };
    let evidence = world.finish(nodes, expected).await;
    // Of those that were sent and answered meanwhile; the event may come before the answer, and needs as long.
    let meanwhile = evidence.sends.iter().filter(|sent| sent.began > since && sent.tries == 1);
    let took = meanwhile.filter_map(|sent| Some(sent.ended.filter(|end| *end < until)? - sent.began));
    let quickest = Duration::from_micros(took.min().expect("some were sent meanwhile"));
    assert!(quickest >= delay * 2, "each byte was late: {quickest:?}");
    Outcome { evidence, figure: format!("a send took {} ms or more", quickest.as_millis()) }
}

async fn half_open(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    let (wires, entrances) = Wires::before(&nodes).await;
    let impatient = |_, habits: &mut Habits| habits.patience = PATIENCE;
    let world = World::populate_with(trial, &entrances, impatient).await;
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;
    for held in [Direction::ToServer, Direction::ToClient] {
        world.amid().await;
        let fault = world.recorder.fault(format!("nothing goes {held:?} any more"));
        wires.each(|wire| wire.half_open(held));
        let passed = wires.sum(|wire| wire.bytes(held));
        // So long that devices give answers up and try again, beside what is held up.
        tokio::time::sleep(trial.lasts(PATIENCE * 2, Duration::from_secs(70))).await;
        // A chunk may have been past the point.
        assert!(wires.sum(|wire| wire.bytes(held)) < passed + 64_000, "nothing moves that way");
        wires.each(Proxy::restore);
        world.recorder.healed(fault);
        world.recovered(fault, &[], BACK_WITHIN).await;
        world.acknowledged(20, BACK_WITHIN).await;
    }
    world.quiet().await;
    let expected = Expected { acknowledged: 92, faults: 2, reconnections: 0, refused: 1 };
    let evidence = world.finish(nodes, expected).await;
    let again = evidence.sends.iter().filter(|sent| sent.tries > 1).count();
    assert!(again > 0, "somebody lost patience and sent again");
    Outcome { evidence, figure: format!("{again} sends tried again") }
}

async fn black_hole(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    let (wires, entrances) = Wires::before(&nodes).await;
    let impatient = |_, habits: &mut Habits| habits.patience = PATIENCE;
    let world = World::populate_with(trial, &entrances, impatient).await;
    // Somebody whose wire will swallow everything for good, and somebody who sees them go.
    let (wire, site) = wire_to(&nodes.site(0)).await;
    let ghost = Person::register(Browser::new(site), "Ghost").await;
    world.persons[1].direct(&ghost).await;
    let mut sees = Socket::open(&world.persons[1].copy_at(nodes.site(0))).await;
    let _socket = ghost.socket().await;
    let status = |frame: &serde_json::Value, status: &str| {
        frame["type"] == "user_status_changed"
            && frame["user_id"] == ghost.id.as_str()
            && frame["status"] == status
    };
    sees.next_that("the ghost to come", |frame| status(frame, "online")).await;
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;

    world.amid().await;
    let (before, sockets) = (world.statuses(), wires.sum(Proxy::open));
    let fault = world.recorder.fault("everything is swallowed, and nobody is told");
    let began = Instant::now();
    wire.freeze();
    wires.each(Proxy::lose_connections);
    assert!(sockets as usize >= world.devices.len(), "there were connections to lose");
    // New connections are served.
    world.recorder.healed(fault);
    let has_noticed =
        |(now, before): (&Status, &Status)| !now.is_online || now.connections > before.connections;
    let have_noticed = |all: &[Status]| all.iter().zip(&before).all(has_noticed);
    let found_by_devices = async {
        let found = world.until("devices to notice", FOUND_BY_DEVICE, have_noticed).await;
        world.recovered(fault, &[], BACK_WITHIN).await;
        found
    };
    let found_by_node = async {
        let gone = async {
            loop {
                match sees.next().await {
                    Ok(frame) if status(&frame, "offline") => return began.elapsed(),
                    Ok(_) => {}
                    Err(closed) => panic!("the socket of who sees it closed: {closed:?}"),
                }
            }
        };
        timeout(FOUND_BY_NODE, gone).await.expect("the node finds that nobody is there")
    };
    let (by_devices, by_node) = tokio::join!(found_by_devices, found_by_node);
    world.acknowledged(20, BACK_WITHIN).await;
    world.quiet().await;
    let expected =
        Expected { acknowledged: 71, faults: 1, reconnections: world.devices.len() as u64, refused: 1 };
    let figure = format!(
        "found by devices within {:.1} s, by the node after {:.1} s",
        by_devices.as_secs_f64(),
        by_node.as_secs_f64()
    );
    Outcome { evidence: world.finish(nodes, expected).await, figure }
}
