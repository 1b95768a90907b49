//! Carries the outbox out.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{Either, select};
use leptos::{prelude::*, task::spawn_local};

#[cfg(not(feature = "hydrate"))]
pub(super) use self::absent::{End, abort, send};
#[cfg(feature = "hydrate")]
pub(super) use super::upload::{End, abort, send};
use super::{
    Store, browser,
    claim::Turn,
    local,
    outbox::{Full, Outbox, Unsent},
};
use crate::{
    domain::{ChatId, ClientId},
    error::ErrorCode,
    protocol::{MessageView, QuoteView},
    ui::files::chosen::FileKey,
};

impl Store {
    /// Sends a message with the files that were chosen for it: it is shown at once, and kept until it is
    /// stored. False if there is nothing to send.
    pub fn send(&self, chat_id: ChatId, body: String, reply_to: Option<QuoteView>) -> Result<bool, Full> {
        if self.outbox.with_untracked(Outbox::is_full) {
            return Err(Full);
        }
        let limits = self.upload_limits();
        let files = self.tray.try_update(|tray| tray.take(chat_id, &limits)).unwrap_or_default();
        if body.is_empty() && files.is_empty() {
            return Ok(false);
        }
        let client_id = self.send_draft(chat_id, !files.is_empty());
        self.change_outbox(|outbox| {
            outbox.push(chat_id, client_id, body, files, browser::now())?;
            if let Some(quote) = reply_to {
                outbox.answer(client_id, quote);
            }
            outbox.hold(client_id);
            Ok(())
        })?;
        self.keep_and_pump(client_id);
        Ok(true)
    }

    /// Tries a message again that was not sent.
    pub fn try_again(&self, client_id: ClientId) {
        if let Some(chat_id) = self.change_outbox(|outbox| outbox.requeue(client_id, true)) {
            self.note_change(client_id);
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
        let Some(Unsent { chat_id, body, files, reply_to, .. }) = self.give_up(client_id) else { return };
        self.choose(chat_id, files.into_iter().filter(|file| file.key != 0).collect());
        self.give_back(chat_id, body, reply_to);
    }

    /// Takes a file out of a message that was not sent. What is left is sent anew under the same id; if
    /// nothing is, the text goes back to where it was written.
    pub fn take_file(&self, client_id: ClientId, key: FileKey) {
        let is_last = self.change_outbox(|outbox| outbox.take_file(client_id, key));
        abort(client_id);
        local::let_go(key);
        if !is_last {
            self.note_change(client_id);
        } else if let Some(Unsent { chat_id, body, reply_to, .. }) = self.take_out(client_id) {
            self.give_back(chat_id, body, reply_to);
            self.pump(chat_id);
        }
    }

    /// The browser is signed in as somebody else: what waits here is for the page of who wrote it.
    pub fn send_no_more(&self) {
        self.is_anothers.set_value(true);
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
        let stored = is_here.then(|| self.take_out(client_id)).flatten();
        stored.inspect(|stored| stored.files.iter().for_each(|file| local::let_go(file.key))).is_some()
    }

    /// Takes a message out before it is stored, with its request. Those behind it have waited for it.
    fn give_up(&self, client_id: ClientId) -> Option<Unsent> {
        let given_up = self.take_out(client_id)?;
        abort(client_id);
        // It may have arrived in this very moment.
        self.given_up.update_value(|ids| ids.push(client_id));
        self.pump(given_up.chat_id);
        Some(given_up)
    }

    pub(super) fn pump_all(&self) {
        for chat_id in self.outbox.with_untracked(Outbox::chats) {
            self.pump(chat_id);
        }
    }

    /// Sends the chat's next message, if its turn has come.
    pub(super) fn pump(&self, chat_id: ChatId) {
        // What an earlier page has kept goes first.
        if !self.outbox_is_there.get_untracked() || self.is_anothers.get_value() {
            return;
        }
        let Some(next) = self.change_outbox(|outbox| outbox.start_next(chat_id)) else { return };
        let store = *self;
        spawn_local(async move {
            store.carry(next).await;
            store.pump(chat_id);
        });
    }

    /// Sends a message whose turn it is, if no other tab does.
    async fn carry(&self, next: Unsent) {
        let client_id = next.client_id;
        match self.claim(&next).await {
            Turn::Mine => {}
            Turn::Theirs(left) => {
                self.change_outbox(|outbox| {
                    outbox.aborted(client_id);
                    outbox.hold(client_id);
                });
                return self.try_later(client_id, left);
            }
            Turn::Gone => {
                if let Some(gone) = self.change_outbox(|outbox| outbox.take(client_id)) {
                    self.drop_unsent(gone);
                }
                return;
            }
        }
        // It may have been changed or given up while the browser was asked.
        if self.outbox.with_untracked(|outbox| outbox.get(client_id) != Some(&next)) {
            return self.change_outbox(|outbox| outbox.aborted(client_id));
        }
        let end = match select(pin!(send(*self, &next)), pin!(self.keep_claim(client_id))).await {
            Either::Left((end, _)) => end,
            Either::Right((never, _)) => match never {},
        };
        match end {
            End::Answered(Ok(message)) => {
                if message.attachments.len() > next.files.len() {
                    self.toasts.info("The message had been sent already, with all its files.");
                }
                self.stored(*message);
                self.forget(client_id);
            }
            End::Answered(Err(error)) => {
                let delay = self.change_outbox(|outbox| outbox.failed(client_id, &error, browser::random()));
                if error.code == ErrorCode::Unauthenticated {
                    self.fail(&error);
                } else if let Some(delay) = delay {
                    self.try_later(client_id, delay);
                } else {
                    self.note_change(client_id);
                }
            }
            End::Aborted => self.change_outbox(|outbox| outbox.aborted(client_id)),
            End::Unreadable(keys) => {
                self.change_outbox(|outbox| outbox.files_gone(client_id, &keys));
                keys.into_iter().for_each(local::let_go);
            }
        }
    }

    fn try_later(&self, client_id: ClientId, delay: u32) {
        let store = *self;
        let turns =
            move || store.outbox.with_untracked(|outbox| outbox.get(client_id).map(|entry| entry.turns));
        let planned = turns();
        let again = move || {
            spawn_local(async move {
                store.take_up().await;
                // If its turn has come meanwhile, that has a plan of its own.
                if turns() == planned {
                    store.let_go(client_id);
                }
            });
        };
        set_timeout(again, Duration::from_millis(delay.into()));
    }

    /// Gives a message its turn, or its turn again.
    pub(super) fn let_go(&self, client_id: ClientId) {
        if let Some(chat_id) = self.change_outbox(|outbox| outbox.requeue(client_id, false)) {
            self.pump(chat_id);
        }
    }

    /// Shows a message that is stored, in place of the one that waited.
    fn stored(&self, message: MessageView) {
        self.model.update(|model| model.note(&message));
        self.draft_sent(message.chat_id, message.client_id);
        self.timeline.update(|open| {
            if let Some(open) = open {
                open.arrive(Arc::new(message));
            }
        });
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

    #[allow(clippy::large_enum_variant, reason = "one at a time")]
    pub enum End {
        Answered(AppResult<Box<MessageView>>),
        #[allow(dead_code, reason = "a request that is made by a browser alone")]
        Aborted,
        #[allow(dead_code, reason = "a request that is made by a browser alone")]
        Unreadable(Vec<crate::ui::files::chosen::FileKey>),
    }

    pub async fn send(_store: Store, _message: &Unsent) -> End {
        End::Answered(Err(AppError::internal("messages are sent by a browser")))
    }

    pub fn abort(_client_id: ClientId) {}
}
