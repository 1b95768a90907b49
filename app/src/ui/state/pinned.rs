//! The pinned messages of the open chat.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{
    Store, browser,
    naming::{is_outdated, name_anew},
};
use crate::{
    api,
    domain::{AttachmentId, ChatId, MessageId, UserId},
    protocol::{EventBody, LogEvent, MessageView},
};

/// Characters of a pinned message's text that are shown.
const SHOWN_CHARS: usize = 240;

/// The pinned messages of one chat, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    chat_id: ChatId,
    /// Last pinned first.
    messages: Vec<MessageView>,
    /// How often something was pinned or taken down, or may have been: what was asked for before is out of date.
    changes: u32,
    /// Whether they have to be asked for.
    is_stale: bool,
}

impl Pinned {
    /// A chat of which they are not known.
    pub fn unknown(chat_id: ChatId) -> Self {
        Self { chat_id, messages: Vec::new(), changes: 0, is_stale: true }
    }

    /// As they came with the page.
    pub fn new(chat_id: ChatId, mut messages: Vec<MessageView>) -> Self {
        messages.iter_mut().for_each(shorten);
        Self { chat_id, messages, changes: 0, is_stale: false }
    }

    /// Of which chat.
    pub fn chat_id(&self) -> ChatId {
        self.chat_id
    }

    /// The messages, last pinned first.
    pub fn messages(&self) -> &[MessageView] {
        &self.messages
    }

    /// Whether they have to be asked for.
    pub fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// Whether it is known that nothing is pinned.
    pub fn is_known_to_be_empty(&self) -> bool {
        self.messages.is_empty() && !self.is_stale
    }

    /// Something may have been pinned or taken down without an event that told of it. Answers, as all that follow,
    /// whether anything changed that is shown.
    pub fn outdate(&mut self) -> bool {
        self.changes = self.changes.wrapping_add(1);
        !std::mem::replace(&mut self.is_stale, true)
    }

    /// Brings them to where this event leaves them. Of one that is not here only the server knows.
    pub fn apply(&mut self, event: &LogEvent, me: Option<UserId>) -> bool {
        let is_on = match &event.body {
            EventBody::PinChanged { on, .. } => *on,
            // A text that was changed while the list was on its way may be an old one in it.
            EventBody::MessageDeleted { .. } | EventBody::MessageEdited { .. } => false,
            // Nothing else of a message is shown.
            _ => return false,
        };
        self.changes = self.changes.wrapping_add(1);
        let here = self.messages.iter_mut().find(|message| event.body.message_id() == Some(message.id));
        let Some(message) = here else { return is_on && self.outdate() };
        if !message.apply(event, me) {
            return false;
        }
        shorten(message);
        // What files it has was left out as long as there was a text.
        let is_bare = message.body.is_empty() && message.attachments.is_empty();
        self.messages.retain(|message| message.pinned_at.is_some());
        if is_bare {
            self.outdate();
        }
        true
    }

    /// Takes over what an answer says has become of a message. Events may have overtaken it: of one that is not here
    /// only the server knows whether it still is pinned.
    pub fn note(&mut self, message: &MessageView) -> bool {
        self.changes = self.changes.wrapping_add(1);
        let Some(present) = self.messages.iter_mut().find(|present| present.id == message.id) else {
            return message.pinned_at.is_some() && self.outdate();
        };
        if !present.adopt(message) {
            return false;
        }
        shorten(present);
        self.messages.retain(|message| message.pinned_at.is_some());
        true
    }

    /// Takes out a message that was deleted, before the event that tells of it has come.
    pub fn delete(&mut self, message_id: MessageId) -> bool {
        let before = self.messages.len();
        self.messages.retain(|message| message.id != message_id);
        self.changes = self.changes.wrapping_add(1);
        self.messages.len() != before
    }

    /// Somebody has another name or picture: what they have written says so.
    pub fn note_user(&mut self, user: UserId, name: &str, avatar: Option<AttachmentId>) -> bool {
        let mut any = false;
        for message in self.messages.iter_mut().filter(|message| is_outdated(message, user, name, avatar)) {
            name_anew(message, user, name, avatar);
            any = true;
        }
        any
    }

    /// Takes over what was asked for after so many changes. What has changed since is asked for anew.
    pub fn load(&mut self, mut messages: Vec<MessageView>, changes: u32) -> bool {
        if changes != self.changes {
            return false;
        }
        messages.iter_mut().for_each(shorten);
        (self.messages, self.is_stale) = (messages, false);
        true
    }
}

