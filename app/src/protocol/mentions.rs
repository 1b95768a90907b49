//! Whom a message mentions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MessageView;
use crate::domain::UserId;

/// Whom a message mentions: those of whom its text has the name behind an `@`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MentionsView {
    /// Whether it is everybody in the group.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Each person with their name as it stands in the text; two who have the same name stand here both. At most
    /// [`MENTIONS_PER_MESSAGE`](crate::domain::limits::MENTIONS_PER_MESSAGE).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<MentionView>,
}

/// A person that a message mentions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MentionView {
    /// Who.
    pub user_id: UserId,
    /// Their name as it was typed, without the `@`.
    pub name: String,
}

impl MentionsView {
    /// Whether it is nobody.
    pub fn is_empty(&self) -> bool {
        !self.all && self.people.is_empty()
    }

    /// Whether this person is meant.
    pub fn include(&self, user: UserId) -> bool {
        self.all || self.people.iter().any(|person| person.user_id == user)
    }
}

impl MessageView {
    /// Whether it mentions this person, and somebody else wrote it.
    pub fn mentions_reader(&self, reader: UserId) -> bool {
        self.deleted_at.is_none() && self.sender_id != reader && self.mentions.include(reader)
    }
}
