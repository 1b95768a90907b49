//! Waiting for sockets whose queues fill up faster than their tasks empty them.
//!
//! A burst may publish faster than a hundred sockets can be written to. Whoever publishes therefore
//! pauses while a socket of the room is more than half full: for a short while at a time, and not for
//! sockets that make no progress. Sockets whose task is merely late are waited for freely, since they
//! will move. Sockets whose peer does not read cost the room a share of its time that is bounded by its
//! patience, however many they are: that is what keeps slow readers from slowing the others down.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{hub::Socket, outbox::Backlog, room::Room, sync::Notify};

/// The most patience that a room can have.
const MOST: Duration = Duration::from_millis(250);
/// A room regains a millisecond of patience in this many.
const REGAIN: u32 = 20;
/// Less than this is not worth a timer.
const LEAST: Duration = Duration::from_millis(5);

/// How much longer a room's publishers wait for peers that do not read.
#[derive(Debug)]
pub struct Patience {
    left: Duration,
    at: Instant,
}

impl Patience {
    /// All of it.
    pub fn new(now: Instant) -> Self {
        Self { left: MOST, at: now }
    }

    /// What is left of it.
    pub fn left(&mut self, now: Instant) -> Duration {
        self.left = (self.left + now.saturating_duration_since(self.at) / REGAIN).min(MOST);
        self.at = now;
        self.left
    }

    /// So much of it was used up, just now.
    pub fn use_up(&mut self, time: Duration, now: Instant) {
        self.left = self.left(now).saturating_sub(time);
    }
}

/// The sockets of a room that were more than half full after a delivery.
pub struct Pressure {
    pub(super) room: Arc<Room>,
    pub(super) sockets: Vec<Arc<Socket>>,
    pub(super) relief: Arc<Notify>,
}

impl Pressure {
    /// Waits until all of them have room again or are given up on, at most `limit`.
    pub async fn relieved(mut self, limit: Duration) {
        let end = Instant::now() + limit;
        loop {
            // Before the queues are looked at, so that no relief falls between looking and waiting.
            let mut relief = pin!(self.relief.notified());
            relief.as_mut().enable();

            let now = Instant::now();
            let (mut lagging, mut give_up) = (false, now);
            self.sockets.retain(|socket| match socket.outbox.backlog(now) {
                Backlog::None => false,
                Backlog::Lagging { until } => {
                    lagging = true;
                    give_up = give_up.max(until);
                    true
                }
                Backlog::Blocked { until } => {
                    give_up = give_up.max(until);
                    true
                }
            });
            if self.sockets.is_empty() || now >= end {
                return;
            }
            let mut pause = end.min(give_up).saturating_duration_since(now);
            if !lagging {
                let patience = self.room.lock().patience.left(now);
                if patience < LEAST {
                    return;
                }
                pause = pause.min(patience);
            }
            // Whether relief came or time ran out, the queues tell what to do next.
            let _ = timeout(pause, relief).await;
            if !lagging {
                let now_after = Instant::now();
                self.room.lock().patience.use_up(now_after.saturating_duration_since(now), now_after);
            }
        }
    }
}
