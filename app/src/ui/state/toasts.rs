//! Short notices that appear over the page.

use leptos::prelude::*;

use crate::error::AppError;

/// Notices that are kept at once; the oldest makes room.
const MAX: usize = 5;

/// What kind of notice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastKind {
    /// Good to know; goes away by itself.
    Info,
    /// Something failed; stays until it is dismissed.
    Error,
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    /// Tells it from the others.
    pub id: u64,
    /// Of which kind.
    pub kind: ToastKind,
    /// What it says.
    pub text: String,
    /// The id under which the server logged the fault behind it, if there is one.
    pub request_id: Option<String>,
}

/// The notices that are shown.
#[derive(Clone, Copy)]
pub struct Toasts {
    list: RwSignal<Vec<Toast>>,
    next: StoredValue<u64>,
}

impl Toasts {
    /// No notices.
    pub fn new() -> Self {
        Self { list: RwSignal::new(Vec::new()), next: StoredValue::new(1) }
    }

    /// The notices, oldest first.
    pub fn list(&self) -> Signal<Vec<Toast>> {
        self.list.into()
    }

    /// Says what went wrong. A fault of the server's carries the id to ask about.
    pub fn error(&self, error: &AppError) {
        let request_id = error.request_id.clone().filter(|_| error.code.status() >= 500);
        self.push(ToastKind::Error, error.code.sentence().to_owned(), request_id);
    }

    /// Says something that is good to know.
    pub fn info(&self, text: impl Into<String>) {
        self.push(ToastKind::Info, text.into(), None);
    }

    /// Takes a notice away.
    pub fn dismiss(&self, id: u64) {
        self.list.update(|list| list.retain(|toast| toast.id != id));
    }

    fn push(&self, kind: ToastKind, text: String, request_id: Option<String>) {
        let id = self.next.get_value();
        self.next.set_value(id + 1);
        self.list.update(|list| {
            // The same notice twice says nothing new.
            list.retain(|toast| toast.text != text);
            list.push(Toast { id, kind, text, request_id });
            let surplus = list.len().saturating_sub(MAX);
            list.drain(..surplus);
        });
    }
}

impl Default for Toasts {
    fn default() -> Self {
        Self::new()
    }
}
