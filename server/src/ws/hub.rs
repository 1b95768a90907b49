//! The sockets of this node, the rooms they are in, and how news reaches them.
//!
//! Two kinds of locks, always taken in this order and never held across an await: the registry (who is
//! connected, which rooms there are), then one room. Delivering an event takes the registry for a look-up
//! only. Whatever takes somebody out of a room has done so when it returns.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Seq, SessionId, UserId, limits},
    error::AppResult,
    ports::{BusMessage, SocketId},
    protocol::Heads,
    service::Actor,
};
use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, mpsc};

use super::{
    close::Close,
    doubts::Doubts,
    outbox::{Class, Outbox},
    pressure::Pressure,
    registry::Registry,
    room::Room,
};

/// One socket, as everybody but its own task sees it.
pub struct Socket {
    /// Which.
    pub id: SocketId,
    /// Whose.
    pub user: UserId,
    /// Opened on which session.
    pub session: SessionId,
    /// What is to be written to it.
    pub outbox: Outbox,
    /// Whether events are queued: from the moment at which the heads of its `hello` were read.
    follows: AtomicBool,
    /// When the peer was last heard from, in seconds since the hub was made.
    heard: AtomicU32,
}

impl Socket {
    /// Whether events are queued for it already. Until then its `hello` tells of them.
    pub fn follows(&self) -> bool {
        self.follows.load(Ordering::Acquire)
    }
}

/// The sockets of this node.
pub struct Hub {
    registry: RwLock<Registry>,
    relief: Arc<Notify>,
    made_at: Instant,
    newcomers: OnceLock<mpsc::Sender<Newcomer>>,
    /// What may be otherwise than this node believes.
    pub(super) doubts: Doubts,
}

/// Somebody who joined a chat while people were connected: they do not know of each other who is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Which chat.
    pub chat: ChatId,
    /// Who.
    pub user: UserId,
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().describe(&mut out.debug_struct("Hub"))
    }
}

/// A place for one socket of a person, held from before the upgrade until the socket is closed.
pub struct Seat {
    hub: Arc<Hub>,
    user: UserId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.write().give_back_seat(self.user);
    }
}

/// A socket that the hub knows. Dropping it takes the socket out of everything, also if its task panics.
pub struct Registered {
    /// The socket.
    pub socket: Arc<Socket>,
    seat: Seat,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.seat.hub.write().remove(&self.socket);
    }
}

impl Hub {
    /// A hub without sockets.
    pub fn new() -> Self {
        Self {
            registry: RwLock::default(),
            relief: Arc::new(Notify::new()),
            made_at: Instant::now(),
            newcomers: OnceLock::new(),
            doubts: Doubts::default(),
        }
    }

    /// Has newcomers put into this queue. As presence is lossy, they are left out while it is full.
    pub fn report_newcomers(&self, queue: mpsc::Sender<Newcomer>) {
        // A hub belongs to one node: a second queue would be another name for the first.
        let _ = self.newcomers.set(queue);
    }

    /// Reports a newcomer, if anybody listens.
    pub(super) fn newcomer(&self, chat: ChatId, user: UserId) {
        if let Some(queue) = self.newcomers.get()
            && queue.try_send(Newcomer { chat, user }).is_err()
        {
            tracing::debug!("a newcomer is not introduced, because very many are");
        }
    }

    /// Takes a place for one more socket of this person, or `None` if they have as many as they may.
    pub fn reserve(self: &Arc<Self>, user: UserId) -> Option<Seat> {
        self.write().take_seat(user, limits::SOCKETS_PER_USER).then(|| Seat { hub: self.clone(), user })
    }

    /// Makes a socket known, in no room yet. From now on news for the person and the end of the session
    /// reach it; it is connecting until [`Self::follow`].
    pub fn register(&self, seat: Seat, id: SocketId, actor: Actor) -> Registered {
        let now = Instant::now();
        let socket = Arc::new(Socket {
            id,
            user: actor.user_id,
            session: actor.session_id,
            outbox: Outbox::new(self.relief.clone(), now),
            follows: AtomicBool::new(false),
            heard: AtomicU32::new(self.seconds(now)),
        });
        if let Some(close) = self.write().add(socket.clone()) {
            socket.outbox.close(close);
        }
        Registered { socket, seat }
    }

    /// Joins the rooms of the chats that the person was in when `heads` was read, but for those they have
    /// left since.
    pub fn join(&self, socket: &Arc<Socket>, heads: &Heads) {
        let now = Instant::now();
        let mut registry = self.write();
        for (&chat, &head) in heads {
            if !registry.left_since(socket.id, chat) {
                registry.join(socket.id, chat, head, now);
            }
        }
    }

