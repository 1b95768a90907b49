//! Whole nodes beside each other, when Redis or one of them is lost.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::{runtime::Runtime, time::timeout};

use crate::{
    nodes::{Nodes, OverServer, Together, also_at},
    support::{Person, RedisServer, Socket, TestServer, soon},
};

/// How late another node may be while Redis is away.
const CATCH_UP: Duration = Duration::from_secs(5);
/// Within what time presence is right again after Redis lost everything.
const REBUILT: Duration = Duration::from_secs(15);

/// Two people in a conversation, each at a node of their own, with a Redis between them.
struct Pair {
    nodes: OverServer,
    ada: Person,
    bob: Person,
    chat: String,
}

impl Pair {
    /// Ada at the first, Bob at the second, in a group.
    async fn start() -> Self {
        let nodes = OverServer::start().await;
        let (ada, bob) = (nodes.one().register("Ada").await, nodes.two().register("Bob").await);
        let chat = ada.group("Team", &[&bob]).await;
        Self { nodes, ada, bob, chat }
    }

    /// Sends until a message comes by itself to a socket at the other node.
    async fn is_live(&self, socket: &mut Socket) {
        let live = async {
            loop {
                let sent = self.ada.send(&self.chat, "is it live?").await;
                let arrives = socket.next_that("it", |frame| frame["message"] == sent);
                if timeout(Duration::from_millis(200), arrives).await.is_ok() {
                    return;
                }
            }
        };
        soon("messages to arrive by themselves", live).await;
    }
}

fn statuses(frames: &[Value], person: &Person) -> Vec<String> {
    let frames = frames.iter().filter(|frame| frame["type"] == "user_status_changed");
    let frames = frames.filter(|frame| frame["user_id"] == person.id.as_str());
    frames.map(|frame| frame["status"].as_str().unwrap().to_owned()).collect()
}

pub async fn told(socket: &mut Socket, person: &Person, status: &str) {
    let fits = |frame: &Value| {
        frame["type"] == "user_status_changed"
            && frame["user_id"] == person.id.as_str()
            && frame["status"] == status
    };
    socket.next_that(status, fits).await;
}