/// Leaves of a pinned message what the list shows of it: the beginning of its text, or else what files it has. What
/// is embedded in a page is small so.
pub fn shorten(message: &mut MessageView) {
    if let Some((end, _)) = message.body.char_indices().nth(SHOWN_CHARS) {
        message.body.truncate(end);
    }
    if !message.body.is_empty() {
        message.attachments.clear();
    }
    for (place, file) in message.attachments.iter_mut().enumerate() {
        if place > 0 {
            file.name.clear();
        }
        file.media_type.clear();
        file.alt.clear();
        (file.picture, file.excerpt) = (None, None);
    }
    message.reply_to = None;
    message.reactions.clear();
}

impl Store {
    /// Shows the pinned messages of a chat.
    pub fn open_pinned(&self, chat_id: ChatId) {
        let is_open =
            |pinned: &Option<Pinned>| pinned.as_ref().is_some_and(|pinned| pinned.chat_id == chat_id);
        if !self.pinned.with_untracked(is_open) {
            self.pinned.set(Some(Pinned::unknown(chat_id)));
        }
        self.load_pinned();
    }

    /// Asks for the pinned messages if they are not known. If that fails, it is asked again in a while, or with the
    /// next greeting or change.
    pub(super) fn load_pinned(&self) {
        let store = *self;
        let asked = move || {
            store.pinned.with_untracked(|pinned| {
                let pinned = pinned.as_ref().filter(|pinned| pinned.is_stale)?;
                Some((pinned.chat_id, pinned.changes))
            })
        };
        if asked().is_none() || self.pinned_under_way.get_value() {
            return;
        }
        self.pinned_under_way.set_value(true);
        spawn_local(async move {
            while let Some((chat_id, changes)) = asked() {
                match browser::within(api::list_pinned(chat_id)).await {
                    Ok(messages) => {
                        store.change_pinned(chat_id, |pinned| pinned.load(messages, changes));
                    }
                    // Another chat may have been opened meanwhile.
                    Err(_) if asked().is_some_and(|(id, _)| id != chat_id) => {}
                    Err(error) => {
                        if error.code.is_retryable() {
                            store.ask_later();
                        }
                        break;
                    }
                }
            }
            store.pinned_under_way.set_value(false);
        });
    }

