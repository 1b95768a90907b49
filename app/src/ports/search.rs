//! Searching messages.

use async_trait::async_trait;

use crate::{
    domain::{ChatId, MessageId, Timestamp, UserId, search::SearchText},
    error::AppResult,
    protocol::MessageView,
};

/// What is looked for: messages that meet all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// What the text, or the name of a file, has to contain.
    pub text: SearchText,
    /// In one of these chats; `None` for all that the viewer is in.
    pub chats: Option<Vec<ChatId>>,
    /// By one of these people; `None` for anybody.
    pub senders: Option<Vec<UserId>>,
    /// Only messages with files.
    pub has_file: bool,
    /// Sent at this time or later.
    pub since: Option<Timestamp>,
    /// Sent before this time.
    pub until: Option<Timestamp>,
}

impl SearchRequest {
    /// Whether a message that was sent then, by this person, meets what is asked besides the text.
    pub fn admits(&self, sender: UserId, at: Timestamp, has_file: bool) -> bool {
        self.senders.as_ref().is_none_or(|senders| senders.contains(&sender))
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
            && (has_file || !self.has_file)
    }
}

/// A place in the order in which messages are found: a message, and when it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchCursor {
    /// When it was sent.
    pub at: Timestamp,
    /// Which message.
    pub id: MessageId,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// The messages as the viewer sees them, newest first.
    pub messages: Vec<MessageView>,
    /// Where to go on: there may be more after it. A call does a bounded amount of work, so there may even be more where
    /// it has found nothing.
    pub next: Option<SearchCursor>,
}

/// Searching messages.
#[async_trait]
pub trait SearchStore: Send + Sync {
    /// Messages that meet the request, of chats that the viewer is in now, whenever they joined; never deleted ones. Newest
    /// first, after `after`, at most `limit`. [`SearchText::matches`] decides what is found: an index only says
    /// where to look. What has been acknowledged (sent, edited, deleted) counts at once.
    async fn search_messages(
        &self,
        viewer: UserId,
        request: SearchRequest,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> AppResult<SearchPage>;
}
