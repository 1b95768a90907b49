//! Keeps the outbox: each message in the browser's records, which all tabs share, and until it is there, or where
//! there are none, in the tab's own storage.

use std::pin::pin;

use futures::future::{Either, select};
use leptos::{prelude::*, task::spawn_local};

use super::{
    Store,
    browser::{self, Storage},
    claim::{Claim, RENEWAL_MS, Turn},
    local,
    outbox::{Outbox, Unsent},
    push, records, sending,
};
use crate::domain::{ClientId, UserId};

/// A message goes out after so many milliseconds at the latest, whatever the browser does with its record.
const PATIENCE_MS: u32 = 500;

/// Messages that are known to be gone though their records may not be.
const MAX_GONE: usize = 100;

/// Where a tab finds what it is called.
const TAB_KEY: &str = "samvad.tab";

impl Store {
    /// Takes up what earlier pages and other tabs have not sent.
    pub fn restore_outbox(&self) {
        self.tab.set_value(browser::stored(Storage::Tab, TAB_KEY).unwrap_or_else(|| {
            let new = ClientId::random().to_string();
            browser::store(Storage::Tab, TAB_KEY, Some(&new));
            new
        }));
        let own = self.key("outbox").and_then(|key| browser::stored(Storage::Tab, &key));
        match own.as_deref().map(Outbox::from_json) {
            Some(Ok(own)) => {
                self.outbox.set(own);
                self.settle();
            }
            // Written by another version: there is nothing that can be done with it.
            Some(Err(_unreadable)) => self.change_outbox(|_| ()),
            None => {}
        }
        if let Some(account) = self.me() {
            for client_id in self.change_gone(|_| ()) {
                self.outbox.update_untracked(|outbox| outbox.note_left(client_id));
                self.remove(account, client_id);
            }
        }
        let store = *self;
        spawn_local(async move {
            store.take_up().await;
            store.outbox_is_there.set(true);
            store.pump_all();
            // What only the tab has kept so far.
            let rest = |outbox: &Outbox| outbox.not_kept().map(|entry| entry.client_id).collect::<Vec<_>>();
            for client_id in store.outbox.with_untracked(rest) {
                store.write_down(client_id).await;
            }
        });
        // Somebody who comes back to this tab may have sent or discarded in another one.
        let seen = window_event_listener_untyped("visibilitychange", move |_| {
            spawn_local(async move { store.take_up().await });
        });
        on_cleanup(move || seen.remove());
    }

    /// The connection is back: what waits in any tab is sent.
    pub fn resend(&self) {
        let store = *self;
        spawn_local(async move {
            store.take_up().await;
            if !store.outbox.with_untracked(|outbox| outbox.chats().is_empty()) {
                store.change_outbox(Outbox::requeue_all);
                store.pump_all();
            }
        });
    }

    /// Has the browser ask before the page is left with files that would be lost.
    pub fn guard_files(&self) {
        let store = *self;
        let any = Memo::new(move |_| {
            store.outbox.with(Outbox::has_files) || store.tray.with(|tray| !tray.is_empty())
        });
        Effect::new(move |_| {
            if any.get() {
                let asking = window_event_listener(leptos::ev::beforeunload, move |event| {
                    if any.try_get_untracked() == Some(true) {
                        event.prevent_default();
                    }
                });
                on_cleanup(move || asking.remove());
            }
        });
    }

    /// Asks whether to sign out, if that loses something: what the browser keeps goes with the session.
    pub fn may_sign_out(&self) -> bool {
        let any_unsent = self.outbox.with_untracked(|outbox| !outbox.chats().is_empty());
        let any_chosen = self.tray.with_untracked(|tray| !tray.is_empty());
        let question = match (any_unsent, any_chosen) {
            (true, _) => "Some of your messages have not been sent. Signing out discards them. Sign out?",
            (false, true) => {
                "You have chosen files that you have not sent. Signing out drops them. Sign out?"
            }
            (false, false) => return true,
        };
        browser::confirm(question)
    }

    /// The session has ended, and with it goes what the browser kept. The answer has told the browser so, which
    /// passes it over where the site is neither encrypted nor on this machine.
    pub fn signed_out(&self) {
        self.outbox.set(Outbox::default());
        self.tray.set(Default::default());
        self.forget_drafts();
        browser::clear(Storage::Tab);
        browser::clear(Storage::Browser);
        spawn_local(async {
            soon(push::end()).await;
            soon(records::clear()).await;
            browser::go_to("/login");
        });
    }

    /// Takes over what the browser keeps, for as long as it is worth waiting for.
    pub(super) async fn take_up(&self) {
        let Some(account) = self.me() else { return };
        let store = *self;
        let taking = Box::pin(async move {
            let wanted = |record: &Unsent| store.outbox.with_untracked(|outbox| outbox.wants_files(record));
            if let Some(kept) = records::all(account, wanted).await {
                store.took_up(kept);
            }
        });
        if let Either::Right(((), taking)) = select(taking, pin!(browser::pause(PATIENCE_MS))).await {
            // What comes late comes all the same, and what is being written is looked at again then.
            spawn_local(async move {
                taking.await;
                store.outbox_is_there.notify();
            });
        }
    }

    fn took_up(&self, kept: Vec<Unsent>) {
        if kept.is_empty() && self.outbox.with_untracked(|outbox| outbox.chats().is_empty()) {
            return;
        }
        for gone in self.change_outbox(|outbox| outbox.take_up(kept, &mut local::let_go)) {
            self.drop_unsent(gone);
        }
        self.settle();
        // Those behind what went have waited for it.
        self.pump_all();
    }

