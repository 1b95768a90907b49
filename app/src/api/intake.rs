//! What the reader of a multipart form and the HTTP layer that feeds it know of each other.
//!
//! The codec between them hands on bytes and nothing else. It keeps what it has not understood yet, however
//! much that is: a part's head without an end, a preamble without a boundary. So the reader says how many bytes
//! it is ready for, and the layer ends the body where there would be more.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use leptos::prelude::use_context;
use tokio::sync::watch;

use crate::error::{AppError, AppResult, ErrorCode};

/// Bytes that have to come before it counts as getting on: fewer than the slowest line carries, more than
/// somebody sends who only wants to keep us waiting.
pub const A_STEP: u64 = 4 * 1024;

/// A body that is being read. Clones are of the same body.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    /// How long the body says that it is.
    declared: Option<u64>,
    /// How many bytes the reader is ready for, and what is wrong if there are more.
    allowed: Mutex<(u64, ErrorCode)>,
    /// Bytes since the last step.
    since_step: AtomicU64,
    /// Whether there are files, for which it may take long.
    is_patient: AtomicBool,
    /// Counts the steps.
    steps: watch::Sender<u64>,
    /// Why the body was ended before its end.
    ended: Mutex<Option<ErrorCode>>,
    /// Whether the last byte has been read.
    is_whole: AtomicBool,
    /// The form's texts, as far as they have been read.
    texts: Mutex<BTreeMap<String, String>>,
}

impl Intake {
    /// A body that says it has so many bytes, if it says it. Nothing is let through until the reader says so.
    pub fn new(declared: Option<u64>) -> Self {
        let shared = Shared {
            declared,
            allowed: Mutex::new((0, ErrorCode::PayloadTooLarge)),
            since_step: AtomicU64::new(0),
            is_patient: AtomicBool::new(false),
            steps: watch::Sender::new(0),
            ended: Mutex::new(None),
            is_whole: AtomicBool::new(false),
            texts: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The body of the request that is being answered.
    pub fn get() -> AppResult<Self> {
        use_context().ok_or_else(|| AppError::internal("no intake: the route was not composed"))
    }

    /// How many bytes the body says it has.
    pub fn declared(&self) -> Option<u64> {
        self.shared.declared
    }

    /// The reader is ready for so many bytes from here on; more than that is this error.
    pub fn allow(&self, bytes: u64, otherwise: ErrorCode) {
        *self.shared.allowed.lock().unwrap_or_else(PoisonError::into_inner) = (bytes, otherwise);
    }

    /// There are so many bytes. Returns how many of them the reader is ready for; if that is none, why the
    /// body ends here.
    pub fn take(&self, bytes: u64) -> Result<u64, ErrorCode> {
        let taken = {
            let mut allowed = self.shared.allowed.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = bytes.min(allowed.0);
            if taken == 0 && bytes > 0 {
                return Err(allowed.1);
            }
            allowed.0 -= taken;
            taken
        };
        if self.shared.since_step.fetch_add(taken, Ordering::Relaxed) + taken >= A_STEP {
            self.step();
        }
        Ok(taken)
    }

    /// There are files: from here on each step gives the request more time.
    pub fn be_patient(&self) {
        self.shared.is_patient.store(true, Ordering::Relaxed);
    }

    /// It is getting on: bytes came, or something was done with them.
    pub fn step(&self) {
        self.shared.since_step.store(0, Ordering::Relaxed);
        if !self.shared.is_patient.load(Ordering::Relaxed) {
            return;
        }
        self.shared.steps.send_modify(|steps| *steps = steps.wrapping_add(1));
    }

    /// Tells of each step from here on.
    pub fn steps(&self) -> watch::Receiver<u64> {
        self.shared.steps.subscribe()
    }

    /// The last byte has been read.
    pub fn whole(&self) {
        self.shared.is_whole.store(true, Ordering::Relaxed);
        self.step();
    }

    /// Whether the last byte has been read.
    pub fn is_whole(&self) -> bool {
        self.shared.is_whole.load(Ordering::Relaxed)
    }

    /// The body is ended here, for this reason.
    pub fn end(&self, reason: ErrorCode) {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// Why the body was ended, if it was.
    pub fn ended(&self) -> Option<ErrorCode> {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A text of the form has been read.
    pub fn note(&self, name: &str, text: &str) {
        let mut texts = self.shared.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert(name.to_owned(), text.to_owned());
    }

    /// The texts that have been read.
    pub fn texts(&self) -> BTreeMap<String, String> {
        self.shared.texts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_comes_through_than_the_reader_is_ready_for() {
        let intake = Intake::new(None);
        assert_eq!(intake.take(1), Err(ErrorCode::PayloadTooLarge));
        intake.allow(10, ErrorCode::FileTooLarge);
        assert_eq!(intake.take(6), Ok(6));
        assert_eq!(intake.take(6), Ok(4));
        assert_eq!(intake.take(6), Err(ErrorCode::FileTooLarge));
        intake.allow(5, ErrorCode::MalformedMultipart);
        assert_eq!(intake.take(5), Ok(5));
    }

    #[test]
    fn a_step_is_made_of_more_than_a_few_bytes() {
        let intake = Intake::new(None);
        intake.allow(u64::MAX, ErrorCode::PayloadTooLarge);
        intake.be_patient();
        let mut steps = intake.steps();
        for _ in 0..100 {
            assert_eq!(intake.take(40), Ok(40));
        }
        assert_eq!(steps.has_changed().ok(), Some(false));
        assert_eq!(intake.take(96), Ok(96));
        assert_eq!(steps.has_changed().ok(), Some(true));
        steps.mark_unchanged();
        intake.whole();
        assert_eq!((steps.has_changed().ok(), intake.is_whole()), (Some(true), true));
    }
}
