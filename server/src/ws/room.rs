//! A chat's room on this node: the sockets of its members, and where its log is known to stand.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Instant,
};

use app::{
    domain::{ChatId, Ordinal, Seq, UserId, limits},
    error::AppResult,
    ports::SocketId,
};
use axum::extract::ws::Utf8Bytes;

use super::{
    hub::Socket,
    outbox::{Class, Pushed},
    pressure::Patience,
    sync::{Mutex, MutexGuard},
};

/// In how many heartbeats a head is told after it moved.
const TELL_TIMES: u8 = 2;
/// People whose reading is told together: somewhat more than are in a chat that is told of, as some may come and go.
const READERS: usize = 2 * limits::RECEIPT_MEMBERS;

/// A room. Locked for as long as it takes to push to its sockets, so that a removed socket gets nothing
/// once its removal has returned, and events keep their order.
pub struct Room {
    state: Mutex<RoomState>,
}

pub struct RoomState {
    members: Vec<Arc<Socket>>,
    head: Seq,
    /// In how many more heartbeats the head is told.
    to_tell: u8,
    /// The room is not in the hub any longer: whoever looked it up before has to look again.
    pub gone: bool,
    /// How much longer publishers wait for peers that do not read.
    pub patience: Patience,
    /// How many members the chat had when that was last seen here.
    pub size: Option<u64>,
    /// Who has read how far since that was last told. As many as a chat that is told of has members, at most.
    readers: BTreeMap<UserId, Ordinal>,
}

impl Room {
    pub fn new(head: Seq, now: Instant) -> Self {
        let patience = Patience::new(now);
        let state = RoomState {
            members: Vec::new(),
            head,
            to_tell: 0,
            gone: false,
            patience,
            size: None,
            readers: BTreeMap::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// A panic elsewhere leaves no half-made change behind, so poison is ignored.
    pub fn lock(&self) -> MutexGuard<'_, RoomState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomState {
    pub fn head(&self) -> Seq {
        self.head
    }

    /// The log is known to reach up to here; an older report changes nothing.
    pub fn raise(&mut self, head: Seq) {
        if head > self.head {
            self.head = head;
            self.to_tell = TELL_TIMES;
        }
    }

    pub fn join(&mut self, socket: Arc<Socket>, head: Seq) {
        // If the log is further than the room knew, an event was not published here: the others hear of
        // it with the next heartbeat.
        self.raise(head);
        self.members.push(socket);
    }

    /// Takes the socket out. True if nobody is left: the room is then to be forgotten.
    pub fn leave(&mut self, socket: SocketId) -> bool {
        if let Some(place) = self.members.iter().position(|member| member.id == socket) {
            self.members.swap_remove(place);
        }
        self.gone = self.members.is_empty();
        self.gone
    }

    /// Takes everybody out of a room that is to be forgotten.
    pub fn empty(&mut self) -> Vec<Arc<Socket>> {
        self.gone = true;
        std::mem::take(&mut self.members)
    }

    pub fn members(&self) -> &[Arc<Socket>] {
        &self.members
    }

    /// Pushes a durable frame to every socket that follows the log. Returns those that are more than
    /// half full.
    pub fn deliver(&self, frame: &Utf8Bytes, now: Instant) -> Vec<Arc<Socket>> {
        let mut pressed = Vec::new();
        for member in self.members.iter().filter(|member| member.follows()) {
            if member.outbox.push(frame.clone(), Class::Durable, now) == Pushed::Pressed {
                pressed.push(member.clone());
            }
        }
        pressed
    }

    /// Notes how far somebody has read, to be told soon with others. Where very many have, the first are enough.
    pub fn note_reader(&mut self, user: UserId, read: Ordinal) {
        if self.readers.len() < READERS || self.readers.contains_key(&user) {
            let known = self.readers.entry(user).or_default();
            *known = read.max(*known);
        }
    }

    /// Takes who has read how far since the last call.
    pub fn take_readers(&mut self) -> BTreeMap<UserId, Ordinal> {
        std::mem::take(&mut self.readers)
    }

    /// Hands each socket that follows the log the lossy frame that is meant for its person, if there is one.
    pub fn tell(&self, now: Instant, frame: impl Fn(UserId) -> Option<Utf8Bytes>) {
        for member in self.members.iter().filter(|member| member.follows()) {
            if let Some(frame) = frame(member.user) {
                member.outbox.push(frame, Class::Lossy, now);
            }
        }
    }

    /// Tells the sockets the head if it moved lately.
    pub fn tell_head(
        &mut self,
        chat: ChatId,
        now: Instant,
        frame: impl FnOnce(ChatId, Seq) -> AppResult<Utf8Bytes>,
    ) -> AppResult<()> {
        let Some(left) = self.to_tell.checked_sub(1) else { return Ok(()) };
        self.to_tell = left;
        let frame = frame(chat, self.head)?;
        for member in self.members.iter().filter(|member| member.follows()) {
            member.outbox.push(frame.clone(), Class::Lossy, now);
        }
        Ok(())
    }
}