/// Waits until a socket has been told so, for as long as presence takes to be rebuilt.
async fn told_once_rebuilt(socket: &mut Socket, person: &Person, status: &str) {
    let told = timeout(REBUILT, async {
        loop {
            socket.round_trip().await;
            if statuses(&socket.seen, person).iter().any(|told| told == status) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    told.await.expect("who is online is told in time");
}

/// Whether the hello of a new socket says that these people are online.
async fn shows_online(asking: &Person, people: &[&Person]) -> bool {
    let socket = asking.socket().await;
    let online = socket.hello["online"].as_array().unwrap().clone();
    socket.close().await;
    people.iter().all(|person| online.contains(&person.id.as_str().into()))
}

/// Waits until the hello of a new socket says that these people are online.
pub async fn online_again(asking: &Person, people: &[&Person]) {
    let rebuilt = timeout(REBUILT, async {
        // Not more often than one may open a socket.
        while !shows_online(asking, people).await {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    rebuilt.await.expect("presence is rebuilt in time");
}

/// Waits for the head of the chat at `seq`, asks for what is missing and reads it.
async fn catches_up(socket: &mut Socket, chat: &str, seq: u64) {
    let head = |frame: &Value| frame["type"] == "heads" && frame["heads"][chat].as_u64() >= Some(seq);
    socket.next_that("the head", head).await;
    socket.resume(chat, seq - 1).await;
    socket.next_that("the message", |frame| frame["type"] == "new_message" && frame["seq"] == seq).await;
}

async fn outage(mut pair: Pair, begin: impl Fn(&mut RedisServer), end: impl AsyncFn(&mut RedisServer)) {
    let elsewhere = also_at(&pair.bob, pair.nodes.one()).await;
    let (mut here, mut there) = (pair.ada.socket().await, pair.bob.socket().await);
    told(&mut here, &pair.bob, "online").await;
    pair.is_live(&mut there).await;
    here.seen.clear();

    begin(&mut pair.nodes.redis);
    for round in 0..3 {
        let begun = Instant::now();
        let sent = pair.ada.send(&pair.chat, &format!("nobody carries this {round}")).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "a send took {:?}", begun.elapsed());
        here.next_that("one's own message", |frame| frame["message"] == sent).await;
        let late = Instant::now();
        catches_up(&mut there, &pair.chat, sent["seq"].as_u64().unwrap()).await;
        assert!(late.elapsed() < CATCH_UP, "{:?}", late.elapsed());
    }
    let page = pair.bob.get(&format!("/c/{}", pair.chat)).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("nobody carries this 2"), "a page shows what is stored");
    // People may come while it is away.
    let eve = pair.nodes.two().register("Eve").await;
    pair.ada.add(&pair.chat, &eve).await;
    let mut new = eve.socket().await;
    new.round_trip().await;
    // Whose session ends meanwhile is shut out as soon as there is news.
    let session = there.hello["session_id"].as_str().unwrap().to_owned();
    let mut last = pair.bob.elsewhere().await.socket().await;
    elsewhere.call("end_session", &[("session_id", &session)]).await.ok();

    end(&mut pair.nodes.redis).await;
    assert_eq!(there.closed().await, 1008);
    pair.is_live(&mut last).await;
    online_again(&pair.ada, &[&pair.bob, &eve]).await;
    told_once_rebuilt(&mut here, &eve, "online").await;
    told_once_rebuilt(&mut new, &pair.ada, "online").await;
    assert!(!statuses(&here.seen, &pair.bob).contains(&"offline".into()), "Bob never went");
    pair.nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_while_redis_is_dead() {
    outage(Pair::start().await, RedisServer::kill, async |redis| redis.revive().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_goes_on_while_redis_hangs() {
    outage(Pair::start().await, |redis| redis.freeze(), async |redis| redis.thaw()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_shows_on_the_other_node() {
    let nodes = Together::start().await;
    let (ada, bob) = (nodes.one().register("Ada").await, nodes.two().register("Bob").await);
    ada.direct(&bob).await;
    let mut sees = ada.socket().await;
    let desk = bob.socket().await;
    assert_eq!(desk.hello["online"], serde_json::json!([ada.id]));
    told(&mut sees, &bob, "online").await;
    // A second socket, at the other node.
    let phone = also_at(&bob, nodes.one()).await.socket().await;
    desk.close().await;
    let heard = sees.listen(Duration::from_millis(2_500)).await;
    assert!(statuses(&heard, &bob).is_empty(), "{heard:?}");
    let begun = Instant::now();
    phone.close().await;
    told(&mut sees, &bob, "offline").await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_people_of_a_killed_node_go_offline() {
    let nodes = Together::start().await;
    let builder = TestServer::builder().redis(&nodes.redis.url).beside(nodes.one());
    let runtime = Runtime::new().unwrap();
    let third = runtime.spawn(builder.start()).await.unwrap();
    let (ada, bob) = (nodes.one().register("Ada").await, third.register("Bob").await);
    ada.direct(&bob).await;
    let mut sees = ada.socket().await;
    let _socket = bob.socket().await;
    told(&mut sees, &bob, "online").await;
    sees.seen.clear();

    // Nothing of it runs on, and nothing says goodbye.
    runtime.shutdown_background();
    sees.round_trip().await;
    assert!(statuses(&sees.seen, &bob).is_empty(), "a lease of half a minute runs on");
    nodes.one().clock.advance_seconds(31);
    told(&mut sees, &bob, "offline").await;
    assert!(statuses(&sees.seen, &ada).is_empty());
    let back = also_at(&bob, nodes.two()).await;
    online_again(&back, &[&ada]).await;
    nodes.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wipe_of_redis_is_not_seen() {
    let nodes = Together::start().await;
    let (ada, bob) = (nodes.one().register("Ada").await, nodes.two().register("Bob").await);
    ada.direct(&bob).await;
    let mut sees = ada.socket().await;
    let _socket = bob.socket().await;
    told(&mut sees, &bob, "online").await;
    nodes.redis.flush().await;
    assert!(!shows_online(&ada, &[&bob]).await, "it was wiped");
    let mut comes_now = ada.socket().await;
    online_again(&ada, &[&bob]).await;
    sees.seen.clear();
    sees.round_trip().await;
    assert!(!statuses(&sees.seen, &bob).contains(&"offline".into()), "Bob never went");
    // Whoever could not be told at first is told.
    told_once_rebuilt(&mut comes_now, &bob, "online").await;
    nodes.stop().await;
}
