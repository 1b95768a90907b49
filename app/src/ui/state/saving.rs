//! Saves what is being written for one's other devices, and takes over what they have saved.
//!
//! The browser's own copy (`drafting`) is what counts here; what the server keeps comes beside it. A failure is silent:
//! it is tried again with the next change, or with the next greeting of the socket.

use std::{collections::BTreeMap, time::Duration};

use leptos::{prelude::*, task::spawn_local};

use super::{
    Returned, Store,
    browser::{self, Storage},
    syncing::{After, Base, Save, Syncing},
};
use crate::{
    api,
    domain::{ChatId, ClientId, limits},
    protocol::{DraftView, QuoteView},
};

/// What is typed is saved once nothing was typed for so long.
const PAUSE: Duration = Duration::from_millis(1_000);
/// How soon after a greeting it is asked what other devices have saved, at the earliest, and how much later at the latest.
const ASK_AFTER_MS: u64 = 200;
const ASK_SPREAD_MS: f64 = 1_500.0;

/// What stands in a box: the id of its text, itself, and what it answers.
pub(super) type Here = (Option<ClientId>, String, Option<QuoteView>);

/// A text that takes the place of another one in the box: what has to stand there, and what comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Brought {
    /// What was there when it was decided.
    pub before: String,
    /// What takes its place.
    pub now: Returned,
}

/// What the page knows of drafts beside the chats themselves.
#[derive(Clone, Copy)]
pub struct Saving {
    /// The chats that were written to on this page, or opened.
    chats: StoredValue<BTreeMap<ChatId, Entry>>,
    /// What lists show as the draft of these chats: what stands here, whatever is saved.
    pub rows: RwSignal<BTreeMap<ChatId, String>>,
    brought: RwSignal<Vec<(ChatId, Brought)>>,
    /// The chat whose box is there.
    open: StoredValue<Option<ChatId>>,
    is_asking: StoredValue<bool>,
    /// Nobody is signed in here any longer.
    is_over: StoredValue<bool>,
}

#[derive(Default)]
struct Entry {
    syncing: Syncing,
    /// Counts what was typed, so that only the last pause saves.
    turn: u32,
}

impl Saving {
    /// As the page begins.
    pub(super) fn new() -> Self {
        Self {
            chats: StoredValue::new(BTreeMap::new()),
            rows: RwSignal::new(BTreeMap::new()),
            brought: RwSignal::new(Vec::new()),
            open: StoredValue::new(None),
            is_asking: StoredValue::new(false),
            is_over: StoredValue::new(false),
        }
    }
}

impl Store {
    /// The chat is opened, and what the browser has kept of it stands in its box: from now on it goes with what was
    /// saved.
    pub fn open_draft(&self, chat_id: ChatId) {
        self.saving.open.set_value(Some(chat_id));
        let is_new = self.saving.chats.try_update_value(|chats| {
            let is_new = !chats.contains_key(&chat_id);
            let syncing = || Syncing::new(self.kept_base(chat_id));
            chats.entry(chat_id).or_insert_with(|| Entry { syncing: syncing(), turn: 0 });
            is_new
        });
        let told = self.model.with_untracked(|model| model.chat(chat_id).and_then(|chat| chat.draft.clone()));
        if let Some(mut told) = told {
            if !told.is_empty() && self.is_shown(chat_id, told.id) {
                self.clear_leftover(chat_id, told.revision);
                told.take_away();
            }
            self.hear_draft(chat_id, told);
        }
        if is_new == Some(true) {
            self.plan_save(chat_id);
        }
    }

    /// The chat is left.
    pub fn leave_draft(&self, chat_id: ChatId) {
        let _gone = self.saving.open.try_update_value(|open| open.take_if(|of| *of == chat_id));
        // The whole page may be going away.
        if self.saving.brought.try_update(|brought| brought.retain(|(of, _)| *of != chat_id)).is_some() {
            self.save_draft(chat_id);
        }
    }

    /// A draft was left beside its message by a server of an earlier version.
    fn clear_leftover(&self, chat_id: ChatId, revision: u64) {
        let clearing =
            api::save_draft(chat_id, ClientId::random(), String::new(), None, Some(revision), self.me());
        spawn_local(async move {
            // If it fails it is passed over again.
            let _left = browser::within(clearing).await;
        });
    }

