//! `/avatars/<id>`: the pictures that stand for people and groups, for everybody who is signed in.
//!
//! The server made them from pixels. Another picture has another id, so what is at an address never changes.

use app::{
    api::context::RequestContext,
    domain::AttachmentId,
    error::{AppError, AppResult},
};
use axum::{
    Router,
    body::Body,
    extract::{Path, Request},
    http::{HeaderName, HeaderValue, header},
    response::Response,
    routing::get,
};
use futures::StreamExt;

use super::{context, errors, files::SANDBOX};
use crate::state::AppState;

/// For a year, and without asking; but only for the browser of who was signed in.
const LIFETIME: &str = "private, max-age=31536000, immutable";

/// The addresses of avatars.
pub fn routes() -> Router<AppState> {
    let picture = get(|Path(id): Path<String>, request: Request| async move {
        answer(&id, request).await.unwrap_or_else(errors::raised)
    });
    Router::new().route("/avatars/{id}", picture)
}

async fn answer(id: &str, request: Request) -> AppResult<Response> {
    let RequestContext { services, actor, .. } = context::of(&request)?;
    let actor = actor.ok_or_else(AppError::unauthenticated)?;
    // What is no id is the id of nothing.
    let id: AttachmentId = id.parse().map_err(|error| AppError::not_found().because(error))?;
    let (content, turn) = services.attachments.open_avatar(actor, id).await?;
    let mut response = Response::new(Body::from_stream(content.bytes.map(move |chunk| {
        let _held = &turn;
        // The answer has begun: all that can be done is to break it off, so that it is not taken for whole.
        chunk.inspect_err(|error| tracing::warn!(%id, error = error.chain(), "an avatar could not be read"))
    })));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(content.length));
    for (name, value) in [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CONTENT_DISPOSITION, "inline"),
        (header::CACHE_CONTROL, LIFETIME),
        (header::CONTENT_SECURITY_POLICY, SANDBOX),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
