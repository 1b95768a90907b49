//! `/emoji/<hash>.json`: the list of all emoji, for everybody, for good.

use app::service::emoji_list;
use axum::{
    Router,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::compression::CompressionLayer;

use crate::state::AppState;

/// The list at its one address. What an older or newer node lists is not found here, and the page that asks for it
/// does with the emoji that it brought along.
pub(super) fn routes() -> Router<AppState> {
    Router::new().route(&emoji_list().address, get(list)).layer(CompressionLayer::new())
}

async fn list() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, emoji_list().json.clone()).into_response()
}