    /// What is written in the chat has changed.
    pub(super) fn wrote(&self, chat_id: ChatId) {
        if self.here(chat_id).0.is_none() {
            self.show_row(chat_id);
        }
        self.plan_save(chat_id);
    }

    /// Saves what is written in the chat when nothing more was typed for a while.
    fn plan_save(&self, chat_id: ChatId) {
        let turn = self.saving.chats.try_update_value(|chats| {
            let entry = chats.get_mut(&chat_id)?;
            entry.turn = entry.turn.wrapping_add(1);
            Some(entry.turn)
        });
        let Some(turn) = turn.flatten() else { return };
        let store = *self;
        let save = move || {
            let now = store.saving.chats.try_with_value(|chats| chats.get(&chat_id).map(|entry| entry.turn));
            if now.flatten() == Some(turn) {
                store.save_draft(chat_id);
            }
        };
        set_timeout(save, PAUSE);
    }

    /// Saves what is written in the chat, if it is not saved.
    pub fn save_draft(&self, chat_id: ChatId) {
        self.show_row(chat_id);
        let here = self.here(chat_id);
        let begun = self.change_syncing(chat_id, |syncing| {
            if !self.may_save(chat_id, syncing, &here) {
                return None;
            }
            let taken = syncing.look(here.0).then(|| syncing.known().cloned()).flatten();
            Some((taken, syncing.begin(here.0, ClientId::random())))
        });
        let Some((taken, save)) = begun else { return };
        if let Some(taken) = taken {
            return self.bring(chat_id, here.1, taken);
        }
        let Some(save) = save else { return };
        let store = *self;
        spawn_local(async move {
            let (_, body, reply_to) = here;
            let answered = reply_to.map(|quote| quote.id);
            let saving = api::save_draft(chat_id, save.id, body, answered, Some(save.base), store.me());
            match browser::within(saving).await {
                Ok(told) => store.draft_answered(chat_id, told),
                Err(_tried_again_later) => store.draft_failed(chat_id),
            }
        });
    }

    fn draft_failed(&self, chat_id: ChatId) {
        let here = self.here(chat_id);
        if self.change_syncing(chat_id, |syncing| Some(syncing.failed(here.0))) == Some(true) {
            self.plan_save(chat_id);
        }
    }

    /// What was to be saved is answered by what is kept now.
    fn draft_answered(&self, chat_id: ChatId, told: DraftView) {
        // Who is out of the chat by now has no draft of it.
        let Some(told) = self.note_draft(chat_id, told) else { return self.draft_failed(chat_id) };
        let here = self.here(chat_id);
        let after = self.change_syncing(chat_id, |syncing| {
            let After { takes, again } = syncing.answered(told, here.0);
            Some((syncing.known().cloned().filter(|_| takes), again))
        });
        let Some((taken, again)) = after else { return };
        if let Some(taken) = taken {
            self.bring(chat_id, here.1, taken);
        }
        if again {
            self.plan_save(chat_id);
        }
    }

    /// Saves what is not saved, in all chats.
    pub fn save_drafts(&self) {
        let chats = self.saving.chats.try_with_value(|chats| chats.keys().copied().collect::<Vec<_>>());
        for chat_id in chats.unwrap_or_default() {
            self.save_draft(chat_id);
        }
    }

    /// The page goes away: saves what is not saved in a way that outlives it. Nobody hears what becomes of it.
    pub fn save_drafts_last(&self) {
        let chats = self.saving.chats.try_with_value(|chats| chats.keys().copied().collect::<Vec<_>>());
        for chat_id in chats.unwrap_or_default() {
            let here = self.here(chat_id);
            let save = self.change_syncing(chat_id, |syncing| {
                let is_open = syncing.is_open(here.0) && self.may_save(chat_id, syncing, &here);
                is_open.then(|| syncing.last_word(here.0, ClientId::random()))
            });
            let (Some(Save { id, base }), Some(me)) = (save, self.me()) else { continue };
            let mut fields = vec![
                ("chat_id", chat_id.to_string()),
                ("client_id", id.to_string()),
                ("body", here.1),
                ("base", base.to_string()),
                ("sender_id", me.to_string()),
            ];
            fields.extend(here.2.map(|quote| ("reply_to", quote.id.to_string())));
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            browser::post_last("/api/save_draft", &fields);
        }
    }

