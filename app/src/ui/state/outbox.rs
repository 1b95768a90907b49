//! What was written and is not known to be stored yet: a pure queue, kept by the browser.
//!
//! Each chat's messages go out in the order they were written, one at a time. One that may work later is
//! tried again; one that the server refuses is set aside with the reason. Either holds back those behind it:
//! what was written after a message may make no sense without it.

use std::{collections::BTreeSet, sync::Arc};

pub use super::unsent::{Delivery, Progress, Unsent};
use crate::{
    domain::{ChatId, ClientId, Timestamp},
    error::{AppError, ErrorCode},
    protocol::QuoteView,
    ui::files::chosen::{ChosenFile, FileKey},
};

/// Messages that wait at once, in all chats.
pub(super) const MAX_ENTRIES: usize = 200;

/// Messages that have left and are remembered, so that a record which was read a moment before does not bring
/// them back.
const MAX_LEFT: usize = 500;

/// The longest wait between two tries, in milliseconds.
const MAX_DELAY: u32 = 30_000;

/// The queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// By when they were written.
    entries: Vec<Unsent>,
    /// When the last one was written, whether it is still here or not.
    last_written: Timestamp,
    left: Vec<ClientId>,
}

/// Too much is waiting already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// What the tab has kept by itself.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let mut this = Self::default();
        for mut entry in serde_json::from_str::<Vec<Unsent>>(text)?.into_iter().take(MAX_ENTRIES) {
            entry.wake();
            this.insert(entry);
        }
        Ok(this)
    }

    /// What the tab has to keep by itself, since the browser does not keep it for all; `None` if there is
    /// nothing.
    pub fn to_json(&self) -> Option<String> {
        let entries: Vec<_> = self.entries.iter().filter(|entry| !entry.kept).collect();
        if entries.is_empty() { None } else { serde_json::to_string(&entries).ok() }
    }

    /// Takes a message in. One of that id that is here already is the same message.
    pub fn push(
        &mut self,
        chat_id: ChatId,
        client_id: ClientId,
        body: String,
        files: Vec<Arc<ChosenFile>>,
        now: Timestamp,
    ) -> Result<(), Full> {
        if self.is_full() {
            return Err(Full);
        }
        if self.get(client_id).is_none() {
            // The clock may stand still or go back; the order does not.
            let after_last = Timestamp::from_millis(self.last_written.as_millis() + 1);
            self.insert(Unsent::new(chat_id, client_id, body, files, now.max(after_last)));
        }
        Ok(())
    }

    /// The message answers this one.
    pub fn answer(&mut self, client_id: ClientId, quote: QuoteView) {
        if let Some(entry) = self.entry(client_id) {
            entry.reply_to = Some(Box::new(quote));
        }
    }

    /// Whether the bytes of a record's files are needed here.
    pub fn wants_files(&self, record: &Unsent) -> bool {
        match self.get(record.client_id) {
            Some(entry) => {
                let is_old = record.revision < entry.revision;
                entry.delivery != Delivery::Sending && !is_old && differs(entry, record)
            }
            None => !self.is_full() && !self.left.contains(&record.client_id),
        }
    }

    /// Takes up what the browser keeps for all tabs: what was written in others comes in, and what is kept no
    /// longer goes, since it was sent or discarded elsewhere. Answers what went. Files are let go that others take the place of.
    pub fn take_up(&mut self, records: Vec<Unsent>, let_go: &mut dyn FnMut(FileKey)) -> Vec<Unsent> {
        let is_kept = |id: ClientId| records.iter().any(|record| record.client_id == id);
        let lost = self.entries.iter().filter(|entry| entry.kept && !is_kept(entry.client_id));
        let lost: Vec<_> = lost.map(|entry| entry.client_id).collect();
        let gone = lost.into_iter().filter_map(|id| self.take(id)).collect();
        for mut record in records {
            let files_wanted = self.wants_files(&record);
            match self.entry(record.client_id) {
                Some(entry) => {
                    // What only the tab knows is still to be kept.
                    entry.kept |= record.revision >= entry.revision;
                    if files_wanted {
                        record.wake();
                        entry.files.iter().for_each(|file| let_go(file.key));
                        (entry.files, entry.delivery) = (record.files, record.delivery);
                        entry.revision = record.revision;
                    } else if entry.delivery != Delivery::Sending {
                        entry.follow(&record);
                    }
                }
                None if files_wanted => {
                    record.kept = true;
                    record.wake();
                    self.insert(record);
                }
                None => {}
            }
        }
        gone
    }

    /// The browser keeps the message for all tabs from now on. Answers its revision here; `None` if it has left.
    pub fn keep(&mut self, client_id: ClientId) -> Option<u32> {
        let entry = self.entry(client_id)?;
        entry.kept = true;
        Some(entry.revision)
    }

    /// The messages that the browser can keep and does not yet.
    pub fn not_kept(&self) -> impl Iterator<Item = &Unsent> {
        self.entries.iter().filter(|entry| !entry.kept && entry.files.iter().all(|file| file.key != 0))
    }

    /// The message's turn does not come before it is let go, by [`Self::requeue`].
    pub fn hold(&mut self, client_id: ClientId) {
        let can_wait =
            |entry: &&mut Unsent| !entry.delivery.is_aside() && entry.delivery != Delivery::Sending;
        if let Some(entry) = self.entry(client_id).filter(can_wait) {
            entry.delivery = Delivery::Held;
        }
    }

    /// Whether too much is waiting already.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MAX_ENTRIES
    }

    /// What waits in the chat, in the order it was written.
    pub fn of(&self, chat_id: ChatId) -> impl Iterator<Item = &Unsent> {
        self.entries.iter().filter(move |entry| entry.chat_id == chat_id)
    }

    /// What waits in the chat, in the order it was written, with how each message stands.
    pub fn standing(&self, chat_id: ChatId) -> impl Iterator<Item = (&Unsent, Progress)> {
        let mut is_behind = false;
        self.of(chat_id).map(move |entry| {
            let progress =
                if is_behind && !entry.delivery.is_aside() { Progress::Behind } else { entry.progress() };
            is_behind |= entry.delivery.is_aside();
            (entry, progress)
        })
    }

    /// The messages of the chat that did not go out, whether they are tried again or not. Those behind them
    /// are no news.
    pub fn failed_in(&self, chat_id: ChatId) -> BTreeSet<ClientId> {
        let is_news = |progress: &Progress| !matches!(progress, Progress::Sending | Progress::Behind);
        let failed = self.standing(chat_id).filter(|(_, progress)| is_news(progress));
        failed.map(|(entry, _)| entry.client_id).collect()
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
        let next = self.entries.iter_mut().find(|entry| entry.chat_id == chat_id)?;
        if next.delivery != Delivery::Queued {
            return None;
        }
        next.delivery = Delivery::Sending;
        next.tries = next.tries.saturating_add(1);
        next.turns = next.turns.wrapping_add(1);
        Some(next.clone())
    }

    /// Takes a message out: it is stored, or given up.
    pub fn take(&mut self, client_id: ClientId) -> Option<Unsent> {
        let place = self.entries.iter().position(|entry| entry.client_id == client_id)?;
        self.note_left(client_id);
        Some(self.entries.remove(place))
    }

    /// Takes a file out of a message. True if it was the last: then there is nothing left to send.
    pub fn take_file(&mut self, client_id: ClientId, key: FileKey) -> bool {
        let Some(entry) = self.entry(client_id) else { return false };
        entry.files.retain(|file| file.key != key);
        entry.revision += 1;
        entry.files.is_empty()
    }

    /// The request was ended by the writer: what is left of the message is sent anew.
    pub fn aborted(&mut self, client_id: ClientId) {
        if let Some(entry) = self.entry(client_id).filter(|entry| entry.delivery == Delivery::Sending) {
            entry.delivery = Delivery::Queued;
        }
    }

    /// These files of the message cannot be read any more.
    pub fn files_gone(&mut self, client_id: ClientId, keys: &[FileKey]) {
        if let Some(entry) = self.entry(client_id) {
            entry.lose(keys);
        }
    }

    /// Whether there are files that would be lost with the page.
    pub fn has_files(&self) -> bool {
        self.entries.iter().any(|entry| !entry.kept && entry.files.iter().any(|file| file.key != 0))
    }

    /// The request failed. Answers after how many milliseconds it is worth another try, if it is;
    /// `random` is from 0 up to 1 and spreads the tries of many.
    pub fn failed(&mut self, client_id: ClientId, error: &AppError, random: f64) -> Option<u32> {
        let entry = self.entry(client_id)?;
        entry.failed = true;
        // Files are not sent over and over to a server that has no room for them.
        let is_vain = error.code == ErrorCode::StorageFull && !entry.files.is_empty();
        // Somebody who has to sign in again finds the message when they are back.
        if is_vain || !error.code.is_retryable() && error.code != ErrorCode::Unauthenticated {
            entry.delivery = Delivery::Refused(error.code);
            entry.revision += 1;
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
        let entry = self.entry(client_id)?;
        entry.failed &= !by_hand;
        match entry.delivery {
            Delivery::Waiting(_) | Delivery::Held => {}
            Delivery::Refused(_) if by_hand => {
                entry.tries = 0;
                entry.revision += 1;
            }
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

    fn entry(&mut self, client_id: ClientId) -> Option<&mut Unsent> {
        self.entries.iter_mut().find(|entry| entry.client_id == client_id)
    }

    fn insert(&mut self, entry: Unsent) {
        self.last_written = self.last_written.max(entry.written_at);
        let place = self.entries.partition_point(|other| other.place() < entry.place());
        self.entries.insert(place, entry);
    }

    /// A message has left, and no record brings it back.
    pub(super) fn note_left(&mut self, client_id: ClientId) {
        if self.left.len() == MAX_LEFT {
            self.left.remove(0);
        }
        self.left.push(client_id);
    }
}

/// Whether the record has other files than the message here, or those that it lacks.
fn differs(entry: &Unsent, record: &Unsent) -> bool {
    entry.files.len() != record.files.len() || entry.files.iter().any(|file| file.key == 0)
}
