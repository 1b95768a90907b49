//! What a search for messages answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MessageView;
use crate::domain::{AttachmentId, ChatKind};

/// Messages that were found, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResults {
    /// Those of this page. It may be empty although there are more.
    pub results: Vec<SearchResult>,
    /// What is to be sent as `before` to go on, if there may be more.
    #[serde(default)]
    pub next: Option<String>,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SearchResult {
    /// The message as it is now.
    pub message: MessageView,
    /// What its chat is called: a group's name, or the other person's.
    pub chat_name: String,
    /// Of which kind its chat is.
    pub chat_kind: ChatKind,
    /// The picture that stands for its chat, if there is one: a group's, or the other person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat_avatar: Option<AttachmentId>,
    /// Where in `body` what was looked for stands: from one character up to another, counted from 0 in Unicode characters
    /// (not in UTF-16 units). In order, without overlaps; none where only a file's name has it.
    pub marks: Vec<(usize, usize)>,
}
