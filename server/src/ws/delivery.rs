//! Delivery: how news from the bus, heartbeats and the end of the node reach the sockets of this node.
//!
//! Not here: who is in which room, which the hub keeps.

use std::{
    collections::BTreeSet,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Seq, UserId},
    error::AppResult,
    ports::BusMessage,
};
use axum::extract::ws::Utf8Bytes;

use super::{close::Close, hub::Hub, outbox::Class, pressure::Pressure};

/// The soonest and the latest that a socket is told to come back after a restart, in milliseconds.
const EARLIEST_RETURN_MS: u64 = 100;
const LATEST_RETURN_MS: u64 = 3_000;

impl Hub {
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
            BusMessage::Joined { chat_id, user_id, head, members, frame } => {
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
                let head_here = room.map(|room| {
                    let mut room = room.lock();
                    room.size = if *members > 0 { Some(*members) } else { room.size };
                    room.head()
                });
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
                let sockets = registry.sockets_of(*user_id);
                for socket in &sockets {
                    registry.note_left(socket.id, *chat_id);
                    registry.leave(socket.id, *chat_id);
                    socket.outbox.push(frame.clone(), Class::Durable, now);
                }
                let with_others = registry.moved.is_some();
                drop(registry);
                if with_others && !sockets.is_empty() {
                    // They may have been added again on another node, whose news came before.
                    self.doubts.add(*user_id);
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
            BusMessage::Status { user_id, chats, except, frame, seen } => {
                let frame = Utf8Bytes::from(&**frame);
                let seen = seen.as_ref().map(|seen| Utf8Bytes::from(&**seen));
                let mut told = BTreeSet::new();
                for room in chats.iter().filter_map(|chat| self.room(*chat)) {
                    for socket in room.lock().members() {
                        let is_meant = socket.user != *user_id && !except.contains(&socket.user);
                        if is_meant && told.insert(socket.id) {
                            let seen = seen.as_ref().filter(|_| socket.is_told_last_seen());
                            socket.outbox.push(seen.unwrap_or(&frame).clone(), Class::Lossy, now);
                        }
                    }
                }
                None
            }
            BusMessage::UserChanged { user_id, chats, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                let mut told = BTreeSet::new();
                // Who is in no chat has devices all the same.
                for socket in self.read().sockets_of(*user_id) {
                    told.insert(socket.id);
                    socket.outbox.push(frame.clone(), Class::Lossy, now);
                }
                for room in chats.iter().filter_map(|chat| self.room(*chat)) {
                    for socket in room.lock().members() {
                        if told.insert(socket.id) {
                            socket.outbox.push(frame.clone(), Class::Lossy, now);
                        }
                    }
                }
                None
            }
            BusMessage::Mine { chat_id, user_id, revision, read, frame } => {
                self.tell_mine(*user_id, *chat_id, *revision, &Utf8Bytes::from(&**frame));
                if let Some(read) = read {
                    self.note_reader(*chat_id, *user_id, *read);
                }
                None
            }
            BusMessage::Draft { chat_id, user_id, session_id, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                // Held until all is pushed: whoever is taken out of the room gets nothing after that.
                let registry = self.read();
                for socket in registry.sockets_of(*user_id) {
                    let is_in = || registry.entry(socket.id).is_some_and(|it| it.rooms.contains_key(chat_id));
                    if socket.session != *session_id && is_in() {
                        // Who cannot take it comes back and asks.
                        socket.outbox.push(frame.clone(), Class::Durable, now);
                    }
                }
                None
            }
            BusMessage::Typing { chat_id, user_id, except, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                if let Some(room) = self.room(*chat_id) {
                    let is_meant = |member: UserId| member != *user_id && !except.contains(&member);
                    room.lock().tell(now, |member| is_meant(member).then(|| frame.clone()));
                }
                None
            }
            BusMessage::Own { user_id, frame } => {
                let frame = Utf8Bytes::from(&**frame);
                // Also those that still connect: their `hello` may have been made from what was before.
                for socket in self.read().sockets_of(*user_id) {
                    socket.outbox.push(frame.clone(), Class::Durable, now);
                }
                None
            }
            BusMessage::LastSeen { user_id, on } => {
                for socket in self.read().sockets_of(*user_id) {
                    socket.tell_last_seen(*on);
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
            if registry.entry(socket.id).is_some_and(|entry| entry.rooms.contains_key(&chat)) {
                socket.outbox.push(frame.clone(), Class::Lossy, now);
            }
        }
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
}
