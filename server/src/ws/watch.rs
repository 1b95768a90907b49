//! Brings one person's sockets into the rooms of exactly the chats that the store says they are in, while news
//! of joining and leaving may come.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use app::{
    domain::{ChatId, UserId},
    error::AppResult,
    protocol::{Heads, Notice},
};

use super::{
    encode,
    hub::{Hub, Socket},
    outbox::Class,
};

/// Notes what a person is told of joining and leaving while a list of their chats is read, so that the list does
/// not undo it. One at a time for each person: the task of `settling` alone makes them.
pub struct Watch {
    hub: Arc<Hub>,
    user: UserId,
    sockets: Vec<Arc<Socket>>,
    /// The chats whose rooms they were in when the watch began.
    before: BTreeSet<ChatId>,
}

impl Watch {
    /// Begins to note it.
    pub fn new(hub: Arc<Hub>, user: UserId) -> Self {
        let mut registry = hub.write();
        let mut sockets = registry.sockets_of(user);
        // One that connects is watched already, and reads its chats itself.
        sockets.retain(|socket| socket.follows());
        let mut before = BTreeSet::new();
        for socket in &sockets {
            registry.note_news(socket.id);
            before.extend(registry.entry(socket.id).into_iter().flat_map(|entry| entry.rooms.keys()));
        }
        drop(registry);
        Self { hub, user, sockets, before }
    }

    /// `heads` was read since the watch began: the sockets join the rooms of those chats that they are not in and
    /// leave those that are not among them, unless the person has heard otherwise meanwhile. They are told: a
    /// client that does not know a chat fetches it.
    pub fn settle(self, heads: &Heads) -> AppResult<()> {
        let now = Instant::now();
        let mut new = BTreeSet::new();
        let mut registry = self.hub.write();
        for socket in &self.sockets {
            let news = registry.connected(socket.id);
            let Some(entry) = registry.entry(socket.id) else { continue };
            let missed: Heads = heads
                .iter()
                .filter(|(chat, _)| !entry.rooms.contains_key(*chat) && !news.left.contains(*chat))
                .map(|(chat, head)| (*chat, *head))
                .collect();
            let over: Vec<ChatId> = self
                .before
                .iter()
                .filter(|chat| {
                    entry.rooms.contains_key(*chat)
                        && !heads.contains_key(*chat)
                        && !news.joined.contains(*chat)
                })
                .copied()
                .collect();
            for chat_id in over {
                // Out of the room first: no event of the chat comes after the frame.
                registry.leave(socket.id, chat_id);
                socket.outbox.push(encode(&Notice::ChatRemoved { chat_id })?, Class::Durable, now);
            }
            if missed.is_empty() {
                continue;
            }
            let frame = encode(&Notice::Heads { heads: missed.clone() })?;
            socket.outbox.push(frame, Class::Durable, now);
            for (chat, head) in missed {
                registry.join(socket.id, chat, head, now);
                new.insert(chat);
            }
        }
        drop(registry);
        for chat in new {
            self.hub.newcomer(chat, self.user);
        }
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut registry = self.hub.write();
        for socket in &self.sockets {
            registry.connected(socket.id);
        }
    }
}
