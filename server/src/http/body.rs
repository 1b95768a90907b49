//! Bounds on a request's body that hold while it streams, whatever its headers said.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use app::{
    api::intake::{A_STEP, Intake},
    error::ErrorCode,
};
use axum::{
    body::{Body, BodyDataStream, Bytes},
    extract::Request,
};
use futures::{Stream, StreamExt};

/// Bytes that are handed on at once, at most. The multipart codec holds as much of what it has not been asked for.
const PIECE: usize = 64 * 1024;
/// How long the peer of a refused body may take for the next [`A_STEP`] bytes of it.
const NEXT_WITHIN: Duration = Duration::from_secs(8);
/// For how long in all: as long as anybody may bring files.
const DRAINED_WITHIN: Duration = Duration::from_secs(60 * 60);

/// Whether a body turned out longer than allowed.
#[derive(Clone, Default)]
pub struct Exceeded(Arc<AtomicBool>);

impl Exceeded {
    /// Whether it did.
    pub fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The reader asked for more than there may be.
#[derive(Debug, thiserror::Error)]
#[error("the body is longer than {0} bytes")]
struct TooLong(usize);

/// The request, its body ending with an error after `limit` bytes.
/// [`Exceeded`] is put beside it, where the error layer looks for it.
pub fn bounded(mut request: Request, limit: usize) -> Request {
    let exceeded = Exceeded::default();
    request.extensions_mut().insert(exceeded.clone());
    let read = AtomicUsize::new(0);
    request.map(|body| {
        Body::from_stream(body.into_data_stream().map(move |chunk| {
            let chunk = chunk?;
            let total = read.fetch_add(chunk.len(), Ordering::Relaxed) + chunk.len();
            if total > limit {
                exceeded.0.store(true, Ordering::Relaxed);
                return Err(axum::Error::new(TooLong(limit)));
            }
            Ok(chunk)
        }))
    })
}

/// The reader of a form was not ready for what came.
#[derive(Debug, thiserror::Error)]
#[error("the body was ended: {}", .0.as_str())]
struct Ended(ErrorCode);

/// What is left of a body when its reader has let go of it.
pub struct Rest(Arc<Mutex<Option<BodyDataStream>>>);

/// The request with a body that hands on no more than its reader says in the [`Intake`], which is put beside it,
/// and one piece at a time; and what will be left of that body.
pub fn fed(mut request: Request, intake: &Intake) -> (Request, Rest) {
    request.extensions_mut().insert(intake.clone());
    let rest = Rest(Arc::default());
    let left = Arc::clone(&rest.0);
    let intake = intake.clone();
    let request = request.map(|body| {
        let stream = Some(body.into_data_stream());
        Body::from_stream(Fed { stream, chunk: Bytes::new(), rests: false, intake, left })
    });
    (request, rest)
}

impl Rest {
    /// Reads what the peer is still sending, `most` bytes of it, and throws it away: a browser that is still
    /// sending would not read the answer, take it for a broken connection, and send everything again.
    pub async fn drain(self, most: u64) {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut stream) = stream else { return };
        let reading = async {
            let mut read = 0;
            while read < most {
                let next = tokio::time::timeout(NEXT_WITHIN, read_on(&mut stream, A_STEP)).await;
                // An end, an error and silence are all the same: nobody sends any longer.
                let Ok(Some(bytes)) = next else { return };
                read += bytes;
            }
        };
        // Whoever is not done by then finds the connection closed.
        let _elapsed = tokio::time::timeout(DRAINED_WITHIN, reading).await;
    }
}

/// Reads at least so many bytes, and returns how many; `None` if the body ends before.
async fn read_on(stream: &mut BodyDataStream, least: u64) -> Option<u64> {
    let mut read = 0;
    while read < least {
        read += stream.next().await?.ok()?.len() as u64;
    }
    Some(read)
}

struct Fed {
    stream: Option<BodyDataStream>,
    /// What has come and was not handed on yet.
    chunk: Bytes,
    /// Whether the reader has its turn: it takes whatever is ready, without looking at any of it before.
    rests: bool,
    intake: Intake,
    left: Arc<Mutex<Option<BodyDataStream>>>,
}

impl Stream for Fed {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.rests) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while this.chunk.is_empty() {
            let Some(stream) = &mut this.stream else { return Poll::Ready(None) };
            match std::task::ready!(stream.poll_next_unpin(context)) {
                Some(Ok(chunk)) => this.chunk = chunk,
                Some(Err(error)) => {
                    this.stream = None;
                    this.intake.end(ErrorCode::TruncatedUpload);
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.stream = None;
                    this.intake.whole();
                    return Poll::Ready(None);
                }
            }
        }
        match this.intake.take(this.chunk.len().min(PIECE) as u64) {
            Ok(taken) => {
                this.rests = true;
                let taken = usize::try_from(taken).unwrap_or(usize::MAX).min(this.chunk.len());
                Poll::Ready(Some(Ok(this.chunk.split_to(taken))))
            }
            Err(code) => {
                this.intake.end(code);
                Poll::Ready(Some(Err(axum::Error::new(Ended(code)))))
            }
        }
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}
