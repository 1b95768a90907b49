//! What server functions answer: allow-lists of what the caller may see, never a stored record itself.

use serde::{Deserialize, Serialize};

use crate::domain::{
    AttachmentId, AttachmentKind, ChatId, ChatKind, ClientId, MessageId, Ordinal, Role, Seq, SessionId,
    Timestamp, UserId,
};

/// A person, as everybody may see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Who.
    pub id: UserId,
    /// What they are called.
    pub display_name: String,
    /// What they say about themselves; may be empty.
    #[serde(default)]
    pub about: String,
}

/// One's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The session that asked.
    pub session_id: SessionId,
}

/// One sign-in of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberView {
    /// Who.
    #[serde(flatten)]
    pub user: UserView,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// A chat, as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatView {
    /// Which chat.
    pub id: ChatId,
    /// Of which kind.
    pub kind: ChatKind,
    /// A group's name. A direct chat has none: it is called after the other person.
    pub name: Option<String>,
    /// The members, longest-standing first; in a list of chats at most the first
    /// [`crate::domain::limits::MEMBERS_IN_LIST`].
    pub members: Vec<MemberView>,
    /// How many members there are.
    pub member_count: u64,
    /// What the caller is in it.
    pub my_role: Role,
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
    /// Whether all members are in it.
    pub fn is_whole(&self) -> bool {
        self.members.len() as u64 >= self.member_count
    }

    /// When something last happened that moves the chat to the top of the list.
    pub fn last_activity_at(&self) -> Timestamp {
        self.last_message.as_ref().map_or(self.created_at, |message| message.created_at)
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Which message.
    pub id: MessageId,
    /// In which chat.
    pub chat_id: ChatId,
    /// The place of its event in the chat's log.
    pub seq: Seq,
    /// Its place among the chat's messages.
    pub ordinal: Ordinal,
    /// Who wrote it.
    pub sender_id: UserId,
    /// What the writer is called, so that a message of somebody who left still has a name.
    pub sender_name: String,
    /// The id that the sender's device gave it.
    pub client_id: ClientId,
    /// Its text: never markup.
    pub body: String,
    /// Its files, in the order in which they were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentView>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was deleted. Text and files are gone then; its place stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl MessageView {
    /// Takes away what a deleted message has no longer.
    pub fn delete(&mut self, at: Timestamp) {
        self.body.clear();
        self.attachments.clear();
        self.deleted_at = Some(at);
    }
}

/// A file of a message. Its content is at `/files/<id>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptView {
    /// The lines.
    pub text: String,
    /// Whether there are others behind them.
    pub is_cut: bool,
}

/// Messages of one chat, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The messages, by ascending `seq`.
    pub messages: Vec<MessageView>,
    /// Whether there are messages before the first one.
    pub has_older: bool,
    /// Whether there are messages after the last one.
    pub has_newer: bool,
}

/// The answer of what has nothing to say but that it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Always true.
    pub ok: bool,
}

impl Done {
    /// It was done.
    pub const YES: Self = Self { ok: true };
}
