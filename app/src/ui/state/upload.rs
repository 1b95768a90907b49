//! Sends one message to the server, with its files, and tells how far that is.
//!
//! By `XMLHttpRequest`, because `fetch` does not tell how much of a request has gone.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{
    channel::oneshot,
    future::{Either, select},
};
use gloo_timers::future::TimeoutFuture;
use js_sys::futures::JsFuture;
use leptos::prelude::Update;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{FormData, ProgressEvent, XmlHttpRequest};

use super::{Store, local, outbox::Unsent};
use crate::{
    domain::ClientId,
    error::{AppError, AppResult, ErrorCode},
    protocol::MessageView,
    ui::files::chosen::FileKey,
};

/// After so many milliseconds in which nothing moved a request counts as failed.
const PATIENCE_MS: f64 = 40_000.0;
/// The same where there are files: the server has to look at them when all have come.
const PATIENCE_WITH_FILES_MS: f64 = 60_000.0;

thread_local! {
    static UNDER_WAY: RefCell<Vec<(ClientId, XmlHttpRequest)>> = const { RefCell::new(Vec::new()) };
}

/// How a request ended.
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum End {
    /// With an answer, or because there was none.
    Answered(AppResult<Box<MessageView>>),
    /// Its writer wants it otherwise.
    Aborted,
    /// These files are not there any more, or not as they were.
    Unreadable(Vec<FileKey>),
}

/// One request; safe to repeat. There is no limit to how long it takes as long as something moves.
pub async fn send(store: Store, message: &Unsent) -> End {
    let client_id = message.client_id;
    let mut request = match start(store, message) {
        Ok(request) => request,
        Err(refused) => {
            leptos::logging::error!("a message cannot be sent: {refused:?}");
            return End::Answered(Err(AppError::internal("the browser makes no request")));
        }
    };
    UNDER_WAY.with_borrow_mut(|all| all.push((client_id, request.xhr.clone())));
    let has_ended = request.wait().await;
    let mut aborted = true;
    UNDER_WAY.with_borrow_mut(|all| {
        all.retain(|(id, _)| {
            aborted &= *id != client_id;
            *id != client_id
        });
    });
    store.uploads.update(|uploads| uploads.retain(|upload| upload.0 != client_id));
    if aborted {
        return End::Aborted;
    }
    let answer = if has_ended { answer(&request.xhr) } else { Err(ErrorCode::Offline.into()) };
    let is_lost = answer.as_ref().is_err_and(|error| error.code == ErrorCode::Offline);
    let unreadable = if is_lost { unreadable(message).await } else { Vec::new() };
    if unreadable.is_empty() { End::Answered(answer.map(Box::new)) } else { End::Unreadable(unreadable) }
}

/// Ends the request of that message, if there is one.
pub fn abort(client_id: ClientId) {
    let mut found = Vec::new();
    UNDER_WAY.with_borrow_mut(|all| found.extend(all.extract_if(.., |(id, _)| *id == client_id)));
    for (_, xhr) in found {
        // One that has just ended needs no end.
        let _ = xhr.abort();
    }
}

/// A request under way, with what listens to it.
struct Request {
    xhr: XmlHttpRequest,
    ended: oneshot::Receiver<()>,
    moved_at: Rc<Cell<f64>>,
    patience: f64,
    _finish: Closure<dyn FnMut()>,
    _progress: Closure<dyn FnMut(ProgressEvent)>,
}

impl Request {
    /// Waits for its end. False if nothing has moved for too long: it is ended then.
    async fn wait(&mut self) -> bool {
        loop {
            let left = self.patience - (js_sys::Date::now() - self.moved_at.get());
            if left <= 0.0 {
                // One that has just ended needs no end.
                let _ = self.xhr.abort();
                return false;
            }
            let patience = TimeoutFuture::new(left.max(1.0) as u32);
            if let Either::Left(_) = select(&mut self.ended, patience).await {
                return true;
            }
        }
    }
}

fn start(store: Store, message: &Unsent) -> Result<Request, JsValue> {
    let client_id = message.client_id;
    let xhr = XmlHttpRequest::new()?;
    xhr.open("POST", "/api/send_message")?;
    xhr.set_request_header("Accept", "application/json")?;
    let (end, ended) = oneshot::channel();
    let mut end = Some(end);
    let finish = Closure::<dyn FnMut()>::new(move || {
        if let Some(end) = end.take() {
            // Nobody waits any more if it has taken too long.
            let _ = end.send(());
        }
    });
    xhr.set_onloadend(Some(finish.as_ref().unchecked_ref()));
    let moved_at = Rc::new(Cell::new(js_sys::Date::now()));
    let moved = moved_at.clone();
    let progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        moved.set(js_sys::Date::now());
        let now = (client_id, event.loaded() as u64, event.total() as u64);
        store.uploads.update(|uploads| {
            uploads.retain(|upload| upload.0 != client_id);
            uploads.push(now);
        });
    });
    if !message.files.is_empty() {
        xhr.upload()?.set_onprogress(Some(progress.as_ref().unchecked_ref()));
    }
    xhr.send_with_opt_form_data(Some(&form(store, message)?))?;
    let patience = if message.files.is_empty() { PATIENCE_MS } else { PATIENCE_WITH_FILES_MS };
    Ok(Request { xhr, ended, moved_at, patience, _finish: finish, _progress: progress })
}

/// The fields in the order in which the server reads them: the files come last.
fn form(store: Store, message: &Unsent) -> Result<FormData, JsValue> {
    let form = FormData::new()?;
    if let Some(me) = store.me() {
        form.append_with_str("sender_id", &me.to_string())?;
    }
    form.append_with_str("chat_id", &message.chat_id.to_string())?;
    form.append_with_str("client_id", &message.client_id.to_string())?;
    form.append_with_str("body", &message.body)?;
    if let Some(quote) = &message.reply_to {
        form.append_with_str("reply_to", &quote.id.to_string())?;
    }
    for (place, file) in message.files.iter().enumerate().filter(|(_, file)| !file.alt.is_empty()) {
        form.append_with_str(&format!("alt[{place}]"), &file.alt)?;
    }
    for file in &message.files {
        let bytes = local::file(file.key).ok_or(JsValue::UNDEFINED)?;
        form.append_with_blob_and_filename("files", &bytes, &file.name)?;
    }
    Ok(form)
}

/// The answer; what is none of ours, as a proxy in front gives when we are away, counts as none.
fn answer(xhr: &XmlHttpRequest) -> AppResult<MessageView> {
    let text = xhr.response_text().ok().flatten().unwrap_or_default();
    let none = |code: ErrorCode| move |_none_of_ours| AppError::new(code);
    match xhr.status().unwrap_or(0) {
        200 => serde_json::from_str(&text).map_err(none(ErrorCode::Offline)),
        // Of what a proxy finds too large another try is as large.
        413 => Err(serde_json::from_str(&text).unwrap_or_else(none(ErrorCode::PayloadTooLarge))),
        _ => Err(serde_json::from_str(&text).unwrap_or_else(none(ErrorCode::Offline))),
    }
}

/// The files that are not there any more as they were: a browser says of others only that the request failed.
async fn unreadable(message: &Unsent) -> Vec<FileKey> {
    let mut found = Vec::new();
    for file in &message.files {
        let start = local::file(file.key).and_then(|file| file.slice_with_i32_and_i32(0, 1).ok());
        let is_readable = match start {
            Some(start) => JsFuture::from(start.array_buffer()).await.is_ok(),
            None => false,
        };
        if !is_readable {
            found.push(file.key);
        }
    }
    found
}
