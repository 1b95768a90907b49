//! Publishing faster than sockets are written to.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::Seq,
    ports::{Bus, BusMessage, SocketId},
    protocol::Heads,
    service::Actor,
};
use tokio::task::JoinSet;

use super::{chat, session, user};
use crate::{
    bus::LocalBus,
    ws::{
        close::Close,
        hub::{Hub, Registered},
        pressure::Patience,
    },
};

fn sockets(hub: &Arc<Hub>, people: std::ops::Range<u8>) -> Vec<Registered> {
    let heads = Heads::from([(chat(1), Seq(0))]);
    people
        .map(|n| {
            let seat = hub.reserve(user(n)).expect("a free seat");
            let actor = Actor { user_id: user(n), session_id: session(n) };
            let registered = hub.register(seat, SocketId(u128::from(n)), actor);
            hub.join(&registered.socket, &heads);
            hub.follow(&registered.socket, &heads, &heads);
            registered
        })
        .collect()
}

fn event(seq: u64) -> BusMessage {
    BusMessage::Event { chat_id: chat(1), seq: Seq(seq), frame: format!("{seq}").into() }
}

/// Takes from the socket until it has seen the event, as its task would. Returns how many frames it saw.
async fn read_until(registered: Registered, last: u64) -> Result<u64, Close> {
    let outbox = &registered.socket.outbox;
    let mut seen = 0;
    while seen < last {
        outbox.ready().await;
        if let Some(close) = outbox.closing_reason() {
            return Err(close);
        }
        for (frame, _class) in outbox.take(Instant::now()).frames {
            seen += 1;
            assert_eq!(frame.as_str(), seen.to_string(), "in order and without a hole");
            // Far slower than publishing is.
            tokio::task::yield_now().await;
        }
        outbox.written(Instant::now());
    }
    Ok(seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_loses_nothing_on_sockets_that_read() {
    const EVENTS: u64 = 2_000;
    let hub = Arc::new(Hub::new());
    let mut readers = JoinSet::new();
    for registered in sockets(&hub, 0..100) {
        readers.spawn(read_until(registered, EVENTS));
    }
    let bus = LocalBus::new(hub);
    for seq in 1..=EVENTS {
        bus.publish(event(seq)).await.unwrap();
    }
    for read in readers.join_all().await {
        assert_eq!(read, Ok(EVENTS));
    }
}

#[tokio::test]
async fn peers_that_never_read_cost_a_room_a_bounded_share_of_its_time() {
    let hub = Arc::new(Hub::new());
    let stuck = sockets(&hub, 0..100);
    let bus = LocalBus::new(hub.clone());
    let start = Instant::now();
    for seq in 1..=500 {
        // As a task does that finds the peer's side full, each at its own moment, the unkindest way.
        for socket in &stuck {
            socket.socket.outbox.set_blocked(true, Instant::now());
        }
        bus.publish(event(seq)).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    for socket in &stuck {
        assert_eq!(socket.socket.outbox.closing_reason(), Some(Close::Overflow));
    }
}

#[tokio::test]
async fn a_task_that_does_not_run_is_given_up_on() {
    let hub = Arc::new(Hub::new());
    let stuck = sockets(&hub, 0..1);
    let bus = LocalBus::new(hub.clone());
    let start = Instant::now();
    for seq in 1..=300 {
        bus.publish(event(seq)).await.unwrap();
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(stuck[0].socket.outbox.closing_reason(), Some(Close::Overflow));
}

#[tokio::test]
async fn relief_ends_the_wait_at_once() {
    let hub = Arc::new(Hub::new());
    let socket = sockets(&hub, 0..1).remove(0);
    let mut pressure = None;
    for seq in 1..=200 {
        pressure = hub.dispatch(&event(seq));
    }
    let pressure = pressure.expect("a socket that is more than half full");
    let waiting = tokio::spawn(pressure.relieved(Duration::from_secs(60)));
    for _ in 0..4 {
        socket.socket.outbox.take(Instant::now());
    }
    tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("not the whole minute").unwrap();
}

#[test]
fn patience_is_used_up_and_comes_back_slowly() {
    let start = Instant::now();
    let mut patience = Patience::new(start);
    patience.use_up(Duration::from_millis(200), start);
    assert_eq!(patience.left(start), Duration::from_millis(50));
    assert_eq!(patience.left(start + Duration::from_secs(2)), Duration::from_millis(150));
    assert_eq!(patience.left(start + Duration::from_secs(60)), Duration::from_millis(250));
    patience.use_up(Duration::from_secs(1), start + Duration::from_secs(60));
    assert_eq!(patience.left(start + Duration::from_secs(60)), Duration::ZERO);
}
