//! Changing messages: text, reactions, pins, deletion; and hearing that one was changed.
//!
//! An answer has the message as the change left it, and the event tells the same. Either may come first:
//! [`MessageView::changed_seq`] says which is the later, so nothing is counted twice.

use leptos::prelude::*;

use super::{Store, browser, timeline::Timeline};
use crate::{
    api,
    domain::{AttachmentId, ChatId, MessageId, UserId},
    error::AppResult,
    protocol::{EditView, EventBody, LogEvent, MessageView},
};

impl Store {
    /// Changes the text of one's own message.
    pub async fn edit_message(&self, chat_id: ChatId, message_id: MessageId, body: String) -> AppResult<()> {
        let edited = browser::within(api::edit_message(chat_id, message_id, body)).await?;
        self.take_change(&edited);
        Ok(())
    }

    /// The texts that one's own message had, oldest first; the last is the one that it has.
    pub async fn edits(&self, chat_id: ChatId, message_id: MessageId) -> AppResult<Vec<EditView>> {
        browser::within(api::list_edits(chat_id, message_id)).await
    }

    /// Puts an emoji under a message or takes one's own away. It is shown at once, and not any more if it is refused.
    /// While a request for the same emoji is under way, that one sends the last wish after it.
    pub async fn react(
        &self,
        chat_id: ChatId,
        message_id: MessageId,
        emoji: String,
        mut on: bool,
    ) -> AppResult<()> {
        if self.wishes.try_update(|wishes| wishes.add(message_id, &emoji, on)) == Some(false) {
            return Ok(());
        }
        loop {
            let answer = browser::within(api::react(chat_id, message_id, emoji.clone(), on)).await;
            if let Ok(changed) = &answer {
                self.take_change(changed);
            }
            let next = self.wishes.try_update(|wishes| wishes.answered(message_id, &emoji, on));
            match next.flatten() {
                Some(wished) => on = wished,
                None => return answer.map(drop),
            }
        }
    }

    /// Pins a message, or takes it down.
    pub async fn pin_message(&self, chat_id: ChatId, message_id: MessageId, on: bool) -> AppResult<()> {
        let changed = browser::within(api::pin_message(chat_id, message_id, on)).await?;
        self.take_change(&changed);
        Ok(())
    }

    /// Deletes a message for everybody in the chat.
    pub async fn delete_message(&self, chat_id: ChatId, message_id: MessageId) -> AppResult<()> {
        browser::within(api::delete_message(chat_id, message_id)).await?;
        // The event tells everybody, at a time of its own; here it is gone from now on.
        let now = browser::now();
        self.model.update(|model| model.note_deleted(chat_id, message_id, now));
        self.change_open(chat_id, |open| open.delete(message_id, now));
        self.change_pinned(chat_id, |pinned| pinned.delete(message_id));
        self.say_no_more(message_id);
        Ok(())
    }

    /// Takes over what has become of messages in what is shown.
    pub(super) fn show_changed(&self, changed: Vec<LogEvent>) {
        if changed.is_empty() {
            return;
        }
        let me = self.me();
        for event in &changed {
            self.change_pinned(event.chat_id, |pinned| pinned.apply(event, me));
        }
        self.load_pinned();
        let open = self.timeline.with_untracked(|open| open.as_ref().map(Timeline::chat_id));
        for event in &changed {
            if let EventBody::MessageDeleted { message_id, .. } = event.body {
                self.say_no_more(message_id);
            }
        }
        if changed.iter().any(|event| Some(event.chat_id) == open) {
            self.timeline.maybe_update(|open| {
                let Some(open) = open else { return false };
                let chat_id = open.chat_id();
                let mut any = false;
                for event in changed.into_iter().filter(|event| event.chat_id == chat_id) {
                    any |= open.change(event, me);
                }
                any
            });
        }
    }

    /// Somebody has another name or picture: what is shown of them says so.
    pub(super) fn show_user(&self, user: UserId, name: String, avatar: Option<AttachmentId>) {
        self.timeline
            .maybe_update(|open| open.as_mut().is_some_and(|open| open.note_user(user, &name, avatar)));
        self.pinned
            .maybe_update(|open| open.as_mut().is_some_and(|open| open.note_user(user, &name, avatar)));
        if self.me() == Some(user) {
            self.account.maybe_update(|account| {
                let Some(account) = account else { return false };
                let is_news = account.display_name != name || account.avatar != avatar;
                (account.display_name, account.avatar) = (name, avatar);
                is_news
            });
        }
    }

    /// Takes over the message as an answer has it.
    fn take_change(&self, message: &MessageView) {
        self.model.update(|model| model.note_changed(message));
        self.change_open(message.chat_id, |open| open.renew(message));
        self.change_pinned(message.chat_id, |pinned| pinned.note(message));
        self.load_pinned();
    }

    fn change_open(&self, chat_id: ChatId, change: impl FnOnce(&mut Timeline) -> bool) {
        self.timeline
            .maybe_update(|open| open.as_mut().filter(|open| open.chat_id() == chat_id).is_some_and(change));
    }

    /// What has not been read aloud yet is not any more, once it is deleted.
    fn say_no_more(&self, id: MessageId) {
        if self.arrived.with_untracked(|arrived| arrived.iter().any(|message| message.id == id)) {
            self.arrived.update(|arrived| arrived.retain(|message| message.id != id));
        }
    }
}
