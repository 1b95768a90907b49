//! What somebody is writing to a chat and has not sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::QuoteView;
use crate::domain::{ChatId, ClientId};

/// What somebody is writing to a chat, as it was last saved on any of their devices. Theirs alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DraftView {
    /// The id that its message will have: it stands for this text only. Of one that was sent, its message's.
    pub id: ClientId,
    /// The text as it was typed; at most [`crate::domain::limits::BODY_CHARS`] characters. Empty, with nothing that it
    /// answers, if there is none: it was sent or taken away.
    #[serde(default)]
    pub body: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<QuoteView>,
    /// Grows with every save, and is higher in a later membership than in all before; 0 before the first one.
    #[serde(default)]
    pub revision: u64,
    /// Whatever was saved from this revision on was made of what had been saved right before: so this text was made of
    /// those.
    #[serde(default)]
    pub since: u64,
}

impl DraftView {
    /// Nothing was ever saved.
    pub fn none(id: ClientId) -> Self {
        Self { id, body: String::new(), reply_to: None, revision: 0, since: 0 }
    }

    /// Whether nothing is being written.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty() && self.reply_to.is_none()
    }

    /// Whether it was told later than `known`. A send takes a draft away without a revision.
    pub fn is_later_than(&self, known: &Self) -> bool {
        self.revision > known.revision
            || self.revision == known.revision && self.is_empty() && !known.is_empty()
    }

    /// Its message is stored.
    pub fn take_away(&mut self) {
        self.body.clear();
        self.reply_to = None;
    }
}

/// Drafts by their chats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DraftsView {
    /// Those that were saved last, at most [`crate::domain::limits::CHATS_IN_LIST`]; also that there is none any more.
    pub drafts: BTreeMap<ChatId, DraftView>,
}
