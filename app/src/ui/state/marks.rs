//! How far the reader has read, until the server has heard of it: pure.
//!
//! [`Marks`] is what is to be told. Over it stands what the server has told: nothing known is changed for a mark, so
//! nothing has to be put back when it is refused. [`Sight`] decides which messages count as read: those that came on
//! the screen since the chat was opened, or since the window got the focus.

use std::collections::BTreeMap;

use crate::{
    domain::{ChatId, Ordinal, limits::DEFAULT_PAGE_MESSAGES},
    protocol::MyChatView,
};

/// So many messages at the end are on the page that a chat is opened with, and some before them.
const NEAR_END: u64 = DEFAULT_PAGE_MESSAGES as u64 - 10;

/// How far chats were read here, as far as the server has not answered it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    wanted: BTreeMap<ChatId, Ordinal>,
    under_way: Option<(ChatId, Ordinal)>,
}

impl Marks {
    /// The chat was read up to this message.
    pub fn want(&mut self, chat: ChatId, ordinal: Ordinal) {
        let wanted = self.wanted.entry(chat).or_default();
        *wanted = ordinal.max(*wanted);
    }

    /// What is to be told next, one at a time.
    pub fn begin_next(&mut self) -> Option<(ChatId, Ordinal)> {
        if self.under_way.is_none() {
            self.under_way = self.wanted.pop_first();
            return self.under_way;
        }
        None
    }

    /// It was answered: done or refused for good, unless it is to be told again.
    pub fn answered(&mut self, again: bool) {
        if let Some((chat, ordinal)) = self.under_way.take()
            && again
        {
            self.want(chat, ordinal);
        }
    }

    /// Nothing more is to be told of this chat. Whether something still is under way.
    pub fn forget(&mut self, chat: ChatId) -> bool {
        self.wanted.remove(&chat);
        self.under_way.is_some_and(|(of, _)| of == chat)
    }

    /// Everything that is not answered.
    pub fn open(&self) -> Vec<(ChatId, Ordinal)> {
        self.wanted.iter().map(|(chat, ordinal)| (*chat, *ordinal)).chain(self.under_way).collect()
    }

    /// What a chat, whose last message is `head`, is to the reader: what the server has told, and read as far as it was
    /// here.
    pub fn over(&self, chat: ChatId, mine: &MyChatView, head: Ordinal) -> MyChatView {
        let mut shown = mine.clone();
        let under_way = self.under_way.filter(|(of, _)| *of == chat).map(|(_, ordinal)| ordinal);
        if let Some(read) = self.wanted.get(&chat).copied().max(under_way) {
            shown.mark_read(read, head);
        }
        shown
    }
}

/// What has been on the screen since the chat was opened, or the window got the focus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The last message that was seen.
    seen: Ordinal,
    /// The mark from which on the chat counted as unread at the beginning: to look at it again takes that away.
    mark: Option<Ordinal>,
    /// Whether the reader has just said that the chat is to count as unread.
    is_held: bool,
}

impl Sight {
    /// Somebody begins to look at a chat.
    pub fn new(mine: &MyChatView) -> Self {
        Self { seen: Ordinal(0), mark: mine.unread_from, is_held: false }
    }

    /// The reader wants the chat to count as unread: what is on the screen does not count as read until they look
    /// again.
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    /// All up to this message has been on the screen, in a chat whose last one is `head`. Answers how far that has to
    /// be told to be read.
    ///
    /// What was on the screen before says nothing new. Nor does anything while there is a mark that somebody, here or on
    /// another device, has put since.
    pub fn see(&mut self, ordinal: Ordinal, mine: &MyChatView, head: Ordinal) -> Option<Ordinal> {
        let is_marked = mine.unread_from.is_some() && mine.unread_from != self.mark;
        if self.is_held || is_marked || ordinal <= self.seen {
            return None;
        }
        self.seen = ordinal;
        (first_unread(mine, head)? <= ordinal).then_some(ordinal.min(head))
    }
}

/// The first message that counts as unread in a chat whose last one is `head`.
pub fn first_unread(mine: &MyChatView, head: Ordinal) -> Option<Ordinal> {
    let unread = mine.unread(head);
    (unread > 0).then(|| Ordinal(head.0 - unread + 1))
}

/// The first unread message, if a page of the last ones would not hold it with something of what is before.
pub fn far_from_end(mine: &MyChatView, head: Ordinal) -> Option<Ordinal> {
    first_unread(mine, head).filter(|first| head.0 - first.0 >= NEAR_END)
}

/// A number of unread messages on a badge.
pub fn badge(unread: u64) -> String {
    if unread > 99 { "99+".into() } else { unread.to_string() }
}

