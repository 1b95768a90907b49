//! What people are writing and have not sent.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    domain::{ChatId, ClientId, DraftBody, MessageId, Timestamp, UserId},
    error::AppResult,
    protocol::DraftView,
};

/// A text to be saved.
#[derive(Clone, Debug)]
pub struct NewDraft {
    /// The id that its message will have. A draft with it is the same one.
    pub id: ClientId,
    /// The text; empty, with nothing that it answers, takes the draft away.
    pub body: DraftBody,
    /// The message that it answers, which is in the chat.
    pub reply_to: Option<MessageId>,
    /// The revision of the draft that it was made of; 0 if of none.
    pub base: u64,
    /// When.
    pub saved_at: Timestamp,
}

impl NewDraft {
    /// Whether it takes the draft away.
    pub fn is_empty(&self) -> bool {
        self.body.as_str().is_empty() && self.reply_to.is_none()
    }

    /// The revision of this draft and since which revision each was made of the one before, where `before` is what is
    /// kept and `first` the revision of the first draft of all. `None` if nothing is written: it is kept already, or it
    /// would take away what is not known where it was emptied.
    ///
    /// The last save wins. Whether it was made of what it replaces only decides who is still told to keep theirs.
    pub fn places(&self, before: Option<&KeptDraft>, first: u64) -> Option<(u64, u64)> {
        let Some(before) = before else { return (!self.is_empty()).then_some((first, first)) };
        let is_made_of_it = self.base == before.revision;
        if before.id == self.id || self.is_empty() && (before.is_empty || !is_made_of_it) {
            return None;
        }
        let revision = before.revision + 1;
        Some((revision, if is_made_of_it { before.since } else { revision }))
    }
}

/// What a new draft is held against: the one that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptDraft {
    /// Its id.
    pub id: ClientId,
    /// Whether it was sent or taken away.
    pub is_empty: bool,
    /// Its revision.
    pub revision: u64,
    /// See [`DraftView::since`].
    pub since: u64,
}

/// Drafts: one for each member of a chat, which goes with the membership.
///
/// `MessageStore::append_messages` takes a draft away in the write that stores the message with its id, and leaves its
/// revision.
#[async_trait]
pub trait DraftStore: Send + Sync {
    /// Saves what somebody is writing in the place of what they were, as one atomic write that checks the membership,
    /// by the rule of [`NewDraft::places`]. A text whose id a message of theirs has is not saved. Returns what is kept
    /// then; `None` if they are not in the chat.
    async fn save_draft(&self, chat: ChatId, person: UserId, new: NewDraft) -> AppResult<Option<DraftView>>;

    /// What somebody is writing in the chat. `None` if they have never saved anything there, or are not in it.
    async fn draft(&self, chat: ChatId, person: UserId) -> AppResult<Option<DraftView>>;

    /// What somebody is writing, in all chats that they are in: the drafts that were saved last, at most `limit`.
    async fn drafts_of(&self, person: UserId, limit: usize) -> AppResult<BTreeMap<ChatId, DraftView>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(id: u8, body: &str, base: u64) -> NewDraft {
        let body = DraftBody::from_stored(body.into());
        NewDraft {
            id: ClientId::from_bytes([id; 16]),
            body,
            reply_to: None,
            base,
            saved_at: Timestamp::default(),
        }
    }

    fn kept(id: u8, is_empty: bool, revision: u64, since: u64) -> KeptDraft {
        KeptDraft { id: ClientId::from_bytes([id; 16]), is_empty, revision, since }
    }

    #[test]
    fn the_last_save_wins_and_says_of_what_it_was_made() {
        assert_eq!(new(1, "one", 0).places(None, 7), Some((7, 7)));
        let before = kept(1, false, 9, 7);
        assert_eq!(new(2, "two", 9).places(Some(&before), 7), Some((10, 7)));
        assert_eq!(new(2, "two", 8).places(Some(&before), 7), Some((10, 10)), "made of another one");
        assert_eq!(new(1, "one", 0).places(Some(&before), 7), None, "it is there");
    }

    #[test]
    fn only_what_was_known_is_taken_away() {
        assert_eq!(new(1, "", 0).places(None, 7), None);
        assert_eq!(new(2, "", 9).places(Some(&kept(1, false, 9, 7)), 7), Some((10, 7)));
        assert_eq!(new(2, "", 8).places(Some(&kept(1, false, 9, 7)), 7), None);
        assert_eq!(new(2, "", 9).places(Some(&kept(1, true, 9, 7)), 7), None, "there is none");
    }
}
