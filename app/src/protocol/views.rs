//! What server functions answer: allow-lists of what the caller may see, never a stored record itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DraftView, LogEvent, MessageView};
use crate::domain::{
    AttachmentId, AttachmentKind, ChatId, ChatKind, Ordinal, Role, Seq, SessionId, Timestamp, UserId,
};

/// A person, as everybody may see them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserView {
    /// Who.
    pub id: UserId,
    /// What they are called.
    pub display_name: String,
    /// What they say about themselves; may be empty.
    #[serde(default)]
    pub about: String,
    /// The picture that stands for them, at `/avatars/<id>`, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AttachmentId>,
}

/// One's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// Who.
    pub id: UserId,
    /// The address one signs in with.
    pub email: String,
    /// What one is called.
    pub display_name: String,
    /// What one says about oneself; may be empty.
    pub about: String,
    /// Since when the account exists.
    pub created_at: Timestamp,
    /// Whether others see how far one has read.
    #[serde(default = "yes")]
    pub read_receipts: bool,
    /// The picture that stands for one, at `/avatars/<id>`, if one has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AttachmentId>,
    /// Whether others see when one was last there, and one sees when they were.
    #[serde(default = "yes")]
    pub show_last_seen: bool,
    /// The session that asked.
    pub session_id: SessionId,
}

fn yes() -> bool {
    true
}

/// One sign-in of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// Which session.
    pub id: SessionId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The browser and system, in people's words.
    pub device: String,
    /// The address it was last used from.
    pub address: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it was last used, to within a few minutes.
    pub last_used_at: Timestamp,
}

/// A person in a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberView {
    /// Who.
    #[serde(flatten)]
    pub user: UserView,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// Up to which message they have read, if they let others see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Ordinal>,
}

/// What a chat is to one of its members alone, on all of their devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct MyChatView {
    /// Grows with every change of the rest: of two states the one with the higher revision is the later.
    #[serde(default)]
    pub revision: u64,
    /// The last message that they have read. Never moves back.
    #[serde(default)]
    pub read: Ordinal,
    /// The message from which on they want the chat to count as unread, although they may have read further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_from: Option<Ordinal>,
    /// Until when nothing of it notifies them; for good, if that is [`Timestamp::FOREVER`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Timestamp>,
    /// Whether only what mentions them notifies them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mentions_only: bool,
    /// Whether it stands among the chats that are put away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
}

impl MyChatView {
    /// How many messages count as unread where the last one is this.
    pub fn unread(&self, head: Ordinal) -> u64 {
        let from_mark = self.unread_from.map(|first| Ordinal(first.0.saturating_sub(1)));
        let read = from_mark.map_or(self.read, |mark| mark.min(self.read));
        head.0.saturating_sub(read.0)
    }

    /// Whether nothing of the chat notifies them at this time.
    pub fn is_muted(&self, now: Timestamp) -> bool {
        self.muted_until.is_some_and(|until| until > now)
    }

    /// Whether the chat stands among those that are put away. One that is not muted comes back with the first message
    /// that is unread in it.
    pub fn is_put_away(&self, head: Ordinal, now: Timestamp) -> bool {
        self.archived && (self.is_muted(now) || self.unread(head) == 0)
    }

    /// They have read up to this message. A chat that had come back from those that are put away stays, now that it
    /// was read.
    pub fn look_at(&mut self, ordinal: Ordinal, head: Ordinal, now: Timestamp) {
        let is_back = self.archived && !self.is_put_away(head, now);
        let unread = self.unread(head);
        self.mark_read(ordinal, head);
        self.archived &= !(is_back && self.unread(head) < unread);
    }

    /// They have read up to this message, in a chat whose last one is `head`: never beyond that, and never back.
    /// The mark from which on the chat counted as unread goes once it is reached.
    pub fn mark_read(&mut self, ordinal: Ordinal, head: Ordinal) {
        let reached = ordinal.min(head);
        self.read = self.read.max(reached);
        self.unread_from.take_if(|first| *first <= reached);
    }

    /// The chat, whose last message is `head`, is to count as unread from this message on. One without messages has
    /// none to count.
    pub fn mark_unread(&mut self, ordinal: Ordinal, head: Ordinal) {
        if head > Ordinal(0) {
            self.unread_from = Some(ordinal.clamp(Ordinal(1), head));
        }
    }

    /// They have sent this message: whoever writes has seen what was there. A state that has read so far includes it
    /// already, with what they did afterwards.
    pub fn note_sent(&mut self, ordinal: Ordinal) {
        if ordinal > self.read {
            self.read = ordinal;
            self.unread_from = None;
        }
    }

