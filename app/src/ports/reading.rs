//! What a chat is to each of its members alone: how far they have read, what of it notifies them, and
//! whether it is put away.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::{
    domain::{ChatId, Ordinal, Seq, UserId},
    error::AppResult,
    protocol::{Heads, MyChatView},
};

/// Decides, from the state that the change will be committed on and the ordinal of the chat's last message, what the
/// state becomes: a pure function that an adapter may call more than once. It leaves the revision alone.
pub type DecideMine = Box<dyn Fn(&MyChatView, Ordinal) -> MyChatView + Send + Sync>;

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MineChange {
    /// What the chat was to the member.
    pub before: MyChatView,
    /// What it is now. Of a higher revision if anything has changed, and else the same.
    pub after: MyChatView,
    /// Whether the other members may see how far this one has read: their receipts are on, in a direct chat they have
    /// not blocked the other, and the chat has at most [`RECEIPT_MEMBERS`](crate::domain::limits::RECEIPT_MEMBERS)
    /// members.
    pub is_shown: bool,
}

/// A chat among those that somebody is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The last event.
    pub head: Seq,
    /// How many members there are.
    pub member_count: u64,
    /// What the chat is to this person alone.
    pub mine: MyChatView,
}

/// All chats that somebody is in.
pub type Places = BTreeMap<ChatId, Place>;

/// The heads of these chats.
pub fn heads(places: &Places) -> Heads {
    places.iter().map(|(chat, place)| (*chat, place.head)).collect()
}

/// What chats are to their members.
///
/// It lives and ends with the membership: who joins has read everything up to then, and the revisions of a later
/// membership are higher than all of an earlier one. `MessageStore::append_messages` moves it too, without a revision.
#[async_trait]
pub trait ReadingStore: Send + Sync {
    /// Changes what a chat is to one of its members, as one atomic write that checks the membership. Where `decide`
    /// changes nothing, nothing is written. `None` if they are not in the chat.
    async fn change_mine(
        &self,
        chat: ChatId,
        member: UserId,
        decide: DecideMine,
    ) -> AppResult<Option<MineChange>>;

    /// Every chat that the person is in, however many these are, for as many questions as
    /// [`ChatStore::heads_of`](super::ChatStore::heads_of) takes. No head is older than what is told of reading.
    async fn places_of(&self, person: UserId) -> AppResult<Places>;

    /// Has others see, or not see, how far the person has read. False if there is no such account.
    async fn set_read_receipts(&self, person: UserId, on: bool) -> AppResult<bool>;
}
