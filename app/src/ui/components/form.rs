//! What every form does: it waits for its answer, says what was refused and loses nothing that was
//! entered. The same form works without a script, as a plain one.

use std::future::Future;

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    prelude::*,
    task::spawn_local,
    wasm_bindgen::JsCast,
    web_sys::{FormData, HtmlFormElement},
};

use super::{
    error_view::error_text,
    icon::{Glyph, Icon},
};
use crate::{
    error::{AppError, AppResult, ErrorCode, FieldError},
    ui::state::{Store, browser, use_store},
};

/// The key code that browsers give a key which an input method has taken.
const TAKEN_BY_INPUT_METHOD: u32 = 229;

/// One form: whether it waits, and what was wrong with what it sent last.
#[derive(Clone, Copy)]
pub struct FormState {
    store: Store,
    function: &'static str,
    pending: RwSignal<bool>,
    error: RwSignal<Option<AppError>>,
}

impl FormState {
    /// The form of a server function. It starts with the refusal that the page is the answer to, if any.
    pub fn new(function: &'static str) -> Self {
        let store = use_store();
        let refused = store.initial.with_value(|data| data.refusal_of(function).cloned());
        Self { store, function, pending: RwSignal::new(false), error: RwSignal::new(refused) }
    }

    /// One of several forms of the same function, told from the others by the value of a hidden field.
    pub fn one_of(function: &'static str, field: &str, value: &str) -> Self {
        let form = Self::new(function);
        if form.entered(field).as_deref() != Some(value) {
            form.error.set(None);
        }
        form
    }

    /// Where a plain form goes.
    pub fn action(self) -> String {
        format!("/api/{}", self.function)
    }

    /// The server function's name.
    pub fn function(self) -> &'static str {
        self.function
    }

    /// Whether the answer is being awaited.
    pub fn pending(self) -> bool {
        self.pending.get()
    }

    /// Why the form was refused.
    pub fn error(self) -> Option<AppError> {
        self.error.get()
    }

    /// What is wrong with a field.
    pub fn field_error(self, field: &str) -> Option<FieldError> {
        self.error.with(|error| error.as_ref()?.field_error(field))
    }

    /// Says what is wrong without asking the server.
    pub fn refuse(self, error: AppError) {
        self.error.set(Some(error));
    }

    /// What was refused has been put right, as far as is known.
    pub fn forget_refusal(self) {
        if self.error.with_untracked(Option::is_some) {
            self.error.set(None);
        }
    }

    /// What had been entered into the plain form that this page is the answer to.
    pub fn entered(self, field: &str) -> Option<String> {
        self.store.initial.with_value(|data| data.entered(self.function, field).map(str::to_owned))
    }

    /// Sends the form by the server function and hands its answer on; a refusal is shown in the form. A
    /// second submission while the first is under way is dropped.
    pub fn submit<T: 'static>(
        self,
        call: impl Future<Output = AppResult<T>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        self.send(browser::within(call), done);
    }

    /// As [`Self::submit`], of a form with files, which take longer.
    pub fn submit_files<T: 'static>(
        self,
        call: impl Future<Output = AppResult<T>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        self.send(browser::within_upload(call), done);
    }

    fn send<T: 'static>(
        self,
        call: impl Future<Output = AppResult<T>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        self.error.set(None);
        spawn_local(async move {
            let answer = call.await;
            // The form may be gone by now: the signals are then, too, but the answer still counts.
            let _gone = self.pending.try_set(false);
            match answer {
                Ok(value) => done(value),
                Err(error) if error.code == ErrorCode::Unauthenticated => self.store.fail(&error),
                Err(error) => {
                    if let Some(Some(unshown)) = self.error.try_set(Some(error)) {
                        self.store.toasts.error(&unshown);
                    }
                }
            }
        });
    }
}

/// Whether the key is Enter, and not one that an input method has taken to finish a word.
pub fn is_enter(event: &KeyboardEvent) -> bool {
    event.key() == "Enter" && !event.is_composing() && event.key_code() != TAKEN_BY_INPUT_METHOD
}

/// What a form holds at the moment it is sent.
pub struct Entered(Option<FormData>);

impl Entered {
    /// Keeps the browser from sending the form itself, and reads it.
    pub fn take(event: &SubmitEvent) -> Self {
        event.prevent_default();
        let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
        Self(form.and_then(|form| FormData::new_with_form(&form).ok()))
    }

    /// The text of a field; empty if there is no such field.
    pub fn text(&self, name: &str) -> String {
        self.0.as_ref().and_then(|data| data.get(name).as_string()).unwrap_or_default()
    }

    /// All of it, to be sent as it is.
    pub fn into_data(self) -> Option<FormData> {
        self.0
    }

    /// Whether a box is checked.
    pub fn checked(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|data| data.has(name))
    }
}

/// Why a form was refused, in one sentence that is read aloud when it appears. What is wrong with a
/// single field stands beside it.
#[component]
pub fn FormAlert(
    /// The form.
    form: FormState,
) -> impl IntoView {
    move || {
        form.error().map(|error| {
            view! {
                <div class="alert" role="alert">
                    <Icon glyph=Glyph::Alert/>
                    <p>{error_text(&error)}</p>
                </div>
            }
        })
    }
}
