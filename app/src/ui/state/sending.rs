//! Carries the outbox out, and keeps what is being written.

use std::{sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};

#[cfg(not(feature = "hydrate"))]
use self::absent::{End, abort, send};
#[cfg(feature = "hydrate")]
use super::upload::{End, abort, send};
use super::{
    Store, browser, local,
    outbox::{Delivery, Full, Outbox, Unsent},
};
use crate::{
    domain::{ChatId, ClientId},
    error::ErrorCode,
    protocol::MessageView,
    ui::files::chosen::FileKey,
};

impl Store {
    /// Sends a message with the files that were chosen for it: it is shown at once, and kept until it is
    /// stored. False if there is nothing to send.
    pub fn send(&self, chat_id: ChatId, body: String) -> Result<bool, Full> {
        if self.outbox.with_untracked(Outbox::is_full) {
            return Err(Full);
        }
        let limits = self.upload_limits();
        let files = self.tray.try_update(|tray| tray.take(chat_id, &limits)).unwrap_or_default();
        if body.is_empty() && files.is_empty() {
            return Ok(false);
        }
        self.change_outbox(|outbox| outbox.push(chat_id, ClientId::random(), body, files, browser::now()))?;
        self.pump(chat_id);
        Ok(true)
    }

    /// Tries a message again that was not sent.
    pub fn try_again(&self, client_id: ClientId) {
        if let Some(chat_id) = self.change_outbox(|outbox| outbox.requeue(client_id, true)) {
            self.pump(chat_id);
        }
    }

    /// Gives up a message that was not sent.
    pub fn discard(&self, client_id: ClientId) {
        if let Some(given_up) = self.give_up(client_id) {
            given_up.files.iter().for_each(|file| local::let_go(file.key));
        }
    }

    /// Gives a message that was not sent back to where it was written, with the files that are still there.
    pub fn take_back(&self, client_id: ClientId) {
        let Some(Unsent { chat_id, body, files, delivery, .. }) = self.give_up(client_id) else { return };
        if delivery == Delivery::FilesGone {
            files.iter().for_each(|file| local::let_go(file.key));
        } else {
            self.choose(chat_id, files);
        }
        self.give_back(chat_id, body);
    }

    /// Takes a file out of a message that was not sent. What is left is sent anew under the same id; if
    /// nothing is, the text goes back to where it was written.
    pub fn take_file(&self, client_id: ClientId, key: FileKey) {
        let empty = self.change_outbox(|outbox| outbox.take_file(client_id, key));
        abort(client_id);
        local::let_go(key);
        if let Some(Unsent { chat_id, body, .. }) = empty {
            self.give_back(chat_id, body);
            self.pump(chat_id);
        }
    }

    /// Takes the texts that go back to where one writes in the chat.
    pub fn take_returned(&self, chat_id: ChatId) -> Vec<String> {
        let mut taken = Vec::new();
        if self.returned.with(|returned| returned.iter().any(|(chat, _)| *chat == chat_id)) {
            self.returned.update(|returned| {
                let all = std::mem::take(returned);
                for (chat, body) in all {
                    if chat == chat_id { taken.push(body) } else { returned.push((chat, body)) }
                }
            });
        }
        taken
    }

    /// Has the browser ask before the page is left with files that wait.
    pub fn guard_files(&self) {
        let store = *self;
        let any = Memo::new(move |_| {
            store.outbox.with(Outbox::has_files) || store.tray.with(|tray| !tray.is_empty())
        });
        Effect::new(move |_| {
            if any.get() {
                let asking = window_event_listener(leptos::ev::beforeunload, |event| event.prevent_default());
                on_cleanup(move || asking.remove());
            }
        });
    }

    /// Takes up what an earlier page could not send.
    pub fn restore_outbox(&self) {
        let Some(kept) = self.key("outbox").and_then(|key| browser::stored(&key)) else { return };
        match Outbox::from_json(&kept) {
            Ok(kept) => {
                self.outbox.set(kept);
                self.settle();
            }
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
        let mut any = false;
        for client_id in client_ids {
            any |= self.forget(*client_id);
            if self.given_up.try_update_value(|ids| take(ids, *client_id)) == Some(true) {
                self.toasts.info("The message that you took back had been sent already.");
            }
        }
        if any {
            self.pump_all();
        }
    }

    /// Drops what stands among the messages that are shown: it is stored, though its answer never came.
    pub(super) fn settle(&self) {
        let me = self.me();
        let stored: Vec<_> = self.outbox.with_untracked(|outbox| {
            self.timeline.with_untracked(|open| {
                let shown = open.iter().flat_map(|open| open.messages());
                let own = shown.filter(|message| Some(message.sender_id) == me);
                own.map(|message| message.client_id).filter(|id| outbox.get(*id).is_some()).collect()
            })
        });
        if !stored.is_empty() {
            self.mark_stored(&stored);
        }
    }

    /// Drops a message that is stored. Who still shows its files holds them. False if it was not here.
    fn forget(&self, client_id: ClientId) -> bool {
        let is_here = self.outbox.with_untracked(|outbox| outbox.get(client_id).is_some());
        let stored = is_here.then(|| self.change_outbox(|outbox| outbox.take(client_id))).flatten();
        stored.inspect(|stored| stored.files.iter().for_each(|file| local::let_go(file.key))).is_some()
    }

    /// Takes a message out before it is stored, with its request. Those behind it have waited for it.
    fn give_up(&self, client_id: ClientId) -> Option<Unsent> {
        let given_up = self.change_outbox(|outbox| outbox.take(client_id))?;
        abort(client_id);
        // It may have arrived in this very moment.
        self.given_up.update_value(|ids| ids.push(client_id));
        self.pump(given_up.chat_id);
        Some(given_up)
    }

    fn give_back(&self, chat_id: ChatId, body: String) {
        if !body.is_empty() {
            self.returned.update(|returned| returned.push((chat_id, body)));
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
            match send(store, &next).await {
                End::Answered(Ok(message)) => {
                    if message.attachments.len() > next.files.len() {
                        store.toasts.info("The message had been sent already, with all its files.");
                    }
                    store.stored(message);
                    store.forget(client_id);
                }
                End::Answered(Err(error)) => {
                    let delay =
                        store.change_outbox(|outbox| outbox.failed(client_id, &error, browser::random()));
                    if error.code == ErrorCode::Unauthenticated {
                        store.fail(&error);
                    } else if let Some(delay) = delay {
                        store.try_later(client_id, delay);
                    }
                }
                End::Aborted => store.change_outbox(|outbox| outbox.aborted(client_id)),
                End::Unreadable => store.change_outbox(|outbox| outbox.files_gone(client_id)),
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

/// Takes an id out of a list. False if it is not in it.
fn take(ids: &mut Vec<ClientId>, id: ClientId) -> bool {
    let place = ids.iter().position(|other| *other == id);
    place.map(|place| ids.swap_remove(place)).is_some()
}

/// The server sends nothing to itself.
#[cfg(not(feature = "hydrate"))]
mod absent {
    use super::{Store, Unsent};
    use crate::{
        domain::ClientId,
        error::{AppError, AppResult},
        protocol::MessageView,
    };

    pub enum End {
        Answered(AppResult<MessageView>),
        #[allow(dead_code, reason = "a request that is made by a browser alone")]
        Aborted,
        #[allow(dead_code, reason = "a request that is made by a browser alone")]
        Unreadable,
    }

    pub async fn send(_store: Store, _message: &Unsent) -> End {
        End::Answered(Err(AppError::internal("messages are sent by a browser")))
    }

    pub fn abort(_client_id: ClientId) {}
}