    /// Keeps a new message, and lets it go out as soon as it is kept, after what was written in other tabs before.
    pub(super) fn keep_and_pump(&self, client_id: ClientId) {
        let store = *self;
        spawn_local(async move {
            let kept = pin!(async {
                store.write_down(client_id).await;
                store.take_up().await;
            });
            if let Either::Right(((), kept)) = select(kept, pin!(browser::pause(PATIENCE_MS))).await {
                store.let_go(client_id);
                kept.await;
            }
            store.let_go(client_id);
        });
    }

    /// Keeps what has become of a message for the other tabs, and for later.
    pub(super) fn note_change(&self, client_id: ClientId) {
        let entry = self.outbox.with_untracked(|outbox| outbox.get(client_id).cloned());
        if let (Some(account), Some(entry)) = (self.me(), entry.filter(|entry| entry.kept)) {
            spawn_local(async move { records::change(account, &entry).await });
        }
    }

    /// Takes a message out for good, here and for all tabs.
    pub(super) fn take_out(&self, client_id: ClientId) -> Option<Unsent> {
        let taken = self.change_outbox(|outbox| outbox.take(client_id))?;
        self.forget_draft(taken.chat_id, client_id);
        if let Some(account) = self.me() {
            self.change_gone(|gone| gone.push(client_id));
            self.remove(account, client_id);
        }
        Some(taken)
    }

    /// Removes a record. Until that is certain, the tab knows that the message is gone.
    fn remove(&self, account: UserId, client_id: ClientId) {
        let store = *self;
        spawn_local(async move {
            if records::remove(account, client_id).await {
                store.change_gone(|gone| gone.retain(|id| *id != client_id));
            }
        });
    }

    /// Changes the list of the messages that are gone though their records may not be.
    fn change_gone(&self, change: impl FnOnce(&mut Vec<ClientId>)) -> Vec<ClientId> {
        let Some(key) = self.key("gone") else { return Vec::new() };
        let kept = browser::stored(Storage::Tab, &key);
        let mut gone: Vec<_> = kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default();
        change(&mut gone);
        gone.drain(..gone.len().saturating_sub(MAX_GONE));
        let text = serde_json::to_string(&gone).ok().filter(|_| !gone.is_empty());
        browser::store(Storage::Tab, &key, text.as_deref());
        gone
    }

    /// Lets go of a message that was sent or discarded in another tab.
    pub(super) fn drop_unsent(&self, gone: Unsent) {
        sending::abort(gone.client_id);
        self.forget_draft(gone.chat_id, gone.client_id);
        gone.files.iter().for_each(|file| local::let_go(file.key));
    }

    /// Whether the message is this tab's to send.
    pub(super) async fn claim(&self, entry: &Unsent) -> Turn {
        match self.claimant() {
            // Of what is not in the records no other tab knows.
            Some((account, claim)) if entry.kept => {
                let claimed = records::claim(account, entry.client_id, &claim, browser::now());
                soon(claimed).await.unwrap_or(Turn::Mine)
            }
            _ => Turn::Mine,
        }
    }

    /// Renews the claim on a message until the request that this runs beside has ended.
    pub(super) async fn keep_claim(&self, client_id: ClientId) -> std::convert::Infallible {
        loop {
            browser::pause(RENEWAL_MS).await;
            // It may be kept only since its request began.
            if let Some(entry) = self.outbox.with_untracked(|outbox| outbox.get(client_id).cloned()) {
                // Whatever comes of it: the request is under way, and harmless if it is the second.
                self.claim(&entry).await;
            }
        }
    }

    /// Changes the queue, and keeps in the tab what is not in the browser's records.
    pub(super) fn change_outbox<T>(&self, change: impl FnOnce(&mut Outbox) -> T) -> T {
        let mut outbox = self.outbox.get_untracked();
        let changed = change(&mut outbox);
        self.outbox.set(outbox);
        // Who wrote is told if that fails, when the records have failed, too.
        self.keep_in_tab();
        changed
    }

    /// The key of something that is stored for the account.
    pub(super) fn key(&self, what: &str) -> Option<String> {
        self.me().map(|me| format!("samvad.{what}.{me}"))
    }

    async fn write_down(&self, client_id: ClientId) {
        let Some((account, claim)) = self.claimant() else { return };
        // As it stands now: it may have waited for its turn.
        let find = |outbox: &Outbox| outbox.not_kept().find(|entry| entry.client_id == client_id).cloned();
        let Some(entry) = self.outbox.with_untracked(find) else { return };
        if records::add(account, &entry, &claim).await {
            if let Some(revision) = self.change_outbox(|outbox| outbox.keep(client_id)) {
                self.forget_draft(entry.chat_id, client_id);
                if revision != entry.revision {
                    // It was changed while it was written.
                    self.note_change(client_id);
                }
            } else {
                // It left in the meantime, perhaps before there was a record to remove.
                records::remove(account, client_id).await;
            }
        } else if !(entry.files.is_empty() && self.keep_in_tab()) {
            self.toasts.info("This browser keeps no unsent messages. Stay on the page until they are sent.");
        }
    }

    /// Keeps in the tab what is not in the browser's records. False if the browser does not allow that either.
    fn keep_in_tab(&self) -> bool {
        let rest = self.outbox.with_untracked(Outbox::to_json);
        self.key("outbox").is_some_and(|key| browser::store(Storage::Tab, &key, rest.as_deref()))
    }

    fn claimant(&self) -> Option<(UserId, Claim)> {
        Some((self.me()?, Claim::of(self.tab.get_value(), browser::now())))
    }
}

/// Waits for what the browser keeps, but not for long: a browser that is busy or broken keeps no message back.
async fn soon<T>(kept: impl Future<Output = T>) -> Option<T> {
    match select(pin!(kept), pin!(browser::pause(PATIENCE_MS))).await {
        Either::Left((kept, _)) => Some(kept),
        Either::Right(_) => None,
    }
}
