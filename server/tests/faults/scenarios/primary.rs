//! The replica set under the nodes loses its primary, or its majority: writes wait and come back by themselves,
//! a minority acknowledges nothing, and nobody's socket closes.

use std::time::{Duration, Instant};

use app::domain::ClientId;
use axum::http::{Method, header};
use futures::{FutureExt, future::BoxFuture};

use crate::{
    evidence::{Expected, Outcome as Became, Sent},
    nodes::Nodes,
    support::{ReplicaSet, message_form},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::World,
};

/// How many nodes use the replica set.
const NODES: usize = 2;
/// How long nothing may be written when one member is lost.
const GAP: Duration = Duration::from_secs(15);
/// What may come on top of it in the short form, which runs beside everything else on a machine that is busy: a second
/// round of the election. The table tells how long it was.
const SECOND_ROUND: Duration = Duration::from_secs(11);
/// How long it may take until everything is as before: an election, and a try of everybody.
const BACK_WITHIN: Duration = Duration::from_secs(60);
/// How long whoever sends may have to wait until they are told that it cannot be done.
const TOLD_WITHIN: Duration = Duration::from_secs(30);
/// What a machine that does everything at once may add to that.
const BUSY: Duration = Duration::from_secs(3);
/// The same for a request beside the work of all others on a machine that is busy.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// How long an answer may take after what it tells has come about.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

/// The primary is asked to step down, as for maintenance.
pub const STEPS_DOWN: Scenario = scenario("primary_steps_down", |trial| lost(trial, How::StepsDown).boxed());
/// kill -9 of the primary, which is started again later.
pub const KILLED: Scenario = scenario("primary_killed", |trial| lost(trial, How::Killed).boxed());
/// The primary hangs, with its connections open. In the long form another one is elected meanwhile.
pub const FROZEN: Scenario = scenario("primary_frozen", |trial| lost(trial, How::Frozen).boxed());
/// Two of three are killed, and started again.
pub const MINORITY: Scenario = scenario("two_of_three_killed", |trial| minority(trial).boxed());

