//! The way towards the other nodes: a bounded queue, and the task that empties it into Redis.
//!
//! Whoever publishes never waits for Redis. What finds the queue full, or Redis away, is dropped and
//! counted: the other nodes find it by comparing heads. Only who is out of something is kept for a while. What may be
//! lost anyway gets the first half of the queue alone, so that it never takes the place of who is out.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ::redis::{Pipeline, RedisResult};
use app::{domain::ChatId, ports::BusMessage};
use futures::future::join_all;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::wire::{self, Letter, NEWS, NodeId};
use crate::redis::{Connection, Link, LinkError};

/// News that may wait for Redis.
const WAITING: usize = 4_096;
/// News that are given to Redis together.
const BATCH: usize = 64;
/// Dropped news are logged at most this often.
const LOG_EVERY: Duration = Duration::from_secs(10);
/// How long a node that stops goes on giving Redis what waits.
const DRAIN: Duration = Duration::from_secs(1);

/// The near end of the queue.
pub struct Publisher {
    node: NodeId,
    link: Link,
    letters: mpsc::Sender<Letter>,
    dropped: Arc<AtomicU64>,
}

/// The task at its far end.
pub struct Sender {
    link: Link,
    letters: mpsc::Receiver<Letter>,
    stop: CancellationToken,
    dropped: Arc<AtomicU64>,
    logged: Option<Instant>,
}

impl Publisher {
    /// A queue, and the task that has to run to empty it.
    pub fn new(node: NodeId, link: Link, stop: CancellationToken) -> (Self, Sender) {
        let (letters, waiting) = mpsc::channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let sender =
            Sender { link: link.clone(), letters: waiting, stop, dropped: dropped.clone(), logged: None };
        (Self { node, link, letters, dropped }, sender)
    }

    /// Queues news for the other nodes. Returns at once.
    pub fn publish(&self, message: &BusMessage) {
        let letter = match wire::encode(self.node, message) {
            Ok(letter) => letter,
            Err(error) => {
                tracing::error!(%error, "news could not be encoded for other nodes");
                return;
            }
        };
        let is_lost = !letter.keeps && self.link.is_away();
        if is_lost || !queue(&self.letters, letter) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Puts the letter into the queue. False if there is no room for one like it: of marks, typing and presence there may be
/// any number, and what else there is must find room beside them.
fn queue(letters: &mpsc::Sender<Letter>, letter: Letter) -> bool {
    let is_crowded = letters.capacity() < letters.max_capacity() / 2;
    !(letter.is_lossy && is_crowded) && letters.try_send(letter).is_ok()
}

impl Sender {
    /// Gives Redis what is queued, until the node stops.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while !self.stop.is_cancelled() {
            let stop = self.stop.clone();
            let taken = stop.run_until_cancelled(async {
                self.link.connected().await;
                // Not empty after a failure: what is kept goes first.
                if batch.is_empty() { self.letters.recv_many(&mut batch, BATCH).await } else { batch.len() }
            });
            match taken.await {
                Some(1..) => self.send(&mut batch).await,
                Some(0) | None => break,
            }
            self.log();
        }
        self.letters.close();
        let drained = timeout(DRAIN, async {
            while self.link.is_up() && self.letters.recv_many(&mut batch, BATCH).await > 0 {
                self.send(&mut batch).await;
            }
        });
        let _ = drained.await;
        self.logged = None;
        self.log();
    }

