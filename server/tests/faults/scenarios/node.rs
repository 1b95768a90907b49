//! A node is killed, or asked to stop, in the middle of sends and broadcasts. The embedded one is started again
//! over its data; of three beside MongoDB and Redis the others serve meanwhile, and it is started again later.

use std::time::Duration;

use futures::FutureExt;

use crate::{
    evidence::Expected,
    nodes::Nodes,
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::{World, seen_online},
};

/// How long everybody may take to be back.
const BACK_WITHIN: Duration = Duration::from_secs(30);
/// How long presence may be wrong after a node was killed.
const OFFLINE_WITHIN: Duration = Duration::from_secs(45);
/// How long nobody may be able to write.
const GAP: Duration = Duration::from_secs(15);
/// The device of somebody who does not come back; they have no other.
const LEAVER: usize = 3;

/// kill -9, again and again.
pub const KILLED: Scenario = Scenario {
    name: "node_killed",
    stores: &[StoreKind::Sqlite, StoreKind::Cluster],
    run: |trial| run(trial, How::Killed).boxed(),
};

/// SIGTERM: it drains, and says to everybody that it goes.
pub const STOPPED: Scenario = Scenario {
    name: "node_stopped",
    stores: &[StoreKind::Sqlite, StoreKind::Cluster],
    run: |trial| run(trial, How::Stopped).boxed(),
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Killed,
    Stopped,
}

async fn run(trial: &Trial, how: How) -> Outcome {
    let mut nodes = Nodes::start(trial).await;
    let mut world = World::populate(trial, &nodes.entrances).await;
    let mut random = world.random();
    let rounds = if trial.is_long { 8 } else { 2 };
    let mut lost = 0;
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;
    for _ in 0..rounds {
        // At any moment of a send or a broadcast.
        tokio::time::sleep(Duration::from_micros(random.within(0..300_000))).await;
        // One that somebody's socket is at.
        let victim = world.node_of(&nodes, random.below(world.devices.len()));
        lost += world.sockets_at(&nodes, victim).len();
        go_down(&world, &mut nodes, victim, how).await;
        world.acknowledged(20, BACK_WITHIN).await;
    }
    let figure = match (trial.store, how) {
        (StoreKind::Cluster, How::Killed) => {
            let (seconds, sockets) = presence_after_a_kill(&world, &mut nodes).await;
            lost += sockets;
            format!("offline after {seconds:.1} s")
        }
        _ => String::new(),
    };
    // Whoever is there is seen to be there.
    let all_are_seen = |all: &[crate::device::Status]| {
        all.iter().all(|status| status.online.len() == crate::world::PEOPLE - 1)
    };
    world.until("everybody to be seen online", OFFLINE_WITHIN, all_are_seen).await;
    world.quiet().await;
    let faults = world.recorder.evidence().faults.len();
    let expected = Expected {
        acknowledged: 50 + 21 * rounds,
        faults: faults.max(rounds),
        reconnections: lost as u64,
        refused: 1,
    };
    assert!(lost >= rounds, "each time somebody lost their socket");
    let evidence = world.finish(nodes, expected).await;
    let gap = evidence.longest_gap();
    assert!(gap < GAP, "nobody could write for {gap:?}");
    Outcome { evidence, figure }
}

/// A node goes, everybody finds another or waits for it, and it comes back.
async fn go_down(world: &World, nodes: &mut Nodes, victim: usize, how: How) {
    world.amid().await;
    let fault = world.recorder.fault(match how {
        How::Killed => format!("node {victim} is killed"),
        How::Stopped => format!("node {victim} is asked to stop"),
    });
    match how {
        How::Killed => nodes.kill(victim),
        How::Stopped => nodes.stop(victim).await,
    }
    if nodes.count() > 1 {
        // The others are there; that it is missed does not count.
        world.recorder.healed(fault);
        world.recovered(fault, &[], BACK_WITHIN).await;
        nodes.restart(victim).await;
    } else {
        nodes.restart(victim).await;
        world.recorder.healed(fault);
        world.recovered(fault, &[], BACK_WITHIN).await;
    }
}

/// Who was at a node that is killed, and comes back nowhere, is offline for everybody in time. Returns after how
/// many seconds, and how many sockets were lost.
async fn presence_after_a_kill(world: &World, nodes: &mut Nodes) -> (f64, usize) {
    let leaver = &world.devices[LEAVER];
    let sees_leaver = |all: &[crate::device::Status]| {
        let others = all.iter().enumerate().filter(|(number, _)| *number != LEAVER);
        others.clone().filter(|(_, status)| status.online.contains(&leaver.me)).count()
    };
    let others = world.devices.len() - 1;
    world.until("everybody to see them", OFFLINE_WITHIN, |all| sees_leaver(all) == others).await;
    leaver.stay_away().await;
    let victim = world.node_of(nodes, LEAVER);
    let lost = world.sockets_at(nodes, victim).len() - 1;
    world.amid().await;
    let fault = world.recorder.fault(format!("node {victim} is killed, and one of its people stays away"));
    nodes.kill(victim);
    world.recorder.healed(fault);
    world.recovered(fault, &[LEAVER], BACK_WITHIN).await;
    // Presence changes by itself; nobody needs to write meanwhile.
    world.pause();
    let rest = world.recorder.since(fault);
    let offline = |all: &[crate::device::Status]| !seen_online(all, &[LEAVER]).contains(&leaver.me);
    world.until("them to be offline", OFFLINE_WITHIN.saturating_sub(rest), offline).await;
    let seconds = world.recorder.since(fault).as_secs_f64();
    nodes.restart(victim).await;
    leaver.come_back().await;
    world.write();
    (seconds, lost)
}
