//! What only the directory promises.

use std::{
    fs,
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
};

use app::{
    error::ErrorCode,
    ports::{BlobKey, BlobPart, Blobs, Staging},
};
use server::blob::{DirectoryBlobs, LocalStaging};
use tempfile::TempDir;

use crate::support::{Fixture, bytes, code, key, read, staged};

/// A directory of one's own.
pub struct Directory {
    pub folder: TempDir,
    blobs: Arc<DirectoryBlobs>,
    pub staging: Arc<LocalStaging>,
}

impl Fixture for Directory {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("attachments");
        let blobs = Arc::new(DirectoryBlobs::open(&root).unwrap());
        let staging = Arc::new(LocalStaging::open(&root).unwrap());
        Self { folder, blobs, staging }
    }

    fn blobs(&self) -> Arc<dyn Blobs> {
        self.blobs.clone()
    }

    fn staging(&self) -> Arc<dyn Staging> {
        self.staging.clone()
    }

    fn kept(&self) -> Vec<String> {
        let (files, _) = everything(&self.root());
        files.iter().map(|file| file.display().to_string()).collect()
    }
}

impl Directory {
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("attachments")
    }

    fn file(&self, key: BlobKey) -> PathBuf {
        let id = key.id.to_string();
        self.root().join(&id[..2]).join(&id[2..4]).join(format!("{id}.{}", key.part.as_str()))
    }
}

/// All files and folders in a folder.
fn everything(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    let mut at = 0;
    while at < folders.len() {
        for entry in fs::read_dir(&folders[at]).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
        at += 1;
    }
    (files, folders)
}

contract!(Directory);

#[cfg(unix)]
#[tokio::test]
async fn files_and_folders_are_for_the_servers_user_only() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Directory::open().await;
    let mut arriving = fixture.staging.begin().await.unwrap();
    arriving.write(bytes(300_000, 1)).await.unwrap();
    for part in BlobPart::ALL {
        let file = staged(&*fixture.staging, &bytes(10, 1)).await;
        fixture.blobs().put(key(part), file).await.unwrap();
    }
    let (files, folders) = everything(&fixture.root());
    assert_eq!((files.len(), folders.len()), (4, 2 + 2 * 3));
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert!(files.iter().all(|file| mode(file) == 0o600));
    assert!(folders.iter().all(|folder| mode(folder) == 0o700));
}

#[tokio::test]
async fn a_content_lies_under_its_id_and_nothing_else() {
    let fixture = Directory::open().await;
    let key = key(BlobPart::Thumb);
    let file = staged(&*fixture.staging, &bytes(10, 1)).await;
    fixture.blobs().put(key, file).await.unwrap();
    assert!(fixture.file(key).is_file());
}

#[tokio::test]
async fn copies_that_a_killed_process_left_go_with_the_contents() {
    let fixture = Directory::open().await;
    let (one, other) = (key(BlobPart::Original), key(BlobPart::Original));
    for key in [one, other] {
        let file = staged(&*fixture.staging, &bytes(10, 1)).await;
        fixture.blobs().put(key, file).await.unwrap();
    }
    // What a copy from another file system is called.
    let left = fixture.file(one).with_extension("original.Xy12ab.copy");
    fs::write(&left, "half").unwrap();
    fixture.blobs().delete(one.id).await.unwrap();
    assert!(!left.exists());
    assert_eq!(fixture.kept(), [fixture.file(other).display().to_string()]);
    // Also where nothing but such a copy is.
    fs::write(&left, "half").unwrap();
    fixture.blobs().delete(one.id).await.unwrap();
    assert!(!left.exists());
}

