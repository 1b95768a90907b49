//! Looking into files: what they are, by their bytes, and what is shown of them.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `sniff` | kind and media type, from the first bytes |
//! | `image` | pictures, made anew from their pixels |
//! | `excerpt` | the first lines of texts |
//!
//! Not here: what a browser is told of a file when it is served. Whoever serves one relies on this: nothing that
//! a browser would run gets a media type under which it would run, and of a picture only what was made here is
//! shown.

mod excerpt;
mod image;
mod sniff;

use std::{
    fs::File,
    io,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use app::{
    domain::{AttachmentKind, FileName, limits},
    error::{AppError, AppResult, ErrorCode},
    ports::{Inspected, InspectedPicture, Media, Staged, Staging},
};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use image::{Header, Rendered};
use sniff::Sniffed;

/// Bytes that are read to find out what a file is.
const HEAD: u64 = 64 * 1024;
/// The longest file that is taken for a picture, in bytes. A decoder may hold the whole of it in memory.
const IMAGE_BYTES: u64 = 64 * 1024 * 1024;
/// How many headers of pictures are read at once.
const HEADERS: usize = 4;
/// How long a picture waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// What one permit to decode stands for, in pixels.
const PERMIT: u64 = 1_000_000;

/// Looks into files on threads that may take their time.
pub struct Inspector {
    staging: Arc<dyn Staging>,
    headers: Arc<Semaphore>,
    /// Permits to decode, one for each million pixels.
    turns: Arc<Semaphore>,
    permits: u32,
    patience: Duration,
}

impl Inspector {
    /// Puts what it makes of pictures into the staging. Pictures of [`limits::IMAGE_PIXELS`] together are decoded
    /// at once; others wait for 30 seconds.
    pub fn new(staging: Arc<dyn Staging>) -> Self {
        Self::with_bounds(staging, limits::IMAGE_PIXELS, PATIENCE)
    }

    /// As [`Self::new`], with pictures of so many pixels at once, of which a larger one takes all, and so long a
    /// wait.
    pub fn with_bounds(staging: Arc<dyn Staging>, pixels: u64, patience: Duration) -> Self {
        let permits = u32::try_from(pixels.div_ceil(PERMIT)).unwrap_or(u32::MAX).max(1);
        Self {
            staging,
            headers: Arc::new(Semaphore::new(HEADERS)),
            turns: Arc::new(Semaphore::new(permits as usize)),
            permits,
            patience,
        }
    }

    /// What is shown of a picture; `None` if it cannot be understood.
    async fn picture(
        &self,
        path: PathBuf,
        format: ::image::ImageFormat,
    ) -> AppResult<Option<InspectedPicture>> {
        let rendered = self.decoded(path, format, image::render).await?;
        let Some(Rendered { view, preview, thumb }) = rendered else { return Ok(None) };
        let (preview, thumb) = (self.stage(preview).await?, self.stage(thumb).await?);
        Ok(Some(InspectedPicture { view, preview, thumb }))
    }

    /// What `render` makes of a picture, once it is known how much that takes and there is room for it; `None` if it
    /// cannot be understood.
    async fn decoded<T: Send + 'static>(
        &self,
        path: PathBuf,
        format: ::image::ImageFormat,
        render: fn(&Path, ::image::ImageFormat) -> Result<T, Misread>,
    ) -> AppResult<Option<T>> {
        let turn = self.turn(&self.headers, 1).await?;
        let header = understood(in_turn(turn, path.clone(), move |path| image::header(path, format)).await)?;
        let Some(Header { pixels, bytes }) = header else { return Ok(None) };
        if pixels > limits::IMAGE_PIXELS {
            return Err(ErrorCode::ImageTooLarge.into());
        }
        if bytes > image::MOST_BYTES {
            return Ok(None);
        }
        // Colours of more than a byte take more memory, and so count for more.
        let weight = pixels.max(bytes / 4).div_ceil(PERMIT);
        let permits = u32::try_from(weight).unwrap_or(u32::MAX).clamp(1, self.permits);
        let turn = self.turn(&self.turns, permits).await?;
        understood(in_turn(turn, path, move |path| render(path, format)).await)
    }

    async fn turn(&self, turns: &Arc<Semaphore>, permits: u32) -> AppResult<OwnedSemaphorePermit> {
        match timeout(self.patience, turns.clone().acquire_many_owned(permits)).await {
            Ok(turn) => turn.map_err(AppError::internal),
            Err(elapsed) => Err(AppError::new(ErrorCode::Busy).because(elapsed)),
        }
    }

    async fn stage(&self, content: Vec<u8>) -> AppResult<Staged> {
        let mut stage = self.staging.begin().await?;
        stage.write(Bytes::from(content)).await?;
        stage.finish().await
    }
}

