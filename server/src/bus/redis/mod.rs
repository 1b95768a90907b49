//! The bus of many nodes: the own sockets at once, the other nodes through Redis.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `wire` | channels, and how news are written |
//! | `publisher` | the bounded queue towards Redis and the task that empties it |
//! | `subscriber` | listening for the chats that have sockets here |
//! | `intake` | other nodes' news on their way into the hub |
//! | `order` | events of one chat from several nodes, put back into order |
//!
//! Events of a chat go over a sharded channel of its own, which a Redis Cluster keeps on one of its nodes;
//! everything else is rare and goes over one channel that every node listens to. A chat's channel is
//! listened to while the chat has a room here.

mod intake;
mod order;
mod publisher;
mod subscriber;
mod wire;

use std::{sync::Arc, time::Duration};

use app::{
    domain::ChatId,
    error::AppResult,
    ports::{Bus, BusMessage},
};
use async_trait::async_trait;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    intake::Intake,
    order::Order,
    publisher::Publisher,
    subscriber::{Heard, Subscriber},
    wire::NodeId,
};
use super::local::PATIENCE;
use crate::{
    redis::{Client, Health, Link},
    system,
    ws::{Hub, supervise::supervise},
};

/// For how long a socket that connects waits for its chats' channels.
const REACHED_WITHIN: Duration = Duration::from_secs(1);

/// News for this node's sockets at once, and for the other nodes as soon as Redis takes it.
pub struct RedisBus {
    order: Arc<Order>,
    publisher: Publisher,
    heard: Heard,
    /// The link that listens.
    listening: Link,
}

impl RedisBus {
    /// Starts the bus over `link`, which somebody keeps, and a link of its own for listening. Its tasks live
    /// in `tasks` and end after `stop`, when what waits for Redis has been given to it or time has run out.
    pub fn start(
        hub: Arc<Hub>,
        link: Link,
        client: Client,
        health: Arc<Health>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let node = NodeId::from_chance(system::random());
        let listening = Link::new();
        let others = listening.clone();
        let order = Arc::new(Order::new(hub.clone(), move || others.is_up()));
        let (publisher, sender) = Publisher::new(node, link, stop.clone());
        tasks.spawn(async move { sender.run().await });

        let (intake, workers) = Intake::new(node, hub.clone(), order.clone());
        for worker in workers {
            tasks.spawn(supervise("news from other nodes", stop.clone(), worker, |worker| {
                Box::pin(worker.run())
            }));
        }
        let (keeper, pushes) = (listening.clone(), intake.pushes());
        let keep = async move {
            keeper.keep(&client, &health, pushes).await;
        };
        let ended = stop.clone();
        tasks.spawn(async move { ended.run_until_cancelled(keep).await });

        let heard = Heard::default();
        let subscriber = Subscriber::new(hub, listening.clone(), heard.clone());
        tasks.spawn(supervise("subscriptions", stop.clone(), subscriber, |subscriber| {
            Box::pin(subscriber.run())
        }));
        let late = order.clone();
        tasks.spawn(supervise("events held back", stop.clone(), late, |order| Box::pin(order.run())));
        Self { order, publisher, heard, listening }
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn publish(&self, message: BusMessage) -> AppResult<()> {
        let pressure = self.order.dispatch(&message);
        self.publisher.publish(&message);
        if let Some(pressure) = pressure {
            pressure.relieved(PATIENCE).await;
        }
        Ok(())
    }

    async fn reached(&self, chats: &[ChatId]) {
        if chats.is_empty() || self.listening.is_away() {
            return;
        }
        if timeout(REACHED_WITHIN, self.heard.all(chats)).await.is_err() {
            tracing::debug!(chats = chats.len(), "the channels of chats are not listened to in time");
        }
    }
}
