//! `GET /api/openapi.json`: what is served, for programs.

use std::sync::LazyLock;

use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;

use crate::state::AppState;

/// The one route. Everybody may read it: it tells nothing that the sources do not.
pub fn routes() -> Router<AppState> {
    Router::new().route("/api/openapi.json", get(document))
}

async fn document() -> Response {
    static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(app::api::openapi::document().to_string()));
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
    (headers, TEXT.clone()).into_response()
}
