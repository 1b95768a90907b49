//! The bounded queue in front of one socket.
//!
//! Publishers push and never wait; the socket's task takes. Whoever reads too slowly first loses what is
//! lossy and is then told to come back and resume, so that nobody else pays for it. No timer and no
//! buffer belongs to a queue that is empty: there are many idle sockets.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{Arc, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use app::domain::limits::{QUEUE_BYTES, QUEUE_FRAMES};
use axum::extract::ws::Utf8Bytes;

use super::{
    close::Close,
    sync::{Mutex, MutexGuard, Notify},
};

/// Frames that the socket's task takes at once: enough to fill packets, few enough that what is being
/// written shows as room in the queue soon.
const BATCH_FRAMES: usize = 64;

/// The same in bytes; a larger frame goes alone. While it writes, the task does not read, so a batch must
/// not keep it busy for long on a slow line.
const BATCH_BYTES: usize = 64 * 1024;

/// A socket whose task has not moved for this long is not waited for any longer.
const LAGGING_FOR: Duration = Duration::from_secs(1);

/// A socket whose peer has taken nothing for this long, while the system's buffers are full, is not
/// waited for any longer.
const BLOCKED_FOR: Duration = Duration::from_millis(250);

/// What becomes of a frame when there is no room for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It must arrive, or the socket is closed.
    Durable,
    /// It may be dropped.
    Lossy,
}

/// How a push left the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// There is room.
    Easy,
    /// More than half is full: publishers had better give the socket a moment.
    Pressed,
    /// The frame was not queued: it was lossy, or the socket is being closed.
    Dropped,
}

/// Why a queue is more than half full, and when to stop caring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backlog {
    /// It is not, or it has been for so long that nobody waits for it.
    None,
    /// The socket's task has not come to it yet.
    Lagging {
        /// When to give up on it.
        until: Instant,
    },
    /// The peer does not read.
    Blocked {
        /// When to give up on it.
        until: Instant,
    },
}

/// What the socket's task is to write next.
#[derive(Debug, Default)]
pub struct Batch {
    /// Text frames, in order.
    pub frames: VecDeque<(Utf8Bytes, Class)>,
    /// Whether a WebSocket ping is due.
    pub ping: bool,
}

/// The queue of one socket. Many push, one task takes.
pub struct Outbox {
    state: Mutex<State>,
    /// Told when the queue comes back under half.
    relief: Arc<Notify>,
}

struct State {
    queue: VecDeque<(Utf8Bytes, Class)>,
    /// Frames and bytes queued, those included that the task has taken but not yet reported as written.
    frames: usize,
    bytes: usize,
    taken_frames: usize,
    taken_bytes: usize,
    ping: bool,
    blocked: bool,
    /// When the task last took or wrote something, or when the queue last stopped being empty.
    moved_at: Instant,
    closing: Option<Close>,
    waiting: Option<(WaitsFor, Waker)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    Anything,
    Closing,
}

impl Outbox {
    /// An empty queue that reports relief to `relief`.
    pub fn new(relief: Arc<Notify>, now: Instant) -> Self {
        let state = State {
            queue: VecDeque::new(),
            frames: 0,
            bytes: 0,
            taken_frames: 0,
            taken_bytes: 0,
            ping: false,
            blocked: false,
            moved_at: now,
            closing: None,
            waiting: None,
        };
        Self { state: Mutex::new(state), relief }
    }

    /// Queues a frame.
    pub fn push(&self, frame: Utf8Bytes, class: Class, now: Instant) -> Pushed {
        let mut state = self.lock();
        if state.closing.is_some() {
            return Pushed::Dropped;
        }
        let size = frame.len();
        if !state.has_room(size) {
            if class == Class::Lossy {
                return Pushed::Dropped;
            }
            state.drop_lossy();
            if !state.has_room(size) {
                let waker = state.close(Close::Overflow);
                drop(state);
                wake(waker);
                self.relief.notify_waiters();
                return Pushed::Dropped;
            }
        }
        if state.frames == 0 {
            state.moved_at = now;
        }
        state.frames += 1;
        state.bytes += size;
        state.queue.push_back((frame, class));
        let pushed = if state.is_pressed() { Pushed::Pressed } else { Pushed::Easy };
        let waker = state.waker_for(WaitsFor::Anything);
        drop(state);
        wake(waker);
        pushed
    }

    /// Asks for a WebSocket ping; asking twice before it is written is asking once.
    pub fn ping(&self) {
        let mut state = self.lock();
        state.ping = true;
        let waker = state.waker_for(WaitsFor::Anything);
        drop(state);
        wake(waker);
    }

    /// Has the socket closed. The first reason stands. Unless the node restarts in good order, what is
    /// queued is not sent any more.
    pub fn close(&self, reason: Close) {
        let mut state = self.lock();
        let waker = state.close(reason);
        drop(state);
        wake(waker);
        // A publisher may be waiting for this queue.
        self.relief.notify_waiters();
    }

