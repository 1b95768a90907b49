//! What only the bucket promises.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use app::{
    error::ErrorCode,
    ports::{BlobPart, Blobs, Staging},
};
use http::{Method, StatusCode};
use server::blob::{LocalStaging, S3Blobs};
use tempfile::TempDir;

use crate::{
    s3_server::{Answer, KEY, S3Server},
    support::{Fixture, bytes, code, key, read, staged},
};

/// A bucket of one's own.
pub struct Bucket {
    server: S3Server,
    blobs: Arc<S3Blobs>,
    staging: Arc<LocalStaging>,
    incoming: TempDir,
}

impl Fixture for Bucket {
    async fn open() -> Self {
        let server = S3Server::start().await;
        let blobs = Arc::new(S3Blobs::open(&server.options()).unwrap());
        let incoming = tempfile::tempdir().unwrap();
        let staging = Arc::new(LocalStaging::open(incoming.path()).unwrap());
        Self { server, blobs, staging, incoming }
    }

    fn blobs(&self) -> Arc<dyn Blobs> {
        self.blobs.clone()
    }

    fn staging(&self) -> Arc<dyn Staging> {
        self.staging.clone()
    }

    fn kept(&self) -> Vec<String> {
        self.server.keys()
    }
}

contract!(Bucket);

#[tokio::test]
async fn a_content_lies_under_the_prefix_and_its_id() {
    let fixture = Bucket::open().await;
    let key = key(BlobPart::Preview);
    let file = staged(&*fixture.staging, &bytes(10, 1)).await;
    fixture.blobs.put(key, file).await.unwrap();
    let id = key.id.to_string();
    assert_eq!(fixture.kept(), [format!("samvad/files/{}/{}/{id}.preview", &id[..2], &id[2..4])]);
    // The staged file is gone.
    assert_eq!(std::fs::read_dir(fixture.incoming.path().join("incoming")).unwrap().count(), 0);
}

#[tokio::test]
async fn an_upload_that_fails_is_aborted() {
    let fixture = Bucket::open().await;
    fixture.server.door(|seen| match seen.query.contains("partNumber=2") {
        true => Answer::Refuse(StatusCode::FORBIDDEN),
        false => Answer::Pass,
    });
    let key = key(BlobPart::Original);
    let file = staged(&*fixture.staging, &bytes(20_000_000, 1)).await;
    assert_eq!(code(fixture.blobs.put(key, file).await), Some(ErrorCode::Unavailable));
    let last = fixture.server.seen().pop().unwrap();
    assert!(last.method == Method::DELETE && last.query.contains("uploadId="), "{last:?}");
    assert_eq!(fixture.server.parts(), 0);
    assert!(fixture.blobs.get(key, None).await.unwrap().is_none());
    // When it can be done again, it is.
    fixture.server.door(|_| Answer::Pass);
    let content = bytes(20_000_000, 1);
    fixture.blobs.put(key, staged(&*fixture.staging, &content).await).await.unwrap();
    assert!(read(fixture.blobs.get(key, None).await.unwrap().unwrap()).await == content);
}

