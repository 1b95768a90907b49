//! The files of one message while they arrive.

use std::sync::Arc;

use bytes::Bytes;

use super::{Shared, UPLOADS, turns::Turn};
use crate::{
    domain::{AltText, AttachmentId, FileName, UserId},
    error::{AppResult, ErrorCode},
    ports::{BlobKey, BlobPart, NewAttachment, Stage, Staged},
    protocol::AttachmentView,
};

/// For how long a file may arrive, and wait for the others of its message, before it is collected, in seconds.
/// More than a request may take.
const ARRIVES_WITHIN_SECONDS: i64 = 2 * 60 * 60;

/// The files of one message that have arrived so far, or a picture that is to stand for somebody. Dropping it gives up
/// those that nothing has got by then.
pub struct Arrival {
    pub(super) shared: Arc<Shared>,
    owner: UserId,
    ids: Vec<AttachmentId>,
    kept: Vec<AttachmentView>,
    _turn: Turn,
}

/// A file that arrives. Dropping it removes what has come of it.
pub struct Arriving {
    name: FileName,
    stage: Box<dyn Stage>,
    size: u64,
    most: u64,
}

impl Arriving {
    /// Adds bytes to it. Fails with `file_too_large` at the first byte too many.
    pub async fn write(&mut self, bytes: Bytes) -> AppResult<()> {
        self.size = self.size.saturating_add(bytes.len() as u64);
        if self.size > self.most {
            return Err(ErrorCode::FileTooLarge.into());
        }
        self.stage.write(bytes).await
    }

    /// The whole of it. Fails with `file_empty`.
    pub(super) async fn complete(self) -> AppResult<Staged> {
        if self.size == 0 {
            return Err(ErrorCode::FileEmpty.into());
        }
        self.stage.finish().await
    }
}

impl Arrival {
    pub(super) fn new(shared: Arc<Shared>, owner: UserId, turn: Turn) -> Self {
        Self { shared, owner, ids: Vec::new(), kept: Vec::new(), _turn: turn }
    }

    /// Begins the next file, once the one before is kept. Fails with `too_many_files`, `file_name_too_long`, `too_many_requests`, and as
    /// [`Staging::begin`](crate::ports::Staging::begin).
    pub async fn file(&mut self, name: &str) -> AppResult<Arriving> {
        let Shared { ports, limits, .. } = &*self.shared;
        if self.kept.len() >= limits.files {
            return Err(ErrorCode::TooManyFiles.into());
        }
        let name = FileName::parse(name)?;
        ports.limiter.take(UPLOADS, &self.owner.to_string()).await?;
        Ok(Arriving { name, stage: ports.staging.begin().await?, size: 0, most: limits.file_bytes })
    }

    /// A file is complete: looks into it and keeps it. Fails with `file_empty`, and as
    /// [`Media::inspect`](crate::ports::Media::inspect) and [`Blobs::put`](crate::ports::Blobs::put).
    pub async fn keep(&mut self, file: Arriving) -> AppResult<()> {
        let (name, size) = (file.name.clone(), file.size);
        let original = file.complete().await?;
        let found = self.shared.ports.media.inspect(&original, &name).await?;
        let id = self.expect().await?;
        let Shared { ports, .. } = &*self.shared;
        ports.blobs.put(BlobKey { id, part: BlobPart::Original }, original).await?;
        let mut view = AttachmentView {
            id,
            name: name.into_string(),
            kind: found.kind,
            media_type: found.media_type,
            size,
            alt: String::new(),
            picture: None,
            excerpt: found.excerpt,
        };
        if let Some(picture) = found.picture {
            ports.blobs.put(BlobKey { id, part: BlobPart::Preview }, picture.preview).await?;
            ports.blobs.put(BlobKey { id, part: BlobPart::Thumb }, picture.thumb).await?;
            view.picture = Some(picture.view);
        }
        self.kept.push(view);
        Ok(())
    }

    /// Notes that a file is about to be kept, and gives it an id.
    pub(super) async fn expect(&mut self) -> AppResult<AttachmentId> {
        let Shared { ports, .. } = &*self.shared;
        let id = random_id(ports.ids.secret());
        let collect_at = ports.clock.now().plus_seconds(ARRIVES_WITHIN_SECONDS);
        ports.store.expect_attachment(NewAttachment { id, owner_id: self.owner, collect_at }).await?;
        self.ids.push(id);
        Ok(id)
    }

    /// Says of the file at a place, counted from 0, what is to be seen on it. Of a file that is not there nothing
    /// can be said.
    pub fn describe(&mut self, place: usize, alt: AltText) {
        if let Some(view) = self.kept.get_mut(place) {
            view.alt = alt.into_string();
        }
    }

    /// The files, in the order in which they came.
    pub fn files(&self) -> &[AttachmentView] {
        &self.kept
    }

    /// Bytes that all files of their sender may have together.
    pub fn user_bytes(&self) -> u64 {
        self.shared.limits.user_bytes
    }

    /// A message has got them, or they stand for somebody.
    pub fn attached(mut self) {
        self.ids.clear();
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        if self.ids.is_empty() {
            return;
        }
        let (shared, ids) = (Arc::clone(&self.shared), std::mem::take(&mut self.ids));
        // What cannot be done now is done by and by: their time to arrive ends.
        self.shared.ports.errands.begin("giving up files", async move {
            let now = shared.ports.clock.now();
            shared.ports.store.give_up_attachments(&ids, now).await?;
            shared.collect(now).await.map(|_count| ())
        });
    }
}

/// The first bytes of a secret: nobody guesses an id, or learns from it when or where it was made.
fn random_id(secret: [u8; 32]) -> AttachmentId {
    let mut id = [0; 12];
    id.copy_from_slice(&secret[..12]);
    AttachmentId::from_bytes(id)
}
