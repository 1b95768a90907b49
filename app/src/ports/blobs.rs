//! The contents of files: staged on this machine while they arrive, kept where every node finds them.

use std::{ops::Range, path::Path, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use tempfile::TempPath;

use crate::{
    domain::{AttachmentId, Timestamp},
    error::AppResult,
};

/// Which of the contents that belong to one attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlobPart {
    /// What was sent, byte for byte.
    Original,
    /// The picture as large as a screen shows it.
    Preview,
    /// The picture as a conversation shows it; of an avatar, the square that is all that is kept of it.
    Thumb,
}

impl BlobPart {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Original, Self::Preview, Self::Thumb];

    /// The part as it stands in a key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Preview => "preview",
            Self::Thumb => "thumb",
        }
    }
}

/// Where a content is found. Made of a random id alone: no name that somebody chose gets near a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobKey {
    /// Whose content.
    pub id: AttachmentId,
    /// Which of them.
    pub part: BlobPart,
}

/// A content, or a stretch of it, as it is read. Dropping it ends the reading.
pub struct BlobContent {
    /// How long the whole is, in bytes.
    pub length: u64,
    /// The stretch that is read: all of it, unless a part was asked for.
    pub range: Range<u64>,
    /// The bytes of the stretch, in chunks of at most 128 KiB.
    pub bytes: Pin<Box<dyn Stream<Item = AppResult<Bytes>> + Send>>,
}

/// Contents, kept.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Keeps a staged file under the key. When this returns, the content is there to stay, on every node,
    /// whatever happens to this one; until then it is not there at all. The same content again changes
    /// nothing. Fails with `storage_full` or `unavailable`.
    async fn put(&self, key: BlobKey, content: Staged) -> AppResult<()>;

    /// The content, or the bytes of `range` cut to what there is; `None` if nothing is kept under the key.
    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> AppResult<Option<BlobContent>>;

    /// Removes all contents of the attachment, and what a process that was killed left of them. Nothing to
    /// remove is no fault.
    async fn delete(&self, id: AttachmentId) -> AppResult<()>;

    /// Whether contents can be kept and read at the moment, tried with one of a few bytes.
    async fn check(&self) -> AppResult<()>;
}

/// Where files arrive before anything is known of them.
#[async_trait]
pub trait Staging: Send + Sync {
    /// Begins a file. Fails with `storage_full` or `unavailable`.
    async fn begin(&self) -> AppResult<Box<dyn Stage>>;

    /// Removes what processes that were killed have left, begun before `before`. Returns how many files went.
    async fn sweep(&self, before: Timestamp) -> AppResult<u64>;
}

/// A file that arrives. Dropping it removes it.
#[async_trait]
pub trait Stage: Send {
    /// Adds bytes. Fails with `storage_full` or `unavailable`.
    async fn write(&mut self, bytes: Bytes) -> AppResult<()>;

    /// It is complete.
    async fn finish(self: Box<Self>) -> AppResult<Staged>;
}

/// A complete file on this machine that nobody has kept yet. Dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    path: TempPath,
    length: u64,
}

impl Staged {
    /// The file at the path, of that many bytes.
    pub fn new(path: TempPath, length: u64) -> Self {
        Self { path, length }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The path, which whoever takes it removes or keeps.
    pub fn into_path(self) -> TempPath {
        self.path
    }
}