    /// The session has ended, and what the browser kept is gone: that takes nothing away elsewhere.
    pub(super) fn forget_drafts(&self) {
        self.saving.is_over.set_value(true);
        self.saving.chats.update_value(BTreeMap::clear);
    }

    /// A greeting: what other devices have saved meanwhile is asked for, and what could not be saved is. Not by all pages
    /// at once.
    pub(super) fn renew_drafts(&self) {
        if self.saving.is_asking.try_update_value(|is_asking| std::mem::replace(is_asking, true))
            != Some(false)
        {
            return;
        }
        let store = *self;
        // Neither of whoever has signed in since, nor once nobody is signed in any longer.
        let is_over =
            move || store.saving.is_over.try_get_value() != Some(false) || store.is_anothers.get_value();
        let ask = move || {
            if is_over() {
                return;
            }
            spawn_local(async move {
                let listed = browser::within(api::list_drafts()).await;
                store.saving.is_asking.try_set_value(false);
                if is_over() {
                    return;
                }
                for (chat_id, draft) in listed.map(|listed| listed.drafts).unwrap_or_default() {
                    if let Some(draft) = store.note_draft(chat_id, draft) {
                        store.hear_draft(chat_id, draft);
                    }
                }
                store.save_drafts();
            });
        };
        let delay = ASK_AFTER_MS + (browser::random() * ASK_SPREAD_MS) as u64;
        set_timeout(ask, Duration::from_millis(delay));
    }

    /// What was saved elsewhere.
    pub(super) fn hear_draft(&self, chat_id: ChatId, mut told: DraftView) {
        // What is on its way to be a message is a draft no longer.
        if self.is_under_way(told.id) {
            told.take_away();
        }
        let here = self.here(chat_id);
        let heard = self.change_syncing(chat_id, |syncing| {
            let takes = syncing.hear(told, here.0);
            Some((syncing.known().cloned().filter(|_| takes), syncing.is_open(here.0)))
        });
        match heard {
            Some((Some(taken), _)) => self.bring(chat_id, here.1, taken),
            Some((None, true)) => self.plan_save(chat_id),
            _ => {}
        }
    }

    /// One's message of that id is stored.
    pub(super) fn draft_sent(&self, chat_id: ChatId, client_id: ClientId) {
        let here = self.here(chat_id);
        let sent = self.change_syncing(chat_id, |syncing| {
            Some((syncing.sent(client_id, here.0), syncing.is_open(here.0)))
        });
        match sent {
            Some((true, _)) => self.bring(chat_id, here.1, DraftView::none(client_id)),
            // What is written here besides is kept by nobody else any longer.
            Some((false, true)) => self.plan_save(chat_id),
            _ => {}
        }
    }

    /// Takes what takes the place of what stands in the chat's box.
    pub fn take_brought(&self, chat_id: ChatId) -> Vec<Brought> {
        let mut taken = Vec::new();
        if self.saving.brought.with(|brought| brought.iter().any(|(chat, _)| *chat == chat_id)) {
            self.saving.brought.update(|brought| {
                for (chat, text) in std::mem::take(brought) {
                    if chat == chat_id { taken.push(text) } else { brought.push((chat, text)) }
                }
            });
        }
        taken
    }

    /// What is shown of the draft in a list: what stands here where the chat was opened, and else what was saved.
    pub fn row_draft(&self, chat: &crate::protocol::ChatView) -> Option<String> {
        let here = self.saving.rows.with(|rows| rows.get(&chat.id).cloned());
        let last = chat.last_message.as_ref().map(|last| last.client_id);
        let saved = || chat.draft.as_ref().filter(|draft| Some(draft.id) != last);
        let text = here.or_else(|| saved().map(|draft| draft.body.clone()))?;
        (!text.trim().is_empty()).then_some(text)
    }

    /// Takes note of what was told: the chat shows it. `None` if the chat is not known, or the page is gone.
    fn note_draft(&self, chat_id: ChatId, draft: DraftView) -> Option<DraftView> {
        self.model.try_update(|model| model.take_draft(chat_id, draft)).flatten()
    }

