//! The global error layer: whatever went wrong, in whichever part, leaves here under the request's id, in
//! the log and in one shape: as JSON, or, where a browser shows what it gets to a person, as a page.
//!
//! What refuses a request or fails it answers with [`raised`], which is no more than a status; this layer
//! knows the request and does the rest. Two things log by themselves what they know more of, and answer in
//! full: a server function, and a page that could not be loaded.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use app::{
    api::{context::RequestContext, intake::Intake},
    error::{AppError, ErrorCode},
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{context, pages};
use crate::state::AppState;

/// How long a request may bring files, whatever they are.
const UPLOAD: Duration = Duration::from_secs(60 * 60);
/// More than any error body of ours.
const ERROR_BODY_BYTES: usize = 64 * 1024;

/// What an error is answered with, and to whom.
pub struct Asked {
    path: String,
    /// Whether a page is wanted.
    page: bool,
}

impl Asked {
    /// What the request asked for.
    pub fn of(request: &Request) -> Self {
        let path = logged(request.uri().path());
        let page = match path.as_str() {
            "/ws" => false,
            path if ["/api/", "/files/", "/avatars/"].iter().any(|start| path.starts_with(start)) => {
                wants_page(request.headers())
            }
            _ => true,
        };
        Self { path, page }
    }
}

/// A path as it stands in the log: without the name of a file, which is somebody's word, and without the token of an
/// invitation.
fn logged(path: &str) -> String {
    if path.starts_with("/join/") {
        return "/join/…".to_owned();
    }
    let Some(file) = path.strip_prefix("/files/") else { return path.to_owned() };
    format!("/files/{}", file.split('/').next().unwrap_or_default())
}

/// Whether the answer is shown to a person: a browser that follows a link or sends a plain form says so.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// An error on its way to the global error layer.
pub fn raised(error: AppError) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status_of(&error);
    response.extensions_mut().insert(error);
    response
}

/// The global error layer. A request that gets here was identified.
pub async fn answer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let context = match context::of(&request) {
        Ok(context) => context,
        Err(error) => return response(error, ""),
    };
    let asked = Asked::of(&request);
    let mut answer = next.run(request).await;
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let error = match answer.extensions_mut().remove::<AppError>() {
        Some(error) => error,
        None if is_told(answer.headers()) || status == StatusCode::RANGE_NOT_SATISFIABLE => return answer,
        // A router's or a library's own answer.
        None => AppError::new(code_of(status)),
    };
    let mut told = tell(&state, context, &asked, error).await;
    keep_headers(answer.headers(), &mut told);
    told
}

/// Whether there is a body of ours already. (A range that is not there is answered by its headers alone.)
fn is_told(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/json") || kind.starts_with("text/html")
}

/// Logs the error and answers it.
pub async fn tell(state: &AppState, context: RequestContext, asked: &Asked, error: AppError) -> Response {
    log(&context, &asked.path, &error);
    let request_id = Arc::clone(&context.request_id);
    if asked.page {
        let shown = AppError { request_id: Some(request_id.to_string()), cause: None, ..error.clone() };
        // If it is the page itself that panics, there is still an answer.
        let page = AssertUnwindSafe(pages::failed(state, context, &asked.path, shown)).catch_unwind().await;
        if let Ok(page) = page {
            return page;
        }
        tracing::error!(
            path = asked.path,
            request_id = &*request_id,
            "not even the page of an error was made"
        );
    }
    response(error, &request_id)
}

fn log(context: &RequestContext, path: &str, error: &AppError) {
    let request_id = &*context.request_id;
    let (user, address) = (context.actor.map(|actor| actor.user_id), &context.client.address);
    let error_chain = error.chain();
    match error.code.status() {
        507 if error.code == ErrorCode::QuotaExceeded => {
            tracing::info!(path, request_id, ?user, address, error = error_chain, "refused");
        }
        503 => tracing::warn!(path, request_id, ?user, error = error_chain, "unavailable"),
        500.. => tracing::error!(path, request_id, ?user, error = error_chain, "failed"),
        401 | 403 | 429 => tracing::info!(path, request_id, ?user, address, error = error_chain, "denied"),
        _ => tracing::info!(path, request_id, ?user, address, error = error_chain, "refused"),
    }
}

