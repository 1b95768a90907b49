//! What the scenarios share: contents, keys, and a process of one's own.

use std::{
    future::Future,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use app::{
    domain::AttachmentId,
    error::{AppResult, ErrorCode},
    ports::{BlobContent, BlobKey, BlobPart, Blobs, Staged, Staging},
};
use bytes::Bytes;
use futures::TryStreamExt;

/// Adapters under test.
pub trait Fixture: Sized + Send + Sync {
    /// Opens both, with nothing in them.
    fn open() -> impl Future<Output = Self> + Send;
    /// Where contents are kept.
    fn blobs(&self) -> Arc<dyn Blobs>;
    /// Where they arrive.
    fn staging(&self) -> Arc<dyn Staging>;
    /// The names of all that is kept.
    fn kept(&self) -> Vec<String>;
}

/// A key that no other call gives.
pub fn key(part: BlobPart) -> BlobKey {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let mut id = [0; 12];
    id[..8].copy_from_slice(
        &LAST.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes(),
    );
    BlobKey { id: AttachmentId::from_bytes(id), part }
}

/// So many bytes that nothing shrinks, others for every seed.
pub fn bytes(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(2).wrapping_add(0x9e37_79b9_7f4a_7c15) | 1;
    let mut all = Vec::with_capacity(length + 8);
    while all.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        all.extend_from_slice(&state.to_le_bytes());
    }
    all.truncate(length);
    all.into()
}

/// Stages a file, as it comes over the network: in pieces.
pub async fn staged(staging: &dyn Staging, content: &Bytes) -> Staged {
    let mut stage = staging.begin().await.unwrap();
    let mut at = 0;
    while at < content.len() {
        let end = content.len().min(at + 60_000);
        stage.write(content.slice(at..end)).await.unwrap();
        at = end;
    }
    stage.finish().await.unwrap()
}

/// All bytes of what is read, none of whose chunks may be longer than promised.
pub async fn read(content: BlobContent) -> Bytes {
    let chunks: Vec<Bytes> = content.bytes.try_collect().await.unwrap();
    assert!(chunks.iter().all(|chunk| chunk.len() <= 128 * 1024));
    let all: Bytes = chunks.concat().into();
    assert_eq!(all.len() as u64, content.range.end - content.range.start);
    all
}

pub fn code<T>(result: AppResult<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

/// Runs the body of the test of that name in a process of its own, started by the given command (or by none)
/// with the program and its arguments behind it.
pub fn in_a_process_of_its_own(name: &str, command: &[&str], body: impl FnOnce()) {
    const MARK: &str = "SAMVAD_TEST_IN_ITS_OWN_PROCESS";
    if std::env::var(MARK).is_ok_and(|marked| marked == name) {
        return body();
    }
    // The harness knows a test by its path without the crate.
    let path = name.split_once("::").unwrap().1;
    let program = std::env::current_exe().unwrap();
    let mut words = command.iter().map(std::ffi::OsStr::new).chain([program.as_os_str()]);
    let output = Command::new(words.next().unwrap())
        .args(words)
        .args(["--exact", path, "--nocapture", "--test-threads=1"])
        .env(MARK, name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(said.contains("1 passed"), "the test of that name is not there: {said}");
}

/// The most memory that this process has held so far, in bytes.
#[cfg(target_os = "linux")]
pub fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// From now on the most memory is that of now.
#[cfg(target_os = "linux")]
pub fn forget_peak_memory() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[cfg(unix)]
pub fn in_a_runtime<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}
