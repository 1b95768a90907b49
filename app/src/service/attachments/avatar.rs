//! Pictures that stand for people and groups: taking them in, and handing them out.

use std::sync::Arc;

use super::{Arrival, Arriving, Attachments, DOWNLOADS, Shared, turns::Turn};
use crate::{
    domain::{AttachmentId, limits},
    error::{AppError, AppResult, ErrorCode, FieldError},
    ports::{BlobContent, BlobKey, BlobPart},
    service::Actor,
};

/// A picture that has arrived to stand for somebody. Dropping it gives it up, unless something has it by then.
pub struct NewAvatar {
    id: AttachmentId,
    arrival: Arrival,
}

impl NewAvatar {
    /// Which file it is.
    pub fn id(&self) -> AttachmentId {
        self.id
    }

    /// It stands for somebody.
    pub fn attached(self) {
        self.arrival.attached();
    }
}

impl Attachments {
    /// Begins to take in a picture that is to stand for somebody, before the first byte of it is read. `declared` is how
    /// long the request says it is.
    ///
    /// # Errors
    /// `too_many_files` where no files are taken at all, `file_too_large`, `too_many_requests`, and `busy` while the node
    /// takes in as much as it can.
    pub fn begin_avatar(&self, actor: Actor, declared: Option<u64>) -> AppResult<Arrival> {
        let Shared { limits, .. } = &*self.shared;
        if limits.files == 0 {
            return Err(ErrorCode::TooManyFiles.into());
        }
        let most = limits.file_bytes.saturating_add(limits::MULTIPART_TEXT_BYTES as u64);
        if declared.is_some_and(|declared| declared > most) {
            return Err(ErrorCode::FileTooLarge.into());
        }
        let turn = self.shared.arrivals.take(actor.user_id)?;
        Ok(Arrival::new(Arc::clone(&self.shared), actor.user_id, turn))
    }

    /// What stands for a person or a group at the moment, and the place that it holds while it is read: a JPEG of
    /// [`AVATAR_SIDE`](limits::AVATAR_SIDE) pixels each way, for anybody who is signed in.
    ///
    /// # Errors
    /// `not_found` for everything else; `busy` while too many files are read, in all or by this person.
    pub async fn open_avatar(&self, actor: Actor, id: AttachmentId) -> AppResult<(BlobContent, Turn)> {
        let ports = &self.shared.ports;
        ports.limiter.take(DOWNLOADS, &actor.user_id.to_string()).await?;
        if !ports.store.is_avatar(id).await? {
            return Err(AppError::not_found());
        }
        let turn = self.shared.downloads.take(actor.user_id)?;
        let content = ports.blobs.get(BlobKey { id, part: BlobPart::Thumb }, None).await?;
        let content = content.ok_or_else(|| AppError::internal(format!("the avatar {id} is lost")))?;
        Ok((content, turn))
    }
}

impl Arrival {
    /// The picture is complete: makes a square of it, and keeps that alone. Fails with `file_empty`, with
    /// `validation_failed` if it is no picture, with `unauthenticated` if the session has ended meanwhile, and as
    /// [`Media::square`](crate::ports::Media::square) and [`Blobs::put`](crate::ports::Blobs::put).
    pub async fn into_avatar(mut self, actor: Actor, file: Arriving) -> AppResult<NewAvatar> {
        let original = file.complete().await?;
        let shared = Arc::clone(&self.shared);
        let ports = &shared.ports;
        let square = ports.media.square(&original).await?;
        let square = square.ok_or_else(|| AppError::field("file", FieldError::NotAPicture))?;
        drop(original);
        let id = self.expect().await?;
        ports.blobs.put(BlobKey { id, part: BlobPart::Thumb }, square).await?;
        // It may have taken long: longer than the session lived.
        let session = ports.store.session(actor.session_id, ports.clock.now()).await?;
        session.filter(|session| session.user_id == actor.user_id).ok_or_else(AppError::unauthenticated)?;
        Ok(NewAvatar { id, arrival: self })
    }
}
