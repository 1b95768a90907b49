//! One message that was written and is not known to be stored, and how it stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::{ChatId, ClientId, Timestamp},
    error::ErrorCode,
    protocol::QuoteView,
    ui::files::chosen::{ChosenFile, FileKey},
};

/// Where a message stands on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Its turn has not come.
    #[default]
    Queued,
    /// Not before it is let go: it is being kept, or another tab sends it.
    Held,
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
    pub fn is_aside(self) -> bool {
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
    /// One before it was set aside, and has to be decided on first.
    Behind,
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
    /// Its files. Their bytes are kept apart; one whose key is 0 has none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Arc<ChosenFile>>,
    /// The message that it answers: which one, and whose. Its text is read where it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Box<QuoteView>>,
    /// When it was written: later than whatever was written before it in this outbox.
    pub written_at: Timestamp,
    /// Where it stands.
    #[serde(default)]
    pub delivery: Delivery,
    /// How often its files were changed or it was decided on, in any tab: what is older decides nothing.
    #[serde(default)]
    pub revision: u32,
    /// Whether the browser keeps it for all tabs, with its files.
    #[serde(skip)]
    pub kept: bool,
    /// How often it was tried since its turn last came.
    #[serde(skip)]
    pub(super) tries: u32,
    /// How often its turn has come on this page: what was planned in an earlier one is void.
    #[serde(skip)]
    pub(super) turns: u32,
    /// Whether a try has failed since it was written, or since its writer last asked for one.
    #[serde(skip)]
    pub(super) failed: bool,
}

impl Unsent {
    /// A message that has just been written.
    pub(super) fn new(
        chat_id: ChatId,
        client_id: ClientId,
        body: String,
        files: Vec<Arc<ChosenFile>>,
        written_at: Timestamp,
    ) -> Self {
        let delivery = Delivery::Queued;
        let (revision, kept, tries, turns, failed) = (0, false, 0, 0, false);
        let reply_to = None;
        Self {
            client_id,
            chat_id,
            body,
            files,
            reply_to,
            written_at,
            delivery,
            revision,
            kept,
            tries,
            turns,
            failed,
        }
    }

    /// What it comes before and after.
    pub(super) fn place(&self) -> (Timestamp, ClientId) {
        (self.written_at, self.client_id)
    }

    /// How it stands by itself, whatever is before it.
    pub(super) fn progress(&self) -> Progress {
        match self.delivery {
            Delivery::Refused(code) => Progress::Refused(code),
            Delivery::FilesGone => Progress::FilesGone,
            Delivery::Waiting(_) => Progress::Waiting,
            _ if self.failed => Progress::Waiting,
            _ => Progress::Sending,
        }
    }

    /// Makes it what can be sent of it after a reload: what was under way is tried again, which its id makes
    /// safe, and what lacks the bytes of a file is set aside.
    pub(super) fn wake(&mut self) {
        if self.files.iter().any(|file| file.key == 0) {
            self.delivery = Delivery::FilesGone;
        } else if !matches!(self.delivery, Delivery::Refused(_)) {
            self.delivery = Delivery::Queued;
        }
    }

    /// Takes over what was decided on it in another tab, by a newer record of it.
    pub(super) fn follow(&mut self, record: &Self) {
        if record.revision <= self.revision {
            return;
        }
        self.revision = record.revision;
        match (self.delivery, record.delivery) {
            (Delivery::Refused(_), Delivery::Refused(_)) => {}
            (_, Delivery::Refused(_)) => self.delivery = record.delivery,
            (Delivery::Refused(_), _) => self.delivery = Delivery::Queued,
            _ => {}
        }
    }

    /// Takes the bytes of these files from it: they cannot be read.
    pub(super) fn lose(&mut self, keys: &[FileKey]) {
        for file in self.files.iter_mut().filter(|file| keys.contains(&file.key)) {
            let file = Arc::make_mut(file);
            (file.key, file.url) = (0, None);
        }
        self.delivery = Delivery::FilesGone;
    }
}
