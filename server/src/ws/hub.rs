//! The sockets of this node and the rooms they are in. How news reaches them is in `delivery`.
//!
//! Two kinds of locks, always taken in this order and never held across an await: the registry (who is
//! connected, which rooms there are), then one room. Delivering an event takes the registry for a look-up
//! only. Whatever takes somebody out of a room has done so when it returns.

use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError},
    time::Instant,
};

use app::{
    domain::{ChatId, Seq, SessionId, UserId, limits},
    ports::SocketId,
    protocol::Heads,
    service::Actor,
};
use tokio::sync::mpsc;

use super::{
    doubts::Doubts,
    outbox::Outbox,
    reading::Readings,
    registry::Registry,
    room::Room,
    sync::{AtomicBool, AtomicU32, Notify, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard},
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
    /// Whether it is told when others were last there: as long as its person shows that of themselves.
    sees_last_seen: AtomicBool,
    /// When the peer was last heard from, in seconds since the hub was made.
    pub(super) heard: AtomicU32,
}

impl Socket {
    /// Whether events are queued for it already. Until then its `hello` tells of them.
    pub fn follows(&self) -> bool {
        self.follows.load(Ordering::Acquire)
    }

    /// Whether it is told when others were last there.
    pub fn is_told_last_seen(&self) -> bool {
        self.sees_last_seen.load(Ordering::Relaxed)
    }

    /// From now on it is told that, or not.
    pub fn tell_last_seen(&self, on: bool) {
        self.sees_last_seen.store(on, Ordering::Relaxed);
    }
}

/// The sockets of this node.
pub struct Hub {
    registry: RwLock<Registry>,
    pub(super) relief: Arc<Notify>,
    made_at: Instant,
    newcomers: OnceLock<mpsc::Sender<Newcomer>>,
    /// What may be otherwise than this node believes.
    pub(super) doubts: Doubts,
    /// Where somebody has read further.
    pub(super) readings: Readings,
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
            readings: Readings::default(),
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
            sees_last_seen: AtomicBool::new(false),
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
        self.read().entry(socket.id).is_some_and(|entry| entry.rooms.contains_key(&chat))
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

    /// [`Self::observe_head`] of several.
    pub fn raise(&self, ahead: Vec<(ChatId, Seq)>) {
        for (chat, head) in ahead {
            self.observe_head(chat, head);
        }
    }

    /// Those of the heads that are further than the rooms know.
    pub fn ahead(&self, heads: Heads) -> Vec<(ChatId, Seq)> {
        let behind = |chat: ChatId, head: Seq| self.room(chat).is_some_and(|room| room.lock().head() < head);
        heads.into_iter().filter(|&(chat, head)| behind(chat, head)).collect()
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

    pub(super) fn all(&self) -> Vec<Arc<Socket>> {
        self.read().sockets().cloned().collect()
    }

    pub(super) fn room(&self, chat: ChatId) -> Option<Arc<Room>> {
        self.read().room(chat)
    }

    pub(super) fn seconds(&self, now: Instant) -> u32 {
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
