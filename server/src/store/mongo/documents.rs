//! The documents as they are stored, one type per collection, and what they are outside.
//!
//! Ids are ObjectIds, times are BSON dates (milliseconds), numbers in a log are 64 bits wide. A field is
//! only ever added, with a default: nodes of the version before read what this one writes.

use std::collections::HashMap;

use app::{
    domain::{
        About, AttachmentId, ChatId, ChatKind, ClientId, DisplayName, Email, MessageId, Ordinal, Role, Seq,
        SessionId, Timestamp, UserId,
    },
    ports::{AttachmentRecord, SessionRecord, UserRecord},
    protocol::{AttachmentView, MemberView, MyChatView, UserView},
};
use mongodb::bson::{Binary, Bson, DateTime, Uuid, oid::ObjectId, spec::BinarySubtype};
use serde::{Deserialize, Serialize};

use super::people::BlockedDocument;
use crate::store::{blocks::PairBlocks, mine::revision};

/// An account.
#[derive(Serialize, Deserialize)]
pub(super) struct UserDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub email: String,
    pub display_name: String,
    /// The display name in lower case: what lists of people are ordered by.
    pub name_key: String,
    pub about: String,
    pub password_hash: String,
    pub created_at: DateTime,
    /// The words under which the person is found.
    pub words: Vec<String>,
    /// Bytes of all files that the person has sent and that are still attached.
    #[serde(default)]
    pub attached_bytes: i64,
    /// Whether others see how far the person has read.
    #[serde(default = "yes")]
    pub read_receipts: bool,
    /// The file that stands for the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<ObjectId>,
    /// Whether others see when the person was last there.
    #[serde(default = "yes")]
    pub show_last_seen: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<DateTime>,
}

fn yes() -> bool {
    true
}

impl UserDocument {
    pub(super) fn into_record(self) -> UserRecord {
        UserRecord {
            id: user(self.id),
            email: Email::from_stored(self.email),
            display_name: DisplayName::from_stored(self.display_name),
            about: About::from_stored(self.about),
            password_hash: self.password_hash,
            created_at: time(self.created_at),
            read_receipts: self.read_receipts,
            avatar: self.avatar.map(attachment),
            show_last_seen: self.show_last_seen,
            last_seen: self.last_seen_at.map(time),
        }
    }
}

/// What others see of an account: a part of [`UserDocument`].
#[derive(Deserialize)]
pub(super) struct ProfileDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub display_name: String,
    #[serde(default)]
    pub about: String,
    #[serde(default = "yes")]
    pub read_receipts: bool,
    #[serde(default)]
    pub avatar: Option<ObjectId>,
}

/// Profiles by id.
pub(super) type Profiles = HashMap<ObjectId, ProfileDocument>;

/// A sign-in.
#[derive(Serialize, Deserialize)]
pub(super) struct SessionDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub user_id: ObjectId,
    pub user_agent: String,
    pub address: String,
    pub created_at: DateTime,
    pub last_used_at: DateTime,
    pub expires_at: DateTime,
}

impl From<&SessionRecord> for SessionDocument {
    fn from(session: &SessionRecord) -> Self {
        Self {
            id: session_oid(session.id),
            user_id: user_oid(session.user_id),
            user_agent: session.user_agent.clone(),
            address: session.address.clone(),
            created_at: date(session.created_at),
            last_used_at: date(session.last_used_at),
            expires_at: date(session.expires_at),
        }
    }
}

impl SessionDocument {
    pub(super) fn into_record(self) -> SessionRecord {
        SessionRecord {
            id: SessionId::from_bytes(self.id.bytes()),
            user_id: user(self.user_id),
            user_agent: self.user_agent,
            address: self.address,
            created_at: time(self.created_at),
            last_used_at: time(self.last_used_at),
            expires_at: time(self.expires_at),
        }
    }
}

/// A refresh token. One that was exchanged stays, so that its reuse shows.
#[derive(Serialize, Deserialize)]
pub(super) struct TokenDocument {
    /// The SHA-256 of the token.
    #[serde(rename = "_id")]
    pub hash: Binary,
    pub session_id: ObjectId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_at: Option<DateTime>,
}

/// A direct chat's two people, the lower id first, so that a pair is unique whoever asked.
#[derive(Serialize, Deserialize)]
pub(super) struct PairDocument {
    pub low: ObjectId,
    pub high: ObjectId,
}

/// A chat: what it is, and where its log stands.
#[derive(Serialize, Deserialize)]
pub(super) struct ChatDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub kind: ChatKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<PairDocument>,
    /// Who of the two has blocked the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedDocument>,
    /// What a group says about itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The file that stands for a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<ObjectId>,
    pub created_at: DateTime,
    /// The last event. Every write to the chat moves it from what it has read, or is refused.
    pub head: i64,
    pub head_ordinal: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_id: Option<ObjectId>,
    pub member_count: i64,
    /// The last position that was given to a member.
    pub last_position: i64,
    /// When the last message was sent; before that, when the chat was made.
    pub last_activity_at: DateTime,
    /// Set once, with the last event. The log of a deleted chat is removed later, in slices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime>,
}

impl ChatDocument {
    /// Who of the two has blocked the other.
    pub(super) fn blocks(&self) -> PairBlocks {
        self.blocked.unwrap_or_default().of(self.pair.as_ref().map(|pair| pair.low))
    }
}