    /// Changes what is known of the pinned messages of a chat, if that is open.
    pub(super) fn change_pinned(&self, chat_id: ChatId, change: impl FnOnce(&mut Pinned) -> bool) {
        self.pinned.maybe_update(|pinned| {
            pinned.as_mut().filter(|pinned| pinned.chat_id == chat_id).is_some_and(change)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{AttachmentKind, Ordinal, Seq, Timestamp},
        ui::{
            files::words::gist,
            state::testing::{ADA, BEN, CHAT, file, message},
        },
    };

    fn pin(seq: u64, number: u64, on: bool) -> LogEvent {
        let body = EventBody::PinChanged { message_id: message(number, BEN, "").id, on };
        LogEvent {
            chat_id: CHAT,
            seq: Seq(seq),
            at: Timestamp::from_millis(1),
            actor_id: ADA,
            named: Default::default(),
            body,
        }
    }

    fn pinned(number: u64, seq: u64) -> MessageView {
        let mut message = message(number, BEN, "hi");
        message.apply(&pin(seq, number, true), None);
        message
    }

    fn numbers(pinned: &Pinned) -> Vec<u64> {
        pinned.messages().iter().map(|message| message.seq.0).collect()
    }

    #[test]
    fn what_is_taken_down_goes_and_what_is_pinned_elsewhere_is_asked_for() {
        let mut all = Pinned::new(CHAT, vec![pinned(2, 9), pinned(1, 8)]);
        all.apply(&pin(10, 1, false), None);
        assert_eq!((numbers(&all), all.is_stale()), (vec![2], false));
        // One that is in the list already is no news.
        all.apply(&pin(9, 2, true), None);
        assert!(!all.is_stale());
        all.apply(&pin(11, 3, true), None);
        assert!(all.is_stale());
        all.load(vec![pinned(3, 11), pinned(2, 9)], all.changes);
        assert_eq!((numbers(&all), all.is_stale()), (vec![3, 2], false));
    }

    #[test]
    fn who_has_written_it_is_called_as_they_are_now() {
        let mut all = Pinned::new(CHAT, vec![pinned(1, 8)]);
        assert!(!all.note_user(ADA, "Countess", None), "somebody else");
        assert!(all.note_user(BEN, "Benjamin", None));
        assert!(!all.note_user(BEN, "Benjamin", None), "it says so already");
        assert_eq!(all.messages()[0].sender_name, "Benjamin");
    }

    fn edit(body: String) -> EventBody {
        let (message_id, ordinal) = (message(1, BEN, "").id, Ordinal(1));
        EventBody::MessageEdited { message_id, ordinal, body, mentions: Default::default() }
    }

    #[test]
    fn an_answer_that_was_read_before_a_change_is_asked_for_anew() {
        let mut all = Pinned::unknown(CHAT);
        let asked = all.changes;
        all.note(&pinned(1, 8));
        all.load(Vec::new(), asked);
        assert!(all.is_stale() && !all.is_known_to_be_empty());
        all.load(Vec::new(), all.changes);
        assert!(all.is_known_to_be_empty());
        all.outdate();
        let asked = all.changes;
        let body = edit("new".into());
        all.apply(&LogEvent { body, ..pin(9, 1, true) }, None);
        all.load(vec![pinned(1, 8)], asked);
        assert!(all.is_stale());
    }

    #[test]
    fn what_events_have_taken_down_does_not_come_back_with_an_answer_that_they_overtook() {
        let mut all = Pinned::new(CHAT, vec![pinned(2, 9), pinned(1, 8)]);
        all.apply(&pin(11, 2, false), None);
        all.note(&pinned(2, 10));
        assert_eq!((numbers(&all), all.is_stale()), (vec![1], true));
        all.load(vec![pinned(1, 8)], all.changes);
        let body = EventBody::MessageDeleted { message_id: message(1, BEN, "").id, ordinal: Ordinal(1) };
        all.apply(&LogEvent { body, ..pin(13, 1, false) }, None);
        all.note(&pinned(1, 12));
        assert_eq!((numbers(&all), all.is_stale()), (vec![], true));
    }

    #[test]
    fn what_one_deletes_goes_at_once_and_a_list_on_its_way_may_still_have_it() {
        let mut all = Pinned::new(CHAT, vec![pinned(2, 9), pinned(1, 8)]);
        all.outdate();
        let asked = all.changes;
        all.delete(message(2, BEN, "").id);
        all.load(vec![pinned(2, 9), pinned(1, 8)], asked);
        assert_eq!((numbers(&all), all.is_stale()), (vec![1], true));
    }

    #[test]
    fn only_what_is_shown_of_a_message_is_kept() {
        let mut long = pinned(1, 8);
        long.body = "ü".repeat(8_000);
        long.attachments = vec![file(1, AttachmentKind::Image, "a.png")];
        let mut files = pinned(2, 9);
        files.body.clear();
        files.attachments = vec![file(1, AttachmentKind::Image, "a.png"), file(2, AttachmentKind::File, "b")];
        let said = gist(&files);
        let mut all = Pinned::new(CHAT, vec![long, files]);
        assert_eq!(all.messages()[0].body, "ü".repeat(SHOWN_CHARS));
        assert!(all.messages()[0].attachments.is_empty());
        assert_eq!(gist(&all.messages()[1]), said);
        assert!(all.messages()[1].attachments.iter().all(|file| file.picture.is_none()));
        let body = edit("n".repeat(500));
        assert!(all.apply(&LogEvent { body, ..pin(10, 1, true) }, None));
        assert_eq!((all.messages()[0].body.len(), all.is_stale()), (SHOWN_CHARS, false));
        // Its files are not known here.
        let body = edit(String::new());
        assert!(all.apply(&LogEvent { body, ..pin(11, 1, true) }, None));
        assert!(all.is_stale());
    }

    #[test]
    fn what_changes_nothing_that_is_shown_says_so() {
        let mut all = Pinned::new(CHAT, vec![pinned(1, 8)]);
        assert!(!all.apply(&pin(8, 1, true), None), "it is known already");
        assert!(!all.apply(&pin(9, 2, false), None), "it is not here");
        let (message_id, emoji) = (message(1, BEN, "").id, "👍".into());
        let body = EventBody::ReactionChanged { message_id, emoji, on: true };
        assert!(!all.apply(&LogEvent { body, ..pin(10, 1, true) }, None));
        assert!(!all.note(&pinned(1, 8)));
        assert!(!all.note(&message(2, BEN, "hi")));
        assert!(all.apply(&pin(11, 1, false), None));
        assert!(all.outdate() && !all.outdate());
    }
}
