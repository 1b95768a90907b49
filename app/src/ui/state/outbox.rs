//! What was written and is not known to be stored yet: a pure queue, kept over a reload.
//!
//! Each chat's messages go out in the order they were written, one at a time. One that the server
//! refuses is set aside with the reason; one that may work later holds back those behind it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{ChatId, ClientId, Timestamp},
    error::{AppError, ErrorCode},
};

/// Messages that wait at once, in all chats.
const MAX_ENTRIES: usize = 200;

/// The longest wait between two tries, in milliseconds.
const MAX_DELAY: u32 = 30_000;

/// Where a message stands on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Its turn has not come.
    #[default]
    Queued,
    /// A request is under way.
    Sending,
    /// It did not work and is tried again.
    Waiting(ErrorCode),
    /// The server does not take it; the writer decides.
    Refused(ErrorCode),
}

/// How a message stands, as its writer is told: a try that is made by itself is no news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is going out, and nothing speaks against it.
    Sending,
    /// It did not work, and is tried again until it does.
    Waiting,
    /// The server does not take it, for this reason.
    Refused(ErrorCode),
}

/// A message that is not known to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// The same for every try.
    pub client_id: ClientId,
    /// To which chat.
    pub chat_id: ChatId,
    /// Its text.
    pub body: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// Where it stands.
    #[serde(default)]
    pub delivery: Delivery,
    /// How often it was tried since its turn last came.
    #[serde(skip)]
    tries: u32,
    /// Whether a try has failed since it was written, or since its writer last asked for one.
    #[serde(skip)]
    failed: bool,
}

impl Unsent {
    /// How it stands.
    pub fn progress(&self) -> Progress {
        match self.delivery {
            Delivery::Refused(code) => Progress::Refused(code),
            Delivery::Waiting(_) => Progress::Waiting,
            Delivery::Queued | Delivery::Sending if self.failed => Progress::Waiting,
            Delivery::Queued | Delivery::Sending => Progress::Sending,
        }
    }
}

/// The queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    entries: Vec<Unsent>,
}

