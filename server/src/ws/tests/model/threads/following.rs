//! A socket that connects, while events, joining and leaving are published on other threads.

use std::{sync::Arc, time::Instant};

use app::{
    domain::Seq,
    ports::{BusMessage, SocketId},
    protocol::Heads,
    service::Actor,
};
use loom::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    thread,
};

use super::{
    explore,
    hub::{Hub, Registered},
};
use crate::ws::tests::{chat, session, user};

/// The store, as much as matters: where the chat's log stands and whether the person is a member.
struct Log {
    head: AtomicU64,
    member: AtomicBool,
}

impl Log {
    fn new(member: bool) -> Arc<Self> {
        Arc::new(Self { head: AtomicU64::new(1), member: AtomicBool::new(member) })
    }

    fn heads_of(&self) -> Heads {
        let head = Seq(self.head.load(SeqCst));
        if self.member.load(SeqCst) { Heads::from([(chat(1), head)]) } else { Heads::new() }
    }

    /// Commits an event, and then publishes it.
    fn happen(&self, hub: &Hub) {
        let seq = self.head.fetch_add(1, SeqCst) + 1;
        let frame = format!("{seq}").into();
        hub.dispatch(&BusMessage::Event { chat_id: chat(1), seq: Seq(seq), frame });
    }
}

fn register(hub: &Arc<Hub>, n: u8) -> Registered {
    let seat = hub.reserve(user(n)).unwrap();
    hub.register(seat, SocketId(u128::from(n)), Actor { user_id: user(n), session_id: session(n) })
}

/// Subscribe, then snapshot, then apply: as `connect` does. Answers the heads of the `hello`.
fn connect(hub: &Hub, log: &Log, registered: &Registered) -> Heads {
    let first = log.heads_of();
    hub.join(&registered.socket, &first);
    let second = log.heads_of();
    hub.follow(&registered.socket, &first, &second)
}

fn frames(registered: &Registered) -> Vec<String> {
    let batch = registered.socket.outbox.take(Instant::now());
    batch.frames.into_iter().map(|(frame, _)| frame.to_string()).collect()
}

fn nothing_falls_between(with_others: bool) {
    explore(move || {
        let (hub, log) = (Arc::new(Hub::new()), Log::new(true));
        // The room may be there already, or be made by the socket.
        let other = with_others.then(|| {
            let other = register(&hub, 2);
            connect(&hub, &log, &other);
            other
        });
        let registered = register(&hub, 1);
        let publisher = {
            let (hub, log) = (hub.clone(), log.clone());
            thread::spawn(move || {
                log.happen(&hub);
                log.happen(&hub);
            })
        };
        let hello = connect(&hub, &log, &registered);
        publisher.join().unwrap();
        let mut known = hello[&chat(1)].0;
        for seq in frames(&registered).iter().map(|frame| frame.parse::<u64>().unwrap()) {
            if seq > known {
                assert_eq!(seq, known + 1, "an event fell between");
                known = seq;
            }
        }
        assert_eq!(known, 3, "the last event fell between");
        drop(other);
    });
}

#[test]
fn an_event_is_in_the_hello_or_in_the_queue() {
    nothing_falls_between(false);
}

#[test]
fn an_event_is_in_the_hello_or_in_the_queue_of_a_room_that_was_there() {
    nothing_falls_between(true);
}

#[test]
fn nothing_of_a_chat_comes_after_the_removal_from_it() {
    explore(|| {
        let (hub, log) = (Arc::new(Hub::new()), Log::new(true));
        let registered = register(&hub, 1);
        connect(&hub, &log, &registered);
        let publisher = {
            let (hub, log) = (hub.clone(), log.clone());
            thread::spawn(move || log.happen(&hub))
        };
        let (chat_id, user_id, frame) = (chat(1), user(1), "left".into());
        hub.dispatch(&BusMessage::Left { chat_id, user_id, frame });
        publisher.join().unwrap();
        assert_eq!(frames(&registered).last().unwrap(), "left");
        assert!(!hub.is_in(&registered.socket, chat(1)) && !hub.has_room(chat(1)));
    });
}

#[test]
fn a_mark_is_told_once_and_never_after_the_removal() {
    explore(|| {
        let (hub, log) = (Arc::new(Hub::new()), Log::new(true));
        let registered = register(&hub, 1);
        connect(&hub, &log, &registered);
        let (chat_id, user_id) = (chat(1), user(1));
        let tell = |hub: Arc<Hub>| {
            let mark = BusMessage::Mine { chat_id, user_id, revision: 5, read: None, frame: "mark".into() };
            thread::spawn(move || hub.dispatch(&mark))
        };
        let both = [tell(hub.clone()), tell(hub.clone())];
        hub.dispatch(&BusMessage::Left { chat_id, user_id, frame: "left".into() });
        both.into_iter().for_each(|one| drop(one.join().unwrap()));
        let told = frames(&registered);
        assert!(told == ["mark", "left"] || told == ["left"], "{told:?}");
    });
}

/// Somebody joins the chat, or is taken out of it, while their socket connects.
fn news_while_connecting(joins: bool) {
    explore(move || {
        let (hub, log) = (Arc::new(Hub::new()), Log::new(!joins));
        let registered = register(&hub, 1);
        let publisher = {
            let (hub, log) = (hub.clone(), log.clone());
            thread::spawn(move || {
                log.member.store(joins, SeqCst);
                let (chat_id, user_id, frame) = (chat(1), user(1), "news".into());
                hub.dispatch(&if joins {
                    BusMessage::Joined { chat_id, user_id, head: Seq(1), members: 0, frame }
                } else {
                    BusMessage::Left { chat_id, user_id, frame }
                });
            })
        };
        let hello = connect(&hub, &log, &registered);
        publisher.join().unwrap();
        assert_eq!(hub.is_in(&registered.socket, chat(1)), joins);
        // Whoever is out may have been greeted with the chat, and is told; whoever is in was told.
        assert!(hello.contains_key(&chat(1)) == joins || frames(&registered) == ["news"]);
    });
}

#[test]
fn who_is_removed_while_connecting_is_in_no_room() {
    news_while_connecting(false);
}

#[test]
fn who_joins_while_connecting_is_in_the_room() {
    news_while_connecting(true);
}