#[tokio::test]
async fn an_upload_that_is_dropped_is_aborted() {
    let fixture = Bucket::open().await;
    // The second part never ends, so the upload is in the middle when it is dropped.
    let arrived = Arc::new(AtomicUsize::new(0));
    fixture.server.door({
        let arrived = arrived.clone();
        move |seen| match seen.query.contains("partNumber=2") {
            true => {
                arrived.fetch_add(1, Ordering::SeqCst);
                Answer::Silence
            }
            false => Answer::Pass,
        }
    });
    let file = staged(&*fixture.staging, &bytes(20_000_000, 1)).await;
    let path = file.path().to_owned();
    let put = fixture.blobs.put(key(BlobPart::Original), file);
    tokio::select! {
        done = put => panic!("{done:?}"),
        () = async {
            while arrived.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        } => {}
    }
    let patience = Instant::now() + Duration::from_secs(30);
    while path.exists() || !fixture.server.seen().iter().any(|seen| seen.method == Method::DELETE) {
        assert!(Instant::now() < patience, "nothing is aborted");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((fixture.server.parts(), fixture.kept().len()), (0, 0));
}

#[tokio::test]
async fn a_service_that_fails_for_a_moment_is_asked_again() {
    let fixture = Bucket::open().await;
    let failures = Arc::new(AtomicUsize::new(0));
    fixture.server.door(move |_| match failures.fetch_add(1, Ordering::SeqCst) % 3 {
        2 => Answer::Pass,
        _ => Answer::Refuse(StatusCode::SERVICE_UNAVAILABLE),
    });
    let (key, content) = (key(BlobPart::Original), bytes(10_000_000, 1));
    fixture.blobs.put(key, staged(&*fixture.staging, &content).await).await.unwrap();
    let found = fixture.blobs.get(key, Some(100..200)).await.unwrap().unwrap();
    assert!(read(found).await == content.slice(100..200));
    fixture.blobs.delete(key.id).await.unwrap();
    assert!(fixture.blobs.get(key, None).await.unwrap().is_none());
}

#[tokio::test]
async fn what_the_service_refuses_is_unavailable_and_not_absent() {
    let fixture = Bucket::open().await;
    let key = key(BlobPart::Original);
    let file = staged(&*fixture.staging, &bytes(10, 1)).await;
    fixture.blobs.put(key, file).await.unwrap();
    for status in [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED, StatusCode::NOT_IMPLEMENTED] {
        fixture.server.door(move |_| Answer::Refuse(status));
        let file = staged(&*fixture.staging, &bytes(10, 1)).await;
        assert_eq!(code(fixture.blobs.put(key, file).await), Some(ErrorCode::Unavailable), "{status}");
        assert_eq!(code(fixture.blobs.get(key, None).await), Some(ErrorCode::Unavailable), "{status}");
        assert_eq!(code(fixture.blobs.delete(key.id).await), Some(ErrorCode::Unavailable), "{status}");
        let error = fixture.blobs.check().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unavailable, "{status}");
        assert!(!error.chain().contains(KEY), "{}", error.chain());
    }
}

#[tokio::test]
async fn a_service_that_says_nothing_is_not_waited_for_for_ever() {
    let fixture = Bucket::open().await;
    fixture.server.door(|_| Answer::Silence);
    let blobs = S3Blobs::with_patience(&fixture.server.options(), Duration::from_millis(400)).unwrap();
    let key = key(BlobPart::Original);
    let began = Instant::now();
    for length in [10, 20_000_000] {
        let file = staged(&*fixture.staging, &bytes(length, 1)).await;
        assert_eq!(code(blobs.put(key, file).await), Some(ErrorCode::Unavailable));
    }
    assert_eq!(code(blobs.get(key, None).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(blobs.delete(key.id).await), Some(ErrorCode::Unavailable));
    assert_eq!(code(blobs.check().await), Some(ErrorCode::Unavailable));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_service_that_is_not_there_and_a_bucket_that_is_not_there_are_unavailable() {
    let fixture = Bucket::open().await;
    let mut elsewhere = fixture.server.options();
    // Nothing listens on the port of "discard".
    elsewhere.endpoint = Some("http://127.0.0.1:9".into());
    let blobs = S3Blobs::with_patience(&elsewhere, Duration::from_secs(2)).unwrap();
    assert_eq!(code(blobs.check().await), Some(ErrorCode::Unavailable));
    // The server makes buckets as they are needed, so the door says it.
    fixture.server.door(|_| Answer::Refuse(StatusCode::NOT_FOUND));
    assert_eq!(code(fixture.blobs.check().await), Some(ErrorCode::Unavailable));
    for length in [10, 20_000_000] {
        let file = staged(&*fixture.staging, &bytes(length, 1)).await;
        assert_eq!(
            code(fixture.blobs.put(key(BlobPart::Original), file).await),
            Some(ErrorCode::Unavailable)
        );
    }
}

#[tokio::test]
async fn plain_http_has_to_be_allowed() {
    let fixture = Bucket::open().await;
    let mut options = fixture.server.options();
    options.allow_http = false;
    let blobs = S3Blobs::with_patience(&options, Duration::from_secs(2)).unwrap();
    assert_eq!(code(blobs.check().await), Some(ErrorCode::Unavailable));
    assert!(fixture.server.seen().is_empty());
}

#[tokio::test]
async fn the_key_is_never_printed() {
    let fixture = Bucket::open().await;
    let options = fixture.server.options();
    let printed = format!("{options:?} {:#?}", options);
    assert!(!printed.contains(KEY) && !printed.contains(&options.access_key_id), "{printed}");
    assert!(printed.contains(&options.bucket));
    let printed = format!("{:?}", fixture.blobs);
    assert!(!printed.contains(KEY), "{printed}");
}
