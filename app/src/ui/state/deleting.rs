//! Deleting a message, and hearing that one was deleted.

use leptos::prelude::*;

use super::{Store, browser};
use crate::{
    api,
    domain::{ChatId, MessageId, Timestamp},
    error::AppResult,
};

impl Store {
    /// Deletes a message for everybody in the chat.
    pub async fn delete_message(&self, chat_id: ChatId, message_id: MessageId) -> AppResult<()> {
        browser::within(api::delete_message(chat_id, message_id)).await?;
        // The event tells everybody, at a time of its own; here it is gone from now on.
        self.model.update(|model| model.note_deleted(chat_id, message_id, browser::now()));
        self.show_deleted(&[(chat_id, message_id, browser::now())]);
        Ok(())
    }

    /// Takes away what was deleted from what is shown.
    pub(super) fn show_deleted(&self, deleted: &[(ChatId, MessageId, Timestamp)]) {
        if deleted.is_empty() {
            return;
        }
        self.timeline.maybe_update(|open| {
            let mut changed = false;
            for (chat_id, message_id, at) in deleted {
                if let Some(open) = open.as_mut().filter(|open| open.chat_id() == *chat_id) {
                    changed |= open.delete(*message_id, *at);
                }
            }
            changed
        });
        // What has not been read aloud yet is not any more.
        let is_deleted = |id: MessageId| deleted.iter().any(|(_, deleted, _)| *deleted == id);
        if self.arrived.with_untracked(|arrived| arrived.iter().any(|message| is_deleted(message.id))) {
            self.arrived.update(|arrived| arrived.retain(|message| !is_deleted(message.id)));
        }
    }
}
