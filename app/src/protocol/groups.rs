//! What is answered about groups: parts of their lists of members, and the invitations to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MemberView;
use crate::domain::{AttachmentId, ChatId, InviteId, Timestamp, UserId};

/// A part of a chat's members, longest-standing first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MembersPage {
    /// The members.
    pub members: Vec<MemberView>,
    /// The place from which the next part goes on, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An invitation to a group, as its admins see it. The token in its link is not remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InviteView {
    /// Which.
    pub id: InviteId,
    /// Who made it.
    pub created_by: UserId,
    /// What they are called.
    pub created_by_name: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good; for good without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How many people may join by it; without, any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// How many have.
    pub uses: u32,
}

/// An invitation that was just made, with what its link needs. No other answer has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NewInviteView {
    /// The invitation.
    #[serde(flatten)]
    pub invite: InviteView,
    /// The last part of its link, `/join/<token>`.
    pub token: String,
}

/// What one is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvitationView {
    /// What the group is called.
    pub name: String,
    /// What it says about itself; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The picture that stands for it, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<AttachmentId>,
    /// How many members it has.
    pub member_count: u64,
    /// The group itself, if one is in it already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_id: Option<ChatId>,
}
