//! Who wrote the messages of the open chat, as they are called and shown now.

use std::sync::Arc;

use super::Timeline;
use crate::domain::{AttachmentId, UserId};

impl Timeline {
    /// Somebody has another name or picture. Returns whether any message is theirs and said otherwise.
    pub fn note_user(&mut self, user: UserId, name: &str, avatar: Option<AttachmentId>) -> bool {
        let mut any = false;
        for message in self.messages.iter_mut().filter(|message| message.sender_id == user) {
            if message.sender_name != name || message.sender_avatar != avatar {
                let message = Arc::make_mut(message);
                (message.sender_name, message.sender_avatar) = (name.to_owned(), avatar);
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
        protocol::HistoryPage,
        ui::state::testing::{ADA, BEN, CHAT, message},
    };

    #[test]
    fn the_messages_of_one_person_say_what_they_are_called_now() {
        let messages = vec![message(1, ADA, "one"), message(2, BEN, "two"), message(3, ADA, "three")];
        let mut open = Timeline::ready(CHAT, HistoryPage { messages, ..HistoryPage::default() });
        let avatar = Some(AttachmentId::from_bytes([7; 12]));
        assert!(open.note_user(ADA, "Countess", avatar));
        assert!(!open.note_user(ADA, "Countess", avatar), "they do already");
        let said: Vec<_> =
            open.messages().iter().map(|m| (m.sender_name.as_str(), m.sender_avatar)).collect();
        assert_eq!(said, [("Countess", avatar), ("Ben", None), ("Countess", avatar)]);
    }
}