/// Somebody's place in a chat.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct MemberDocument {
    pub chat_id: ObjectId,
    pub user_id: ObjectId,
    pub role: Role,
    pub joined_at: DateTime,
    /// Orders members who joined in the same millisecond.
    pub position: i64,
    /// The last message that they have read. Where a node that did not know the field made the document, they count as
    /// having read everything.
    #[serde(default)]
    pub read_ordinal: Option<i64>,
    /// The message from which on the chat counts as unread all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<DateTime>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mentions_only: bool,
    #[serde(default)]
    pub archived: bool,
    /// How often the member has changed one of these five.
    #[serde(default)]
    pub my_revision: i64,
}

impl MemberDocument {
    /// Of who joins a chat whose last message is `head_ordinal`: they have read up to there.
    pub(super) fn joining(
        chat_id: ObjectId,
        user: UserId,
        role: Role,
        at: Timestamp,
        position: i64,
        head_ordinal: i64,
    ) -> Self {
        Self {
            chat_id,
            user_id: user_oid(user),
            role,
            joined_at: date(at),
            position,
            read_ordinal: Some(head_ordinal),
            unread_from: None,
            muted_until: None,
            mentions_only: false,
            archived: false,
            my_revision: 0,
        }
    }

    /// What the chat, whose last message is `head_ordinal`, is to the member alone.
    pub(super) fn mine(&self, head_ordinal: i64) -> MyChatView {
        MyChatView {
            revision: revision(self.position, self.my_revision),
            read: Ordinal::from_i64(self.read_ordinal.unwrap_or(head_ordinal)),
            unread_from: self.unread_from.map(Ordinal::from_i64),
            muted_until: self.muted_until.map(time),
            mentions_only: self.mentions_only,
            archived: self.archived,
        }
    }

    /// As others see it, in a chat whose last message is `head_ordinal`; `None` if the account is not among the
    /// profiles.
    pub(super) fn view(&self, profiles: &Profiles, head_ordinal: i64) -> Option<MemberView> {
        let profile = profiles.get(&self.user_id)?;
        let user = UserView {
            id: user(self.user_id),
            display_name: profile.display_name.clone(),
            about: profile.about.clone(),
            avatar: profile.avatar.map(attachment),
        };
        let read = profile.read_receipts.then(|| self.mine(head_ordinal).read);
        Some(MemberView { user, role: self.role, joined_at: time(self.joined_at), read })
    }
}

/// A file.
#[derive(Serialize, Deserialize)]
pub(super) struct AttachmentDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub owner_id: ObjectId,
    pub state: AttachmentState,
    /// There while a message has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<AttachedDocument>,
    /// Whether a person or a group has it, which says so itself, rather than a message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_avatar: bool,
    /// From when on it is collected: there while nothing has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect_at: Option<DateTime>,
}

/// Where a file stands, in the words of `app::ports::AttachmentStore`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AttachmentState {
    Arriving,
    Attached,
    Released,
    Claimed,
}

impl From<AttachmentState> for Bson {
    fn from(state: AttachmentState) -> Self {
        let text = match state {
            AttachmentState::Arriving => "arriving",
            AttachmentState::Attached => "attached",
            AttachmentState::Released => "released",
            AttachmentState::Claimed => "claimed",
        };
        Self::from(text)
    }
}

/// What a message has in a file.
#[derive(Serialize, Deserialize)]
pub(super) struct AttachedDocument {
    pub chat_id: ObjectId,
    /// The message's place in the log.
    pub seq: i64,
    pub bytes: i64,
    /// What pages are told of it.
    pub view: AttachmentView,
}

impl AttachedDocument {
    pub(super) fn into_record(self) -> AttachmentRecord {
        AttachmentRecord { chat_id: ChatId::from_bytes(self.chat_id.bytes()), view: self.view }
    }
}

/// A document of which only the id was asked for.
#[derive(Deserialize)]
pub(super) struct IdDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
}

pub(super) fn user_oid(id: UserId) -> ObjectId {
    ObjectId::from_bytes(*id.as_bytes())
}

pub(super) fn chat_oid(id: ChatId) -> ObjectId {
    ObjectId::from_bytes(*id.as_bytes())
}

pub(super) fn message_oid(id: MessageId) -> ObjectId {
    ObjectId::from_bytes(*id.as_bytes())
}

pub(super) fn attachment_oid(id: AttachmentId) -> ObjectId {
    ObjectId::from_bytes(*id.as_bytes())
}

pub(super) fn attachment(id: ObjectId) -> AttachmentId {
    AttachmentId::from_bytes(id.bytes())
}

pub(super) fn session_oid(id: SessionId) -> ObjectId {
    ObjectId::from_bytes(*id.as_bytes())
}

pub(super) fn user(id: ObjectId) -> UserId {
    UserId::from_bytes(id.bytes())
}

pub(super) fn uuid(id: ClientId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

pub(super) fn binary(bytes: &[u8]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() }
}

pub(super) fn date(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.as_millis())
}

pub(super) fn time(date: DateTime) -> Timestamp {
    Timestamp::from_millis(date.timestamp_millis())
}

/// A place in a log as MongoDB compares it: what is beyond its numbers is beyond every log.
pub(super) fn place(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// A role as the documents hold it.
pub(super) fn role_text(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
    }
}
