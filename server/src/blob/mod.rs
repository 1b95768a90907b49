//! The contents of files: where they arrive, and where they are kept.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `staging` | files that arrive, on this machine's disk |
//! | `directory` | contents in a directory: of one machine, or one that all nodes share |
//! | `s3` | contents in an S3-compatible bucket |
//!
//! Not here: whose a file is and who may read it; that is the store's, and a content has a row there before
//! its first byte is kept. Both keep a content under `ab/cd/<id>.<part>`, `ab` and `cd` being the id's first
//! digits, so that no folder gets long. A content never changes once it is kept.
//!
//! A `put` that is dropped is given up at the next point where nothing can be seen of it yet; whoever drops it
//! does not know which side of that point it was on. `delete` is for ids whose `put` has ended or was dropped.

mod directory;
mod s3;
mod staging;

use std::{fs, io, ops::Range, path::Path, time::Duration};

use app::{
    error::{AppError, AppResult, ErrorCode},
    ports::BlobKey,
};

pub use directory::DirectoryBlobs;
pub use s3::{S3Blobs, S3Options};
pub use staging::LocalStaging;

/// The longest chunk that a content is read in, in bytes.
const CHUNK: usize = 128 * 1024;
/// How long one call to a file system may take. One on the network may never answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The two folders of a content.
fn folders(id: &[u8; 12]) -> [String; 2] {
    [format!("{:02x}", id[0]), format!("{:02x}", id[1])]
}

/// The name of a content in its folder.
fn name(key: BlobKey) -> String {
    format!("{}.{}", key.id, key.part.as_str())
}

/// What of `range` a content of `length` bytes has.
fn cut(range: Option<Range<u64>>, length: u64) -> Range<u64> {
    let range = range.unwrap_or(0..length);
    let start = range.start.min(length);
    start..range.end.clamp(start, length)
}

/// What a fault of a file system means outside. One that has no room for a file of this size (quotas and
/// `RLIMIT_FSIZE` say so too) is full as far as the sender can tell.
fn fault(error: io::Error) -> AppError {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorCode::StorageFull
        }
        _ => ErrorCode::Unavailable,
    };
    AppError::new(code).because(error)
}

/// Runs what waits for a disk on a thread that may wait. It is carried on if the caller is dropped or has waited
/// for [`PATIENCE`].
async fn blocking<T, F>(work: F) -> AppResult<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done.map_err(fault),
        Ok(Err(panic)) => Err(AppError::internal(panic)),
        Err(elapsed) => Err(AppError::unavailable(elapsed)),
    }
}

/// Makes a folder, and those above it, for the server's user only. Those that are there stay as they are.
fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the names in a folder as durable as what stands under them.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_without_room_is_full_and_any_other_fault_passes() {
        let code = |number| fault(io::Error::from_raw_os_error(number)).code;
        for (number, name) in [(28, "ENOSPC"), (122, "EDQUOT"), (27, "EFBIG")] {
            if cfg!(target_os = "linux") {
                assert_eq!(code(number), ErrorCode::StorageFull, "{name}");
            }
        }
        for (number, name) in [(5, "EIO"), (13, "EACCES"), (2, "ENOENT"), (30, "EROFS")] {
            assert_eq!(code(number), ErrorCode::Unavailable, "{name}");
        }
    }

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        assert_eq!(cut(None, 10), 0..10);
        assert_eq!(cut(Some(3..7), 10), 3..7);
        assert_eq!(cut(Some(3..99), 10), 3..10);
        assert_eq!(cut(Some(10..20), 10), 10..10);
        assert_eq!(cut(Some(50..60), 10), 10..10);
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = 7..3;
        assert_eq!(cut(Some(reversed), 10), 7..7);
        assert_eq!(cut(Some(0..u64::MAX), 0), 0..0);
    }
}
