//! Where files arrive: a folder on this machine's disk, emptied of what killed processes leave.

use std::{
    fs, io,
    io::Write,
    mem,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use app::{
    domain::Timestamp,
    error::{AppError, AppResult},
    ports::{Stage, Staged, Staging},
};
use async_trait::async_trait;
use bytes::Bytes;
use tempfile::NamedTempFile;

use super::{blocking, fault, private_folder};

/// The folder's name among the attachments. Contents stand in folders of two digits, so it is none of theirs.
const INCOMING: &str = "incoming";
/// Bytes that are gathered before the disk is asked to take them.
const BUFFER: usize = 256 * 1024;

/// Stages files in `incoming`, beside the contents of a [`DirectoryBlobs`](super::DirectoryBlobs) of the same
/// folder: keeping a file there is then a rename.
#[derive(Debug)]
pub struct LocalStaging {
    folder: PathBuf,
}

impl LocalStaging {
    /// Stages in the `incoming` folder of `attachments`, which is made if it is not there. Files are readable by
    /// the server's user only.
    ///
    /// # Errors
    /// `storage_full` or `unavailable` if the folder cannot be made.
    pub fn open(attachments: &Path) -> AppResult<Self> {
        let folder = attachments.join(INCOMING);
        private_folder(&folder).map_err(fault)?;
        Ok(Self { folder })
    }
}

#[async_trait]
impl Staging for LocalStaging {
    async fn begin(&self) -> AppResult<Box<dyn Stage>> {
        let folder = self.folder.clone();
        // Whoever opens a file by its name, as `put` does, has to be let in: a random name, and mode 0600.
        let file =
            blocking(move || tempfile::Builder::new().prefix("").rand_bytes(24).tempfile_in(folder)).await?;
        Ok(Box::new(LocalStage { file: Some(file), buffer: Vec::new(), length: 0 }))
    }

    async fn sweep(&self, before: Timestamp) -> AppResult<u64> {
        let folder = self.folder.clone();
        blocking(move || sweep(&folder, system_time(before))).await
    }
}

/// A file that arrives. It is removed when its [`NamedTempFile`] is dropped, wherever that is at the time.
struct LocalStage {
    /// `None` while the disk has it, and for good once it has failed.
    file: Option<NamedTempFile>,
    buffer: Vec<u8>,
    length: u64,
}

impl LocalStage {
    /// Writes what was gathered and `last`.
    async fn flush(&mut self, last: Bytes) -> AppResult<()> {
        let mut file = self.file.take().ok_or_else(broken)?;
        let mut buffer = mem::take(&mut self.buffer);
        let written = buffer.len() as u64 + last.len() as u64;
        let (file, buffer) = blocking(move || {
            file.write_all(&buffer)?;
            file.write_all(&last)?;
            buffer.clear();
            Ok((file, buffer))
        })
        .await?;
        self.file = Some(file);
        self.buffer = buffer;
        self.length += written;
        Ok(())
    }
}

#[async_trait]
impl Stage for LocalStage {
    async fn write(&mut self, bytes: Bytes) -> AppResult<()> {
        if self.buffer.len() + bytes.len() < BUFFER {
            self.buffer.extend_from_slice(&bytes);
            return Ok(());
        }
        self.flush(bytes).await
    }

    async fn finish(mut self: Box<Self>) -> AppResult<Staged> {
        self.flush(Bytes::new()).await?;
        let file = self.file.take().ok_or_else(broken)?;
        Ok(Staged::new(file.into_temp_path(), self.length))
    }
}

/// A write failed or was given up, and another one follows all the same.
fn broken() -> AppError {
    AppError::internal("a file is written to after a write has failed")
}

/// Removes the files that were last written to before `before`, and so were begun before it.
fn sweep(folder: &Path, before: SystemTime) -> io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let gone = match entry.metadata() {
            Ok(file) if file.is_file() && file.modified()? < before => fs::remove_file(entry.path()),
            Ok(_) => continue,
            Err(error) => Err(error),
        };
        match gone {
            Ok(()) => removed += 1,
            // Its owner was faster, or another node that sweeps the same folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

fn system_time(at: Timestamp) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
