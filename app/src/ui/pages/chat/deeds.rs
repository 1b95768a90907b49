//! What can be done with a message, by whom, and doing it.

use leptos::{ev::MouseEvent, prelude::*, task::spawn_local};
use std::sync::Arc;

use super::{
    acting::{Act, Acting, What},
    deletion::Deletion,
    reactions::react,
    receipts::Readers,
    writing::Writing,
};
use crate::{
    domain::{ChatId, ChatKind, UserId, limits, policy::may_delete_message},
    protocol::MessageView,
    ui::{
        components::{icon::Glyph, pinned::message_path},
        state::{Store, browser, listing::RowKey, use_store},
    },
};

/// What can be done. In the context of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Deeds {
    store: Store,
    writing: Writing,
    deletion: Deletion,
    readers: Option<Readers>,
}

impl Deeds {
    /// In this conversation.
    pub(super) fn new(writing: Writing, deletion: Deletion) -> Self {
        Self { store: use_store(), writing, deletion, readers: use_context() }
    }

    /// What the bar of a message offers besides its menu.
    pub(super) fn bar(self, chat_id: ChatId, row: RowKey, acting: Acting) -> Vec<Act> {
        let Some(message) = self.message(row) else { return Vec::new() };
        let emoji = Callback::new(move |event: MouseEvent| acting.open(&event, What::Emoji, row));
        let reply = Callback::new(move |_| self.reply(chat_id, row));
        let mut acts = vec![(Glyph::Smile, "React", emoji), (Glyph::Reply, "Reply", reply)];
        if self.may_edit(&message) {
            acts.push((Glyph::Pencil, "Edit", Callback::new(move |_| self.edit(chat_id, row))));
        }
        acts
    }

    /// What the menu of a message offers besides reactions.
    pub(super) fn of(self, chat_id: ChatId, row: RowKey) -> Vec<(Glyph, &'static str, Callback<()>)> {
        let Some(message) = self.message(row) else { return Vec::new() };
        let act = |act: fn(Self, ChatId, RowKey)| Callback::new(move |()| act(self, chat_id, row));
        let mut deeds = vec![(Glyph::Reply, "Reply", act(Self::reply))];
        if self.may_edit(&message) {
            deeds.push((Glyph::Pencil, "Edit", act(Self::edit)));
        }
        if !message.body.is_empty() {
            deeds.push((Glyph::Copy, "Copy text", act(Self::copy_text)));
        }
        deeds.push((Glyph::Link, "Copy link", act(Self::copy_link)));
        let pin = if message.pinned_at.is_some() { "Unpin" } else { "Pin" };
        deeds.push((Glyph::Pin, pin, act(Self::pin)));
        deeds.push((Glyph::Unread, "Mark unread from here", act(Self::mark_unread)));
        if self.has_readers(chat_id, &message) {
            deeds.push((Glyph::Check, "Read by…", act(Self::show_readers)));
        }
        if self.may_delete(chat_id, message.sender_id) {
            deeds.push((Glyph::Trash, "Delete message", act(Self::delete)));
        }
        deeds
    }

    /// Puts an emoji under a message; one's own is taken away.
    pub(super) fn react(self, chat_id: ChatId, row: RowKey, emoji: &str) {
        let Some(message) = self.message(row) else { return };
        let shown = self
            .store
            .wishes
            .with_untracked(|wishes| wishes.over(message.id, &message.reactions, self.store.me()));
        let is_on = shown.iter().any(|reaction| reaction.emoji == emoji && reaction.mine);
        react(self.store, chat_id, message.id, emoji, !is_on);
    }

    fn reply(self, _chat_id: ChatId, row: RowKey) {
        if let Some(message) = self.message(row) {
            self.writing.answer(&message);
        }
    }

    fn edit(self, _chat_id: ChatId, row: RowKey) {
        if let Some(message) = self.message(row) {
            self.writing.edit(&message);
        }
    }

    fn copy_text(self, _chat_id: ChatId, row: RowKey) {
        if let Some(message) = self.message(row) {
            self.copy(message.body.clone(), "The text was copied.");
        }
    }

    fn copy_link(self, chat_id: ChatId, row: RowKey) {
        if let Some(message) = self.message(row) {
            let link = format!("{}{}", browser::origin(), message_path(chat_id, message.seq));
            self.copy(link, "The link was copied.");
        }
    }

    fn copy(self, text: String, done: &'static str) {
        spawn_local(async move {
            let said = if browser::copy(&text).await { done } else { "The browser did not allow copying." };
            self.store.toasts.info(said);
        });
    }

    fn pin(self, chat_id: ChatId, row: RowKey) {
        let Some(message) = self.message(row) else { return };
        let on = message.pinned_at.is_none();
        spawn_local(async move {
            if let Err(error) = self.store.pin_message(chat_id, message.id, on).await {
                self.store.fail(&error);
            }
        });
    }

    fn mark_unread(self, chat_id: ChatId, row: RowKey) {
        let Some(message) = self.message(row) else { return };
        spawn_local(async move {
            if let Err(error) = self.store.mark_unread(chat_id, message.ordinal).await {
                self.store.fail(&error);
            }
        });
    }

    fn show_readers(self, _chat_id: ChatId, row: RowKey) {
        if let (Some(readers), Some(message)) = (self.readers, self.message(row)) {
            readers.show(message.ordinal);
        }
    }

    /// In a chat of two the words under the message say it all.
    fn has_readers(self, chat_id: ChatId, message: &MessageView) -> bool {
        let chat = self.store.shared_chat(chat_id).get_untracked();
        let is_told = chat.is_some_and(|chat| {
            chat.kind == ChatKind::Group && chat.member_count <= limits::RECEIPT_MEMBERS as u64
        });
        is_told && Some(message.sender_id) == self.store.me()
    }

    fn delete(self, _chat_id: ChatId, row: RowKey) {
        if let Some(message) = self.message(row) {
            self.deletion.ask(message.id, row);
        }
    }

    fn may_edit(self, message: &MessageView) -> bool {
        Some(message.sender_id) == self.store.me()
    }

    fn may_delete(self, chat_id: ChatId, sender: UserId) -> bool {
        let chat = self.store.shared_chat(chat_id).get_untracked();
        let may = |me| chat.is_some_and(|chat| may_delete_message(chat.kind, chat.my_role, me, sender));
        self.store.me().is_some_and(may)
    }

    /// The message as it is now, as long as there is something of it.
    fn message(self, row: RowKey) -> Option<Arc<MessageView>> {
        let me = self.store.me();
        self.store.timeline.with_untracked(|open| {
            let mut messages = open.as_ref()?.messages().iter();
            let found = messages.find(|message| match row {
                RowKey::Own(id) => message.client_id == id && Some(message.sender_id) == me,
                RowKey::Other(id) => message.id == id,
            });
            found.filter(|message| message.deleted_at.is_none()).cloned()
        })
    }
}