    /// All at once, and those of each channel in order.
    async fn send(&mut self, batch: &mut Vec<Letter>) {
        let sent = self.link.run(async |connection| {
            let pipelines = pipelines(&connection, batch).into_iter();
            let sent = join_all(pipelines.map(|pipeline| deliver(connection.clone(), pipeline)));
            sent.await.into_iter().collect::<RedisResult<()>>()
        });
        let error = sent.await.err();
        match error {
            None => batch.clear(),
            Some(error) => {
                // Whether Redis has them is not known; what is kept is said again, which does no harm.
                let before = batch.len();
                batch.retain(|letter| letter.keeps);
                let lost = (before - batch.len()) as u64;
                self.dropped.fetch_add(lost, Ordering::Relaxed);
                if let LinkError::Failed(error) = &error {
                    tracing::debug!(%error, lost, "Redis did not take news");
                    if self.link.is_up() {
                        // It is there and refuses: saying it again at once would change nothing.
                        self.dropped.fetch_add(batch.len() as u64, Ordering::Relaxed);
                        batch.clear();
                    }
                }
            }
        }
    }

    fn log(&mut self) {
        if self.logged.is_some_and(|logged| logged.elapsed() < LOG_EVERY) {
            return;
        }
        let count = self.dropped.swap(0, Ordering::Relaxed);
        if count > 0 {
            self.logged = Some(Instant::now());
            tracing::warn!(
                count,
                "news were not passed on to other nodes, which will find them in the store"
            );
        }
    }
}

/// The letters as pipelines, each of which keeps its order. A cluster keeps none between commands that it is
/// given apart, and takes those for one channel alone as one pipeline.
fn pipelines(connection: &Connection, batch: &[Letter]) -> Vec<Pipeline> {
    let mut pipelines: BTreeMap<Option<ChatId>, Pipeline> = BTreeMap::new();
    for letter in batch {
        let apart = letter.chat.filter(|_| matches!(connection, Connection::Cluster(_)));
        let pipeline = pipelines.entry(apart).or_default();
        match letter.chat {
            Some(chat) => pipeline.cmd("SPUBLISH").arg(wire::channel_of(chat)),
            None => pipeline.cmd("PUBLISH").arg(NEWS),
        };
        pipeline.arg(&letter.text).ignore();
    }
    pipelines.into_values().collect()
}

async fn deliver(mut connection: Connection, pipeline: Pipeline) -> RedisResult<()> {
    pipeline.query_async(&mut connection).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use app::domain::{SessionId, UserId};

    use super::*;

    #[test]
    fn however_much_is_lossy_there_is_room_for_who_is_out() {
        let (chat_id, user_id) = (ChatId::from_bytes([1; 12]), UserId::from_bytes([2; 12]));
        let node = NodeId::from_chance([3; 32]);
        let letter = |message: &BusMessage| wire::encode(node, message).unwrap();
        let (letters, mut waiting) = mpsc::channel(WAITING);
        let frame: app::ports::Frame = "{}".into();
        let lossy = [
            BusMessage::Typing { chat_id, user_id, except: Vec::new(), frame: frame.clone() },
            BusMessage::Mine { chat_id, user_id, revision: 1, read: None, frame: frame.clone() },
            BusMessage::Status {
                user_id,
                chats: vec![chat_id],
                except: Vec::new(),
                frame: frame.clone(),
                seen: None,
            },
            BusMessage::UserChanged { user_id, chats: vec![chat_id], frame: frame.clone() },
        ];
        for message in lossy.iter().cycle().take(3 * WAITING) {
            queue(&letters, letter(message));
        }
        let room = letters.capacity();
        assert!((WAITING / 2 - 1..=WAITING / 2).contains(&room), "half of it is left: {room}");
        let others = [
            BusMessage::Left { chat_id, user_id, frame: frame.clone() },
            BusMessage::Deleted { chat_id, frame },
            BusMessage::SessionsEnded(vec![SessionId::from_bytes([4; 12])]),
        ];
        for message in others.iter().cycle().take(room) {
            assert!(queue(&letters, letter(message)), "{message:?}");
        }
        assert!(!queue(&letters, letter(&others[0])), "it is bounded");
        // As soon as there is room again, they are told.
        for _ in 0..WAITING / 2 {
            waiting.try_recv().unwrap();
        }
        assert!(lossy.iter().take(1).all(|message| queue(&letters, letter(message))));
    }
}
