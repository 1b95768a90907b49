//! Which files there are, whose they are, and which nobody needs any longer.
//!
//! An attachment is *arriving* from before its first byte is kept until its message is committed, *attached*
//! from then on, and *released* when the message or its chat is deleted. Or a person or a group has it instead of a
//! message: see [`AvatarStore`](super::AvatarStore). What is arriving for too long, and what
//! was released some time ago, is *collected*: claimed in the store first, so that no message can refer to it
//! any more, then its contents are removed, then the row. So every content that is kept has a row, and every
//! message's files are there.

use async_trait::async_trait;

use crate::{
    domain::{AttachmentId, ChatId, Timestamp, UserId},
    error::AppResult,
    protocol::AttachmentView,
};

/// A file that is about to arrive.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// Its id.
    pub id: AttachmentId,
    /// Who sends it.
    pub owner_id: UserId,
    /// When it is collected unless a message has it by then.
    pub collect_at: Timestamp,
}

/// A file that a message has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentRecord {
    /// In which chat: who is in it may read it.
    pub chat_id: ChatId,
    /// What it is.
    pub view: AttachmentView,
}

/// Attachments. They become attached by
/// [`append_messages`](super::MessageStore::append_messages), and released by the deletion of their message or
/// chat in the same write.
#[async_trait]
pub trait AttachmentStore: Send + Sync {
    /// Notes that a file is about to arrive, before any of its content is kept.
    async fn expect_attachment(&self, attachment: NewAttachment) -> AppResult<()>;

    /// Bytes of all files that the person has sent and that are still attached: one look-up.
    async fn attached_bytes(&self, user: UserId) -> AppResult<u64>;

    /// The file that a message has; `None` while it arrives, when it was released, when its chat is deleted, and if it is
    /// an avatar.
    async fn attachment(&self, id: AttachmentId) -> AppResult<Option<AttachmentRecord>>;

    /// Gives files up that no message has got: they are to be collected from now on. Those that a message has
    /// are left as they are.
    async fn give_up_attachments(&self, ids: &[AttachmentId], now: Timestamp) -> AppResult<()>;

    /// Claims up to `limit` files whose time has come, the longest due first, those of deleted chats among them once the deletion
    /// has released them. From then on no message can get them. Claiming again gives them again, until they
    /// are forgotten.
    async fn collect_attachments(&self, now: Timestamp, limit: usize) -> AppResult<Vec<AttachmentId>>;

    /// Forgets claimed files, whose contents are gone.
    async fn forget_attachments(&self, ids: &[AttachmentId]) -> AppResult<()>;
}
