//! The heartbeat: tells sockets where logs stand, finds peers that fell silent, and compares this node's
//! heads with the store's, so that an event whose publication was lost is missed for seconds only. It also
//! settles what is doubted: who is in which chat.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Seq},
    error::{AppError, AppResult},
    ports::{Bus, Store},
    protocol::{Heads, Notice},
};
use axum::extract::ws::Utf8Bytes;
use tokio::time::{sleep, timeout};

use super::{
    connect::HEARTBEAT_MS,
    doubts::Doubted,
    encode,
    hub::Hub,
    realtime::{every, note},
    watch::Watch,
};

/// How often heads are compared, and those that moved lately are told: so often that what another node
/// wrote is here within five seconds, also if no bus brings it.
const TICK: Duration = Duration::from_secs(3);
/// Every how many ticks a heartbeat goes to every socket.
const BEAT_EVERY: u32 = (HEARTBEAT_MS / 3_000) as u32;
/// A peer that was not heard from for this long is gone, though its connection may not know it.
const SILENCE: Duration = Duration::from_secs(45);
/// Chats whose heads are read together.
const TOGETHER: usize = 500;
/// For how long one comparison may read.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// What is committed is published within this time, unless that is lost. Telling a head sooner would have
/// every socket ask for an event that is on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// The state of the heartbeat's task.
pub struct Heartbeat {
    hub: Arc<Hub>,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    ticks: u32,
    /// The room that was compared last, if time ran out before all were.
    after: Option<ChatId>,
    failing: bool,
}

impl Heartbeat {
    pub fn new(hub: Arc<Hub>, store: Arc<dyn Store>, bus: Arc<dyn Bus>) -> Self {
        Self { hub, store, bus, ticks: 0, after: None, failing: false }
    }

    /// Beats for good.
    pub async fn run(&mut self) {
        let mut ticks = every(TICK);
        let hub = self.hub.clone();
        loop {
            let doubted = tokio::select! {
                _ = ticks.tick() => None,
                // While the store does not answer, once for each tick that it did.
                doubted = hub.doubts.take(), if !self.failing => Some(doubted),
            };
            let was_tick = doubted.is_none();
            let compared = match doubted {
                None => {
                    self.ticks = self.ticks.wrapping_add(1);
                    self.compare().await
                }
                Some(doubted) => self.settle(doubted).await,
            };
            note(&mut self.failing, compared, "heads could not be compared with the store");
            let told = if was_tick { self.beat() } else { self.tell() };
            if let Err(error) = told {
                tracing::error!(error = %error.chain(), "the heartbeat could not be encoded");
            }
        }
    }

    /// Raises the heads that the store knows to be further than they were published here.
    async fn compare(&mut self) -> AppResult<()> {
        let mut ahead = Vec::new();
        let read = timeout(READ_WITHIN, self.read(&mut ahead)).await;
        let read = read.unwrap_or_else(|elapsed| Err(AppError::unavailable(elapsed)));
        if !ahead.is_empty() {
            sleep(ON_ITS_WAY).await;
            self.raise(ahead);
        }
        read
    }

    /// Finds the rooms whose logs are further in the store, beginning where the last reading stopped.
    async fn read(&mut self, ahead: &mut Vec<(ChatId, Seq)>) -> AppResult<()> {
        let rooms = self.hub.open_rooms();
        let (later, earlier): (Vec<ChatId>, Vec<ChatId>) =
            rooms.into_iter().partition(|chat| self.after.is_none_or(|after| *chat > after));
        for some in later.chunks(TOGETHER).chain(earlier.chunks(TOGETHER)) {
            // Also if these cannot be read: the others get their turn.
            self.after = some.last().copied();
            ahead.extend(self.hub.ahead(self.store.heads(some).await?));
        }
        self.after = None;
        Ok(())
    }

    /// Compares what is doubted, at once: nothing of it is known to be on its way. What time runs out for is doubted
    /// again.
    async fn settle(&mut self, mut doubted: Doubted) -> AppResult<()> {
        if doubted.all {
            doubted.people = self.hub.people();
        }
        let many = doubted.people.len();
        let settled = timeout(READ_WITHIN, self.settle_some(&mut doubted)).await;
        let has_come_further = doubted.people.len() < many;
        let settled = match settled {
            Ok(settled) => settled,
            // With very many people one goes on where this stopped.
            Err(_elapsed) if has_come_further => Ok(()),
            Err(elapsed) => Err(AppError::unavailable(elapsed)),
        };
        if doubted != Doubted::default() {
            self.hub.doubts.put_back(doubted);
        }
        settled
    }

    /// Takes out of `doubted` what it has settled.
    async fn settle_some(&mut self, doubted: &mut Doubted) -> AppResult<()> {
        let chats: BTreeSet<ChatId> =
            doubted.people.iter().flat_map(|user| self.hub.chats_of(*user)).collect();
        self.bus.reached(&chats.into_iter().collect::<Vec<_>>()).await;
        if doubted.all {
            // First what may have been said, in all rooms together; then who is in them, one by one.
            let mut ahead = Vec::new();
            let read = self.read(&mut ahead).await;
            self.raise(ahead);
            read?;
            doubted.all = false;
        }
        while let Some(user) = doubted.people.first().copied() {
            let watch = Watch::new(self.hub.clone(), user);
            let heads = self.store.heads_of(user).await?;
            watch.settle(&heads)?;
            self.raise(self.hub.ahead(heads));
            doubted.people.remove(&user);
        }
        Ok(())
    }

    fn raise(&self, ahead: Vec<(ChatId, Seq)>) {
        for (chat, head) in ahead {
            self.hub.observe_head(chat, head);
        }
    }

    fn beat(&self) -> AppResult<()> {
        if self.ticks.is_multiple_of(BEAT_EVERY) {
            self.hub.beat(&heads(Heads::new())?, SILENCE, Instant::now());
        }
        self.tell()
    }

    fn tell(&self) -> AppResult<()> {
        self.hub.tell_heads(|chat, head| heads(Heads::from([(chat, head)])))
    }
}

fn heads(heads: Heads) -> AppResult<Utf8Bytes> {
    encode(&Notice::Heads { heads })
}
