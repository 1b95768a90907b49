//! Carries the outbox out, and keeps what is being written.

use std::{sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};

use super::{
    Store, browser,
    outbox::{Outbox, Unsent},
};
use crate::{
    domain::{ChatId, ClientId},
    error::{AppResult, ErrorCode},
    protocol::MessageView,
};

impl Store {
    /// Sends a message: it is shown at once, and kept until it is stored. False if too much is waiting.
    pub fn send(&self, chat_id: ChatId, body: String) -> bool {
        let taken = self
            .change_outbox(|outbox| outbox.push(chat_id, ClientId::random(), body, browser::now()).is_ok());
        if taken {
            self.pump(chat_id);
        }
        taken
    }

    /// Tries a message again that was not sent.
    pub fn try_again(&self, client_id: ClientId) {
        if let Some(chat_id) = self.change_outbox(|outbox| outbox.requeue(client_id, true)) {
            self.pump(chat_id);
        }
    }

    /// Gives up a message that was not sent.
    pub fn discard(&self, client_id: ClientId) {
        let chat_id = self.outbox.with_untracked(|outbox| outbox.get(client_id).map(|entry| entry.chat_id));
        self.change_outbox(|outbox| outbox.stored(client_id));
        // Those behind it have waited for it.
        if let Some(chat_id) = chat_id {
            self.pump(chat_id);
        }
    }

    /// Takes up what an earlier page could not send.
    pub fn restore_outbox(&self) {
        let Some(kept) = self.key("outbox").and_then(|key| browser::stored(&key)) else { return };
        match Outbox::from_json(&kept) {
            Ok(kept) => self.outbox.set(kept),
            // Written by another version: there is nothing that can be done with it.
            Err(_unreadable) => self.change_outbox(|_| ()),
        }
        self.pump_all();
    }

    /// The connection is back: what waits is sent.
    pub fn resend(&self) {
        if !self.outbox.with_untracked(|outbox| outbox.chats().is_empty()) {
            self.change_outbox(Outbox::requeue_all);
            self.pump_all();
        }
    }

    /// What was being written in the chat.
    pub fn draft(&self, chat_id: ChatId) -> Option<String> {
        self.draft_key(chat_id).and_then(|key| browser::stored(&key))
    }

    /// Keeps what is being written in the chat. A browser without storage keeps it in the page alone.
    pub fn keep_draft(&self, chat_id: ChatId, text: &str) {
        if let Some(key) = self.draft_key(chat_id) {
            browser::store(&key, (!text.is_empty()).then_some(text));
        }
    }

    /// Drops what has been found stored.
    pub(super) fn mark_stored(&self, client_ids: &[ClientId]) {
        let any = self
            .outbox
            .with_untracked(|outbox| client_ids.iter().any(|client_id| outbox.get(*client_id).is_some()));
        if any {
            self.change_outbox(|outbox| {
                for client_id in client_ids {
                    outbox.stored(*client_id);
                }
            });
            self.pump_all();
        }
    }

    fn pump_all(&self) {
        for chat_id in self.outbox.with_untracked(Outbox::chats) {
            self.pump(chat_id);
        }
    }

    /// Sends the chat's next message, if its turn has come.
    fn pump(&self, chat_id: ChatId) {
        let Some(next) = self.change_outbox(|outbox| outbox.start_next(chat_id)) else { return };
        let store = *self;
        spawn_local(async move {
            let client_id = next.client_id;
            match browser::within(deliver(next)).await {
                Ok(message) => {
                    store.stored(message);
                    store.change_outbox(|outbox| outbox.stored(client_id));
                }
                Err(error) => {
                    let delay =
                        store.change_outbox(|outbox| outbox.failed(client_id, &error, browser::random()));
                    if error.code == ErrorCode::Unauthenticated {
                        store.fail(&error);
                    } else if let Some(delay) = delay {
                        store.try_later(client_id, delay);
                    }
                }
            }
            store.pump(chat_id);
        });
    }

    fn try_later(&self, client_id: ClientId, delay: u32) {
        let store = *self;
        let again = move || {
            if let Some(chat_id) = store.change_outbox(|outbox| outbox.requeue(client_id, false)) {
                store.pump(chat_id);
            }
        };
        set_timeout(again, Duration::from_millis(delay.into()));
    }

    /// Shows a message that is stored, in place of the one that waited.
    fn stored(&self, message: MessageView) {
        self.model.update(|model| model.note(&message));
        self.timeline.update(|open| {
            if let Some(open) = open {
                open.arrive(Arc::new(message));
            }
        });
    }

    fn change_outbox<T>(&self, change: impl FnOnce(&mut Outbox) -> T) -> T {
        let mut outbox = self.outbox.get_untracked();
        let changed = change(&mut outbox);
        let kept = outbox.to_json();
        self.outbox.set(outbox);
        let unsafe_to_leave = kept.is_some();
        let stored = self.key("outbox").is_some_and(|key| browser::store(&key, kept.as_deref()));
        if unsafe_to_leave && !stored {
            self.toasts.info("This browser keeps no unsent messages. Stay on the page until they are sent.");
        }
        changed
    }

    fn key(&self, what: &str) -> Option<String> {
        self.me().map(|me| format!("samvad.{what}.{me}"))
    }

    fn draft_key(&self, chat_id: ChatId) -> Option<String> {
        self.key("draft").map(|key| format!("{key}.{chat_id}"))
    }
}

/// One request; safe to repeat.
#[cfg(feature = "hydrate")]
async fn deliver(message: Unsent) -> AppResult<MessageView> {
    use crate::error::AppError;

    let form = web_sys::FormData::new().map_err(|_no_form_data| AppError::internal("no FormData"))?;
    let fields = [
        ("chat_id", message.chat_id.to_string()),
        ("client_id", message.client_id.to_string()),
        ("body", message.body),
    ];
    for (name, value) in fields {
        form.append_with_str(name, &value)
            .map_err(|_refused| AppError::internal("FormData refused a field"))?;
    }
    crate::api::send_message(form.into()).await
}

/// The server sends nothing to itself.
#[cfg(not(feature = "hydrate"))]
async fn deliver(_message: Unsent) -> AppResult<MessageView> {
    Err(crate::error::AppError::internal("messages are sent by a browser"))
}