const fn scenario(name: &'static str, run: for<'a> fn(&'a Trial) -> BoxFuture<'a, Outcome>) -> Scenario {
    Scenario { name, stores: &[StoreKind::Cluster], run }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    StepsDown,
    Killed,
    Frozen,
}

async fn lost(trial: &Trial, how: How) -> Outcome {
    let mut servers = ReplicaSet::start().await;
    let nodes = Nodes::beside(trial, NODES, &servers.url, &servers.redis_url).await;
    let mut world = World::populate(trial, &nodes.entrances).await;
    let mut random = world.random();
    let sockets = connections(&world);
    let rounds = if trial.is_long { 3 } else { 1 };
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;
    for _ in 0..rounds {
        let primary = servers.primary().await;
        tokio::time::sleep(Duration::from_micros(random.within(0..300_000))).await;
        world.amid().await;
        match how {
            How::StepsDown => {
                let fault = world.recorder.fault(format!("member {primary} steps down"));
                servers.step_down().await;
                world.recorder.healed(fault);
                world.recovered(fault, &[], BACK_WITHIN).await;
                assert_ne!(servers.primary().await, primary, "another one is primary");
            }
            How::Killed => {
                let fault = world.recorder.fault(format!("member {primary}, the primary, is killed"));
                servers.kill(primary);
                // The others are there; that it is missed does not count.
                world.recorder.healed(fault);
                world.recovered(fault, &[], BACK_WITHIN).await;
                assert_ne!(servers.primary().await, primary, "another one is primary");
                servers.restart(primary);
            }
            How::Frozen => {
                let lasts = trial.lasts(Duration::from_secs(8), Duration::from_secs(20));
                let fault =
                    world.recorder.fault(format!("member {primary}, the primary, hangs for {lasts:?}"));
                servers.freeze(primary);
                tokio::time::sleep(lasts).await;
                if trial.is_long {
                    assert_ne!(servers.primary().await, primary, "another one is primary");
                }
                servers.thaw(primary);
                world.recorder.healed(fault);
                world.recovered(fault, &[], BACK_WITHIN).await;
            }
        }
        world.acknowledged(50, BACK_WITHIN).await;
        servers.whole().await;
    }
    world.quiet().await;
    assert_eq!(connections(&world), sockets, "nobody lost their socket");
    let expected = Expected { acknowledged: 50 + 51 * rounds, faults: rounds, reconnections: 0, refused: 1 };
    let evidence = world.finish(nodes, expected).await;
    let gap = evidence.longest_gap();
    let most = if trial.is_long { GAP } else { GAP + SECOND_ROUND };
    assert!(gap <= most, "nothing was written for {gap:?}");
    if how == How::Frozen {
        assert!(gap > Duration::from_secs(4), "it was missed: {gap:?}");
    }
    Outcome { evidence, figure: "sockets closed 0".into() }
}

async fn minority(trial: &Trial) -> Outcome {
    let mut servers = ReplicaSet::start().await;
    let nodes = Nodes::beside(trial, NODES, &servers.url, &servers.redis_url).await;
    let world = World::populate(trial, &nodes.entrances).await;
    let sockets = connections(&world);
    world.write();
    world.acknowledged(50, BACK_WITHIN).await;

    let primary = servers.primary().await;
    let [second, _] = servers.beside(primary);
    world.amid().await;
    let fault = world.recorder.fault(format!("members {primary}, the primary, and {second} are killed"));
    servers.kill(primary);
    servers.kill(second);
    let dead_since = world.recorder.now();
    let waited = is_told_to_come_again(&world).await;
    assert_eq!(connections(&world), sockets, "nobody lost their socket");
    let dead_until = world.recorder.now();
    servers.restart(primary);
    servers.restart(second);
    servers.whole().await;
    world.recorder.healed(fault);
    world.recovered(fault, &[], BACK_WITHIN).await;
    world.acknowledged(50, BACK_WITHIN).await;
    world.quiet().await;
    assert_eq!(connections(&world), sockets, "nobody lost their socket");

    let expected = Expected { acknowledged: 101, faults: 1, reconnections: 0, refused: 1 };
    let evidence = world.finish(nodes, expected).await;
    let ends = |sent: &&Sent| sent.ended.filter(|_| matches!(sent.outcome, Became::Ok(_)));
    let ends: Vec<u64> =
        evidence.sends.iter().filter(|sent| sent.began < dead_until).filter_map(|sent| ends(&sent)).collect();
    assert!(ends.iter().any(|ended| *ended > dead_until), "people sent meanwhile");
    // What was stored before may have been told a little later.
    let on_its_way = dead_since + ON_ITS_WAY.as_micros() as u64;
    let told: Vec<_> = ends.iter().filter(|ended| (on_its_way..dead_until).contains(*ended)).collect();
    assert!(told.is_empty(), "a minority acknowledges nothing: {told:?}");
    Outcome { evidence, figure: format!("503 after {:.1} s, sockets closed 0", waited.as_secs_f64()) }
}

/// How often each device was connected.
fn connections(world: &World) -> Vec<u64> {
    world.statuses().iter().map(|status| status.connections).collect()
}

/// Sends something beside the devices: the answer is 503, says when to come again, and comes in time. Returns
/// how long it took.
async fn is_told_to_come_again(world: &World) -> Duration {
    let (person, chat, id) = (&world.persons[0], world.chats[0], ClientId::random());
    // Unknown for good: nobody tries it again.
    let _under_way = world.recorder.tries(id, world.people[0], chat, "in vain");
    let (chat, id) = (chat.to_string(), id.to_string());
    let form = message_form(&[("chat_id", &chat), ("client_id", &id), ("body", "in vain")]);
    let request = person
        .request(Method::POST, "/api/send_message")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit")
        .body(form.into())
        .expect("a request");
    let began = Instant::now();
    let answer = person.try_exchange_within(request, ANSWER_WITHIN).await.expect("an answer");
    let waited = began.elapsed();
    assert_eq!(answer.refusal(), (503, "unavailable".into()));
    assert!(!answer.header("retry-after").is_empty(), "{answer:?}");
    assert!(waited <= TOLD_WITHIN + BUSY, "told after {waited:?}");
    waited
}
