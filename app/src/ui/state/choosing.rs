//! Choosing files for a message that is not written yet.

use std::sync::Arc;

use leptos::prelude::*;

use super::{Store, local};
use crate::{
    domain::{ChatId, UploadLimits},
    ui::files::chosen::{ChosenFile, FileKey, Unfit},
};

impl Store {
    /// What a message can carry.
    pub fn upload_limits(&self) -> UploadLimits {
        self.initial.with_value(|data| data.upload_limits)
    }

    /// The files that were chosen for the chat's next message, with why one cannot be sent.
    pub fn chosen(&self, chat_id: ChatId) -> Vec<(Arc<ChosenFile>, Option<Unfit>)> {
        let limits = self.upload_limits();
        self.tray.with(|tray| tray.of(chat_id, &limits))
    }

    /// Takes files for the chat's next message. They stay while other chats are looked at.
    pub fn choose(&self, chat_id: ChatId, files: Vec<Arc<ChosenFile>>) {
        if !files.is_empty() {
            self.tray.update(|tray| tray.add(chat_id, files));
        }
    }

    /// Gives up a file that was chosen.
    pub fn put_away(&self, key: FileKey) {
        if self.tray.try_update(|tray| tray.remove(key)) == Some(true) {
            local::let_go(key);
        }
    }

    /// Takes over what is said of a chosen file, or found out about it.
    pub fn change_chosen(&self, key: FileKey, change: impl FnOnce(&mut ChosenFile)) {
        self.tray.update(|tray| tray.change(key, change));
    }
}
