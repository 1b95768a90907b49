//! The writers of chats (`app::service::Sequencer`): callers that give up, writes that are refused, late or
//! lost, a store that panics, writers that end because nothing came, and a node that stops.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use app::{
    domain::{Body, ChatId, ClientId, MessageId, Seq, Timestamp},
    error::AppResult,
    ports::{Bus, BusMessage, NewMessage},
    protocol::{EventBody, MessageView},
    service::Sequencer,
};
use async_trait::async_trait;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::chance::{Chance, with_seeds};
use crate::ws::tests::{chat, store::MemoryStore, user};

/// After how long without a write a chat's writer ends, in milliseconds.
const IDLE_MS: u64 = 30_000;
/// Messages of one caller.
const MESSAGES: u8 = 6;
/// How many messages may be committed together.
const BATCH: usize = 64;

/// What was published, in order; nothing may be that is not stored.
struct Listening {
    store: Arc<MemoryStore>,
    chance: Chance,
    published: Mutex<BTreeMap<ChatId, Vec<Seq>>>,
}

#[async_trait]
impl Bus for Listening {
    async fn publish(&self, message: BusMessage) -> AppResult<()> {
        if let BusMessage::Event { chat_id, seq, .. } = message {
            assert!(self.store.log(chat_id).len() as u64 >= seq.0, "published before it was stored");
            self.published.lock().unwrap().entry(chat_id).or_default().push(seq);
        }
        self.chance.pause().await;
        if self.chance.one_in(20) { Err(app::error::ErrorCode::Unavailable.into()) } else { Ok(()) }
    }

    async fn reached(&self, _: &[ChatId]) {}
}

struct Node {
    store: Arc<MemoryStore>,
    bus: Arc<Listening>,
    sequencer: Sequencer,
    tasks: TaskTracker,
    stop: CancellationToken,
    chance: Chance,
}

impl Node {
    fn new(chance: Chance) -> Arc<Self> {
        let store = Arc::new(MemoryStore::default());
        for n in [1, 2] {
            store.add(chat(n), user(1));
        }
        store.leave_to(chance.clone());
        let published = Mutex::default();
        let bus = Arc::new(Listening { store: store.clone(), chance: chance.clone(), published });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let sequencer =
            Sequencer::new(store.clone(), bus.clone(), Default::default(), tasks.clone(), stop.clone());
        Arc::new(Self { store, bus, sequencer, tasks, stop, chance })
    }

    async fn send(&self, n: u8, who: u8, number: u8) -> AppResult<MessageView> {
        let mut id = [who; 16];
        id[15] = number;
        let message = NewMessage {
            id: MessageId::from_bytes([number; 12]),
            sender_id: user(who),
            client_id: ClientId::from_bytes(id),
            body: Body::parse("text").unwrap(),
            mentions: app::protocol::MentionsView::default(),
            reply_to: None,
            attachments: Vec::new(),
            user_bytes: 0,
            created_at: Timestamp::from_millis(0),
        };
        self.sequencer.append(chat(n), message).await
    }

    async fn rename(&self, n: u8, name: String) -> AppResult<bool> {
        let decide = Box::new(move |_: &_| Ok(vec![EventBody::ChatRenamed { name: name.clone() }]));
        self.sequencer.change(chat(n), user(1), Timestamp::from_millis(0), decide).await
    }

    fn place_of(&self, n: u8, wanted: &str) -> Option<Seq> {
        self.store.log(chat(n)).into_iter().find_map(|event| match event.body {
            EventBody::ChatRenamed { name } if name == wanted => Some(event.seq),
            _ => None,
        })
    }

    /// Waits, at times just as long as makes a writer end.
    async fn rest(&self) {
        if self.chance.one_in(6) {
            let around = IDLE_MS - 5 + self.chance.below(10);
            sleep(Duration::from_millis(around)).await;
        }
        self.chance.pause().await;
    }

    /// One person writes one message after the other, and sends each again until it is accepted.
    async fn write(&self, who: u8) {
        let n = 1 + who % 2;
        let mut last = Seq(0);
        for number in 0..MESSAGES {
            self.rest().await;
            for _attempt in 0..4 {
                // Whoever gives up is gone in the middle of whatever happens.
                let patience = if self.chance.one_in(3) { self.chance.below(12) } else { 100_000 };
                let sent = timeout(Duration::from_millis(patience), self.send(n, who, number)).await;
                if let Ok(Ok(message)) = sent {
                    let log = self.store.log(chat(n));
                    let stored = &log[message.seq.0 as usize - 1].body;
                    assert_eq!(stored, &EventBody::NewMessage { message: message.clone() });
                    assert!(message.seq > last, "one person's messages are in order");
                    last = message.seq;
                    break;
                }
                self.chance.pause().await;
            }
        }
    }

    /// Messages and changes that reach the writer one after the other, and are answered together.
    async fn mix(&self, who: u8) {
        for number in 0..MESSAGES {
            self.rest().await;
            let name = format!("{who}/{number}");
            let (before, change, after) = tokio::join!(
                biased;
                self.send(1, who, 2 * number),
                self.rename(1, name.clone()),
                self.send(1, who, 2 * number + 1),
            );
            if let (Ok(before), Ok(true), Ok(after)) = (before, change, after) {
                let change = self.place_of(1, &name).unwrap();
                assert!(before.seq < change && change < after.seq, "in the order in which they came");
            }
        }
    }

    fn check(&self) {
        let published = self.bus.published.lock().unwrap();
        for n in [1, 2] {
            let (log, published) = (self.store.log(chat(n)), published.get(&chat(n)));
            let mut ids: Vec<_> = log
                .iter()
                .filter_map(|event| match &event.body {
                    EventBody::NewMessage { message } => Some((message.sender_id, message.client_id)),
                    _ => None,
                })
                .collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), all, "a message was stored twice");
            let published = published.cloned().unwrap_or_default();
            assert!(published.is_sorted_by(|one, next| one < next), "out of order: {published:?}");
            let told: Vec<Seq> =
                self.store.told().into_iter().filter(|(id, _)| *id == chat(n)).map(|(_, seq)| seq).collect();
            assert_eq!(published, told, "what the writer knows to be stored is published");
        }
        assert!(self.store.largest_batch() <= BATCH);
    }
}

#[test]
fn writers_of_chats_keep_every_promise_whatever_happens_when() {
    let largest = AtomicUsize::new(0);
    with_seeds(async |chance| {
        let node = Node::new(chance.clone());
        let mut callers = tokio::task::JoinSet::new();
        for who in 2..8 {
            let node = node.clone();
            callers.spawn(async move { if who < 6 { node.write(who).await } else { node.mix(who).await } });
        }
        if chance.one_in(2) {
            // In the middle: what was accepted is still carried out, and every caller is answered.
            sleep(Duration::from_millis(chance.below(60_000))).await;
            node.stop.cancel();
        }
        while let Some(caller) = callers.join_next().await {
            caller.unwrap();
        }
        // Nobody writes any more: the writers end, by themselves too.
        node.tasks.close();
        let ended = timeout(Duration::from_secs(300), node.tasks.wait()).await;
        assert!(ended.is_ok(), "a writer does not end");
        node.check();
        largest.fetch_max(node.store.largest_batch(), Relaxed);
        node.stop.cancel();
        assert!(node.send(1, 9, 9).await.is_err(), "accepted by a node that has stopped");
    });
    assert!(largest.into_inner() > 1, "nothing was ever committed together");
}
