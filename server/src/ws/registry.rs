//! The hub's tables: plain data behind its lock, changed by one small step at a time.

use std::{
    collections::{BTreeMap, HashMap, HashSet, btree_map},
    fmt,
    sync::Arc,
    time::Instant,
};

use app::{
    domain::{ChatId, Seq, UserId},
    ports::SocketId,
};

use tokio::sync::Notify;

use super::{
    close::Close,
    hub::Socket,
    room::Room,
    sync::{AtomicU64, Ordering},
};

/// Who is connected, and which rooms there are.
#[derive(Default)]
pub struct Registry {
    sockets: HashMap<SocketId, Entry>,
    users: HashMap<UserId, Seats>,
    rooms: HashMap<ChatId, Arc<Room>>,
    /// Sockets whose chats are being read, with the news that came meanwhile.
    connecting: HashMap<SocketId, News>,
    /// Why new sockets are closed at once, if they are.
    stopped: Option<Close>,
    /// Rooms that opened or closed, if somebody keeps up with them.
    pub moved: Option<Moved>,
}

/// Rooms that opened or closed since they were last looked at.
pub struct Moved {
    rooms: HashSet<ChatId>,
    notify: Arc<Notify>,
}

impl Moved {
    /// Nothing yet; `notify` is told of what comes.
    pub fn new(notify: Arc<Notify>) -> Self {
        Self { rooms: HashSet::new(), notify }
    }

    fn note(&mut self, chat: ChatId) {
        self.rooms.insert(chat);
        self.notify.notify_one();
    }

    /// Takes what there is.
    pub fn take(&mut self) -> HashSet<ChatId> {
        std::mem::take(&mut self.rooms)
    }
}

/// A socket and the rooms it is in.
pub struct Entry {
    socket: Arc<Socket>,
    /// The chats whose rooms it is in, with the revision of what the socket was last told the chat is to the person
    /// alone. That alone changes under the lock for reading, as it is by far the most frequent.
    pub rooms: BTreeMap<ChatId, AtomicU64>,
}

/// What a person's sockets have been told while their chats were read. A list that was read before must
/// not undo it.
#[derive(Default)]
pub struct News {
    /// Chats that the person joined.
    pub joined: HashSet<ChatId>,
    /// Chats that the person left, or that are gone.
    pub left: HashSet<ChatId>,
}

#[derive(Default)]
struct Seats {
    taken: usize,
    sockets: Vec<Arc<Socket>>,
}

impl Registry {
    pub fn take_seat(&mut self, user: UserId, most: usize) -> bool {
        let seats = self.users.entry(user).or_default();
        let free = seats.taken < most;
        if free {
            seats.taken += 1;
        }
        free
    }

    pub fn give_back_seat(&mut self, user: UserId) {
        if let Some(seats) = self.users.get_mut(&user) {
            seats.taken = seats.taken.saturating_sub(1);
            if seats.taken == 0 && seats.sockets.is_empty() {
                self.users.remove(&user);
            }
        }
    }

    /// Adds a connecting socket. Returns why it is to be closed at once, if it is.
    pub fn add(&mut self, socket: Arc<Socket>) -> Option<Close> {
        self.users.entry(socket.user).or_default().sockets.push(socket.clone());
        self.connecting.insert(socket.id, News::default());
        self.sockets.insert(socket.id, Entry { socket, rooms: BTreeMap::new() });
        self.stopped
    }

    /// Takes a socket out of everything.
    pub fn remove(&mut self, socket: &Socket) {
        self.connecting.remove(&socket.id);
        for (chat, _) in self.sockets.remove(&socket.id).map(|entry| entry.rooms).unwrap_or_default() {
            self.leave_room(socket.id, chat);
        }
        if let Some(seats) = self.users.get_mut(&socket.user) {
            seats.sockets.retain(|other| other.id != socket.id);
        }
    }

    /// From now on new sockets are to be closed.
    pub fn stop(&mut self, close: Close) {
        self.stopped = Some(close);
    }

    pub fn entry(&self, socket: SocketId) -> Option<&Entry> {
        self.sockets.get(&socket)
    }

    pub fn sockets(&self) -> impl ExactSizeIterator<Item = &Arc<Socket>> {
        self.sockets.values().map(|entry| &entry.socket)
    }

    pub fn sockets_of(&self, user: UserId) -> Vec<Arc<Socket>> {
        self.users.get(&user).map(|seats| seats.sockets.clone()).unwrap_or_default()
    }

