//! HTTP: who asks, what is admitted, what is served, and how everything that fails is answered.
//!
//! A call goes through, from the outside in: headers that every answer carries → who asks ([`context`]) →
//! the global error layer ([`errors`]) → what is admitted ([`guard`]) → plain forms ([`forms`]) → the one
//! shape of what a function answers → a limit of time → panics caught → the server function. A page goes
//! through the first three.

mod avatars;
pub mod body;
pub mod bounds;
pub mod context;
mod emoji;
pub mod errors;
mod files;
pub mod forms;
pub mod guard;
mod openapi;
pub mod pages;
mod places;
pub mod serve;
mod stream;

use std::{sync::Arc, time::Duration};

use app::{
    api::intake::Intake,
    error::{AppError, ErrorCode},
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns_with_context};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, services::ServeDir,
    set_header::SetResponseHeaderLayer,
};

use crate::{state::AppState, ws};

/// The whole application as one service.
pub fn router(state: AppState) -> Router {
    let api = Router::new().route("/api/{*function}", post(call)).layer(
        ServiceBuilder::new()
            .layer(from_fn_with_state(state.clone(), guard::check))
            .layer(from_fn_with_state(state.clone(), forms::plain))
            .layer(from_fn(errors::shape))
            .layer(from_fn_with_state(state.bounds.call, errors::limit_time))
            .layer(CatchPanicLayer::custom(errors::panicked)),
    );
    let api = api.method_not_allowed_fallback(not_allowed);
    let routes = generate_route_list(app::App);
    let pages = Router::new()
        .leptos_routes_with_handler(routes, pages::page)
        .fallback(pages::page)
        .layer(CompressionLayer::new());
    Router::new()
        .merge(api)
        .merge(files::routes())
        .merge(avatars::routes())
        .merge(openapi::routes().layer(CompressionLayer::new()))
        .merge(ws::routes(Arc::clone(&state.realtime)).with_state(()))
        .merge(pages)
        .layer(CatchPanicLayer::custom(errors::panicked))
        .layer(from_fn_with_state(state.clone(), errors::answer))
        .layer(from_fn_with_state(state.clone(), context::identify))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .merge(emoji::routes())
        .merge(assets(&state))
        .layer(CatchPanicLayer::custom(errors::panicked_outside))
        .layer(from_fn_with_state(state.clone(), pages::secure_headers))
        .with_state(state)
}

/// Runs a server function.
async fn call(request: Request) -> Response {
    let context = match context::of(&request) {
        Ok(context) => context,
        Err(error) => return errors::raised(error),
    };
    let path = request.uri().path();
    if leptos::server_fn::axum::server_fn_paths().all(|(known, _)| known != path) {
        return errors::raised(AppError::not_found());
    }
    let intake = request.extensions().get::<Intake>().cloned();
    let provide = move || {
        provide_context(context.clone());
        if let Some(intake) = &intake {
            provide_context(intake.clone());
        }
    };
    handle_server_fns_with_context(provide, request).await.into_response()
}

/// The API takes nothing but `POST`.
async fn not_allowed() -> Response {
    errors::raised(ErrorCode::MethodNotAllowed.into())
}

/// Whether this node can do its work: the store can be reached.
async fn ready(State(state): State<AppState>) -> Response {
    let reason = match tokio::time::timeout(Duration::from_secs(5), state.store.check()).await {
        Ok(Ok(())) if !state.stop.is_cancelled() => return "ready".into_response(),
        Ok(Ok(())) => "shutting down",
        Ok(Err(error)) => {
            tracing::warn!(error = error.chain(), "not ready");
            "the store cannot be reached"
        }
        Err(_elapsed) => "the store does not answer",
    };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "2")], reason).into_response()
}

/// The script that shows notifications while no page is open. It calls this site and loads nothing.
fn service_worker(state: &AppState) -> Router<AppState> {
    const NAME: &str = "/sw.js";
    let file = tower_http::services::ServeFile::new(state.site_root.join("sw.js"));
    let policy = HeaderValue::from_static("default-src 'none'; connect-src 'self'; frame-ancestors 'none'");
    Router::new()
        .route_service(NAME, file)
        .layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy))
}

/// The files of the site. What has its content's hash in its name never changes; a development build, which
/// changes while it is looked at, goes without such names.
fn assets(state: &AppState) -> Router<AppState> {
    let root = &state.site_root;
    let files = |path: std::path::PathBuf| ServeDir::new(path).precompressed_br().precompressed_gzip();
    let cached = |value: &'static str| {
        map_response(move |mut response: Response| async move {
            if response.status().is_success() {
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
            }
            response
        })
    };
    let lifetime = if state.leptos.hash_files { "public, max-age=31536000, immutable" } else { "no-cache" };
    let package = Router::new().nest_service("/pkg", files(root.join("pkg"))).layer(cached(lifetime));
    let mut public = Router::new();
    for name in ["favicon.svg", "icon.svg", "robots.txt", "logo.svg"] {
        let file = tower_http::services::ServeFile::new(root.join(name));
        public = public.route_service(&format!("/{name}"), file);
    }
    package
        .merge(public.layer(cached("public, max-age=86400")))
        .merge(service_worker(state).layer(cached("no-cache")))
}