    /// Ends the connecting phase. `first` is what was joined by [`Self::join`], `second` was read from
    /// the store after that: whichever chats went or came between are left or joined unless news told
    /// otherwise. Events are queued from now on; the heads returned cover all that were not.
    pub fn follow(&self, socket: &Arc<Socket>, first: &Heads, second: &Heads) -> Heads {
        let now = Instant::now();
        let mut registry = self.write();
        let news = registry.connected(socket.id);
        for &chat in first.keys().filter(|chat| !second.contains_key(*chat)) {
            if !news.joined.contains(&chat) {
                registry.leave(socket.id, chat);
            }
        }
        for (&chat, &head) in second {
            if !news.left.contains(&chat) {
                registry.join(socket.id, chat, head, now);
            }
        }
        // First the flag, then the heads: an event delivered between is in both, and never in neither.
        socket.follows.store(true, Ordering::Release);
        let rooms = registry.rooms_of(socket.id);
        drop(registry);
        rooms
            .into_iter()
            .map(|(chat, room)| {
                let mut room = room.lock();
                if let Some(&head) = second.get(&chat) {
                    room.raise(head);
                }
                (chat, room.head())
            })
            .collect()
    }

    /// Whether the socket is in the chat's room.
    pub fn is_in(&self, socket: &Socket, chat: ChatId) -> bool {
        self.read().entry(socket.id).is_some_and(|entry| entry.rooms.contains(&chat))
    }

    /// Where the logs of the socket's chats are known to stand.
    pub fn heads_of(&self, socket: &Socket) -> Heads {
        let rooms = self.read().rooms_of(socket.id);
        rooms.into_iter().map(|(chat, room)| (chat, room.lock().head())).collect()
    }

    /// Notes that the peer was heard from.
    pub fn heard_from(&self, socket: &Socket, now: Instant) {
        socket.heard.store(self.seconds(now), Ordering::Relaxed);
    }

    /// A chat's log is known to reach up to `head`: told with the next heartbeat if that is news.
    pub fn observe_head(&self, chat: ChatId, head: Seq) {
        if let Some(room) = self.room(chat) {
            room.lock().raise(head);
        }
    }

    /// Hands news to the sockets. Returns what a publisher had better wait for before the next event.
    pub fn dispatch(&self, message: &BusMessage) -> Option<Pressure> {
        let now = Instant::now();
        match message {
            BusMessage::Event { chat_id, seq, frame } => {
                let mut room = self.room(*chat_id)?;
                let frame = Utf8Bytes::from(&**frame);
                loop {
                    let mut state = room.lock();
                    if !state.gone {
                        state.raise(*seq);
                        let sockets = state.deliver(&frame, now);
                        drop(state);
                        let relief = self.relief.clone();
                        return (!sockets.is_empty()).then_some(Pressure { room, sockets, relief });
                    }
                    // Emptied since it was looked up; somebody may have opened it anew.
                    drop(state);
                    room = self.room(*chat_id)?;
                }
            }
            BusMessage::Joined { chat_id, user_id, head, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                let mut registry = self.write();
                for socket in registry.sockets_of(*user_id) {
                    // The frame first: no event of the chat may arrive before it.
                    socket.outbox.push(frame.clone(), Class::Durable, now);
                    registry.note_joined(socket.id, *chat_id);
                    registry.join(socket.id, *chat_id, *head, now);
                }
                let room = registry.room(*chat_id);
                let (anybody, with_others) = (room.is_some(), registry.moved.is_some());
                let head_here = room.map(|room| room.lock().head());
                let sockets = registry.sockets_of(*user_id);
                drop(registry);
                if with_others && !sockets.is_empty() {
                    self.check_joining(*user_id, &sockets, *chat_id, head_here.filter(|here| here > head));
                }
                if anybody {
                    self.newcomer(*chat_id, *user_id);
                }
                None
            }
            BusMessage::Left { chat_id, user_id, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                let mut registry = self.write();
                for socket in registry.sockets_of(*user_id) {
                    registry.note_left(socket.id, *chat_id);
                    registry.leave(socket.id, *chat_id);
                    socket.outbox.push(frame.clone(), Class::Durable, now);
                }
                None
            }
            BusMessage::Deleted { chat_id, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                let members = self.write().remove_room(*chat_id);
                for socket in members {
                    socket.outbox.push(frame.clone(), Class::Durable, now);
                }
                None
            }
            BusMessage::SessionsEnded(sessions) => {
                for socket in self.read().sockets().filter(|socket| sessions.contains(&socket.session)) {
                    socket.outbox.close(Close::SessionEnded);
                }
                None
            }
            BusMessage::Status { user_id, chats, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                let mut told = BTreeSet::new();
                for room in chats.iter().filter_map(|chat| self.room(*chat)) {
                    for socket in room.lock().members() {
                        if socket.user != *user_id && told.insert(socket.id) {
                            socket.outbox.push(frame.clone(), Class::Lossy, now);
                        }
                    }
                }
                None
            }
        }
    }

