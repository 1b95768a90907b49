//! Which files stand for people and groups.
//!
//! An avatar is an [attachment](super::AttachmentStore) that a person or a group has instead of a message: it *arrives*
//! as any other, is *attached* by the write that has it stand for somebody, and *released* by the write that has another
//! one do so, or none, or deletes the group. It counts among nobody's attached bytes, and is no message's file. A group's
//! avatar changes through its log, by [`change_chat`](super::ChatStore::change_chat).

use async_trait::async_trait;

use crate::{
    domain::{AttachmentId, Timestamp, UserId},
    error::AppResult,
};

/// Avatars.
#[async_trait]
pub trait AvatarStore: Send + Sync {
    /// Has this arriving file of the person's own stand for them from now on, or none, and releases the one before. What
    /// is so already changes nothing. False if there is no such account. Fails with `unavailable` if the file is not
    /// arriving any longer, or is somebody else's.
    async fn set_avatar(&self, user: UserId, avatar: Option<AttachmentId>, at: Timestamp) -> AppResult<bool>;

    /// Whether the file stands for a person or a group at the moment: one look-up.
    async fn is_avatar(&self, id: AttachmentId) -> AppResult<bool>;
}
