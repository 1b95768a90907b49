//! Does what the model asks for.

use std::time::Duration;

use leptos::prelude::*;

use super::{
    Connection, Store, browser,
    effects::{Effects, slices},
    model::Model,
};
use crate::protocol::ClientFrame;

/// When it is asked again for what did not come, at the earliest, and how much later at the latest.
const EARLIEST_AGAIN_MS: u64 = 2_000;
const SPREAD_AGAIN_MS: f64 = 3_000.0;

impl Store {
    /// Asks again in a while for what did not come, even if nothing else happens until then.
    pub(super) fn ask_later(&self) {
        if self.asking_later.get_value() {
            return;
        }
        self.asking_later.set_value(true);
        let store = *self;
        let again = move || {
            store.asking_later.set_value(false);
            // Without a socket the next greeting asks.
            if store.connection.get_untracked() == Connection::Online {
                store.change_model(Model::ask_again);
                store.load_pinned();
            }
        };
        let delay = EARLIEST_AGAIN_MS + (browser::random() * SPREAD_AGAIN_MS) as u64;
        set_timeout(again, Duration::from_millis(delay));
    }

    pub(super) fn carry_out(&self, effects: &mut Effects) {
        self.hear(&effects.shown, std::mem::take(&mut effects.typing));
        self.notify(&effects.shown);
        self.show(std::mem::take(&mut effects.shown));
        self.show_changed(std::mem::take(&mut effects.changed));
        self.show_happened(std::mem::take(&mut effects.happened));
        for (user, name, avatar) in std::mem::take(&mut effects.users) {
            self.show_user(user, name, avatar);
        }
        for (id, draft) in std::mem::take(&mut effects.drafts) {
            self.hear_draft(id, draft);
        }
        for id in std::mem::take(&mut effects.refetch) {
            self.catch_up(id);
        }
        for id in std::mem::take(&mut effects.restart) {
            self.restart(id);
        }
        for id in std::mem::take(&mut effects.fetch) {
            self.fetch_chat(id);
        }
        for id in std::mem::take(&mut effects.returned) {
            let is_open = self
                .timeline
                .with_untracked(|open| open.as_ref().is_some_and(|timeline| timeline.chat_id() == id));
            if is_open {
                self.load(id, None);
            }
        }
        if std::mem::take(&mut effects.refetch_list) {
            self.refetch_list();
        }
        for heads in slices(std::mem::take(&mut effects.resume)) {
            let frame = ClientFrame::Resume { heads: heads.clone() };
            // Without a socket the next greeting asks.
            let sent = self.outgoing.try_update_value(|outgoing| {
                outgoing.as_mut().is_none_or(|queue| queue.try_send(frame).is_ok())
            });
            if sent == Some(false) {
                self.model.update_untracked(|model| model.not_sent(&heads));
                effects.retry = true;
            }
        }
        if std::mem::take(&mut effects.retry) {
            self.ask_later();
        }
        // A greeting: what failed without a connection may work now.
        if effects.heartbeat_ms.is_some() {
            self.load_pinned();
            self.renew_people();
            self.renew_drafts();
        }
    }
}