/// Turns every failed answer of a server function, and of what stands around it, into JSON of the one shape.
pub async fn shape(request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().cloned();
    let path = request.uri().path().to_owned();
    let exceeded = request.extensions().get::<super::body::Exceeded>().cloned();
    let response = next.run(request).await;
    if !response.status().is_client_error() && !response.status().is_server_error() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let raised = parts.extensions.remove::<AppError>();
    // A body that was cut off looks malformed to whoever was reading it.
    let error = if exceeded.is_some_and(|exceeded| exceeded.happened()) {
        AppError::new(ErrorCode::PayloadTooLarge)
    } else if let Some(error) = raised {
        if let Some(context) = &context {
            log(context, &path, &error);
        }
        error
    } else {
        let bytes = axum::body::to_bytes(body, ERROR_BODY_BYTES).await.unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_else(|_not_ours| AppError::new(code_of(parts.status)))
    };
    let mut shaped = response_of(error, context.as_ref().map(|context| &*context.request_id));
    keep_headers(&parts.headers, &mut shaped);
    shaped
}

/// Keeps what an answer says beside its body.
fn keep_headers(from: &HeaderMap, to: &mut Response) {
    for name in [header::SET_COOKIE, header::ALLOW] {
        for value in from.get_all(&name) {
            to.headers_mut().append(name.clone(), value.clone());
        }
    }
}

/// Gives up on a request that takes longer than this; on one that brings files, if it does not get on for so
/// long, or takes [`UPLOAD`] in all.
pub async fn limit_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let steps = request.extensions().get::<Intake>().map(Intake::steps);
    let call = next.run(request);
    let answer = match steps {
        None => tokio::time::timeout(limit, call).await.ok(),
        Some(steps) => {
            tokio::time::timeout(UPLOAD, while_it_gets_on(limit, steps, call)).await.ok().flatten()
        }
    };
    answer.unwrap_or_else(|| raised(ErrorCode::RequestTimeout.into()))
}

/// What came of the work, unless for as long as `limit` there was no step.
async fn while_it_gets_on<T>(
    limit: Duration,
    mut steps: watch::Receiver<u64>,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let mut deadline = Instant::now() + limit;
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            () = sleep_until(deadline) => return None,
            Ok(()) = steps.changed() => deadline = Instant::now() + limit,
        }
    }
}

/// What became of a request that panicked. The panic hook has logged where and why.
pub fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    raised(AppError::internal("it panicked"))
}

/// The same outside of the global error layer, where nobody knows the request.
pub fn panicked_outside(_panic: Box<dyn std::any::Any + Send>) -> Response {
    let request_id = context::new_request_id();
    tracing::error!(request_id = &*request_id, "a request panicked before it was identified");
    response(AppError::new(ErrorCode::Internal), &request_id)
}

/// The answer that an error makes in JSON, under a request id.
pub fn response(error: AppError, request_id: &str) -> Response {
    response_of(error, Some(request_id))
}

fn response_of(mut error: AppError, request_id: Option<&str>) -> Response {
    if let Some(request_id) = request_id {
        error.request_id = Some(request_id.to_owned());
    }
    let body = serde_json::to_vec(&error).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status_of(&error);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn status_of(error: &AppError) -> StatusCode {
    StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The code of an answer that was not ours: a router's or a layer's.
fn code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::UNAUTHORIZED => ErrorCode::Unauthenticated,
        StatusCode::FORBIDDEN => ErrorCode::Forbidden,
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ErrorCode::MethodNotAllowed,
        StatusCode::REQUEST_TIMEOUT => ErrorCode::RequestTimeout,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ErrorCode::UnsupportedMediaType,
        StatusCode::TOO_MANY_REQUESTS => ErrorCode::TooManyRequests,
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
        status if status.is_client_error() => ErrorCode::InvalidRequest,
        _ => ErrorCode::Internal,
    }
}