    /// Takes in a state that was told, in whichever order states and messages come. `sent` is the last message of one's
    /// own that is known (0 if there is none). Returns whether anything is otherwise now.
    ///
    /// A send has no revision, but always moves `read`: of two states the later one has the higher `(revision, read)`.
    /// One that has not read up to `sent` is from before that send, which took its mark away.
    pub fn take(&mut self, told: Self, sent: Ordinal) -> bool {
        let mut latest = self.clone();
        if (told.revision, told.read) > (self.revision, self.read) {
            latest = told;
            latest.note_sent(self.read);
        }
        latest.note_sent(sent);
        let is_news = latest != *self;
        *self = latest;
        is_news
    }
}

/// A chat, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatView {
    /// Which chat.
    pub id: ChatId,
    /// Of which kind.
    pub kind: ChatKind,
    /// A group's name. A direct chat has none: it is called after the other person.
    pub name: Option<String>,
    /// What a group says about itself; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The picture that stands for a group, at `/avatars/<id>`, if it has one. For a direct chat stands the other
    /// person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AttachmentId>,
    /// The members, longest-standing first; in a list of chats at most the first
    /// [`crate::domain::limits::MEMBERS_IN_LIST`].
    pub members: Vec<MemberView>,
    /// How many members there are.
    pub member_count: u64,
    /// What the caller is in it.
    pub my_role: Role,
    /// What it is to the caller alone.
    #[serde(default)]
    pub mine: MyChatView,
    /// The messages that mention the caller, are somebody else's and unread, as far as they are known: in answers the
    /// newest [`crate::domain::limits::MENTIONS_PER_CHAT`] of them, by ascending ordinal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentioned: Vec<Ordinal>,
    /// What the caller is writing in it, if they have ever saved anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftView>,
    /// The last event of the chat's log.
    pub head: Seq,
    /// The last message's ordinal: the number of messages.
    pub head_ordinal: Ordinal,
    /// The last message.
    pub last_message: Option<MessageView>,
    /// Since when the chat exists.
    pub created_at: Timestamp,
}

impl ChatView {
    /// How many messages mention the caller that are unread where the chat is this to them, as far as that is known.
    pub fn unread_mentions(&self, mine: &MyChatView) -> usize {
        let is_unread =
            |ordinal: Ordinal| ordinal > mine.read || mine.unread_from.is_some_and(|first| ordinal >= first);
        self.mentioned.iter().filter(|ordinal| is_unread(**ordinal)).count()
    }

    /// Whether all members are in it.
    pub fn is_whole(&self) -> bool {
        self.members.len() as u64 >= self.member_count
    }

    /// When something last happened that moves the chat to the top of the list.
    pub fn last_activity_at(&self) -> Timestamp {
        self.last_message.as_ref().map_or(self.created_at, |message| message.created_at)
    }
}

/// A file of a message. Its content is at `/files/<id>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttachmentView {
    /// Which file.
    pub id: AttachmentId,
    /// What it is called.
    pub name: String,
    /// What it is shown as.
    pub kind: AttachmentKind,
    /// Its media type, found out from its bytes (RFC 6838).
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What the sender says of it for those who do not see it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
    /// Of an image: what is shown of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureView>,
    /// Of a text: its first lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<ExcerptView>,
}

/// What is shown of an image: at `/files/<id>/<name>/preview` and, smaller, `/files/<id>/<name>/thumb`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PictureView {
    /// The width of the preview in pixels, the right way up.
    pub width: u32,
    /// The height of the preview in pixels.
    pub height: u32,
    /// The media type of preview and thumbnail.
    pub media_type: String,
    /// The colours of the picture's regions, four across and three down, row by row, each as six hexadecimal
    /// digits: what stands in its place until it is there.
    pub placeholder: String,
}

/// The first lines of a text file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExcerptView {
    /// The lines.
    pub text: String,
    /// Whether there are others behind them.
    pub is_cut: bool,
}

/// Messages of one chat, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryPage {
    /// The messages, by ascending `seq`.
    pub messages: Vec<MessageView>,
    /// What happened to the chat in the part of its log that the page is: from its first message to its last, up to
    /// where another page begins that it was asked beside, and beyond its ends where no other message follows. At most
    /// [`crate::domain::limits::EVENTS_PER_PAGE`], in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<LogEvent>,
    /// Whether there are messages before the first one.
    pub has_older: bool,
    /// Whether there are messages after the last one.
    pub has_newer: bool,
}

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceView {
    /// Its event; nothing if there is no such message.
    pub seq: Option<Seq>,
}

/// The answer of what has nothing to say but that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {
    /// Always true.
    pub ok: bool,
}

impl Done {
    /// It was done.
    pub const YES: Self = Self { ok: true };
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// What a person does in a chat, or others in it.
    #[derive(Clone, Debug)]
    enum Deed {
        Send,
        OthersSend,
        MarkRead(u64),
        MarkUnread(u64),
        Archive(bool),
    }