/// A folder on another file system than the temporary one.
#[cfg(target_os = "linux")]
fn elsewhere() -> TempDir {
    use std::os::unix::fs::MetadataExt;

    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    let folders = ["/dev/shm", "/run", "/var/tmp", env!("CARGO_TARGET_TMPDIR")].map(Path::new);
    let here = device(&std::env::temp_dir());
    folders
        .iter()
        .filter(|folder| folder.is_dir() && device(folder) != here)
        .find_map(|folder| tempfile::tempdir_in(folder).ok())
        .expect("a second file system that can be written to, as /dev/shm is")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_from_another_file_system_is_copied_into_place() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Directory::open().await;
    let folder = elsewhere();
    let staging = LocalStaging::open(folder.path()).unwrap();
    let (key, content) = (key(BlobPart::Original), bytes(1_000_000, 1));
    let file = staged(&staging, &content).await;
    let path = file.path().to_owned();
    fixture.blobs().put(key, file).await.unwrap();
    let found = fixture.blobs().get(key, None).await.unwrap().unwrap();
    assert!(read(found).await == content);
    assert!(!path.exists());
    assert_eq!(fixture.kept().len(), 1);
    assert_eq!(fs::metadata(fixture.file(key)).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Runs the test of that name in a process that may ignore the signal which comes with the limit on a file's
/// size. With that limit every disk is a full one, root's too, and nothing is mounted: a write fails with
/// `EFBIG` instead of `ENOSPC`, which is the same to us.
#[cfg(unix)]
fn where_disks_get_full(name: &str, scenario: impl Future<Output = ()>) {
    let deaf = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""];
    crate::support::in_a_process_of_its_own(name, &deaf, || crate::support::in_a_runtime(scenario));
}

/// From now on no file of this process gets longer than 1 MiB.
#[cfg(unix)]
fn fill_the_disk() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let limit = Rlimit { current: Some(1024 * 1024), maximum: Some(1024 * 1024) };
    setrlimit(Resource::Fsize, limit).unwrap();
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_while_a_file_arrives() {
    let name = concat!(module_path!(), "::a_disk_that_is_full_while_a_file_arrives");
    where_disks_get_full(name, async {
        let fixture = Directory::open().await;
        fill_the_disk();
        let mut stage = fixture.staging.begin().await.unwrap();
        let mut failed = None;
        while failed.is_none() {
            failed = code(stage.write(bytes(100_000, 1)).await);
        }
        assert_eq!(failed, Some(ErrorCode::StorageFull));
        // Nothing is left of it, even before its owner lets go of it, and whoever goes on is told.
        assert_eq!(fixture.kept(), Vec::<String>::new());
        assert!(stage.write(bytes(300_000, 1)).await.is_err());
        assert!(stage.finish().await.is_err());
        // What finds room is kept.
        let small = staged(&*fixture.staging, &bytes(10, 1)).await;
        fixture.blobs().put(key(BlobPart::Original), small).await.unwrap();
        assert_eq!(fixture.kept().len(), 1);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_while_a_file_is_copied_into_place() {
    let name = concat!(module_path!(), "::a_disk_that_is_full_while_a_file_is_copied_into_place");
    where_disks_get_full(name, async {
        let fixture = Directory::open().await;
        let folder = elsewhere();
        let staging = LocalStaging::open(folder.path()).unwrap();
        let key = key(BlobPart::Original);
        let large = staged(&staging, &bytes(3_000_000, 1)).await;
        fill_the_disk();
        assert_eq!(code(fixture.blobs().put(key, large).await), Some(ErrorCode::StorageFull));
        assert!(fixture.blobs().get(key, None).await.unwrap().is_none());
        assert_eq!(fixture.kept(), Vec::<String>::new());
    });
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_said() {
    let fixture = Directory::open().await;
    let file = staged(&*fixture.staging, &bytes(10, 1)).await;
    let (kept, lost) = (key(BlobPart::Original), key(BlobPart::Original));
    fixture.blobs().put(kept, file).await.unwrap();
    // A file where a folder should be, which stops root as well.
    fs::remove_dir_all(fixture.root()).unwrap();
    fs::write(fixture.root(), "in the way").unwrap();
    assert_eq!(code(fixture.blobs().check().await), Some(ErrorCode::Unavailable));
    assert_eq!(code(fixture.blobs().get(kept, None).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(fixture.blobs().delete(kept.id).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(fixture.staging.begin().await), Some(ErrorCode::Unavailable));
    let elsewhere = Directory::open().await;
    let file = staged(&*elsewhere.staging, &bytes(10, 1)).await;
    assert_eq!(code(fixture.blobs().put(lost, file).await), Some(ErrorCode::Unavailable));
    assert_eq!(
        code(DirectoryBlobs::open(&fixture.root().join("below")).map(|_| ())),
        Some(ErrorCode::Unavailable)
    );
}

/// How fast the largest file by default is staged and put, and read: `-- --ignored --nocapture measured`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn putting_and_getting_are_measured() {
    use std::{io::Write, time::Instant};

    let fixture = Directory::open().await;
    let content = bytes(25 * 1024 * 1024, 1);
    let (mut puts, mut gets) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        let key = key(BlobPart::Original);
        let began = Instant::now();
        let file = staged(&*fixture.staging, &content).await;
        fixture.blobs().put(key, file).await.unwrap();
        puts.push(began.elapsed());
        let began = Instant::now();
        read(fixture.blobs().get(key, None).await.unwrap().unwrap()).await;
        gets.push(began.elapsed());
    }
    puts.sort();
    gets.sort();
    writeln!(std::io::stderr(), "25 MiB, medians: put {:?}, get {:?}", puts[7], gets[7]).unwrap();
}
