//! What is answered about a person: their profile as somebody else sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PresenceStatus, UserView};
use crate::domain::{AttachmentId, ChatId, Timestamp};

/// A person, as the caller sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProfileView {
    /// Who, what they are called and what they say about themselves.
    #[serde(flatten)]
    pub user: UserView,
    /// Whether they have a socket open anywhere; offline to whom they have blocked.
    pub presence: PresenceStatus,
    /// When they were last there, if they are not, both let others see it, and they have not blocked the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// Whether the caller has blocked them.
    #[serde(default)]
    pub blocked: bool,
    /// The direct chat with them, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
    /// Groups that both are in, by name: at most [`crate::domain::limits::SHARED_GROUPS`].
    #[serde(default)]
    pub groups: Vec<SharedGroupView>,
}

/// A group that somebody shares with the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SharedGroupView {
    /// Which.
    pub id: ChatId,
    /// What it is called.
    pub name: String,
    /// The picture that stands for it, at `/avatars/<id>`, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AttachmentId>,
}