    /// What the person's devices are told, in any order.
    #[derive(Clone, Debug, PartialEq)]
    enum Told {
        State(MyChatView),
        Sent(Ordinal),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            Just(Deed::Send),
            Just(Deed::OthersSend),
            (0..8_u64).prop_map(Deed::MarkRead),
            (0..8_u64).prop_map(Deed::MarkUnread),
            any::<bool>().prop_map(Deed::Archive),
        ]
    }

    /// What the server tells, in order, and what it is left with.
    fn serve(deeds: &[Deed]) -> (Vec<Told>, MyChatView) {
        let (mut mine, mut head, mut told) = (MyChatView::default(), Ordinal(0), Vec::new());
        for deed in deeds {
            let before = mine.clone();
            match *deed {
                Deed::Send | Deed::OthersSend => head = head.next(),
                Deed::MarkRead(ordinal) => mine.mark_read(Ordinal(ordinal), head),
                Deed::MarkUnread(ordinal) => mine.mark_unread(Ordinal(ordinal), head),
                Deed::Archive(on) => mine.archived = on,
            }
            if matches!(deed, Deed::Send) {
                mine = MyChatView { read: head, unread_from: None, ..mine };
                told.push(Told::Sent(head));
            } else if mine != before {
                mine.revision += 1;
                told.push(Told::State(mine.clone()));
            }
        }
        (told, mine)
    }

    #[test]
    fn a_chat_that_is_put_away_comes_back_with_a_message_unless_it_is_muted_and_stays_once_that_is_read() {
        let (now, later) = (Timestamp::from_millis(1_000), Timestamp::from_millis(2_000));
        let (read, head) = (Ordinal(3), Ordinal(5));
        let away = MyChatView { read, archived: true, ..MyChatView::default() };
        assert!(away.is_put_away(read, now));
        assert!(!away.is_put_away(head, now));
        let muted = MyChatView { muted_until: Some(later), ..away.clone() };
        assert!(muted.is_put_away(head, now));
        assert!(!muted.is_put_away(head, later), "it is muted no longer");

        let looked_at = |mine: &MyChatView, ordinal| {
            let mut mine = mine.clone();
            mine.look_at(Ordinal(ordinal), head, now);
            (mine.read.0, mine.archived)
        };
        assert_eq!(looked_at(&away, 3), (3, true), "nothing new was read");
        assert_eq!(looked_at(&away, 4), (4, false));
        assert_eq!(looked_at(&muted, 5), (5, true));
    }

    #[test]
    fn a_mark_from_before_a_send_is_not_revived() {
        let mark = |revision, read| MyChatView {
            revision,
            read: Ordinal(read),
            unread_from: Some(Ordinal(2)),
            archived: true,
            ..MyChatView::default()
        };
        let mut mine = mark(5, 3);
        // Of the same revision, after the send; and of a higher one that is from before it.
        assert!(mine.take(mark(5, 3), Ordinal(4)));
        assert_eq!((mine.read, mine.unread_from, mine.archived), (Ordinal(4), None, true));
        assert!(!mine.take(mark(5, 3), Ordinal(4)));
        assert!(mine.take(mark(6, 3), Ordinal(4)));
        assert_eq!((mine.revision, mine.read, mine.unread_from), (6, Ordinal(4), None));
        // The mark was put after the send, which is heard of later.
        let mut page = mark(5, 3);
        assert!(page.take(mark(7, 4), Ordinal(0)));
        assert!(!page.take(mark(7, 4), Ordinal(4)));
        assert_eq!(page.unread_from, Some(Ordinal(2)));
    }

    proptest! {
        #[test]
        fn whatever_comes_in_whichever_order_ends_in_what_the_server_has(
            (told, order, last) in vec(deed(), 0..12).prop_flat_map(|deeds| {
                let (told, last) = serve(&deeds);
                // Some of it comes twice.
                let all = [told.clone(), told.clone()].concat();
                (Just(told), Just(all).prop_shuffle(), Just(last))
            })
        ) {
            let (mut mine, mut sent) = (MyChatView::default(), Ordinal(0));
            for one in &order {
                let before = mine.clone();
                let is_news = match one {
                    Told::State(state) => mine.take(state.clone(), sent),
                    Told::Sent(ordinal) => {
                        sent = sent.max(*ordinal);
                        mine.take(mine.clone(), sent)
                    }
                };
                prop_assert_eq!(is_news, mine != before);
                prop_assert!((mine.revision, mine.read) >= (before.revision, before.read), "never back");
            }
            prop_assert_eq!(&mine, &last);
            // In a page that is loaded now, likewise.
            let mut page = MyChatView::default();
            for one in &told {
                if let Told::State(state) = one {
                    page.take(state.clone(), sent);
                }
            }
            page.take(MyChatView::default(), sent);
            prop_assert_eq!(page, last);
        }
    }
}
