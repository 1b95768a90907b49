//! The files that stand for people and groups instead of being in a message: which they are, and releasing those before.

use app::{
    domain::{AttachmentId, ChatId, Timestamp, UserId, limits},
    error::{AppError, AppResult},
    ports::AvatarStore,
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{EmbeddedStore, fault::Fault, rows};

pub(super) const IS_AVATAR: &str = "SELECT 1 FROM attachments a WHERE a.id = ?1 AND a.is_avatar = 1";
pub(super) const OF_USER: &str = "SELECT u.avatar_id FROM users u WHERE u.id = ?1";
pub(super) const OF_CHAT: &str = "SELECT c.avatar_id FROM chats c WHERE c.id = ?1";
pub(super) const SET_OF_USER: &str = "UPDATE users SET avatar_id = ?2 WHERE id = ?1";
pub(super) const SET_OF_CHAT: &str = "UPDATE chats SET avatar_id = ?2 WHERE id = ?1";
/// Only its owner's own file, that nothing has yet.
pub(super) const ATTACH: &str = "UPDATE attachments SET state = 'attached', is_avatar = 1, collect_at = NULL
    WHERE id = ?1 AND owner_id = ?2 AND state = 'arriving'";
pub(super) const RELEASE: &str = "UPDATE attachments SET state = 'released', is_avatar = 0, collect_at = ?2
    WHERE id = ?1 AND is_avatar = 1";

#[async_trait]
impl AvatarStore for EmbeddedStore {
    async fn set_avatar(&self, user: UserId, avatar: Option<AttachmentId>, at: Timestamp) -> AppResult<bool> {
        self.write(move |connection| {
            let before =
                rows::one(connection, OF_USER, params![user.as_bytes()], |row| rows::avatar(row, 0))?;
            let Some(before) = before else { return Ok(false) };
            if before != avatar {
                attach(connection, user, avatar)?;
                let new = avatar.as_ref().map(AttachmentId::as_bytes);
                rows::execute(connection, SET_OF_USER, params![user.as_bytes(), new])?;
                release(connection, before, at)?;
            }
            Ok(true)
        })
        .await
    }

    async fn is_avatar(&self, id: AttachmentId) -> AppResult<bool> {
        self.read(move |connection| {
            Ok(rows::one(connection, IS_AVATAR, params![id.as_bytes()], |_row| Ok(()))?.is_some())
        })
        .await
    }
}

/// Has this file of the actor's stand for the chat, or none, and releases the one before.
pub(super) fn set_of_chat(
    connection: &Connection,
    chat: ChatId,
    actor: UserId,
    avatar: Option<AttachmentId>,
    at: Timestamp,
) -> Result<(), Fault> {
    let before = rows::one(connection, OF_CHAT, params![chat.as_bytes()], |row| rows::avatar(row, 0))?;
    let Some(before) = before else { return Err(Fault::broken_rule("an event gives no chat an avatar")) };
    attach(connection, actor, avatar)?;
    let new = avatar.as_ref().map(AttachmentId::as_bytes);
    rows::execute(connection, SET_OF_CHAT, params![chat.as_bytes(), new])?;
    release(connection, before, at)
}

fn attach(connection: &Connection, owner: UserId, avatar: Option<AttachmentId>) -> Result<(), Fault> {
    let Some(id) = avatar else { return Ok(()) };
    if rows::execute(connection, ATTACH, params![id.as_bytes(), owner.as_bytes()])? == 1 {
        return Ok(());
    }
    Err(AppError::unavailable("the picture was collected").into())
}

fn release(connection: &Connection, avatar: Option<AttachmentId>, at: Timestamp) -> Result<(), Fault> {
    if let Some(id) = avatar {
        let collect_at = at.plus_seconds(limits::RELEASED_GRACE_SECONDS);
        rows::execute(connection, RELEASE, params![id.as_bytes(), collect_at.as_millis()])?;
    }
    Ok(())
}
