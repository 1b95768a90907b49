//! Keeps what is being written: for the tab, and for the browser. The tab's own comes first, so that two tabs in
//! which somebody writes to the same chat do not take each other's text over.

use leptos::prelude::*;

use super::{
    Returned, Store,
    browser::{self, Storage},
    draft::{Draft, Sent},
    saving::Here,
};
use crate::{
    domain::{ChatId, ClientId, is_blank},
    protocol::QuoteView,
};

impl Store {
    /// What was being written in the chat, with what that answers: as it was kept, and without what is known to have
    /// been sent. To be asked for once the outbox is there.
    pub fn draft(&self, chat_id: ChatId) -> (Returned, Returned) {
        let mut texts = Default::default();
        self.change_draft(chat_id, &mut |draft| {
            let written = |draft: &Draft| (draft.text().to_owned(), draft.reply_to().cloned());
            let kept = written(draft);
            draft.sift(|id| self.sent(chat_id, id), ClientId::random);
            texts = (kept, written(draft));
        });
        texts
    }

    /// Keeps what is being written in the chat. A browser without storage keeps it in the page alone. Nothing comes
    /// into the place of what an earlier page has kept, before that is here.
    pub fn keep_draft(&self, chat_id: ChatId, text: &str, reply_to: Option<&QuoteView>) {
        if !self.outbox_is_there.get_untracked() {
            return;
        }
        let mut is_other = false;
        self.change_draft(chat_id, &mut |draft| {
            let before = draft.id();
            draft.write(text, reply_to, ClientId::random);
            is_other = draft.id() != before;
        });
        if is_other {
            self.wrote(chat_id);
        }
    }

    /// What is being written in the chat, as it is kept. Of what cannot be seen there is no id: for other devices it is
    /// nothing.
    pub(super) fn here(&self, chat_id: ChatId) -> Here {
        let mut here = Here::default();
        self.change_draft(chat_id, &mut |draft| {
            let is_something = draft.reply_to().is_some() || !is_blank(draft.text());
            let id = draft.id().filter(|_| is_something);
            here = (id, draft.text().to_owned(), draft.reply_to().cloned());
        });
        here
    }

    /// Keeps a text with its id in the place of what is being written.
    pub(super) fn replace_draft(
        &self,
        chat_id: ChatId,
        text: &str,
        reply_to: Option<&QuoteView>,
        id: ClientId,
    ) {
        self.change_draft(chat_id, &mut |draft| draft.replace(text, reply_to, id));
    }

    /// Whether this tab has written to the chat.
    pub(super) fn has_own_draft(&self, chat_id: ChatId) -> bool {
        browser::stored(Storage::Tab, &self.draft_key(chat_id)).is_some()
    }

    /// Whether what this tab writes is also what the browser keeps for others.
    pub(super) fn shares_draft(&self, chat_id: ChatId) -> bool {
        let kept = |of| browser::stored(of, &self.draft_key(chat_id)).filter(|kept| !kept.is_empty());
        kept(Storage::Tab) == kept(Storage::Browser)
    }

    /// Gives a text back to where it was written in the chat.
    pub(super) fn give_back(&self, chat_id: ChatId, body: String, reply_to: Option<Box<QuoteView>>) {
        if !body.is_empty() || reply_to.is_some() {
            let reply_to = reply_to.map(|quote| *quote);
            self.returned.update(|returned| returned.push((chat_id, (body, reply_to))));
        }
    }

    /// Takes the texts that go back to where one writes in the chat.
    pub fn take_returned(&self, chat_id: ChatId) -> Vec<Returned> {
        let mut taken = Vec::new();
        if self.returned.with(|returned| returned.iter().any(|(chat, _)| *chat == chat_id)) {
            self.returned.update(|returned| {
                let all = std::mem::take(returned);
                for (chat, text) in all {
                    if chat == chat_id { taken.push(text) } else { returned.push((chat, text)) }
                }
            });
        }
        taken
    }

    /// What is written in the chat is sent from now on. Answers the id of its message.
    pub(super) fn send_draft(&self, chat_id: ChatId, with_files: bool) -> ClientId {
        if !self.outbox_is_there.get_untracked() {
            return ClientId::random();
        }
        let mut client_id = None;
        self.change_draft(chat_id, &mut |draft| {
            // The same words once more, after another tab has sent them, are another message.
            let is_used = with_files || draft.id().is_some_and(|id| self.is_shown(chat_id, id));
            client_id = Some(draft.send(is_used, ClientId::random));
        });
        self.wrote(chat_id);
        client_id.unwrap_or_else(ClientId::random)
    }

    /// The message of that id is kept elsewhere, stored or given up.
    pub(super) fn forget_draft(&self, chat_id: ChatId, client_id: ClientId) {
        self.change_draft(chat_id, &mut |draft| draft.forget(client_id));
    }

    /// What has become of the message of that id, as far as this page can know.
    fn sent(&self, chat_id: ChatId, client_id: ClientId) -> Sent {
        let is_stored = self.is_shown(chat_id, client_id);
        match self.outbox.with_untracked(|outbox| outbox.get(client_id).map(|entry| entry.kept)) {
            Some(false) if !is_stored => Sent::OnItsWay,
            None if !is_stored => Sent::NotKnown,
            _ => Sent::Safe,
        }
    }

    /// Whether one's message of that id is among those that are shown: then it is stored.
    pub(super) fn is_shown(&self, chat_id: ChatId, client_id: ClientId) -> bool {
        let me = self.me();
        self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            let mut shown = open.iter().flat_map(|open| open.messages());
            shown.any(|message| message.client_id == client_id && Some(message.sender_id) == me)
        })
    }

    fn draft_key(&self, chat_id: ChatId) -> String {
        self.key("draft").map(|key| format!("{key}.{chat_id}")).unwrap_or_default()
    }

    fn change_draft(&self, chat_id: ChatId, change: &mut dyn FnMut(&mut Draft)) {
        let key = self.draft_key(chat_id);
        let own = browser::stored(Storage::Tab, &key);
        let shared = browser::stored(Storage::Browser, &key);
        let kept = own.clone().or_else(|| shared.clone());
        let mut draft = kept.as_deref().map(|kept| Draft::read(kept, ClientId::random)).unwrap_or_default();
        let before = draft.text().to_owned();
        change(&mut draft);
        let text = draft.to_json();
        if text != kept {
            // Another tab's text is not taken away because something was sent here; what was written last stays.
            let is_own = own.is_none() || own.unwrap_or_default() == shared.unwrap_or_default();
            if is_own || !draft.text().is_empty() && draft.text() != before {
                browser::store(Storage::Browser, &key, text.as_deref());
            }
            // Also that there is none: what other tabs keep is for a tab that has not written here yet.
            browser::store(Storage::Tab, &key, Some(text.as_deref().unwrap_or_default()));
        }
    }
}