    /// Why the socket is to be closed, if it is.
    pub fn closing_reason(&self) -> Option<Close> {
        self.lock().closing
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// Waits until there is something to write or the socket is to be closed. One task waits at a time.
    pub async fn ready(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.closing.is_some() || state.ping || !state.queue.is_empty() {
                return Poll::Ready(());
            }
            state.wait(WaitsFor::Anything, cx)
        })
        .await;
    }

    /// Waits until the socket is to be closed. One task waits at a time.
    pub async fn closing(&self) -> Close {
        poll_fn(|cx| {
            let mut state = self.lock();
            match state.closing {
                Some(reason) => Poll::Ready(reason),
                None => state.wait(WaitsFor::Closing, cx),
            }
        })
        .await
    }

    /// Takes what is to be written next; what was taken before counts as written by that.
    pub fn take(&self, now: Instant) -> Batch {
        let mut state = self.lock();
        let was_pressed = state.is_pressed();
        state.settle(now);
        let frames = state.next_batch();
        state.taken_frames = frames.len();
        state.taken_bytes = frames.iter().map(|(frame, _)| frame.len()).sum();
        let batch = Batch { frames, ping: std::mem::take(&mut state.ping) };
        let relieved = was_pressed && !state.is_pressed();
        drop(state);
        if relieved {
            self.relief.notify_waiters();
        }
        batch
    }

    /// What was taken is written, and nothing else is taken now.
    pub fn written(&self, now: Instant) {
        let mut state = self.lock();
        let was_pressed = state.is_pressed();
        state.settle(now);
        let relieved = was_pressed && !state.is_pressed();
        drop(state);
        if relieved {
            self.relief.notify_waiters();
        }
    }

    /// The peer's side is full (`true`), or took something again (`false`).
    pub fn set_blocked(&self, blocked: bool, now: Instant) {
        let mut state = self.lock();
        state.blocked = blocked;
        state.moved_at = now;
    }

    /// Why the queue is more than half full, if it is.
    pub fn backlog(&self, now: Instant) -> Backlog {
        let state = self.lock();
        if state.closing.is_some() || !state.is_pressed() {
            return Backlog::None;
        }
        let until = state.moved_at + if state.blocked { BLOCKED_FOR } else { LAGGING_FOR };
        match state.blocked {
            _ if until <= now => Backlog::None,
            true => Backlog::Blocked { until },
            false => Backlog::Lagging { until },
        }
    }

    /// Frames and bytes that are queued or being written, and the frames for which memory is kept.
    #[cfg(test)]
    pub fn held(&self) -> (usize, usize, usize) {
        let state = self.lock();
        (state.frames, state.bytes, state.queue.capacity())
    }

    /// A panic elsewhere leaves no half-made change behind, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self, size: usize) -> bool {
        // A frame that is larger than the whole queue can only be sent alone.
        self.frames < QUEUE_FRAMES && (self.frames == 0 || self.bytes + size <= QUEUE_BYTES)
    }

    fn is_pressed(&self) -> bool {
        self.frames > QUEUE_FRAMES / 2 || self.bytes > QUEUE_BYTES / 2
    }

    /// Takes as much from the queue as may be written at once. An idle socket keeps no buffer.
    fn next_batch(&mut self) -> VecDeque<(Utf8Bytes, Class)> {
        if self.queue.len() <= BATCH_FRAMES && self.bytes <= BATCH_BYTES {
            // Nearly always: the queue itself is the batch.
            return std::mem::take(&mut self.queue);
        }
        let mut bytes = 0;
        let fits = |(frame, _): &&(Utf8Bytes, Class)| {
            bytes += frame.len();
            bytes <= BATCH_BYTES
        };
        let count = self.queue.iter().take(BATCH_FRAMES).take_while(fits).count();
        let count = count.max(1).min(self.queue.len());
        let rest = self.queue.split_off(count);
        std::mem::replace(&mut self.queue, rest)
    }

    /// What was taken counts as written.
    fn settle(&mut self, now: Instant) {
        self.frames -= std::mem::take(&mut self.taken_frames);
        self.bytes -= std::mem::take(&mut self.taken_bytes);
        self.moved_at = now;
        self.blocked = false;
    }

    fn drop_lossy(&mut self) {
        self.queue.retain(|(_, class)| *class == Class::Durable);
        self.frames = self.taken_frames + self.queue.len();
        self.bytes = self.taken_bytes + self.queue.iter().map(|(frame, _)| frame.len()).sum::<usize>();
    }

    fn close(&mut self, reason: Close) -> Option<Waker> {
        if self.closing.is_some() {
            return None;
        }
        self.closing = Some(reason);
        if !matches!(reason, Close::Restart { .. }) {
            self.queue = VecDeque::new();
            (self.frames, self.bytes) = (self.taken_frames, self.taken_bytes);
        }
        self.waker_for(WaitsFor::Closing)
    }

    /// The waker of the task, if it waits for that. Closing wakes it from every wait.
    fn waker_for(&mut self, news: WaitsFor) -> Option<Waker> {
        match &self.waiting {
            Some((waits_for, _)) if *waits_for == WaitsFor::Anything || news == WaitsFor::Closing => {
                self.waiting.take().map(|(_, waker)| waker)
            }
            _ => None,
        }
    }

    fn wait<T>(&mut self, waits_for: WaitsFor, cx: &Context<'_>) -> Poll<T> {
        match &mut self.waiting {
            Some((was, waker)) if waker.will_wake(cx.waker()) => *was = waits_for,
            waiting => *waiting = Some((waits_for, cx.waker().clone())),
        }
        Poll::Pending
    }
}

/// Wakes with no lock held: the task may run at once on another thread and want the queue.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
