//! Listening for the chats that have sockets here: what should be listened to are the rooms of the hub, what
//! is listened to is known, and the difference is made up whenever the hub tells of rooms, or the
//! connection is a new one.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use ::redis::{RedisResult, cmd};
use app::domain::ChatId;
use futures::future::join_all;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};

use super::wire::{self, NEWS};
use crate::{
    redis::{Connection, Link, LinkError},
    ws::Hub,
};

/// For how long a chat without sockets is still listened to, so that a reload changes nothing.
const LINGER: Duration = Duration::from_secs(10);
/// For how long rooms that open are gathered, so that those of one socket are listened to together.
const GATHER: Duration = Duration::from_millis(2);
/// Channels that are asked for together, within the time that any command has.
const TOGETHER: usize = 256;
/// How long to rest after Redis refused.
const REST: Duration = Duration::from_secs(1);

/// The chats that are listened to.
#[derive(Clone, Default)]
pub struct Heard(watch::Sender<HashSet<ChatId>>);

impl Heard {
    /// Waits until all of these are listened to.
    pub async fn all(&self, chats: &[ChatId]) {
        let mut heard = self.0.subscribe();
        // It fails only if the sender is gone, which lives in `self`.
        let _ = heard.wait_for(|heard| chats.iter().all(|chat| heard.contains(chat))).await;
    }

    fn contains(&self, chat: ChatId) -> bool {
        self.0.borrow().contains(&chat)
    }

    fn change(&self, change: impl FnOnce(&mut HashSet<ChatId>)) {
        self.0.send_modify(change);
    }
}

/// The state of the task that listens.
pub struct Subscriber {
    hub: Arc<Hub>,
    link: Link,
    heard: Heard,
    rooms: Arc<Notify>,
    /// Chats whose room has closed, by when they are not listened to any longer.
    lingering: BTreeMap<ChatId, Instant>,
    /// Whether there was a connection before, so that something may have been missed.
    again: bool,
    refused: bool,
}

impl Subscriber {
    /// Over a link that somebody keeps, for the rooms of this hub.
    pub fn new(hub: Arc<Hub>, link: Link, heard: Heard) -> Self {
        let rooms = Arc::new(Notify::new());
        hub.follow_rooms(rooms.clone());
        Self { hub, link, heard, rooms, lingering: BTreeMap::new(), again: false, refused: false }
    }

    /// Listens for good.
    pub async fn run(&mut self) {
        let mut number = 0;
        loop {
            let up = self.link.next_after(number).await;
            number = up.number;
            self.heard.change(HashSet::clear);
            self.lingering.clear();
            let broken = self.link.clone();
            tokio::select! {
                () = broken.broken(number) => self.heard.change(HashSet::clear),
                Err(error) = self.listen() => {
                    self.heard.change(HashSet::clear);
                    self.refuse(&error);
                    self.link.give_up(number, &error);
                    sleep(REST).await;
                }
            }
        }
    }

    /// Listens over one connection until that fails.
    async fn listen(&mut self) -> Result<std::convert::Infallible, LinkError> {
        self.link.run(|connection| ask("SUBSCRIBE", NEWS.to_owned(), connection)).await?;
        drop(self.hub.moved_rooms());
        let rooms = self.hub.open_rooms().into_iter().collect();
        self.begin(rooms).await?;
        self.refused = false;
        if std::mem::replace(&mut self.again, true) {
            self.hub.doubt_all();
        }
        loop {
            let lingers = self.lingering.values().min().copied();
            tokio::select! {
                () = self.rooms.notified() => {
                    sleep(GATHER).await;
                    self.follow().await?;
                }
                () = sleep_until(lingers.unwrap_or_else(Instant::now)), if lingers.is_some() => {
                    self.end().await?;
                }
            }
        }
    }

    /// Makes up for rooms that opened or closed.
    async fn follow(&mut self) -> Result<(), LinkError> {
        let mut new = HashSet::new();
        for chat in self.hub.moved_rooms() {
            if !self.hub.has_room(chat) {
                if self.heard.contains(chat) {
                    self.lingering.entry(chat).or_insert_with(|| Instant::now() + LINGER);
                }
                continue;
            }
            self.lingering.remove(&chat);
            if !self.heard.contains(chat) {
                new.insert(chat);
            }
        }
        self.begin(new).await
    }

    async fn begin(&self, chats: HashSet<ChatId>) -> Result<(), LinkError> {
        let chats: Vec<ChatId> = chats.into_iter().collect();
        for some in chats.chunks(TOGETHER) {
            self.each("SSUBSCRIBE", some).await?;
            self.heard.change(|heard| heard.extend(some));
        }
        Ok(())
    }

    /// Stops listening to those that have lingered long enough.
    async fn end(&mut self) -> Result<(), LinkError> {
        let now = Instant::now();
        let over: BTreeSet<ChatId> =
            self.lingering.iter().filter(|(_, until)| **until <= now).map(|(chat, _)| *chat).collect();
        self.lingering.retain(|chat, _| !over.contains(chat));
        // Not heard any longer before it is so, and not if the room has opened anew: that is told as well.
        let over: Vec<ChatId> = over.into_iter().filter(|chat| !self.hub.has_room(*chat)).collect();
        self.heard.change(|heard| heard.retain(|chat| !over.contains(chat)));
        for some in over.chunks(TOGETHER) {
            self.each("SUNSUBSCRIBE", some).await?;
        }
        Ok(())
    }

    /// One command for each of the chats' channels: in a cluster each may be kept by another node.
    async fn each(&self, command: &'static str, chats: &[ChatId]) -> Result<(), LinkError> {
        let channels: Vec<String> = chats.iter().map(|chat| wire::channel_of(*chat)).collect();
        let ask_all = |connection: Connection| async move {
            let asked = channels.into_iter().map(|channel| ask(command, channel, connection.clone()));
            join_all(asked).await.into_iter().collect()
        };
        self.link.run(ask_all).await
    }

    fn refuse(&mut self, error: &LinkError) {
        if let LinkError::Failed(cause) = error
            && self.link.is_up()
            && !std::mem::replace(&mut self.refused, true)
        {
            tracing::error!(%cause, "Redis does not let this node listen to other nodes; it has to be Redis 7 or newer");
        }
    }
}

async fn ask(command: &'static str, channel: String, mut connection: Connection) -> RedisResult<()> {
    cmd(command).arg(channel).query_async(&mut connection).await
}
