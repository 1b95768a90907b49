//! What a chat is: its kind, its numbering and who is in it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AttachmentId, ChatId, Timestamp, UserId};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }

            /// The number as SQLite and BSON hold it.
            pub const fn as_i64(self) -> i64 {
                self.0 as i64
            }

            /// The number that SQLite or BSON holds; a negative one, which is never written, reads as 0.
            pub const fn from_i64(value: i64) -> Self {
                Self(if value < 0 { 0 } else { value as u64 })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    )*};
}

numbers! {
    /// An event's place in its chat's log: 1, 2, 3 … without a hole. 0 is the chat as it was created.
    Seq;
    /// A message's place among the messages of its chat: 1, 2, 3 … without a hole.
    Ordinal;
}

/// A conversation of two, or a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// Exactly two people, for good.
    Direct,
    /// A named chat whose members come and go.
    Group,
}

/// What a member may do in a group. In a direct chat both are plain members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also renames, adds, removes, promotes and deletes.
    Admin,
}

/// One person's place in one chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub user_id: UserId,
    /// As what.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// A chat at one point of its log, as the rules of [`super::policy`] look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatState {
    /// Which chat.
    pub id: ChatId,
    /// Of which kind.
    pub kind: ChatKind,
    /// The last event that this state includes.
    pub head: Seq,
    /// The picture that stands for it, if one does.
    pub avatar: Option<AttachmentId>,
    /// All its members, longest-standing first.
    pub members: Vec<Membership>,
}

impl ChatState {
    /// What the person is in the chat, or `None` if they are not in it.
    pub fn role_of(&self, user: UserId) -> Option<Role> {
        self.members.iter().find(|member| member.user_id == user).map(|member| member.role)
    }
}
