//! Deleting a message, and hearing that one was deleted.

use leptos::prelude::*;

use super::{Store, browser};
use crate::{
    domain::{ChatId, MessageId, Timestamp},
    error::AppResult,
};

impl Store {
    /// Deletes a message for everybody in the chat.
    pub async fn delete_message(&self, chat_id: ChatId, message_id: MessageId) -> AppResult<()> {
        request(chat_id, message_id).await?;
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

/// Asks the server.
#[cfg(feature = "hydrate")]
async fn request(chat_id: ChatId, message_id: MessageId) -> AppResult<()> {
    use gloo_net::http::Request;

    use crate::error::{AppError, ErrorCode};

    let offline = |fault: gloo_net::Error| AppError::new(ErrorCode::Offline).because(fault.to_string());
    browser::within(async move {
        let answer = Request::post("/api/delete_message")
            .header("Accept", "application/json")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("chat_id={chat_id}&message_id={message_id}"))
            .map_err(offline)?
            .send()
            .await
            .map_err(offline)?;
        if answer.ok() { Ok(()) } else { Err(answer.json().await.unwrap_or_else(offline)) }
    })
    .await
}

/// The server asks itself nothing.
#[cfg(not(feature = "hydrate"))]
async fn request(_chat_id: ChatId, _message_id: MessageId) -> AppResult<()> {
    Err(crate::error::AppError::internal("messages are deleted from a browser"))
}