#[async_trait]
impl Media for Inspector {
    async fn inspect(&self, file: &Staged, name: &FileName) -> AppResult<Inspected> {
        let path = file.path().to_owned();
        let head = head_of(path.clone()).await?;
        let is_whole = file.length() <= HEAD;
        if let Some(text) = excerpt::decode(&head, is_whole) {
            return Ok(Inspected {
                kind: AttachmentKind::Text,
                media_type: sniff::text_type(name).to_owned(),
                picture: None,
                excerpt: Some(excerpt::excerpt(&text, is_whole)),
            });
        }
        let Sniffed { mut kind, media_type, format } = sniff::sniff(&head);
        let mut picture = None;
        if let Some(format) = format
            && file.length() <= IMAGE_BYTES
        {
            picture = self.picture(path, format).await?;
        }
        if kind == AttachmentKind::Image && picture.is_none() {
            kind = AttachmentKind::File;
        }
        Ok(Inspected { kind, media_type: media_type.to_owned(), picture, excerpt: None })
    }

    async fn square(&self, file: &Staged) -> AppResult<Option<Staged>> {
        let path = file.path().to_owned();
        let Sniffed { format, .. } = sniff::sniff(&head_of(path.clone()).await?);
        let Some(format) = format.filter(|_| file.length() <= IMAGE_BYTES) else { return Ok(None) };
        match self.decoded(path, format, image::square).await? {
            Some(square) => Ok(Some(self.stage(square).await?)),
            None => Ok(None),
        }
    }
}

/// Why nothing came of a picture.
enum Misread {
    /// The file could not be read.
    File(io::Error),
    /// There is no picture in it, or a broken one.
    Picture(Box<dyn std::error::Error + Send + Sync>),
}

/// Works on the file on a thread that ends with the work, and the turn with it, also if nobody waits for it any
/// longer. The memory that a decoder gave back is kept for the thread it ran on: on the runtime's many threads
/// that would be as much again for each of them.
async fn in_turn<T, F>(turn: OwnedSemaphorePermit, path: PathBuf, work: F) -> Result<T, Misread>
where
    T: Send + 'static,
    F: FnOnce(&Path) -> Result<T, Misread> + Send + 'static,
{
    let (done, worked) = oneshot::channel();
    let thread = thread::Builder::new().name("picture".into()).spawn(move || {
        let _turn = turn;
        // Whoever waited may be gone.
        let _ = done.send(work(&path));
    });
    thread.map_err(Misread::File)?;
    // A decoder that panics has met a picture that its authors did not think of, and says nothing.
    worked.await.unwrap_or_else(|silent| Err(Misread::Picture(silent.into())))
}

fn understood<T>(result: Result<T, Misread>) -> AppResult<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Misread::File(error)) => Err(AppError::unavailable(error)),
        Err(Misread::Picture(reason)) => {
            tracing::debug!(reason, "a picture was not understood");
            Ok(None)
        }
    }
}

async fn head_of(path: PathBuf) -> AppResult<Vec<u8>> {
    let head = spawn_blocking(move || read_head(&path));
    head.await.map_err(AppError::internal)?.map_err(AppError::unavailable)
}

fn read_head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}
