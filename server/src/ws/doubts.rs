//! What this node may have missed of other nodes' news: noted by whoever notices, and settled with the store
//! by a task of its own. And the rooms there are, for a bus that listens for those alone.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use app::{
    domain::{ChatId, Seq, UserId},
    protocol::{Heads, Notice},
};
use axum::extract::ws::Utf8Bytes;
use tokio::sync::Notify;

use super::{
    encode,
    hub::{Hub, Socket},
    outbox::Class,
    registry::Moved,
};

/// What is to be compared with the store.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Doubted {
    /// Which chats these people are in, and where those stand.
    pub people: BTreeSet<UserId>,
    /// Where the chats of all rooms stand.
    pub rooms: bool,
}

/// Doubts that were not settled yet. As many as there are people on this node, at most.
#[derive(Debug, Default)]
pub struct Doubts {
    doubted: Mutex<Doubted>,
    notify: Notify,
}

impl Doubts {
    /// Something may be otherwise with this person's chats.
    pub fn add(&self, user: UserId) {
        self.change(|doubted| {
            doubted.people.insert(user);
        });
    }

    /// Adds all of these; also what was taken and could not be settled.
    pub fn extend(&self, more: Doubted) {
        self.change(|doubted| {
            doubted.people.extend(more.people);
            doubted.rooms |= more.rooms;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Doubted)) {
        change(&mut self.doubted.lock().unwrap_or_else(PoisonError::into_inner));
        self.notify.notify_one();
    }

    /// Waits for doubts and takes them.
    pub async fn take(&self) -> Doubted {
        loop {
            let doubted = std::mem::take(&mut *self.doubted.lock().unwrap_or_else(PoisonError::into_inner));
            if doubted != Doubted::default() {
                return doubted;
            }
            self.notify.notified().await;
        }
    }
}

impl Hub {
    /// From now on rooms that open or close are noted, for [`Self::moved_rooms`], and `notify` is told.
    /// Those that are open already count as just opened.
    pub fn follow_rooms(&self, notify: Arc<Notify>) {
        notify.notify_one();
        self.write().moved = Some(Moved::new(notify));
    }

    /// The rooms that opened or closed since the last call.
    pub fn moved_rooms(&self) -> HashSet<ChatId> {
        self.write().moved.as_mut().map(Moved::take).unwrap_or_default()
    }

    /// Every chat that has a room here.
    pub fn open_rooms(&self) -> BTreeSet<ChatId> {
        self.read().rooms().map(|(chat, _)| *chat).collect()
    }

    /// Whether the chat has a room here.
    pub fn has_room(&self, chat: ChatId) -> bool {
        self.read().room(chat).is_some()
    }

    /// Where the chat's log is known to stand, if it has a room here.
    pub fn head_of(&self, chat: ChatId) -> Option<Seq> {
        let room = self.read().room(chat)?;
        let head = room.lock().head();
        Some(head)
    }

    /// The chats whose rooms the person's sockets are in.
    pub fn chats_of(&self, user: UserId) -> BTreeSet<ChatId> {
        let registry = self.read();
        let sockets = registry.sockets_of(user);
        sockets
            .iter()
            .filter_map(|socket| registry.entry(socket.id))
            .flat_map(|entry| entry.rooms.keys().copied())
            .collect()
    }

    /// What another node said of a person who joined, or of the chat, may have come before the joining: it is
    /// compared with the store soon, and where the log is known to have gone on `further` they are told so.
    pub(super) fn check_joining(
        &self,
        user: UserId,
        sockets: &[Arc<Socket>],
        chat: ChatId,
        further: Option<Seq>,
    ) {
        self.doubts.add(user);
        let Some(head) = further else { return };
        match encode(&Notice::Heads { heads: Heads::from([(chat, head)]) }) {
            Ok(frame) => {
                for socket in sockets {
                    socket.outbox.push(frame.clone(), Class::Durable, Instant::now());
                }
            }
            Err(error) => tracing::error!(error = %error.chain(), "a frame could not be encoded"),
        }
    }

    /// Hands a lossy frame to all of the person's sockets.
    pub fn tell_person(&self, user: UserId, frame: &Utf8Bytes) {
        let now = Instant::now();
        for socket in self.read().sockets_of(user).iter().filter(|socket| socket.follows()) {
            socket.outbox.push(frame.clone(), Class::Lossy, now);
        }
    }

    /// Something of this chat was missed: it is compared with the store soon.
    pub fn doubt(&self, chat: ChatId) {
        let room = self.read().room(chat);
        let witness = room.and_then(|room| room.lock().members().first().map(|socket| socket.user));
        if let Some(user) = witness {
            self.doubts.add(user);
        }
    }

    /// Anything may have been missed: all rooms, and everybody who has a socket here, are compared with the store
    /// soon.
    pub fn doubt_all(&self) {
        let people: BTreeSet<UserId> = self.read().sockets().map(|socket| socket.user).collect();
        self.doubts.extend(Doubted { people, rooms: true });
    }
}
