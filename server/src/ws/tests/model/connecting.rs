//! Subscribe, then snapshot, then apply: sockets of one person are set up while their chats go on, and while
//! they come into one and out of another.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use app::{
    domain::{ChatId, Seq},
    ports::{Bus, BusMessage, SocketId},
    service::{Actor, PresenceService},
};
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::chance::{Chance, with_one_seed_in, with_seeds};
use crate::{
    bus::LocalBus,
    limiter::LocalLimiter,
    presence::LocalPresence,
    ws::{
        Hub, Parts, Realtime,
        connect::{Connected, connect},
        hub::Registered,
        tests::{
            chat,
            loopback::{RandomIds, SystemClock},
            session,
            store::MemoryStore,
            user,
        },
    },
};

/// Sockets that the person opens.
const SOCKETS: u8 = 3;
/// Events of each chat.
const EVENTS: usize = 8;
/// The chat that the person joins, the one that they leave, and the one that they stay in.
const JOINED: u8 = 1;
const LEFT: u8 = 2;
const KEPT: u8 = 3;

struct Node {
    store: Arc<MemoryStore>,
    bus: Arc<dyn Bus>,
    realtime: Arc<Realtime>,
    chance: Chance,
}

impl Node {
    fn start(chance: Chance) -> Arc<Self> {
        let store = Arc::new(MemoryStore::default());
        for n in [LEFT, KEPT] {
            store.add(chat(n), user(1));
        }
        store.sign_in(user(1), session(1));
        store.leave_to(chance.clone());
        let hub = Arc::new(Hub::new());
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(hub.clone()));
        let presence = PresenceService::new(
            store.clone(),
            Arc::new(LocalPresence::new()),
            bus.clone(),
            Arc::new(SystemClock),
        );
        let realtime = Realtime::start(Parts {
            hub,
            store: store.clone(),
            bus: bus.clone(),
            presence: Arc::new(presence),
            limiter: Arc::new(LocalLimiter::new()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            allowed_origins: Vec::new(),
            shutdown: CancellationToken::new(),
            tracker: TaskTracker::new(),
        });
        Arc::new(Self { store, bus, realtime, chance })
    }

    /// One chat goes on, as its one writer has it: committed, then published.
    async fn happen(&self, n: u8) {
        let turn = self.chance.below(EVENTS as u64) as usize;
        for number in 0..EVENTS {
            self.chance.pause().await;
            if number == turn && n == JOINED {
                self.store.add(chat(n), user(1));
            }
            if number == turn && n == LEFT {
                self.store.remove(chat(n), user(1));
            }
            let event = self.store.rename(chat(n), "name");
            self.chance.pause().await;
            let frame = serde_json::to_string(&event).unwrap().into();
            let seq = event.seq;
            self.bus.publish(BusMessage::Event { chat_id: chat(n), seq, frame }).await.unwrap();
            if number == turn {
                self.tell(n, seq).await;
            }
        }
    }

    async fn tell(&self, n: u8, head: Seq) {
        let (chat_id, user_id) = (chat(n), user(1));
        let message = match n {
            JOINED => {
                let chat = json!({ "id": chat_id, "head": head });
                let frame = json!({ "type": "chat_added", "chat": chat }).to_string().into();
                BusMessage::Joined { chat_id, user_id, head, members: 0, frame }
            }
            LEFT => {
                let frame = json!({ "type": "chat_removed", "chat_id": chat_id }).to_string().into();
                BusMessage::Left { chat_id, user_id, frame }
            }
            _ => return,
        };
        self.chance.pause().await;
        self.bus.publish(message).await.unwrap();
    }

    /// Sets a socket up. Answers it with its `hello`.
    async fn open(&self, person: u8, number: u8) -> (Registered, Value) {
        for _ in 0..self.chance.below(10) {
            self.chance.pause().await;
        }
        let hub = &self.realtime.parts.hub;
        let seat = hub.reserve(user(person)).unwrap();
        let actor = Actor { user_id: user(person), session_id: session(person) };
        let id = SocketId(u128::from(person) << 8 | u128::from(number));
        let registered = hub.register(seat, id, actor);
        match connect(&self.realtime, &registered).await.unwrap() {
            Connected::Hello(hello) => (registered, serde_json::from_str(&hello).unwrap()),
            Connected::SessionEnded => panic!("the session goes on"),
        }
    }
}

fn id(value: &Value) -> ChatId {
    value.as_str().unwrap().parse().unwrap()
}

/// What a client knows after its `hello` and everything that was queued.
fn applied(registered: &Registered, hello: &Value) -> BTreeMap<ChatId, u64> {
    let heads = hello["heads"].as_object().unwrap();
    let mut known: BTreeMap<ChatId, u64> =
        heads.iter().map(|(chat, head)| (chat.parse().unwrap(), head.as_u64().unwrap())).collect();
    let outbox = &registered.socket.outbox;
    assert_eq!(outbox.closing_reason(), None);
    while !outbox.is_empty() {
        for (frame, _) in outbox.take(Instant::now()).frames {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            match (frame["type"].as_str().unwrap(), frame["seq"].as_u64()) {
                (_, Some(seq)) => {
                    let known = known.get_mut(&id(&frame["chat_id"])).expect("a chat that is known");
                    // What the `hello` had from the store may be published after it.
                    assert!(seq <= *known + 1, "{seq} after {known}: an event fell between");
                    *known = seq.max(*known);
                }
                ("chat_added", _) => {
                    let head = frame["chat"]["head"].as_u64().unwrap();
                    let known = known.entry(id(&frame["chat"]["id"])).or_default();
                    *known = head.max(*known);
                }
                ("chat_removed", _) => drop(known.remove(&id(&frame["chat_id"]))),
                _ => {}
            }
        }
    }
    known
}

#[test]
fn nothing_falls_between_what_a_socket_is_greeted_with_and_what_it_is_sent() {
    with_seeds(async |chance| {
        let node = Node::start(chance);
        let (mut chats, mut sockets) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
        for n in [JOINED, LEFT, KEPT] {
            let node = node.clone();
            chats.spawn(async move { node.happen(n).await });
        }
        for number in 0..SOCKETS {
            let node = node.clone();
            sockets.spawn(async move { node.open(1, number).await });
        }
        while let Some(done) = chats.join_next().await {
            done.unwrap();
        }
        let sockets = sockets.join_all().await;
        let heads = node.store.heads_now(user(1));
        let wanted: BTreeMap<_, _> = heads.into_iter().map(|(chat, head)| (chat, head.0)).collect();
        for (registered, hello) in &sockets {
            assert_eq!(applied(registered, hello), wanted);
        }
    });
}

#[test]
fn when_everybody_comes_at_once_few_ask_the_store_at_once_and_all_are_greeted() {
    const PEOPLE: u8 = 40;
    with_one_seed_in(30, async |chance| {
        let node = Node::start(chance);
        let mut sockets = tokio::task::JoinSet::new();
        for person in 1..=PEOPLE {
            node.store.sign_in(user(person), session(person));
            for number in 0..SOCKETS {
                let node = node.clone();
                sockets.spawn(async move { node.open(person, number).await });
            }
        }
        assert_eq!(sockets.join_all().await.len(), usize::from(PEOPLE * SOCKETS));
        let most = node.store.most_reading();
        assert!((2..=16).contains(&most), "{most} asked at once");
    });
}
