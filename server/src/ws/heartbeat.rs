//! The heartbeat: tells sockets where logs stand, finds peers that fell silent, and compares this node's
//! heads with the store's, so that an event whose publication was lost is missed for seconds only.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Seq},
    error::AppResult,
    ports::Store,
    protocol::{Heads, Notice},
};
use axum::extract::ws::Utf8Bytes;
use tokio::time::sleep;

use super::{
    connect::HEARTBEAT_MS,
    encode,
    hub::Hub,
    realtime::{every, note, within},
};

/// How often heads are compared, and those that moved lately are told: so often that what another node
/// wrote is here within five seconds, also if no bus brings it.
const TICK: Duration = Duration::from_millis(TICK_MS);
const TICK_MS: u64 = 2_500;
/// Every how many ticks a heartbeat goes to every socket.
const BEAT_EVERY: u32 = (HEARTBEAT_MS / TICK_MS) as u32;
/// A peer that was not heard from for this long is gone, though its connection may not know it.
const SILENCE: Duration = Duration::from_secs(45);
/// Chats whose heads are read together.
pub const TOGETHER: usize = 500;
/// For how long one comparison may read.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// What is committed is published within this time, unless that is lost. Telling a head sooner would have
/// every socket ask for an event that is on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// The state of the heartbeat's task.
pub struct Heartbeat {
    hub: Arc<Hub>,
    store: Arc<dyn Store>,
    ticks: u32,
    /// The room that was compared last, if time ran out before all were.
    after: Option<ChatId>,
    failing: bool,
}

impl Heartbeat {
    pub fn new(hub: Arc<Hub>, store: Arc<dyn Store>) -> Self {
        Self { hub, store, ticks: 0, after: None, failing: false }
    }

    /// Beats for good.
    pub async fn run(&mut self) {
        let mut ticks = every(TICK);
        loop {
            ticks.tick().await;
            self.ticks = self.ticks.wrapping_add(1);
            let compared = self.compare().await;
            note(&mut self.failing, compared, "heads could not be compared with the store");
            if let Err(error) = self.beat() {
                tracing::error!(error = %error.chain(), "the heartbeat could not be encoded");
            }
        }
    }

    /// Raises the heads that the store knows to be further than they were published here.
    async fn compare(&mut self) -> AppResult<()> {
        let mut ahead = Vec::new();
        let read = within(READ_WITHIN, self.read(&mut ahead)).await;
        if !ahead.is_empty() {
            sleep(ON_ITS_WAY).await;
            self.hub.raise(ahead);
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

    fn beat(&self) -> AppResult<()> {
        if self.ticks.is_multiple_of(BEAT_EVERY) {
            self.hub.beat(&heads(Heads::new())?, SILENCE, Instant::now());
        }
        tell(&self.hub)
    }
}

/// Tells every room whose head moved lately where it stands.
pub fn tell(hub: &Hub) -> AppResult<()> {
    hub.tell_heads(|chat, head| heads(Heads::from([(chat, head)])))
}

fn heads(heads: Heads) -> AppResult<Utf8Bytes> {
    encode(&Notice::Heads { heads })
}
