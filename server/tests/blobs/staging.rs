//! What the place promises where files arrive.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use app::{domain::Timestamp, ports::Staging};
use bytes::Bytes;
use server::blob::LocalStaging;
use tempfile::TempDir;

use crate::support::{bytes, in_a_runtime, staged};

struct Place {
    folder: TempDir,
    staging: LocalStaging,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let staging = LocalStaging::open(folder.path()).unwrap();
    Place { folder, staging }
}

impl Place {
    fn files(&self) -> usize {
        fs::read_dir(self.folder.path().join("incoming")).unwrap().count()
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

#[tokio::test]
async fn a_file_is_what_was_written_whatever_its_pieces() {
    let place = place();
    let content = bytes(2_000_000, 1);
    for piece in [1_000, 262_143, 262_144, 262_145, 2_000_000] {
        let mut stage = place.staging.begin().await.unwrap();
        let mut rest = content.clone();
        while !rest.is_empty() {
            stage.write(rest.split_to(piece.min(rest.len()))).await.unwrap();
            stage.write(Bytes::new()).await.unwrap();
        }
        let file = stage.finish().await.unwrap();
        assert_eq!(file.length(), 2_000_000);
        assert!(fs::read(file.path()).unwrap() == content, "in pieces of {piece}");
    }
    let nothing = place.staging.begin().await.unwrap().finish().await.unwrap();
    assert_eq!((nothing.length(), fs::read(nothing.path()).unwrap().len()), (0, 0));
}

#[tokio::test]
async fn who_lets_go_of_a_file_removes_it() {
    let place = place();
    let mut arriving = place.staging.begin().await.unwrap();
    arriving.write(bytes(500_000, 1)).await.unwrap();
    let complete = staged(&place.staging, &bytes(10, 1)).await;
    assert_eq!(place.files(), 2);
    drop(arriving);
    assert_eq!(place.files(), 1);
    drop(complete);
    assert_eq!(place.files(), 0);
}

#[tokio::test]
async fn a_write_that_is_dropped_removes_the_file() {
    let place = place();
    let mut stage = place.staging.begin().await.unwrap();
    let _ = tokio::time::timeout(Duration::ZERO, stage.write(bytes(50_000_000, 1))).await;
    drop(stage);
    while place.files() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_older_is_swept_and_what_is_newer_stays() {
    let place = place();
    let old = staged(&place.staging, &bytes(10, 1)).await;
    let new = staged(&place.staging, &bytes(10, 1)).await;
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(old.path()).unwrap().set_modified(hour_ago).unwrap();
    assert_eq!(place.staging.sweep(now().plus_seconds(-7_200)).await.unwrap(), 0);
    assert_eq!(place.staging.sweep(now().plus_seconds(-60)).await.unwrap(), 1);
    assert!(!old.path().exists());
    assert!(new.path().exists());
    assert_eq!(place.staging.sweep(now().plus_seconds(-60)).await.unwrap(), 0);
}

#[test]
fn what_a_killed_process_left_is_swept() {
    const FOLDER: &str = "SAMVAD_TEST_STAGING";
    if let Ok(folder) = std::env::var(FOLDER) {
        // The process that is going to be killed.
        return in_a_runtime(async {
            let staging = LocalStaging::open(folder.as_ref()).unwrap();
            let mut stage = staging.begin().await.unwrap();
            stage.write(bytes(500_000, 1)).await.unwrap();
            std::future::pending().await
        });
    }
    let place = place();
    let path = concat!(module_path!(), "::what_a_killed_process_left_is_swept").split_once("::").unwrap().1;
    let mut other = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", path])
        .env(FOLDER, place.folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let incoming = place.folder.path().join("incoming");
    let written = || fs::read_dir(&incoming).unwrap().any(|file| file.unwrap().metadata().unwrap().len() > 0);
    let patience = Instant::now() + Duration::from_secs(60);
    while !written() {
        assert!(Instant::now() < patience, "the other process writes nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    other.kill().unwrap();
    other.wait().unwrap();
    assert_eq!(place.files(), 1);
    assert_eq!(in_a_runtime(place.staging.sweep(now().plus_seconds(60))).unwrap(), 1);
    assert_eq!(place.files(), 0);
}