    pub fn rooms(&self) -> impl Iterator<Item = (&ChatId, &Arc<Room>)> {
        self.rooms.iter()
    }

    pub fn room(&self, chat: ChatId) -> Option<Arc<Room>> {
        self.rooms.get(&chat).cloned()
    }

    pub fn rooms_of(&self, socket: SocketId) -> Vec<(ChatId, Arc<Room>)> {
        let Some(entry) = self.sockets.get(&socket) else { return Vec::new() };
        entry.rooms.keys().filter_map(|chat| Some((*chat, self.room(*chat)?))).collect()
    }

    /// Joins a room, which is made if this is its first socket. Joining again only raises the head.
    pub fn join(&mut self, socket: SocketId, chat: ChatId, head: Seq, now: Instant) {
        let Some(entry) = self.sockets.get_mut(&socket) else { return };
        let moved = &mut self.moved;
        let room = self.rooms.entry(chat).or_insert_with(|| {
            if let Some(moved) = moved {
                moved.note(chat);
            }
            Arc::new(Room::new(head, now))
        });
        match entry.rooms.entry(chat) {
            btree_map::Entry::Vacant(place) => {
                place.insert(AtomicU64::new(0));
                room.lock().join(entry.socket.clone(), head);
            }
            btree_map::Entry::Occupied(_) => room.lock().raise(head),
        }
    }

    /// The socket is told this revision of what the chat is to its person. True if that is news to it, and the socket
    /// is in the room.
    pub fn told(&self, socket: SocketId, chat: ChatId, revision: u64) -> bool {
        let told = self.entry(socket).and_then(|entry| entry.rooms.get(&chat));
        told.is_some_and(|told| told.fetch_max(revision, Ordering::Relaxed) < revision)
    }

    pub fn leave(&mut self, socket: SocketId, chat: ChatId) {
        if self.sockets.get_mut(&socket).is_some_and(|entry| entry.rooms.remove(&chat).is_some()) {
            self.leave_room(socket, chat);
        }
    }

    /// Takes everybody out of a room. Returns who was in it.
    pub fn remove_room(&mut self, chat: ChatId) -> Vec<Arc<Socket>> {
        for news in self.connecting.values_mut() {
            news.left(chat);
        }
        let Some(room) = self.forget_room(chat) else { return Vec::new() };
        let members = room.lock().empty();
        for socket in &members {
            if let Some(entry) = self.sockets.get_mut(&socket.id) {
                entry.rooms.remove(&chat);
            }
        }
        members
    }

    /// From now on news for the socket are noted, until [`Self::connected`] returns them.
    pub fn note_news(&mut self, socket: SocketId) {
        if self.sockets.contains_key(&socket) {
            self.connecting.insert(socket, News::default());
        }
    }

    pub fn note_joined(&mut self, socket: SocketId, chat: ChatId) {
        if let Some(news) = self.connecting.get_mut(&socket) {
            news.left.remove(&chat);
            news.joined.insert(chat);
        }
    }

    pub fn note_left(&mut self, socket: SocketId, chat: ChatId) {
        if let Some(news) = self.connecting.get_mut(&socket) {
            news.left(chat);
        }
    }

    /// Whether a connecting socket was told that the person is out of the chat.
    pub fn left_since(&self, socket: SocketId, chat: ChatId) -> bool {
        self.connecting.get(&socket).is_some_and(|news| news.left.contains(&chat))
    }

    /// The socket's chats have been read. Returns what it was told meanwhile.
    pub fn connected(&mut self, socket: SocketId) -> News {
        self.connecting.remove(&socket).unwrap_or_default()
    }

    /// Writes how much is in the tables.
    pub fn describe(&self, out: &mut fmt::DebugStruct<'_, '_>) -> fmt::Result {
        out.field("sockets", &self.sockets.len())
            .field("users", &self.users.len())
            .field("rooms", &self.rooms.len())
            .field("connecting", &self.connecting.len())
            .finish()
    }

    fn leave_room(&mut self, socket: SocketId, chat: ChatId) {
        if self.rooms.get(&chat).is_some_and(|room| room.lock().leave(socket)) {
            self.forget_room(chat);
        }
    }

    fn forget_room(&mut self, chat: ChatId) -> Option<Arc<Room>> {
        if let Some(moved) = &mut self.moved {
            moved.note(chat);
        }
        self.rooms.remove(&chat)
    }
}

impl News {
    fn left(&mut self, chat: ChatId) {
        self.joined.remove(&chat);
        self.left.insert(chat);
    }
}