/// Too much is waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// The queue as it was kept. What was under way is tried again: the id makes that safe.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let mut entries: Vec<Unsent> = serde_json::from_str(text)?;
        entries.truncate(MAX_ENTRIES);
        for entry in &mut entries {
            if !matches!(entry.delivery, Delivery::Refused(_)) {
                entry.delivery = Delivery::Queued;
            }
        }
        Ok(Self { entries })
    }

    /// The queue to keep; `None` if there is nothing in it.
    pub fn to_json(&self) -> Option<String> {
        if self.entries.is_empty() { None } else { serde_json::to_string(&self.entries).ok() }
    }

    /// Takes a message in.
    pub fn push(
        &mut self,
        chat_id: ChatId,
        client_id: ClientId,
        body: String,
        now: Timestamp,
    ) -> Result<(), Full> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err(Full);
        }
        let delivery = Delivery::Queued;
        self.entries.push(Unsent {
            client_id,
            chat_id,
            body,
            written_at: now,
            delivery,
            tries: 0,
            failed: false,
        });
        Ok(())
    }

    /// What waits in the chat, in the order it was written.
    pub fn of(&self, chat_id: ChatId) -> impl Iterator<Item = &Unsent> {
        self.entries.iter().filter(move |entry| entry.chat_id == chat_id)
    }

    /// The messages of the chat that did not go out, whether they are tried again or not.
    pub fn failed_in(&self, chat_id: ChatId) -> BTreeSet<ClientId> {
        let failed = self.of(chat_id).filter(|entry| entry.progress() != Progress::Sending);
        failed.map(|entry| entry.client_id).collect()
    }

    /// The message of that id.
    pub fn get(&self, client_id: ClientId) -> Option<&Unsent> {
        self.entries.iter().find(|entry| entry.client_id == client_id)
    }

    /// The chats in which something waits.
    pub fn chats(&self) -> Vec<ChatId> {
        let mut chats: Vec<_> = self.entries.iter().map(|entry| entry.chat_id).collect();
        chats.sort();
        chats.dedup();
        chats
    }

    /// Marks the message of the chat whose turn it is as under way, and returns it.
    pub fn start_next(&mut self, chat_id: ChatId) -> Option<Unsent> {
        if self.of(chat_id).any(|entry| entry.delivery == Delivery::Sending) {
            return None;
        }
        let next = self
            .entries
            .iter_mut()
            .find(|entry| entry.chat_id == chat_id && !matches!(entry.delivery, Delivery::Refused(_)))?;
        if next.delivery != Delivery::Queued {
            return None;
        }
        next.delivery = Delivery::Sending;
        next.tries = next.tries.saturating_add(1);
        Some(next.clone())
    }

    /// The message is stored. False if it was not here.
    pub fn stored(&mut self, client_id: ClientId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.client_id != client_id);
        self.entries.len() < before
    }

    /// The request failed. Answers after how many milliseconds it is worth another try, if it is;
    /// `random` is from 0 up to 1 and spreads the tries of many.
    pub fn failed(&mut self, client_id: ClientId, error: &AppError, random: f64) -> Option<u32> {
        let entry = self.entries.iter_mut().find(|entry| entry.client_id == client_id)?;
        entry.failed = true;
        // Somebody who has to sign in again finds the message when they are back.
        if !error.code.is_retryable() && error.code != ErrorCode::Unauthenticated {
            entry.delivery = Delivery::Refused(error.code);
            return None;
        }
        entry.delivery = Delivery::Waiting(error.code);
        let doubled = 1_000_u32.saturating_mul(1 << entry.tries.saturating_sub(1).min(5)).min(MAX_DELAY);
        let asked = error.retry_after.unwrap_or(0).saturating_mul(1_000);
        let jittered = f64::from(doubled) * (0.5 + random / 2.0);
        Some((jittered as u32).max(asked))
    }

    /// Gives a message its turn again. `by_hand` also if it was refused; if that fails, it is news again.
    pub fn requeue(&mut self, client_id: ClientId, by_hand: bool) -> Option<ChatId> {
        let entry = self.entries.iter_mut().find(|entry| entry.client_id == client_id)?;
        entry.failed &= !by_hand;
        match entry.delivery {
            Delivery::Waiting(_) => {}
            Delivery::Refused(_) if by_hand => entry.tries = 0,
            _ => return None,
        }
        entry.delivery = Delivery::Queued;
        Some(entry.chat_id)
    }

    /// Gives all that wait their turn again, since the connection is back.
    pub fn requeue_all(&mut self) {
        for entry in &mut self.entries {
            if matches!(entry.delivery, Delivery::Waiting(_)) {
                entry.delivery = Delivery::Queued;
                entry.tries = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const CHAT: ChatId = ChatId::from_bytes([1; 12]);
    const OTHER: ChatId = ChatId::from_bytes([2; 12]);

    fn id(n: u8) -> ClientId {
        ClientId::from_bytes([n; 16])
    }

    fn with(ids: &[(u8, ChatId)]) -> Outbox {
        let mut outbox = Outbox::default();
        for (n, chat) in ids {
            outbox.push(*chat, id(*n), format!("message {n}"), Timestamp::default()).unwrap();
        }
        outbox
    }

    fn next(outbox: &mut Outbox, chat: ChatId) -> Option<ClientId> {
        outbox.start_next(chat).map(|entry| entry.client_id)
    }

    #[test]
    fn each_chats_messages_go_out_in_order_one_at_a_time() {
        let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
        assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
        assert_eq!(next(&mut outbox, CHAT), None);
        assert_eq!(next(&mut outbox, OTHER), Some(id(3)));
        assert!(outbox.stored(id(1)));
        assert_eq!(next(&mut outbox, CHAT), Some(id(2)));
    }

    #[test]
    fn what_may_work_later_holds_back_those_behind_it() {
        let mut outbox = with(&[(1, CHAT), (2, CHAT)]);
        next(&mut outbox, CHAT);
        let delay = outbox.failed(id(1), &ErrorCode::Offline.into(), 1.0);
        assert_eq!(delay, Some(1_000));
        assert_eq!(next(&mut outbox, CHAT), None);
        assert_eq!(outbox.requeue(id(1), false), Some(CHAT));
        assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
    }

    #[test]
    fn a_refused_message_is_set_aside_and_can_be_tried_again_or_dropped() {
        let mut outbox = with(&[(1, CHAT), (2, CHAT)]);
        next(&mut outbox, CHAT);
        assert_eq!(outbox.failed(id(1), &ErrorCode::Forbidden.into(), 0.0), None);
        assert_eq!(outbox.get(id(1)).unwrap().delivery, Delivery::Refused(ErrorCode::Forbidden));
        assert_eq!(next(&mut outbox, CHAT), Some(id(2)));
        outbox.requeue_all();
        assert_eq!(outbox.requeue(id(1), false), None);
        assert_eq!(outbox.requeue(id(1), true), Some(CHAT));
        // Not while another one of the chat is under way.
        assert_eq!(next(&mut outbox, CHAT), None);
        outbox.stored(id(2));
        assert_eq!(next(&mut outbox, CHAT), Some(id(1)));
    }

    #[test]
    fn a_failure_is_news_once_until_the_writer_asks_for_another_try() {
        let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, OTHER)]);
        let progress = |outbox: &Outbox| outbox.get(id(1)).unwrap().progress();
        next(&mut outbox, CHAT);
        assert_eq!(progress(&outbox), Progress::Sending);
        for _ in 0..3 {
            outbox.failed(id(1), &ErrorCode::Offline.into(), 0.0);
            outbox.requeue_all();
            next(&mut outbox, CHAT);
            assert_eq!(progress(&outbox), Progress::Waiting);
            // Those that wait behind it have not failed.
            assert_eq!(outbox.failed_in(CHAT), [id(1)].into());
        }
        // It is under way already, and its writer is told so.
        assert_eq!(outbox.requeue(id(1), true), None);
        assert_eq!((progress(&outbox), outbox.failed_in(CHAT).len()), (Progress::Sending, 0));
        outbox.failed(id(1), &ErrorCode::Forbidden.into(), 0.0);
        assert_eq!(progress(&outbox), Progress::Refused(ErrorCode::Forbidden));
        assert_eq!(outbox.failed_in(CHAT), [id(1)].into());
    }

    #[test]
    fn waits_grow_to_a_bound_and_honour_the_server() {
        let mut outbox = with(&[(1, CHAT)]);
        let mut delays = Vec::new();
        for _ in 0..8 {
            next(&mut outbox, CHAT);
            delays.push(outbox.failed(id(1), &ErrorCode::Unavailable.into(), 1.0).unwrap());
            outbox.requeue(id(1), false);
        }
        assert_eq!(delays, [2_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        next(&mut outbox, CHAT);
        let patient = AppError::new(ErrorCode::TooManyRequests).retry_after(90);
        assert_eq!(outbox.failed(id(1), &patient, 0.0), Some(90_000));
    }

    #[test]
    fn a_reload_keeps_what_is_unsent_and_tries_it_again() {
        let mut outbox = with(&[(1, CHAT), (2, CHAT), (3, CHAT)]);
        next(&mut outbox, CHAT);
        outbox.failed(id(1), &ErrorCode::ValidationFailed.into(), 0.0);
        next(&mut outbox, CHAT);
        let mut back = Outbox::from_json(&outbox.to_json().unwrap()).unwrap();
        assert_eq!(back.of(CHAT).count(), 3);
        assert_eq!(next(&mut back, CHAT), Some(id(2)));
        assert!(matches!(back.get(id(1)).unwrap().delivery, Delivery::Refused(_)));
        assert_eq!(Outbox::default().to_json(), None);
        assert!(Outbox::from_json("{").is_err());
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut outbox = Outbox::default();
        for _ in 0..MAX_ENTRIES {
            outbox.push(CHAT, id(0), String::new(), Timestamp::default()).unwrap();
        }
        assert_eq!(outbox.push(CHAT, id(1), String::new(), Timestamp::default()), Err(Full));
    }
}
