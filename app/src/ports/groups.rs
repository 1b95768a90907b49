//! Groups: finding their members, and the invitations by which people join them.

use async_trait::async_trait;

use super::Decide;
use crate::{
    domain::{AttachmentId, ChatId, InviteId, Timestamp, UserId},
    error::AppResult,
    protocol::{InviteView, LogEvent, MemberView, MembersPage},
};

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvite {
    /// Which.
    pub id: InviteId,
    /// To which group.
    pub chat_id: ChatId,
    /// The SHA-256 of the token in its link.
    pub token_hash: [u8; 32],
    /// Who makes it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good; for good without.
    pub expires_at: Option<Timestamp>,
    /// How many people may join by it; without, any number.
    pub max_uses: Option<u32>,
}

/// The group that an invitation is to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitedTo {
    /// Which.
    pub chat_id: ChatId,
    /// What it is called.
    pub name: String,
    /// What it says about itself.
    pub description: String,
    /// The picture that stands for it.
    pub avatar: Option<AttachmentId>,
    /// How many members it has.
    pub member_count: u64,
    /// Whether who asks is one of them.
    pub is_member: bool,
}

/// Groups.
///
/// An invitation is *good* for somebody until it expires, is used up or revoked. For who is in the group already it
/// stays good while it is remembered: they learn nothing by it, and who joins twice by a last use is not refused.
#[async_trait]
pub trait GroupStore: Send + Sync {
    /// Members of the chat with a [search word](crate::domain::search_words) that begins with each of `words`, ordered
    /// by name, at most `limit`; without how far they have read. Costs no more than the chat has members.
    async fn search_members(
        &self,
        chat: ChatId,
        words: &[String],
        limit: usize,
    ) -> AppResult<Vec<MemberView>>;

    /// Members of the chat, longest-standing first, from this place on, at most `limit`; without how far they have
    /// read. A place is [`MembersPage::next`], and 0 for the first.
    async fn members_from(&self, chat: ChatId, from: u64, limit: usize) -> AppResult<MembersPage>;

    /// Stores an invitation. Fails with `not_found` if there is no such chat, with `too_many_invites` if it has
    /// [`INVITES_PER_CHAT`](crate::domain::limits::INVITES_PER_CHAT) that are good, and with `forbidden`, leaving none,
    /// if who makes it is no admin of it when it is written.
    async fn create_invite(&self, invite: NewInvite) -> AppResult<()>;

    /// The invitations to the chat that are good at `now`, last made first.
    async fn invites(&self, chat: ChatId, now: Timestamp) -> AppResult<Vec<InviteView>>;

    /// Takes an invitation to this chat back. False if there is none.
    async fn revoke_invite(&self, chat: ChatId, invite: InviteId) -> AppResult<bool>;

    /// What the invitation with this hash is to, if it is good for the viewer.
    async fn invite(
        &self,
        token_hash: &[u8; 32],
        viewer: UserId,
        now: Timestamp,
    ) -> AppResult<Option<InvitedTo>>;

    /// Changes a chat as [`ChatStore::change_chat`](super::ChatStore::change_chat) does, by an invitation to it that is
    /// good for the actor. A change is a use of it, counted in the same write: of two people who race for the last use
    /// one gets it. `None` if the invitation is not good.
    async fn join_by_invite(
        &self,
        chat: ChatId,
        token_hash: [u8; 32],
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>>;
}
