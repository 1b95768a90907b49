//! Contents in an S3-compatible bucket.
//!
//! Every request has a limit in time and is repeated a bounded number of times. A content longer than one part
//! is uploaded in parts, which nobody sees until the last request puts them together; an upload that fails is
//! aborted. What a killed process leaves of one can only be found by listing all uploads of the bucket, so that
//! is the bucket's own business: a lifecycle rule with `AbortIncompleteMultipartUpload`, which every S3 has.

use std::{fmt, fs::File, future::Future, io::Read, ops::Range, sync::Arc, time::Duration};

use app::{
    domain::AttachmentId,
    error::{AppError, AppResult},
    ports::{BlobContent, BlobKey, BlobPart, Blobs, Staged},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt,
    PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{CHUNK, blocking, cut, folders, name};
use crate::system;

/// Bytes of one part of an upload; what is not longer goes in one request. At least 5 MiB, says S3.
const PART: usize = 8 * 1024 * 1024;
/// Bytes that are asked for at once. A reader holds that much memory at most and no connection, however slow
/// it is.
const PIECE: u64 = 1024 * 1024;
/// How long a connection may take to stand.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How often a request is made again.
const RETRIES: usize = 4;
/// How long a call may take, which is one request and its repetitions.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which bucket, and how it is reached.
#[derive(Clone)]
pub struct S3Options {
    /// The bucket, which has to be there.
    pub bucket: String,
    /// What all keys begin with; may be empty.
    pub prefix: String,
    /// The address of the service, with its scheme and without the bucket; `None` is Amazon's for the region.
    pub endpoint: Option<String>,
    /// The region, as requests are signed for one: `us-east-1` where a service has none.
    pub region: String,
    /// The name of the key.
    pub access_key_id: String,
    /// The key. Never printed.
    pub secret_access_key: String,
    /// Whether the endpoint may be `http:`.
    pub allow_http: bool,
}

impl fmt::Debug for S3Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("S3Options")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("allow_http", &self.allow_http)
            .finish_non_exhaustive()
    }
}

/// Keeps contents in a bucket.
#[derive(Debug)]
pub struct S3Blobs {
    bucket: Arc<Bucket>,
    /// Uploads, which outlive a caller that is dropped for as long as it takes to abort them.
    uploads: TaskTracker,
}

#[derive(Debug)]
struct Bucket {
    store: AmazonS3,
    prefix: String,
    patience: Duration,
}

impl S3Blobs {
    /// Keeps contents in the bucket. Nothing is connected yet.
    ///
    /// # Errors
    /// `internal` if the options make no address.
    pub fn open(options: &S3Options) -> AppResult<Self> {
        Self::with_patience(options, PATIENCE)
    }

    /// As [`Self::open`], and a call may take so long, all its repetitions included. Of a long content each part
    /// is a call.
    ///
    /// # Errors
    /// `internal` if the options make no address.
    pub fn with_patience(options: &S3Options, patience: Duration) -> AppResult<Self> {
        // The client asks for the one of the process, and panics without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT_WITHIN.min(patience))
            // A request that hangs leaves time for another one.
            .with_timeout(patience / 2);
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() },
            max_retries: RETRIES,
            retry_timeout: patience,
        };
        let mut builder = AmazonS3Builder::new()
            .with_client_options(client)
            .with_retry(retry)
            .with_bucket_name(&options.bucket)
            .with_region(&options.region)
            .with_access_key_id(&options.access_key_id)
            .with_secret_access_key(&options.secret_access_key)
            .with_allow_http(options.allow_http)
            // Three keys at a time are not worth the one request that not every service understands.
            .with_disable_bulk_delete(true);
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(AppError::internal)?;
        let bucket = Bucket { store, prefix: options.prefix.clone(), patience };
        Ok(Self { bucket: Arc::new(bucket), uploads: TaskTracker::new() })
    }
}

