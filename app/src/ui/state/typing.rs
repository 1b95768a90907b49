//! Who is writing in which chat, as far as it was heard lately: pure, by a clock that is given.

use std::collections::BTreeMap;

use crate::{
    domain::{ChatId, UserId},
    protocol::ChatView,
};

/// For how long somebody counts as writing after it was heard, in milliseconds.
pub const HEARD_MS: f64 = 6_000.0;
/// How often the page says that its reader writes, in milliseconds.
pub const SAID_MS: f64 = 3_000.0;
/// People that are kept, in all chats together. What is heard beyond them is passed over.
const MAX_HEARD: usize = 1_000;

/// Who is writing, and until when that holds: milliseconds of any clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typing {
    heard: BTreeMap<(ChatId, UserId), f64>,
}

impl Typing {
    /// Somebody was heard to be writing.
    pub fn hear(&mut self, chat: ChatId, user: UserId, now: f64) {
        if self.heard.len() < MAX_HEARD || self.heard.contains_key(&(chat, user)) {
            self.heard.insert((chat, user), now + HEARD_MS);
        }
    }

    /// They have said what they were writing. Whether they were.
    pub fn stop(&mut self, chat: ChatId, user: UserId) -> bool {
        self.heard.remove(&(chat, user)).is_some()
    }

    /// Nothing is heard any more.
    pub fn clear(&mut self) {
        self.heard.clear();
    }

    /// Whether nobody is writing.
    pub fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// Drops what was heard too long ago, and answers when the next is: in how many milliseconds.
    pub fn expire(&mut self, now: f64) -> Option<f64> {
        self.heard.retain(|_, until| *until > now);
        self.heard.values().copied().reduce(f64::min).map(|until| until - now)
    }

    /// Who is writing in the chat, in its members' order. Who is in it no longer is left out.
    pub fn words(&self, chat: &ChatView) -> String {
        let writes = |user: UserId| self.heard.contains_key(&(chat.id, user));
        let mut names = chat
            .members
            .iter()
            .filter(|member| writes(member.user.id))
            .map(|member| &member.user.display_name);
        match (names.next(), names.next(), names.next()) {
            (None, ..) => String::new(),
            (Some(one), None, _) => format!("{one} is typing…"),
            (Some(one), Some(other), None) => format!("{one} and {other} are typing…"),
            _ => "Several people are typing…".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Role,
        ui::state::testing::{BEN, CHAT, CY, OTHER, group, member},
    };

    #[test]
    fn whoever_was_heard_is_named_until_it_was_too_long_ago() {
        let (mut typing, mut chat) = (Typing::default(), group());
        chat.members.push(member(CY, Role::Member));
        typing.hear(CHAT, BEN, 0.0);
        typing.hear(OTHER, CY, 0.0);
        assert_eq!(typing.words(&chat), "Ben is typing…");
        typing.hear(CHAT, CY, 2_000.0);
        assert_eq!(typing.words(&chat), "Ben and Cy are typing…");
        assert_eq!(typing.expire(5_000.0), Some(1_000.0));
        typing.hear(CHAT, BEN, 5_000.0);
        assert_eq!(typing.expire(8_000.0), Some(3_000.0), "they went on");
        assert_eq!(typing.words(&chat), "Ben is typing…");
        assert_eq!(typing.expire(11_000.0), None);
        assert!(typing.is_empty());
    }

    #[test]
    fn whoever_has_written_or_is_gone_is_not_named() {
        let (mut typing, chat) = (Typing::default(), group());
        typing.hear(CHAT, CY, 0.0);
        assert_eq!(typing.words(&chat), "", "not in the chat");
        typing.hear(CHAT, BEN, 0.0);
        assert!(typing.stop(CHAT, BEN) && !typing.stop(CHAT, BEN));
        assert_eq!(typing.words(&chat), "");
        typing.hear(CHAT, BEN, 0.0);
        typing.clear();
        assert!(typing.is_empty());
    }

    #[test]
    fn of_three_no_name_is_said() {
        let (mut typing, mut chat) = (Typing::default(), group());
        chat.members.push(member(CY, Role::Member));
        for member in &chat.members {
            typing.hear(CHAT, member.user.id, 0.0);
        }
        assert_eq!(typing.words(&chat), "Several people are typing…");
    }
}
