//! Other nodes' news on their way into the hub: a few bounded queues with a task each, so that sockets of one
//! chat that fill up keep only a share of the others waiting, and nothing keeps the ends of sessions waiting.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use ::redis::{FromRedisValue, PushInfo, PushKind, Value, aio::AsyncPushSender};
use app::{domain::ChatId, ports::BusMessage};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    order::Order,
    wire::{self, NodeId},
};
use crate::{bus::local::PATIENCE, ws::Hub};

/// Tasks that deliver events, each those of its share of the chats.
const WORKERS: usize = 4;
/// News that may wait for each.
const WAITING: usize = 2_048;

/// Where the connection puts what it receives.
#[derive(Clone)]
pub struct Intake {
    events: Vec<mpsc::Sender<Vec<u8>>>,
    news: mpsc::Sender<Vec<u8>>,
    hub: Arc<Hub>,
}

/// One of the tasks.
pub struct Worker {
    node: NodeId,
    waiting: mpsc::Receiver<Vec<u8>>,
    order: Arc<Order>,
}

impl Intake {
    /// The queues, and the tasks that have to run to empty them.
    pub fn new(node: NodeId, hub: Arc<Hub>, order: Arc<Order>) -> (Self, Vec<Worker>) {
        let mut workers = Vec::new();
        let mut queue = || {
            let (sender, waiting) = mpsc::channel(WAITING);
            workers.push(Worker { node, waiting, order: order.clone() });
            sender
        };
        let news = queue();
        let events = (0..WORKERS).map(|_| queue()).collect();
        (Self { events, news, hub }, workers)
    }

    /// What the connection calls with each message.
    pub fn pushes(&self) -> impl AsyncPushSender + Clone + use<> {
        let intake = self.clone();
        move |push: PushInfo| {
            intake.take(push);
            Ok::<(), std::convert::Infallible>(())
        }
    }

    /// Queues one message. Must not block: it is called by the task that reads the connection.
    fn take(&self, push: PushInfo) {
        let [channel, payload] = match <[Value; 2]>::try_from(push.data) {
            Ok(both) => both,
            Err(_something_else) => return,
        };
        let Ok(payload) = Vec::<u8>::from_redis_value(payload) else { return };
        match push.kind {
            PushKind::Message => self.take_news(payload),
            PushKind::SMessage => {
                let Ok(channel) = String::from_redis_value(channel) else { return };
                let mut hasher = DefaultHasher::new();
                channel.hash(&mut hasher);
                let place = usize::try_from(hasher.finish() % WORKERS as u64).unwrap_or_default();
                let lost = match self.events.get(place).map(|queue| queue.try_send(payload)) {
                    Some(Err(full)) => !wire::is_lossy(&full.into_inner()),
                    sent => sent.is_none(),
                };
                if lost && let Some(chat) = wire::chat_of(&channel) {
                    self.lost(chat);
                }
            }
            _ => {}
        }
    }

    fn take_news(&self, payload: Vec<u8>) {
        let Err(payload) = self.news.try_send(payload).map_err(TrySendError::into_inner) else { return };
        // Who is online is lossy by design; everything else is looked up.
        if !wire::is_lossy(&payload) {
            tracing::warn!("so many news came from other nodes that some are lost");
            self.hub.doubt_all();
        }
    }

    fn lost(&self, chat: ChatId) {
        tracing::debug!(%chat, "so many events came from other nodes that one has to be read from the store");
        self.hub.doubt(chat);
    }
}

impl Worker {
    /// Delivers what comes, for good.
    pub async fn run(&mut self) {
        while let Some(payload) = self.waiting.recv().await {
            if let Some(message) = self.read(&payload)
                && let Some(pressure) = self.order.dispatch(&message)
            {
                pressure.relieved(PATIENCE).await;
            }
        }
    }

    fn read(&self, payload: &[u8]) -> Option<BusMessage> {
        let text = std::str::from_utf8(payload).ok()?;
        match wire::decode(self.node, text) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "another node sent news that this one does not know");
                None
            }
        }
    }
}
