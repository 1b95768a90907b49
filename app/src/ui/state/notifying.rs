//! Notifications of the browser for what comes while nobody looks at the window: one for each chat. What is wanted is
//! kept in this browser, and permission is asked for by a button of the settings alone.

use std::{collections::BTreeMap, time::Duration};

use leptos::prelude::{GetUntracked, GetValue, UpdateValue, WithUntracked, set_timeout};

use super::{Store, browser, browser::Storage, marks::first_unread, naming::chat_title, notifications};
use crate::{
    domain::{ChatId, ChatKind, Ordinal, Timestamp, UserId},
    protocol::{ChatView, MessageView, MyChatView},
    ui::files::words::gist,
};

/// Where the browser keeps what is wanted of it.
const WANTED_KEY: &str = "samvad-notifications";
/// Where the tabs of a browser tell each other of what they have notified last.
const LAST_KEY: &str = "samvad-notified";
/// How long a message that arrived may be read before it is told.
const MOMENT: Duration = Duration::from_millis(1_500);
/// Characters of a message that are shown at most.
const BODY_CHARS: usize = 200;

/// What somebody wants of this browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Notifications are shown.
    pub shown: bool,
    /// They come with a sound.
    pub sound: bool,
}

impl Wanted {
    /// What the browser keeps.
    pub fn kept() -> Self {
        Self::read(&browser::stored(Storage::Browser, WANTED_KEY).unwrap_or_default())
    }

    /// Has the browser keep it; false if it does not.
    pub fn keep(self) -> bool {
        browser::store(Storage::Browser, WANTED_KEY, Some(self.written()))
    }

    fn read(text: &str) -> Self {
        let has = |word| text.split(' ').any(|one| one == word);
        Self { shown: has("shown"), sound: has("sound") }
    }

    fn written(self) -> &'static str {
        match (self.shown, self.sound) {
            (true, true) => "shown sound",
            (true, false) => "shown",
            (false, true) => "sound",
            (false, false) => "none",
        }
    }
}

/// One notification: of which chat and message, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Of which chat: another one of the same takes its place.
    pub chat_id: ChatId,
    /// The last message that it tells of.
    pub ordinal: Ordinal,
    /// What the chat is called.
    pub title: String,
    /// What was said, and in a group by whom.
    pub body: String,
}

impl Call {
    /// What there is to be told of a message, if anything.
    ///
    /// Nothing is told of one's own, of somebody's whom one has blocked, of what is read or deleted, of a chat that is
    /// muted now, and of what mentions somebody else where only mentions are wanted.
    fn of(
        message: &MessageView,
        chat: &ChatView,
        mine: &MyChatView,
        me: Option<UserId>,
        is_blocked: bool,
        now: Timestamp,
    ) -> Option<Self> {
        let is_unread = first_unread(mine, chat.head_ordinal).is_some_and(|first| first <= message.ordinal);
        let is_own = Some(message.sender_id) == me;
        let is_wanted = !mine.mentions_only || me.is_some_and(|me| message.mentions_reader(me));
        let is_silent = is_blocked || mine.is_muted(now) || !is_wanted;
        if is_own || is_silent || !is_unread || message.deleted_at.is_some() {
            return None;
        }
        let said: String = gist(message).chars().take(BODY_CHARS).collect();
        let body = match chat.kind {
            ChatKind::Group => format!("{}: {said}", message.sender_name),
            ChatKind::Direct => said,
        };
        Some(Self { chat_id: chat.id, ordinal: message.ordinal, title: chat_title(chat, me), body })
    }

    /// The last message of each chat that is told of.
    fn last(calls: impl Iterator<Item = Self>) -> BTreeMap<ChatId, Self> {
        let mut last: BTreeMap<ChatId, Self> = BTreeMap::new();
        for call in calls {
            match last.get(&call.chat_id) {
                Some(before) if before.ordinal >= call.ordinal => {}
                _ => drop(last.insert(call.chat_id, call)),
            }
        }
        last
    }
}

impl Store {
    /// Notifies the reader of messages that arrived, if nobody looks. A moment later: what is read meanwhile, in another
    /// tab or on another device, is not told.
    pub(super) fn notify(&self, messages: &[MessageView]) {
        if messages.is_empty() || self.reading.is_attentive.get_untracked() || !Wanted::kept().shown {
            return;
        }
        let (store, messages) = (*self, messages.to_vec());
        set_timeout(move || store.call(&messages), MOMENT);
    }

