//! What the product's `sync` names, as `loom` has it.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

pub use loom::sync::{
    Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

/// As much of Tokio's as the product uses: whoever asked before news came hears of them.
pub struct Notify(Mutex<(usize, Vec<Waker>)>);

impl Notify {
    pub fn new() -> Self {
        Self(Mutex::new((0, Vec::new())))
    }

    pub fn notify_waiters(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        let waiting = std::mem::take(&mut state.1);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub fn notified(&self) -> Notified<'_> {
        Notified { notify: self, seen: self.0.lock().unwrap().0 }
    }
}

pub struct Notified<'a> {
    notify: &'a Notify,
    seen: usize,
}

impl Notified<'_> {
    pub fn enable(self: Pin<&mut Self>) -> bool {
        self.notify.0.lock().unwrap().0 > self.seen
    }
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.notify.0.lock().unwrap();
        if state.0 > self.seen {
            return Poll::Ready(());
        }
        state.1.push(cx.waker().clone());
        Poll::Pending
    }
}
