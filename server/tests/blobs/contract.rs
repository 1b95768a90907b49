//! What every adapter has to do.

use std::{ops::Range, time::Duration};

use app::ports::{BlobKey, BlobPart, Blobs};
use bytes::Bytes;
use futures::{StreamExt, future::join_all};

use crate::support::{Fixture, bytes, key, read, staged};

const MIB: usize = 1024 * 1024;

async fn put(fixture: &impl Fixture, key: BlobKey, content: &Bytes) {
    let file = staged(&*fixture.staging(), content).await;
    fixture.blobs().put(key, file).await.unwrap();
}

async fn get(blobs: &dyn Blobs, key: BlobKey, range: Option<Range<u64>>) -> Option<Bytes> {
    match blobs.get(key, range).await.unwrap() {
        Some(content) => Some(read(content).await),
        None => None,
    }
}

pub async fn a_content_is_read_as_it_was_put(fixture: &impl Fixture) {
    // Around the sizes of a chunk, of a piece and of a part, and the largest file by default.
    let sizes = [1, 128 * 1024, 128 * 1024 + 1, MIB, MIB + 1, 8 * MIB, 8 * MIB + 1, 25 * MIB];
    for (seed, size) in sizes.into_iter().enumerate() {
        let (key, content) = (key(BlobPart::Original), bytes(size, seed as u64));
        put(fixture, key, &content).await;
        let found = fixture.blobs().get(key, None).await.unwrap().unwrap();
        assert_eq!((found.length, found.range.clone()), (size as u64, 0..size as u64));
        assert!(read(found).await == content, "{size} bytes are others now");
    }
}

pub async fn a_content_of_nothing_is_a_content(fixture: &impl Fixture) {
    let key = key(BlobPart::Original);
    put(fixture, key, &Bytes::new()).await;
    for range in [None, Some(0..0), Some(0..10), Some(5..10)] {
        let found = fixture.blobs().get(key, range).await.unwrap().unwrap();
        assert_eq!((found.length, found.range.clone()), (0, 0..0));
        assert!(read(found).await.is_empty());
    }
}

pub async fn a_stretch_is_read_and_cut_to_what_there_is(fixture: &impl Fixture) {
    let size = 3 * MIB as u64 + 7;
    let (key, content) = (key(BlobPart::Preview), bytes(3 * MIB + 7, 1));
    put(fixture, key, &content).await;
    for (asked, given) in [
        (0..1, 0..1),
        (0..size, 0..size),
        (5..5, 5..5),
        (1_000_000..2_500_000, 1_000_000..2_500_000),
        (size - 1..size, size - 1..size),
        (size - 1..size + 50, size - 1..size),
        (10..u64::MAX, 10..size),
        (size..size + 1, size..size),
        (size + 10..size + 20, size..size),
        (u64::MAX..u64::MAX, size..size),
    ] {
        let found = fixture.blobs().get(key, Some(asked.clone())).await.unwrap().unwrap();
        assert_eq!((found.length, found.range.clone()), (size, given.clone()), "{asked:?}");
        let whole = usize::try_from(given.start).unwrap()..usize::try_from(given.end).unwrap();
        assert!(read(found).await == content.slice(whole), "{asked:?}");
    }
}

pub async fn what_was_never_put_is_not_there(fixture: &impl Fixture) {
    let key = key(BlobPart::Original);
    for range in [None, Some(0..10), Some(5..5)] {
        assert!(fixture.blobs().get(key, range).await.unwrap().is_none());
    }
    // Nor are the other contents of an attachment that has one.
    put(fixture, key, &bytes(10, 1)).await;
    let thumb = BlobKey { part: BlobPart::Thumb, ..key };
    assert!(fixture.blobs().get(thumb, None).await.unwrap().is_none());
}

pub async fn the_same_content_can_be_put_again(fixture: &impl Fixture) {
    let (key, content) = (key(BlobPart::Original), bytes(100_000, 1));
    for _ in 0..3 {
        put(fixture, key, &content).await;
        assert!(get(&*fixture.blobs(), key, None).await.unwrap() == content);
    }
    assert_eq!(fixture.kept().len(), 1);
}

pub async fn all_contents_of_an_attachment_are_deleted_and_no_others(fixture: &impl Fixture) {
    let (gone, stays) = (key(BlobPart::Original), key(BlobPart::Original));
    for part in BlobPart::ALL {
        put(fixture, BlobKey { part, ..gone }, &bytes(1_000, 1)).await;
        put(fixture, BlobKey { part, ..stays }, &bytes(1_000, 2)).await;
    }
    // Twice: the second time there is nothing to remove.
    for _ in 0..2 {
        fixture.blobs().delete(gone.id).await.unwrap();
        for part in BlobPart::ALL {
            assert!(get(&*fixture.blobs(), BlobKey { part, ..gone }, None).await.is_none());
            assert!(get(&*fixture.blobs(), BlobKey { part, ..stays }, None).await.is_some());
        }
    }
    assert_eq!(fixture.kept().len(), BlobPart::ALL.len());
    fixture.blobs().delete(key(BlobPart::Original).id).await.unwrap();
}

pub async fn a_content_that_is_put_is_there_whole_or_not_at_all(fixture: &impl Fixture) {
    let (key, content) = (key(BlobPart::Original), bytes(20 * MIB, 1));
    let file = staged(&*fixture.staging(), &content).await;
    let blobs = fixture.blobs();
    let putting = tokio::spawn({
        let blobs = blobs.clone();
        async move { blobs.put(key, file).await }
    });
    while !putting.is_finished() {
        if let Some(found) = blobs.get(key, Some(20 * MIB as u64 - 5..u64::MAX)).await.unwrap() {
            assert_eq!(found.length, 20 * MIB as u64);
            assert!(read(found).await == content.slice(20 * MIB - 5..));
        }
    }
    putting.await.unwrap().unwrap();
    assert!(get(&*blobs, key, None).await.unwrap() == content);
}