/// The same in words.
pub fn unread_words(unread: u64) -> String {
    let messages = if unread == 1 { "message" } else { "messages" };
    format!("{unread} unread {messages}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{CHAT, OTHER};

    fn mine(read: u64, unread_from: Option<u64>) -> MyChatView {
        MyChatView { read: Ordinal(read), unread_from: unread_from.map(Ordinal), ..MyChatView::default() }
    }

    #[test]
    fn what_was_read_here_is_shown_at_once_and_told_once() {
        let (mut marks, known, head) = (Marks::default(), mine(2, None), Ordinal(9));
        marks.want(CHAT, Ordinal(5));
        marks.want(CHAT, Ordinal(7));
        marks.want(CHAT, Ordinal(6));
        assert_eq!(marks.over(CHAT, &known, head).unread(head), 2);
        assert_eq!(marks.over(OTHER, &known, head), known);
        assert_eq!(marks.begin_next(), Some((CHAT, Ordinal(7))));
        assert_eq!(marks.begin_next(), None, "one at a time");
        assert_eq!(marks.over(CHAT, &known, head).unread(head), 2, "it is not answered yet");
        marks.want(CHAT, Ordinal(8));
        marks.answered(false);
        assert_eq!(marks.begin_next(), Some((CHAT, Ordinal(8))));
        marks.answered(false);
        assert_eq!((marks.begin_next(), marks.open()), (None, vec![]));
    }

    #[test]
    fn what_failed_is_told_again_with_what_came_since() {
        let mut marks = Marks::default();
        marks.want(CHAT, Ordinal(5));
        marks.begin_next();
        marks.want(CHAT, Ordinal(6));
        marks.answered(true);
        assert_eq!(marks.begin_next(), Some((CHAT, Ordinal(6))));
        marks.answered(true);
        marks.want(OTHER, Ordinal(1));
        assert_eq!(marks.open(), [(CHAT, Ordinal(6)), (OTHER, Ordinal(1))]);
        assert!(!marks.forget(CHAT));
        assert_eq!(marks.begin_next(), Some((OTHER, Ordinal(1))));
        assert!(marks.forget(OTHER), "that can not be taken back any more");
    }

    #[test]
    fn only_what_comes_on_the_screen_and_is_unread_is_told() {
        let head = Ordinal(9);
        let mut sight = Sight::new(&mine(4, None));
        assert_eq!(sight.see(Ordinal(3), &mine(4, None), head), None, "that was read before");
        assert_eq!(sight.see(Ordinal(6), &mine(4, None), head), Some(Ordinal(6)));
        assert_eq!(sight.see(Ordinal(5), &mine(4, None), head), None, "it was seen");
        assert_eq!(sight.see(Ordinal(9), &mine(9, None), head), None, "another device was faster");
    }

    #[test]
    fn what_is_marked_as_unread_stays_so_until_somebody_looks_again() {
        let (head, next) = (Ordinal(9), Ordinal(10));
        let mut sight = Sight::new(&mine(9, None));
        assert_eq!(sight.see(head, &mine(9, None), head), None);
        sight.hold();
        assert_eq!(sight.see(next, &mine(9, None), next), None, "the answer has not come yet");
        // On another device of the same person, which shows the same.
        let mut other = Sight::new(&mine(9, None));
        assert_eq!(other.see(next, &mine(9, Some(7)), next), None);
        // The chat is opened anew, and scrolled to the mark.
        let mut again = Sight::new(&mine(9, Some(7)));
        assert_eq!(again.see(Ordinal(6), &mine(9, Some(7)), head), None);
        assert_eq!(again.see(Ordinal(8), &mine(9, Some(7)), head), Some(Ordinal(8)));
    }

    #[test]
    fn the_first_unread_message_is_told_by_marker_and_mark() {
        assert_eq!(first_unread(&mine(4, None), Ordinal(4)), None);
        assert_eq!(first_unread(&mine(4, None), Ordinal(6)), Some(Ordinal(5)));
        assert_eq!(first_unread(&mine(6, Some(2)), Ordinal(6)), Some(Ordinal(2)));
    }

    #[test]
    fn what_is_far_from_the_end_is_not_on_the_last_page() {
        assert_eq!(far_from_end(&mine(60, None), Ordinal(60)), None);
        assert_eq!(far_from_end(&mine(60, None), Ordinal(100)), None);
        assert_eq!(far_from_end(&mine(60, None), Ordinal(101)), Some(Ordinal(61)));
    }

    #[test]
    fn a_badge_is_short_and_its_words_are_exact() {
        assert_eq!((badge(99), badge(100)), ("99".into(), "99+".into()));
        assert_eq!(unread_words(1), "1 unread message");
        assert_eq!(unread_words(120), "120 unread messages");
    }
}
