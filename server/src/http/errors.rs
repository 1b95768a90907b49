//! The global error layer: whatever went wrong, in whichever part, leaves here as one JSON shape with the
//! status, the request id and the `Retry-After` that its code says.

use app::{
    api::context::RequestContext,
    error::{AppError, ErrorCode},
};
use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};

/// More than any error body of ours.
const ERROR_BODY_BYTES: usize = 64 * 1024;

/// Turns every failed answer of the API into the one shape.
pub async fn shape(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<RequestContext>().map(|context| context.request_id.clone());
    let path = request.uri().path().to_owned();
    let exceeded = request.extensions().get::<super::body::Exceeded>().cloned();
    let response = next.run(request).await;
    if response.status().is_success() || response.status().is_redirection() {
        return response;
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    let (parts, body) = response.into_parts();
    // A server function logs its own faults; what refused a socket travels along to be logged here.
    if let Some(error) = parts.extensions.get::<AppError>() {
        let request_id = request_id.as_deref().unwrap_or_default();
        tracing::info!(path, request_id, error = error.chain(), "denied");
    }
    let known = axum::body::to_bytes(body, ERROR_BODY_BYTES)
        .await
        .ok()
        .and_then(|bytes| serde_json::from_slice::<AppError>(&bytes).ok());
    let mut error = known.unwrap_or_else(|| AppError::new(code_of(parts.status)));
    // A body that was cut off looks malformed to whoever was reading it.
    if exceeded.is_some_and(|exceeded| exceeded.happened()) {
        error = AppError::new(ErrorCode::PayloadTooLarge);
    }
    let mut shaped = response_of(error, request_id.as_deref());
    for (name, value) in &parts.headers {
        if *name == header::SET_COOKIE || *name == header::ALLOW {
            shaped.headers_mut().append(name, value.clone());
        }
    }
    shaped
}

/// The answer that an error makes, under a request id.
pub fn response(error: AppError, request_id: &str) -> Response {
    response_of(error, Some(request_id))
}

/// What became of a request that panicked. The panic hook has logged it.
pub fn panicked(_panic: Box<dyn std::any::Any + Send>) -> Response {
    response_of(AppError::new(ErrorCode::Internal), None)
}

fn response_of(mut error: AppError, request_id: Option<&str>) -> Response {
    if let Some(request_id) = request_id {
        error.request_id = Some(request_id.to_owned());
    }
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(&error).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
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