#[async_trait]
impl Blobs for S3Blobs {
    async fn put(&self, key: BlobKey, content: Staged) -> AppResult<()> {
        let bucket = self.bucket.clone();
        let given_up = CancellationToken::new();
        let _give_up = given_up.clone().drop_guard();
        let upload = self.uploads.spawn(async move { bucket.put(key, content, &given_up).await });
        upload.await.map_err(AppError::internal)?
    }

    async fn get(&self, key: BlobKey, range: Option<Range<u64>>) -> AppResult<Option<BlobContent>> {
        self.bucket.clone().get(key, range).await
    }

    async fn delete(&self, id: AttachmentId) -> AppResult<()> {
        let deletions = BlobPart::ALL.map(|part| self.bucket.delete(self.bucket.path(BlobKey { id, part })));
        try_join_all(deletions).await.map(|_| ())
    }

    async fn check(&self) -> AppResult<()> {
        self.bucket.check().await
    }
}

impl Bucket {
    fn path(&self, key: BlobKey) -> Path {
        let [first, second] = folders(key.id.as_bytes());
        Path::from(format!("{}/{first}/{second}/{}", self.prefix, name(key)))
    }

    /// Runs a call for as long as one may take. `None` is the answer of what is not there.
    async fn ask<T>(&self, call: impl Future<Output = object_store::Result<T>>) -> AppResult<Option<T>> {
        match tokio::time::timeout(self.patience, call).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(object_store::Error::NotFound { .. })) => Ok(None),
            Ok(Err(error)) => Err(AppError::unavailable(error)),
            Err(elapsed) => Err(AppError::unavailable(elapsed)),
        }
    }

    /// As [`Self::ask`], where only the bucket itself can be missing.
    async fn demand<T>(&self, call: impl Future<Output = object_store::Result<T>>) -> AppResult<T> {
        self.ask(call).await?.ok_or_else(|| AppError::unavailable("the bucket is not there"))
    }

    async fn put(&self, key: BlobKey, content: Staged, given_up: &CancellationToken) -> AppResult<()> {
        let path = self.path(key);
        let opened = content.path().to_owned();
        let file = blocking(move || File::open(opened)).await?;
        let done = if content.length() > PART as u64 {
            self.put_parts(&path, file, given_up).await
        } else {
            let (_, whole) = read(file).await?;
            tokio::select! {
                biased;
                () = given_up.cancelled() => Err(dropped()),
                done = self.demand(self.store.put(&path, whole.into())) => done.map(|_| ()),
            }
        };
        // Given up in its last moment, it may have come into its place after the attachment was removed.
        if given_up.is_cancelled()
            && let Err(error) = self.delete(path.clone()).await
        {
            tracing::warn!(%path, error = error.chain(), "what nobody waited for may stay in the bucket");
        }
        done
    }

    async fn put_parts(&self, path: &Path, file: File, given_up: &CancellationToken) -> AppResult<()> {
        let mut upload = self.demand(self.store.put_multipart(path)).await?;
        let parts = tokio::select! {
            biased;
            () = given_up.cancelled() => Err(dropped()),
            sent = self.send(&mut *upload, file) => sent,
        };
        let done = match parts {
            Ok(()) => self.demand(upload.complete()).await.map(|_| ()),
            failed => failed,
        };
        if done.is_err()
            && let Err(error) = self.demand(upload.abort()).await
        {
            // Paid for until the bucket's own rule removes it, so somebody should know.
            tracing::warn!(%path, error = error.chain(), "the parts of a failed upload stay in the bucket");
        }
        done
    }

    /// Sends the file in parts, of which one is in memory at a time.
    async fn send(&self, upload: &mut dyn MultipartUpload, mut file: File) -> AppResult<()> {
        loop {
            let part;
            (file, part) = read(file).await?;
            if part.is_empty() {
                return Ok(());
            }
            self.demand(upload.put_part(PutPayload::from(part))).await?;
        }
    }

    async fn get(self: Arc<Self>, key: BlobKey, range: Option<Range<u64>>) -> AppResult<Option<BlobContent>> {
        let path = self.path(key);
        let wanted = range.clone().unwrap_or(0..u64::MAX);
        let Some((length, first)) = self.begin(&path, wanted).await? else { return Ok(None) };
        let range = cut(range, length);
        let rest = range.start + first.len() as u64..range.end;
        let pieces = stream::try_unfold(rest, move |rest| {
            let (bucket, path) = (self.clone(), path.clone());
            async move {
                if rest.is_empty() {
                    return Ok(None);
                }
                let next = rest.start..rest.end.min(rest.start.saturating_add(PIECE));
                let gone = || AppError::unavailable("the content was removed while it was read");
                let (_, bytes) = bucket.piece(&path, next.clone()).await?.ok_or_else(gone)?;
                Ok(Some((bytes, next.end..rest.end)))
            }
        });
        let bytes = stream::once(async { AppResult::Ok(first) })
            .chain(pieces)
            .map_ok(|piece| stream::iter(chunks(piece).map(Ok)))
            .try_flatten();
        Ok(Some(BlobContent { length, range, bytes: Box::pin(bytes) }))
    }

    /// The length of the content, and the first piece of what is wanted.
    async fn begin(&self, path: &Path, wanted: Range<u64>) -> AppResult<Option<(u64, Bytes)>> {
        let first = wanted.start..wanted.end.min(wanted.start.saturating_add(PIECE));
        let mut refused = None;
        if !first.is_empty() {
            match self.piece(path, first).await {
                Err(error) => refused = Some(error),
                found => return found,
            }
        }
        let Some(head) = self.ask(self.store.head(path)).await? else { return Ok(None) };
        match refused {
            Some(error) if wanted.start < head.size => Err(error),
            // Nothing was asked for, or what S3 refuses to give: a stretch behind the end.
            _ => Ok(Some((head.size, Bytes::new()))),
        }
    }

    /// The length of the content, and the bytes of the range, which must not be empty.
    async fn piece(&self, path: &Path, range: Range<u64>) -> AppResult<Option<(u64, Bytes)>> {
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        self.ask(async {
            let answer = self.store.get_opts(path, options).await?;
            let length = answer.meta.size;
            Ok((length, answer.bytes().await?))
        })
        .await
    }

    async fn delete(&self, path: Path) -> AppResult<()> {
        self.ask(self.store.delete(&path)).await.map(|_| ())
    }

    async fn check(&self) -> AppResult<()> {
        // Nodes may look at the same moment.
        let chance = u64::from_le_bytes(std::array::from_fn(|at| system::random()[at]));
        let path = Path::from(format!("{}/probes/{chance:016x}", self.prefix));
        let probe = Bytes::from_static(b"samvad");
        self.demand(self.store.put(&path, probe.clone().into())).await?;
        let read = self.piece(&path, 0..PIECE).await?;
        self.delete(path).await?;
        if read.is_some_and(|(_, bytes)| bytes == probe) {
            Ok(())
        } else {
            Err(AppError::unavailable("an object is not read as it was written"))
        }
    }
}

/// The next part of a file; empty at its end.
async fn read(mut file: File) -> AppResult<(File, Bytes)> {
    blocking(move || {
        let mut part = Vec::new();
        file.by_ref().take(PART as u64).read_to_end(&mut part)?;
        Ok((file, Bytes::from(part)))
    })
    .await
}

/// A piece in chunks of [`CHUNK`] bytes at most.
fn chunks(mut piece: Bytes) -> impl Iterator<Item = Bytes> {
    std::iter::from_fn(move || {
        let length = piece.len().min(CHUNK);
        (length > 0).then(|| piece.split_to(length))
    })
}

fn dropped() -> AppError {
    AppError::unavailable("nobody waits for it any longer")
}
