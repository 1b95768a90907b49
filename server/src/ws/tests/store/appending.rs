//! Messages that are appended to the store in memory, and what chance makes of that.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use app::{
    domain::{ChatId, ClientId, Ordinal, Seq, UserId},
    ports::{Appended, NewMessage},
    protocol::{EventBody, LogEvent, MessageView},
};

use super::{super::model::Chance, MemoryStore};

/// What was appended.
#[derive(Default)]
pub(super) struct Appendings {
    /// Of each message sent, where it is.
    messages: BTreeMap<(UserId, ClientId), (ChatId, Seq)>,
    /// Events whose writer was told that they are stored.
    pub(super) told: BTreeSet<(ChatId, Seq)>,
    pub(super) largest: usize,
}

/// What becomes of a write.
pub(super) enum Fate {
    Done,
    Refused,
    AnswerLost,
}

impl MemoryStore {
    /// From now on chance decides how long answers take and what becomes of writes.
    pub fn leave_to(&self, chance: Chance) {
        assert!(self.chance.set(chance).is_ok(), "chance decides already");
    }

    /// Events that were stored, and whose writer was told so.
    pub fn told(&self) -> BTreeSet<(ChatId, Seq)> {
        self.appended.lock().unwrap().told.clone()
    }

    /// The most messages that were appended together.
    pub fn largest_batch(&self) -> usize {
        self.appended.lock().unwrap().largest
    }

    /// A chat's log.
    pub fn log(&self, chat: ChatId) -> Vec<LogEvent> {
        self.state.lock().unwrap().chats.get(&chat).map(|(_, log)| log.clone()).unwrap_or_default()
    }

    pub(super) async fn pause(&self) {
        if let Some(chance) = self.chance.get() {
            chance.pause().await;
        }
    }

    /// Waits, and sometimes for longer than callers do.
    pub(super) async fn fate(&self) -> Fate {
        let Some(chance) = self.chance.get() else { return Fate::Done };
        if chance.one_in(40) {
            tokio::time::sleep(Duration::from_secs(chance.below(50))).await;
        }
        chance.pause().await;
        match chance.below(20) {
            0 => Fate::Refused,
            1 => Fate::AnswerLost,
            2 if chance.one_in(4) => panic!("a fault of the store, by chance"),
            _ => Fate::Done,
        }
    }

    /// Stores a message, or finds it.
    pub(super) fn append(&self, chat: ChatId, message: NewMessage) -> Appended {
        let mut state = self.state.lock().unwrap();
        let mut appended = self.appended.lock().unwrap();
        let known = (message.sender_id, message.client_id);
        let log = &mut state.chats.entry(chat).or_default().1;
        if let Some((_, seq)) = appended.messages.get(&known) {
            return match log.iter().find(|event| event.seq == *seq).map(|event| event.body.clone()) {
                Some(EventBody::NewMessage { message }) => Appended::Duplicate(message),
                _ => Appended::ClientIdReused,
            };
        }
        let seq = Seq(log.len() as u64 + 1);
        let view = MessageView {
            id: message.id,
            chat_id: chat,
            seq,
            ordinal: Ordinal(seq.0),
            sender_id: message.sender_id,
            sender_name: String::new(),
            client_id: message.client_id,
            body: message.body.as_str().to_owned(),
            created_at: message.created_at,
            ..MessageView::default()
        };
        let body = EventBody::NewMessage { message: view };
        let event = LogEvent {
            chat_id: chat,
            seq,
            at: message.created_at,
            actor_id: message.sender_id,
            named: Default::default(),
            body,
        };
        log.push(event.clone());
        appended.messages.insert(known, (chat, seq));
        Appended::New(event)
    }
}
