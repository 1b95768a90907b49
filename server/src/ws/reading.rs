//! Telling sockets how far people have read, what a chat is to their own person alone, and who is writing.
//!
//! Receipts are gathered by room for a moment, so that many people who read the same message cost few frames.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, Ordinal, UserId, limits},
    error::AppResult,
    ports::Places,
    protocol::{MyChatView, Notice},
};
use axum::extract::ws::Utf8Bytes;
use tokio::{sync::Notify, time::sleep};

use super::{
    encode,
    hub::{Hub, Socket},
    outbox::Class,
    sync::Ordering,
};

/// For how long receipts are gathered.
const GATHER: Duration = Duration::from_secs(1);

/// The rooms in which somebody has read further than was told.
#[derive(Debug, Default)]
pub struct Readings {
    rooms: Mutex<BTreeSet<ChatId>>,
    notify: Notify,
}

/// The task that tells them.
pub struct Receipts {
    hub: Arc<Hub>,
}

impl Receipts {
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }

    /// Tells them for good.
    pub async fn run(&mut self) {
        loop {
            self.hub.readings.notify.notified().await;
            sleep(GATHER).await;
            if let Err(error) = self.hub.tell_readers().await {
                tracing::error!(error = %error.chain(), "receipts could not be encoded");
            }
        }
    }
}

impl Hub {
    /// Somebody has read so far: the others in the room are told soon.
    pub(super) fn note_reader(&self, chat: ChatId, user: UserId, read: Ordinal) {
        let Some(room) = self.room(chat) else { return };
        room.lock().note_reader(user, read);
        self.readings.rooms.lock().unwrap_or_else(PoisonError::into_inner).insert(chat);
        self.readings.notify.notify_one();
    }

    /// Tells every room who in it has read further. One frame goes to all: one for each reader would cost n².
    pub(super) async fn tell_readers(&self) -> AppResult<()> {
        let chats = std::mem::take(&mut *self.readings.rooms.lock().unwrap_or_else(PoisonError::into_inner));
        for chat_id in chats {
            let Some(room) = self.room(chat_id) else { continue };
            let readers = room.lock().take_readers();
            if readers.is_empty() {
                // The room has been made anew since.
                continue;
            }
            let frame = encode(&Notice::Read { chat_id, readers })?;
            room.lock().tell(Instant::now(), |_| Some(frame.clone()));
            // So that the sockets write what is queued, rather than lose it, when there are many.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Tells the person's sockets in the chat's room what it is to them alone from now on, unless they know it. Also
    /// those that still connect: their `hello` may have been made from what was before.
    pub(super) fn tell_mine(&self, user: UserId, chat: ChatId, revision: u64, frame: &Utf8Bytes) {
        self.tell_those(user, chat, revision, frame, |_| true);
    }

    fn tell_those(
        &self,
        user: UserId,
        chat: ChatId,
        revision: u64,
        frame: &Utf8Bytes,
        is_meant: impl Fn(&Socket) -> bool,
    ) {
        let now = Instant::now();
        // Held until all is pushed: whoever is taken out of the room gets nothing after that.
        let registry = self.read();
        for socket in registry.sockets_of(user) {
            if is_meant(&socket) && registry.told(socket.id, chat, revision) {
                socket.outbox.push(frame.clone(), Class::Durable, now);
            }
        }
    }

    /// The socket has been told all of this, by its `hello`.
    pub(super) fn has_told(&self, socket: &Socket, places: &Places) {
        let registry = self.read();
        for (chat, place) in places {
            registry.told(socket.id, *chat, place.mine.revision);
        }
        drop(registry);
        self.note_sizes(places);
    }

    /// Tells the person's sockets what they were not told, or lost, of what their chats are to them alone. Not those that
    /// still connect: they have been told of no chat at all, and all of them at once, which their `hello` is going to
    /// tell, may be more than a queue takes.
    pub(super) fn tell_missed(&self, user: UserId, places: &Places) -> AppResult<()> {
        let missed: Vec<(ChatId, &MyChatView)> = {
            let registry = self.read();
            let sockets = registry.sockets_of(user);
            let sockets = sockets.iter().filter(|socket| socket.follows());
            let entries: Vec<_> = sockets.filter_map(|socket| registry.entry(socket.id)).collect();
            let is_missed = |chat: &ChatId, mine: &MyChatView| {
                entries.iter().any(|entry| {
                    entry.rooms.get(chat).is_some_and(|told| told.load(Ordering::Relaxed) < mine.revision)
                })
            };
            let all = places.iter().map(|(chat, place)| (*chat, &place.mine));
            all.filter(|(chat, mine)| is_missed(chat, mine)).collect()
        };
        for (chat_id, mine) in missed {
            let frame = encode(&Notice::MyChatChanged { chat_id, mine: mine.clone() })?;
            self.tell_those(user, chat_id, mine.revision, &frame, Socket::follows);
        }
        self.note_sizes(places);
        Ok(())
    }

    /// Whether the socket is in the chat's room, and the chat so small that its members are told who is writing.
    pub(super) fn may_tell_typing(&self, socket: &Socket, chat: ChatId) -> bool {
        let size = self.room(chat).and_then(|room| room.lock().size);
        self.is_in(socket, chat) && size.is_some_and(|size| size <= limits::RECEIPT_MEMBERS as u64)
    }

    fn note_sizes(&self, places: &Places) {
        for (chat, place) in places {
            if let Some(room) = self.room(*chat) {
                room.lock().size = Some(place.member_count);
            }
        }
    }
}