pub async fn a_put_that_is_dropped_leaves_all_or_nothing(fixture: &impl Fixture) {
    let content = bytes(20 * MIB, 1);
    let blobs = fixture.blobs();
    let mut whole = 0;
    for millis in [0, 1, 3, 9, 27, 81, 243] {
        let key = key(BlobPart::Original);
        let file = staged(&*fixture.staging(), &content).await;
        let path = file.path().to_owned();
        let finished = tokio::time::timeout(Duration::from_millis(millis), blobs.put(key, file)).await;
        // The staged file goes once nothing is done with it any more.
        while path.exists() {
            tokio::task::yield_now().await;
        }
        match get(&*blobs, key, None).await {
            None => assert!(finished.is_err(), "it was answered and is not there"),
            Some(found) => {
                assert!(found == content);
                whole += 1;
            }
        }
    }
    assert_eq!(fixture.kept().len(), whole, "something is there that nobody finds");
}

pub async fn what_is_dropped_and_then_deleted_does_not_come_back(fixture: &impl Fixture) {
    let content = bytes(20 * MIB, 1);
    let blobs = fixture.blobs();
    for millis in [0, 1, 3, 9, 20, 27, 40, 60, 81, 120, 243] {
        let key = key(BlobPart::Original);
        let file = staged(&*fixture.staging(), &content).await;
        let path = file.path().to_owned();
        let put = tokio::time::timeout(Duration::from_millis(millis), blobs.put(key, file)).await;
        blobs.delete(key.id).await.unwrap();
        while path.exists() && put.is_err() {
            tokio::task::yield_now().await;
        }
        assert!(get(&*blobs, key, None).await.is_none(), "after {millis} ms");
    }
    assert_eq!(fixture.kept().len(), 0);
}

pub async fn many_are_put_at_once(fixture: &impl Fixture) {
    let contents: Vec<_> =
        (0..20).map(|seed| (key(BlobPart::Original), bytes(700_000 + seed, seed as u64))).collect();
    join_all(contents.iter().map(|(key, content)| put(fixture, *key, content))).await;
    let found = join_all(contents.iter().map(|(key, content)| async {
        get(&*fixture.blobs(), *key, None).await.is_some_and(|found| found == *content)
    }));
    assert!(found.await.into_iter().all(|is_the_same| is_the_same));
    // And one by many.
    let (key, content) = (key(BlobPart::Original), bytes(700_000, 77));
    join_all((0..20).map(|_| put(fixture, key, &content))).await;
    assert!(get(&*fixture.blobs(), key, None).await.unwrap() == content);
    assert_eq!(fixture.kept().len(), contents.len() + 1);
}

pub async fn a_reader_who_waits_does_not_lose_its_place(fixture: &impl Fixture) {
    let (key, content) = (key(BlobPart::Original), bytes(5 * MIB, 1));
    put(fixture, key, &content).await;
    let blobs = fixture.blobs();
    let mut slow = blobs.get(key, None).await.unwrap().unwrap().bytes;
    let mut read = slow.next().await.unwrap().unwrap().to_vec();
    // Others come and go meanwhile, and some leave in the middle.
    for _ in 0..5 {
        assert!(get(&*blobs, key, None).await.unwrap() == content);
        let mut leaves = blobs.get(key, Some(100..5_000_000)).await.unwrap().unwrap().bytes;
        leaves.next().await.unwrap().unwrap();
    }
    while let Some(chunk) = slow.next().await {
        read.extend_from_slice(&chunk.unwrap());
    }
    assert!(read == content);
}

pub async fn a_check_leaves_nothing_behind(fixture: &impl Fixture) {
    let blobs = fixture.blobs();
    let checks = join_all((0..10).map(|_| blobs.check())).await;
    assert!(checks.into_iter().all(|check| check.is_ok()));
    assert_eq!(fixture.kept(), Vec::<String>::new());
}

/// Staged, put and read, a file takes a few parts' worth of memory and not its own size.
#[cfg(target_os = "linux")]
pub fn a_long_content_takes_little_memory<F: Fixture>() {
    use crate::support::{in_a_runtime, peak_memory};

    async fn through(fixture: &impl Fixture, mib: usize) {
        let key = key(BlobPart::Original);
        let piece = bytes(MIB, 1);
        let mut stage = fixture.staging().begin().await.unwrap();
        for _ in 0..mib {
            stage.write(piece.clone()).await.unwrap();
        }
        fixture.blobs().put(key, stage.finish().await.unwrap()).await.unwrap();
        let mut found = fixture.blobs().get(key, None).await.unwrap().unwrap().bytes;
        let mut length = 0;
        while let Some(chunk) = found.next().await {
            length += chunk.unwrap().len();
        }
        assert_eq!(length, mib * MIB);
    }

    in_a_runtime(async {
        let fixture = F::open().await;
        // Everything that is there once comes into being, threads and buffers of one part among it.
        through(&fixture, 25).await;
        let before = peak_memory();
        through(&fixture, 100).await;
        let more = peak_memory() - before;
        assert!(more < 32 * MIB, "{} MiB more for 100 MiB than for 25", more / MIB);
    });
}