    /// Whether what stands here can be saved: not as long as the message is waiting that it would be taken away for, nor
    /// if it is too long for a message, or one is out of the chat.
    fn may_save(&self, chat_id: ChatId, syncing: &Syncing, (id, text, _): &Here) -> bool {
        let is_in = self.model.with_untracked(|model| model.chat(chat_id).is_some());
        let waits = id.is_none() && syncing.base().id.is_some_and(|base| self.is_under_way(base));
        is_in && !waits && !self.is_anothers.get_value() && text.chars().count() <= limits::BODY_CHARS
    }

    /// Whether one's message of that id is not stored yet.
    fn is_under_way(&self, client_id: ClientId) -> bool {
        self.outbox.with_untracked(|outbox| outbox.get(client_id).is_some())
    }

    /// Puts a draft in the place of what is kept here, and of what the box shows if it is there.
    fn bring(&self, chat_id: ChatId, before: String, draft: DraftView) {
        let DraftView { id, body, reply_to, .. } = draft;
        // Of what is answered no text is kept here, as with what is answered here.
        let reply_to = reply_to.map(|quote| QuoteView {
            sender_id: quote.sender_id,
            sender_name: quote.sender_name.clone(),
            ..quote.reference()
        });
        self.replace_draft(chat_id, &body, reply_to.as_ref(), id);
        let is_something = !body.is_empty() || reply_to.is_some();
        if self.here(chat_id).0 != is_something.then_some(id) {
            // A browser that keeps nothing would be taken for one in which it was taken away.
            self.saving.chats.update_value(|chats| {
                chats.remove(&chat_id);
            });
            return;
        }
        self.keep_base(chat_id);
        self.show_row(chat_id);
        // Without a box the browser's copy is all there is to change: when it comes, it shows that.
        if self.saving.open.get_value() == Some(chat_id) {
            self.saving.brought.update(|all| all.push((chat_id, Brought { before, now: (body, reply_to) })));
        }
    }

    /// Changes how the chat's draft stands, if it has one here, and keeps what of that outlives the page.
    fn change_syncing<T>(
        &self,
        chat_id: ChatId,
        change: impl FnOnce(&mut Syncing) -> Option<T>,
    ) -> Option<T> {
        let changed = self.saving.chats.try_update_value(|chats| {
            let entry = chats.get_mut(&chat_id)?;
            let before = entry.syncing.base();
            let answer = change(&mut entry.syncing);
            Some((answer, entry.syncing.base() != before))
        });
        let (answer, is_other) = changed.flatten()?;
        if is_other {
            self.keep_base(chat_id);
        }
        answer
    }

    /// Lists show what stands here.
    fn show_row(&self, chat_id: ChatId) {
        let (_, text, _) = self.here(chat_id);
        let is_there = self.saving.chats.try_with_value(|chats| chats.contains_key(&chat_id)) == Some(true);
        self.saving.rows.maybe_update(|rows| {
            let is_other = is_there && rows.get(&chat_id) != Some(&text);
            if is_other {
                rows.insert(chat_id, text);
            }
            is_other
        });
    }

    /// What an earlier page of this tab was made of, or of another tab whose text this one has taken up.
    fn kept_base(&self, chat_id: ChatId) -> Base {
        let key = self.base_key(chat_id);
        let of = if self.has_own_draft(chat_id) { Storage::Tab } else { Storage::Browser };
        browser::stored(of, &key).and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default()
    }

    fn keep_base(&self, chat_id: ChatId) {
        let base =
            self.saving.chats.try_with_value(|chats| chats.get(&chat_id).map(|entry| entry.syncing.base()));
        let Some(base) = base.flatten() else { return };
        // Where nothing is written and nothing was, the next page begins as on a new device.
        let is_of_use = base.id.is_some() || self.here(chat_id).0.is_some();
        let kept = is_of_use.then(|| serde_json::to_string(&base).ok()).flatten();
        let key = self.base_key(chat_id);
        browser::store(Storage::Tab, &key, kept.as_deref());
        if self.shares_draft(chat_id) {
            browser::store(Storage::Browser, &key, kept.as_deref());
        }
    }

    fn base_key(&self, chat_id: ChatId) -> String {
        self.key("draft-base").map(|key| format!("{key}.{chat_id}")).unwrap_or_default()
    }
}