    fn call(&self, messages: &[MessageView]) {
        let wanted = Wanted::kept();
        if self.reading.is_attentive.get_untracked() || !wanted.shown {
            return;
        }
        let (me, now) = (self.me(), self.server_time());
        let calls = messages.iter().filter_map(|message| {
            let (chat, is_blocked) = self.model.with_untracked(|model| {
                let is_blocked = model.people().is_blocked(message.sender_id);
                Some((model.chat(message.chat_id).cloned()?, is_blocked))
            })?;
            let (mine, _) = self.shown_mine(message.chat_id)?;
            Call::of(message, &chat, &mine, me, is_blocked, now)
        });
        for (chat_id, call) in Call::last(calls) {
            let is_new = self.reading.called.try_update_value(|called| {
                let before = called.insert(chat_id, call.ordinal);
                before < Some(call.ordinal)
            });
            if is_new != Some(true) {
                continue;
            }
            let (mark, way) = (format!("{chat_id} {}", call.ordinal), self.reading.way.get_value());
            notifications::in_one_tab(&format!("{LAST_KEY} {mark}"), move || {
                // Another tab may have told it a while ago.
                if browser::stored(Storage::Browser, LAST_KEY).as_ref() != Some(&mark) {
                    browser::store(Storage::Browser, LAST_KEY, Some(&mark));
                    notifications::show(&call, wanted.sound, way);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::{MentionView, MentionsView},
        ui::state::testing::{ADA, BEN, CHAT, OTHER, direct, group, message},
    };

    fn mine(read: u64, muted_until: Option<i64>) -> MyChatView {
        let muted_until = muted_until.map(Timestamp::from_millis);
        MyChatView { read: Ordinal(read), muted_until, ..MyChatView::default() }
    }

    fn call(message: &MessageView, chat: ChatView, mine: &MyChatView) -> Option<Call> {
        let chat = ChatView { head_ordinal: Ordinal(9), ..chat };
        Call::of(message, &chat, mine, Some(ADA), false, Timestamp::from_millis(1_000))
    }

    #[test]
    fn what_others_say_and_is_unread_is_told() {
        let said = message(5, BEN, "**hello**");
        let told = call(&said, group(), &mine(4, None)).map(|call| (call.title, call.body));
        assert_eq!(told, Some(("Team".into(), "Ben: hello".into())));
        let told = call(&said, direct(), &mine(4, None)).map(|call| (call.title, call.body));
        assert_eq!(told, Some(("Ben".into(), "hello".into())));
        assert_eq!(call(&said, group(), &mine(5, None)), None, "it is read");
        assert_eq!(call(&message(5, ADA, "mine"), group(), &mine(4, None)), None);
    }

    #[test]
    fn nothing_is_told_of_what_somebody_says_whom_one_has_blocked() {
        let chat = ChatView { head_ordinal: Ordinal(9), ..group() };
        let (said, now) = (message(5, BEN, "@all hello"), Timestamp::default());
        let told = |is_blocked| Call::of(&said, &chat, &mine(4, None), Some(ADA), is_blocked, now);
        assert!(told(false).is_some());
        assert_eq!(told(true), None);
    }

    #[test]
    fn a_muted_chat_is_silent_until_it_is_muted_no_longer() {
        let said = message(5, BEN, "hello");
        assert_eq!(call(&said, group(), &mine(4, Some(1_001))), None);
        assert!(call(&said, group(), &mine(4, Some(1_000))).is_some());
    }

    #[test]
    fn where_only_mentions_are_wanted_nothing_else_is_told() {
        let (mut said, wanted) =
            (message(5, BEN, "@Ada"), MyChatView { mentions_only: true, ..mine(4, None) });
        assert_eq!(call(&said, group(), &wanted), None);
        said.mentions.people.push(MentionView { user_id: ADA, name: "Ada".into() });
        assert!(call(&said, group(), &wanted).is_some());
        said.mentions = MentionsView { all: true, ..MentionsView::default() };
        assert!(call(&said, group(), &wanted).is_some());
    }

    #[test]
    fn of_a_burst_the_last_of_each_chat_is_told() {
        let one = |chat_id, ordinal| Call {
            chat_id,
            ordinal: Ordinal(ordinal),
            title: String::new(),
            body: String::new(),
        };
        let last = Call::last([one(CHAT, 3), one(OTHER, 1), one(CHAT, 5), one(CHAT, 4)].into_iter());
        assert_eq!(last.values().cloned().collect::<Vec<_>>(), [one(CHAT, 5), one(OTHER, 1)]);
    }

    #[test]
    fn what_is_wanted_is_kept_in_words() {
        for shown in [false, true] {
            for sound in [false, true] {
                let wanted = Wanted { shown, sound };
                assert_eq!(Wanted::read(wanted.written()), wanted);
            }
        }
        assert_eq!(Wanted::read(""), Wanted::default());
    }
}
