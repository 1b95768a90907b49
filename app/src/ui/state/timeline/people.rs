//! Who wrote the messages of the open chat, as they are called and shown now.

use std::sync::Arc;

use super::Timeline;
use crate::{
    domain::{AttachmentId, UserId},
    ui::state::naming::{is_outdated, name_anew},
};

impl Timeline {
    /// Somebody has another name or picture. Returns whether a message of theirs, an answer to one, or what
    /// happened to the chat said otherwise.
    pub fn note_user(&mut self, user: UserId, name: &str, avatar: Option<AttachmentId>) -> bool {
        let mut any = false;
        for message in &mut self.messages {
            if is_outdated(message, user, name, avatar) {
                name_anew(Arc::make_mut(message), user, name, avatar);
                any = true;
            }
        }
        for event in self.events.values_mut() {
            if event.named.get(&user).is_some_and(|before| before != name) {
                Arc::make_mut(event).named.insert(user, name.to_owned());
                any = true;
            }
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::{HistoryPage, QuoteView},
        ui::state::testing::{ADA, BEN, CHAT, message},
    };

    #[test]
    fn the_messages_of_one_person_say_what_they_are_called_now() {
        let mut messages = vec![message(1, ADA, "one"), message(2, BEN, "two"), message(3, ADA, "three")];
        messages[1].reply_to = Some(QuoteView::of(&messages[0]));
        let mut open = Timeline::ready(CHAT, HistoryPage { messages, ..HistoryPage::default() });
        let avatar = Some(AttachmentId::from_bytes([7; 12]));
        assert!(open.note_user(ADA, "Countess", avatar));
        assert!(!open.note_user(ADA, "Countess", avatar), "they do already");
        let said: Vec<_> =
            open.messages().iter().map(|m| (m.sender_name.as_str(), m.sender_avatar)).collect();
        assert_eq!(said, [("Countess", avatar), ("Ben", None), ("Countess", avatar)]);
        let quote = open.messages()[1].reply_to.as_ref();
        assert_eq!(quote.map(|quote| quote.sender_name.as_str()), Some("Countess"));
    }
}
