//! Contents in a directory. A content comes into its place by a rename, so it is there whole or not at all.

use std::{
    collections::HashSet,
    fs,
    fs::File,
    io,
    io::{Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use app::{
    domain::AttachmentId,
    error::AppResult,
    ports::{BlobContent, BlobKey, Blobs, Staged},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream;
use tempfile::TempPath;
use tokio_util::sync::CancellationToken;

use super::{CHUNK, blocking, cut, fault, folders, name, private_folder, sync_folder};

/// Keeps contents in a directory. Nodes may share it, if the file system between them renames atomically and
/// keeps what `fsync` was answered for, as NFS does.
#[derive(Debug)]
pub struct DirectoryBlobs {
    root: Arc<Root>,
}

#[derive(Debug)]
struct Root {
    path: PathBuf,
    /// Folders whose own names are known to be durable, by the id's first bytes: 65,536 at most.
    durable: Mutex<HashSet<[u8; 2]>>,
}

impl DirectoryBlobs {
    /// Keeps contents in the folder, which is made for the server's user only if it is not there.
    ///
    /// # Errors
    /// `storage_full` or `unavailable` if the folder cannot be made.
    pub fn open(path: &Path) -> AppResult<Self> {
        prepare(path).map_err(fault)?;
        let root = Root { path: path.to_owned(), durable: Mutex::default() };
        Ok(Self { root: Arc::new(root) })
    }
}

#[async_trait]
impl Blobs for DirectoryBlobs {
    async fn put(&self, key: BlobKey, content: Staged) -> AppResult<()> {
        let root = self.root.clone();
        let given_up = CancellationToken::new();
        let _give_up = given_up.clone().drop_guard();
        blocking(move || root.put(key, content.into_path(), &given_up)).await
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> AppResult<Option<BlobContent>> {
        let path = self.root.folder(key.id).join(name(key));
        let opened = blocking(move || match File::open(path) {
            Ok(mut file) => {
                let length = file.metadata()?.len();
                let range = cut(range, length);
                file.seek(SeekFrom::Start(range.start))?;
                Ok(Some((file, length, range)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        let Some((file, length, range)) = opened.await? else { return Ok(None) };
        let left = range.end - range.start;
        let bytes = stream::try_unfold((file, left), |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let (file, chunk) = blocking(move || {
                let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
                let mut chunk = vec![0; length];
                file.read_exact(&mut chunk)?;
                Ok((file, Bytes::from(chunk)))
            })
            .await?;
            let left = left - chunk.len() as u64;
            Ok(Some((chunk, (file, left))))
        });
        Ok(Some(BlobContent { length, range, bytes: Box::pin(bytes) }))
    }

    async fn delete(&self, id: AttachmentId) -> AppResult<()> {
        let root = self.root.clone();
        blocking(move || root.delete(id)).await
    }

    async fn check(&self) -> AppResult<()> {
        let root = self.root.clone();
        blocking(move || root.check()).await
    }
}

impl Root {
    fn folder(&self, id: AttachmentId) -> PathBuf {
        let [first, second] = folders(id.as_bytes());
        self.path.join(first).join(second)
    }

    fn put(&self, key: BlobKey, staged: TempPath, given_up: &CancellationToken) -> io::Result<()> {
        let folder = self.folder(key.id);
        let target = folder.join(name(key));
        File::open(&staged)?.sync_all()?;
        let is_new = !folder.exists();
        if is_new {
            private_folder(&folder)?;
        }
        // From the rename on it can be read. Whoever gave up may be removing the attachment at any moment.
        keep(given_up)?;
        match staged.persist(&target) {
            Ok(()) => {}
            Err(fault) if fault.error.kind() == io::ErrorKind::CrossesDevices => {
                copy(&fault.path, &target, given_up)?;
            }
            Err(fault) => return Err(fault.error),
        }
        // Given up in this very moment, it may have come into its place after the attachment was removed.
        if let Err(given_up) = keep(given_up) {
            fs::remove_file(&target)?;
            return Err(given_up);
        }
        sync_folder(&folder)?;
        self.sync_parents(&folder, key.id, is_new)
    }

    /// Makes the name of the content's folder durable, and that of the one it is in. Another process may have
    /// made them and been killed, so each process sees to it once for each folder.
    fn sync_parents(&self, folder: &Path, id: AttachmentId, is_new: bool) -> io::Result<()> {
        let bytes = id.as_bytes();
        let which = [bytes[0], bytes[1]];
        let is_durable = || self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(&which);
        if is_new || !is_durable() {
            for parent in folder.ancestors().skip(1).take(2) {
                sync_folder(parent)?;
            }
            self.durable.lock().unwrap_or_else(PoisonError::into_inner).insert(which);
        }
        Ok(())
    }

    /// Removes everything in the attachment's folder whose name begins with its id: the contents, and copies
    /// that nobody finished.
    fn delete(&self, id: AttachmentId) -> io::Result<()> {
        let folder = self.folder(id);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let own = format!("{id}.");
        let mut has_removed = false;
        for entry in entries {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().starts_with(&own) {
                continue;
            }
            match fs::remove_file(entry.path()) {
                Ok(()) => has_removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        // Or it would come back after a loss of power, when nobody knows of it any longer.
        if has_removed { sync_folder(&folder) } else { Ok(()) }
    }

    /// Writes, reads and removes a file without a name, of which nothing stays if the process is killed.
    fn check(&self) -> io::Result<()> {
        let mut probe = tempfile::tempfile_in(&self.path)?;
        probe.write_all(b"samvad")?;
        probe.sync_all()?;
        probe.seek(SeekFrom::Start(0))?;
        let mut read = String::new();
        probe.read_to_string(&mut read)?;
        if read == "samvad" { Ok(()) } else { Err(io::Error::other("a file is not read as it was written")) }
    }
}

/// Makes the folder and its name durable.
fn prepare(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    private_folder(path)?;
    match path.canonicalize()?.parent() {
        Some(parent) => sync_folder(parent),
        None => Ok(()),
    }
}

/// Fails if nobody waits for the content any longer.
fn keep(given_up: &CancellationToken) -> io::Result<()> {
    if given_up.is_cancelled() {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "nobody waits for it any longer"));
    }
    Ok(())
}

/// Brings a staged file from another file system: a copy beside the target, then a rename. The copy's name
/// begins with the attachment's id, by which `delete` finds it should the process be killed.
fn copy(staged: &Path, target: &Path, given_up: &CancellationToken) -> io::Result<()> {
    let nowhere = || io::Error::other("the content has no folder");
    let folder = target.parent().ok_or_else(nowhere)?;
    let mut prefix = target.file_name().ok_or_else(nowhere)?.to_owned();
    prefix.push(".");
    let mut beside = tempfile::Builder::new().prefix(&prefix).suffix(".copy").tempfile_in(folder)?;
    io::copy(&mut File::open(staged)?, beside.as_file_mut())?;
    beside.as_file().sync_all()?;
    keep(given_up)?;
    beside.persist(target)?;
    Ok(())
}
