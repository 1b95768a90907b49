//! What somebody lets others see of them, and whom they have blocked.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::{
    domain::{ChatId, Timestamp, UserId},
    error::AppResult,
    protocol::SharedGroupView,
};

/// What somebody lets others see of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privacy {
    /// Whether others see when they were last there. Who does not show it does not see it of others.
    pub shows_last_seen: bool,
    /// Whom they have blocked: at most [`BLOCKED_PER_USER`](crate::domain::limits::BLOCKED_PER_USER).
    pub blocked: BTreeSet<UserId>,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { shows_last_seen: true, blocked: BTreeSet::new() }
    }
}

/// The chats that two people share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedChats {
    /// The direct chat of the two.
    pub direct: Option<ChatId>,
    /// Groups that both are in, by name.
    pub groups: Vec<SharedGroupView>,
}

/// People to each other.
///
/// Who has blocked whom also stands with the direct chat of the two, where every write to it finds it: a block and the
/// first message of a direct chat cannot pass each other.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Notes that these people were there until now; never back. At most
    /// [`USERS_PER_REQUEST`](crate::domain::limits::USERS_PER_REQUEST) of them, in one write.
    async fn note_last_seen(&self, people: &[UserId], at: Timestamp) -> AppResult<()>;

    /// Has others see, or not see, when the person was last there. False if there is no such account.
    async fn set_show_last_seen(&self, person: UserId, on: bool) -> AppResult<bool>;

    /// What the person lets others see. Of one that does not exist, what is so at first.
    async fn privacy_of(&self, person: UserId) -> AppResult<Privacy>;

    /// What the two share: with at most so many groups. Costs what the chats of the viewer cost.
    async fn shared_chats(&self, viewer: UserId, other: UserId, groups: usize) -> AppResult<SharedChats>;

    /// Has one person block another, who exists; blocking again changes nothing. Fails with `too_many_blocked` if they
    /// have blocked [`BLOCKED_PER_USER`](crate::domain::limits::BLOCKED_PER_USER) others.
    async fn block(&self, blocker: UserId, blocked: UserId, at: Timestamp) -> AppResult<()>;

    /// Ends that. Done also where it was not so.
    async fn unblock(&self, blocker: UserId, blocked: UserId) -> AppResult<()>;

    /// Those of the people who have blocked this person, in no particular order. Mostly nobody has, which
    /// is one look-up; else one for each.
    async fn blockers_among(&self, person: UserId, people: &[UserId]) -> AppResult<Vec<UserId>>;
}
