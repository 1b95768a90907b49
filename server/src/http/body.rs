//! A bound on a request's body that holds while it streams, whatever its headers said.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{body::Body, extract::Request};
use futures::StreamExt;

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
