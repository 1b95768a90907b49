//! What was written and is not known to be stored yet: a pure queue, kept over a reload.
//!
//! Each chat's messages go out in the order they were written, one at a time. One that the server
//! refuses is set aside with the reason; one that may work later holds back those behind it.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    domain::{ChatId, ClientId, Timestamp},
    error::{AppError, ErrorCode},
    ui::files::chosen::{ChosenFile, FileKey},
};

/// Messages that wait at once, in all chats.
pub(super) const MAX_ENTRIES: usize = 200;

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
    /// Its files are not there any more; the writer decides.
    FilesGone,
}

impl Delivery {
    /// Whether it is set aside until its writer decides.
    fn is_aside(self) -> bool {
        matches!(self, Self::Refused(_) | Self::FilesGone)
    }
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
    /// Its files have to be chosen again.
    FilesGone,
}

/// A message that is not known to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// The same for every try.
    pub client_id: ClientId,
    /// To which chat.
    pub chat_id: ChatId,
    /// Its text; may be empty beside files.
    pub body: String,
    /// Its files. What is kept over a reload is what they are called; their bytes are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Arc<ChosenFile>>,
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
            Delivery::FilesGone => Progress::FilesGone,
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
    /// The queue as it was kept. What was under way is tried again: the id makes that safe. Of files only the
    /// names were kept: what had any is set aside.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let mut entries: Vec<Unsent> = serde_json::from_str(text)?;
        entries.truncate(MAX_ENTRIES);
        for entry in &mut entries {
            if !entry.files.is_empty() {
                entry.delivery = Delivery::FilesGone;
            } else if !entry.delivery.is_aside() {
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
        files: Vec<Arc<ChosenFile>>,
        now: Timestamp,
    ) -> Result<(), Full> {
        if self.is_full() {
            return Err(Full);
        }
        let delivery = Delivery::Queued;
        self.entries.push(Unsent {
            client_id,
            chat_id,
            body,
            files,
            written_at: now,
            delivery,
            tries: 0,
            failed: false,
        });
        Ok(())
    }

    /// Whether too much is waiting already.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MAX_ENTRIES
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
        let next =
            self.entries.iter_mut().find(|entry| entry.chat_id == chat_id && !entry.delivery.is_aside())?;
        if next.delivery != Delivery::Queued {
            return None;
        }
        next.delivery = Delivery::Sending;
        next.tries = next.tries.saturating_add(1);
        Some(next.clone())
    }

    /// Takes a message out: it is stored, or given up.
    pub fn take(&mut self, client_id: ClientId) -> Option<Unsent> {
        let place = self.entries.iter().position(|entry| entry.client_id == client_id)?;
        Some(self.entries.remove(place))
    }

    /// Takes a file out of a message. With the last one the message goes, too, and is answered.
    pub fn take_file(&mut self, client_id: ClientId, key: FileKey) -> Option<Unsent> {
        let entry = self.entries.iter_mut().find(|entry| entry.client_id == client_id)?;
        entry.files.retain(|file| file.key != key);
        if entry.files.is_empty() { self.take(client_id) } else { None }
    }

    /// The request was ended by the writer: what is left of the message is sent anew.
    pub fn aborted(&mut self, client_id: ClientId) {
        let entry = self.entries.iter_mut().find(|entry| entry.client_id == client_id);
        if let Some(entry) = entry.filter(|entry| entry.delivery == Delivery::Sending) {
            entry.delivery = Delivery::Queued;
        }
    }

    /// The message's files are not there any more.
    pub fn files_gone(&mut self, client_id: ClientId) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.client_id == client_id) {
            entry.delivery = Delivery::FilesGone;
        }
    }

    /// Whether there are files that would be lost with the page.
    pub fn has_files(&self) -> bool {
        self.entries.iter().any(|entry| !entry.files.is_empty() && entry.delivery != Delivery::FilesGone)
    }

    /// The request failed. Answers after how many milliseconds it is worth another try, if it is;
    /// `random` is from 0 up to 1 and spreads the tries of many.
    pub fn failed(&mut self, client_id: ClientId, error: &AppError, random: f64) -> Option<u32> {
        let entry = self.entries.iter_mut().find(|entry| entry.client_id == client_id)?;
        entry.failed = true;
        // Files are not sent over and over to a server that has no room for them.
        let is_vain = error.code == ErrorCode::StorageFull && !entry.files.is_empty();
        // Somebody who has to sign in again finds the message when they are back.
        if is_vain || !error.code.is_retryable() && error.code != ErrorCode::Unauthenticated {
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