    /// Hands a lossy frame to those of the person's sockets that are in the chat's room.
    pub fn tell(&self, user: UserId, chat: ChatId, frame: &Utf8Bytes) {
        let now = Instant::now();
        let registry = self.read();
        for socket in registry.sockets_of(user) {
            if registry.entry(socket.id).is_some_and(|entry| entry.rooms.contains(&chat)) {
                socket.outbox.push(frame.clone(), Class::Lossy, now);
            }
        }
    }

    /// Those of the heads that are further than the rooms know.
    pub fn ahead(&self, heads: Heads) -> Vec<(ChatId, Seq)> {
        let behind = |chat: ChatId, head: Seq| self.room(chat).is_some_and(|room| room.lock().head() < head);
        heads.into_iter().filter(|&(chat, head)| behind(chat, head)).collect()
    }

    /// Tells every room whose head moved lately where it stands, with a frame made by `frame`.
    pub fn tell_heads(&self, frame: impl Fn(ChatId, Seq) -> AppResult<Utf8Bytes>) -> AppResult<()> {
        let now = Instant::now();
        let rooms: Vec<_> = self.read().rooms().map(|(chat, room)| (*chat, room.clone())).collect();
        for (chat, room) in rooms {
            room.lock().tell_head(chat, now, &frame)?;
        }
        Ok(())
    }

    /// Sends every socket `frame` and a ping, and closes those that were not heard from for `silence`.
    pub fn beat(&self, frame: &Utf8Bytes, silence: Duration, now: Instant) {
        let earliest = self.seconds(now).checked_sub(u32::try_from(silence.as_secs()).unwrap_or(u32::MAX));
        for socket in self.all() {
            if !socket.follows() {
                continue;
            }
            if earliest.is_some_and(|earliest| socket.heard.load(Ordering::Relaxed) < earliest) {
                socket.outbox.close(Close::Silent);
            } else {
                socket.outbox.push(frame.clone(), Class::Lossy, now);
                socket.outbox.ping();
            }
        }
    }

    /// Sends every socket away because the node stops, and every later one as soon as it registers. They
    /// are told to come back spread evenly over a time that grows with their number.
    pub fn send_away(&self) {
        let sockets = {
            let mut registry = self.write();
            registry.stop(Close::Restart { reconnect_after_ms: EARLIEST_RETURN_MS });
            registry.sockets().cloned().collect::<Vec<_>>()
        };
        let count = u64::try_from(sockets.len()).unwrap_or(u64::MAX);
        let spread = (count / 4).clamp(400, LATEST_RETURN_MS - EARLIEST_RETURN_MS);
        for (place, socket) in (0..).zip(&sockets) {
            let reconnect_after_ms = EARLIEST_RETURN_MS + spread * place / count.max(1);
            socket.outbox.close(Close::Restart { reconnect_after_ms });
        }
    }

    /// Every socket that holds a lease, with whose it is. One that still connects has none yet: renewing
    /// that would make it, and hide that the person comes online.
    pub fn sockets(&self) -> Vec<(UserId, SocketId)> {
        let registry = self.read();
        registry.sockets().filter(|socket| socket.follows()).map(|socket| (socket.user, socket.id)).collect()
    }

    /// The person's sockets that hold a lease.
    pub fn sockets_of(&self, user: UserId) -> Vec<(UserId, SocketId)> {
        let sockets = self.read().sockets_of(user);
        sockets.iter().filter(|socket| socket.follows()).map(|socket| (user, socket.id)).collect()
    }

    /// How many sockets there are.
    pub fn count(&self) -> usize {
        self.read().sockets().len()
    }

    fn all(&self) -> Vec<Arc<Socket>> {
        self.read().sockets().cloned().collect()
    }

    fn room(&self, chat: ChatId) -> Option<Arc<Room>> {
        self.read().room(chat)
    }

    fn seconds(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.made_at).as_secs()).unwrap_or(u32::MAX)
    }

    /// No change to the registry can panic half-way in a way that matters, so poison is ignored: one bug
    /// must not silence the node.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.registry.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The soonest and the latest that a socket is told to come back after a restart, in milliseconds.
const EARLIEST_RETURN_MS: u64 = 100;
const LATEST_RETURN_MS: u64 = 3_000;
