//! The pages: loaded, then rendered on the server.

use std::collections::BTreeMap;

use app::{
    api::context::RequestContext,
    error::{AppError, ErrorCode},
    ui::{
        load::{Loaded, PageQuery, load},
        page_data::{FormNotice, OFFSET_COOKIE, Page, PageData},
        shell,
    },
};
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;

use super::{context, errors, forms};
use crate::state::AppState;

/// Answers a request for a page.
pub async fn page(State(state): State<AppState>, request: Request) -> Response {
    let context = match context::of(&request) {
        Ok(context) => context,
        Err(error) => return errors::raised(error),
    };
    let offset = utc_offset(request.headers());
    match load(&context, request.uri().path(), &query(request.uri()), offset).await {
        Loaded::Redirect(path) => forms::see(&path),
        Loaded::Page(data, status) => render(&state, context, request.uri().clone(), *data, status).await,
    }
}

/// The page that says why there is none: not even who asks could be found out, or what was asked cannot be
/// carried out.
pub async fn failed(state: &AppState, context: RequestContext, path: &str, error: AppError) -> Response {
    let (status, retry_after) = (error.code.status(), error.retry_after);
    let mut data = PageData::failed(error.clone());
    if let Some(function) = path.strip_prefix("/api/") {
        // The answer to a form that did not come from one of our pages, or cannot be read: nothing of what
        // it says is shown again. A call's address is no page's, so that the page runs no script.
        data.form = Some(FormNotice { function: function.to_owned(), error, values: BTreeMap::new() });
    }
    // Whatever was asked for: every page with this data shows the error, and "/" is one.
    let mut response = render(state, context, Uri::from_static("/"), data, status).await;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The page at `path` as the answer to a plain form that was refused.
pub async fn render_refusal(
    state: &AppState,
    context: &RequestContext,
    headers: &HeaderMap,
    path: &str,
    notice: FormNotice,
) -> Response {
    let uri: Uri = path.parse().unwrap_or_default();
    let mut data = match load(context, uri.path(), &query(&uri), utc_offset(headers)).await {
        Loaded::Page(data, _) => *data,
        // The page itself is out of reach, for example since the session has ended: what was entered is
        // shown beside the reason.
        Loaded::Redirect(_) => PageData::failed(notice.error.clone()),
    };
    // The same message again, for it may have been stored after all.
    let again = notice.values.get("client_id").and_then(|id| id.parse().ok());
    if let Some(client_id) = again.filter(|_| notice.error.code != ErrorCode::ClientIdReused) {
        data.client_id = client_id;
    }
    let status = notice.error.code.status();
    data.form = Some(notice);
    render(state, context.clone(), uri, data, status).await
}

/// The page of a chat's details as the answer to a plain form that made an invitation: its link is shown this once.
pub async fn render_invite(
    state: &AppState,
    context: &RequestContext,
    headers: &HeaderMap,
    path: &str,
    link: String,
) -> Response {
    let uri: Uri = path.parse().unwrap_or_default();
    match load(context, uri.path(), &query(&uri), utc_offset(headers)).await {
        Loaded::Redirect(path) => forms::see(&path),
        Loaded::Page(mut data, status) => {
            data.new_invite = Some(link);
            render(state, context.clone(), uri, *data, status).await
        }
    }
}

async fn render(
    state: &AppState,
    context: RequestContext,
    uri: Uri,
    data: PageData,
    status: u16,
) -> Response {
    let options = state.leptos.clone();
    let retry_after = match &data.page {
        Page::Failed { error } => error.retry_after,
        _ => None,
    };
    let secure = state.secure;
    let provide = move || {
        provide_context(data.clone());
        provide_context(context.clone());
        if let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>())
            && let Ok(policy) = HeaderValue::from_str(&content_security_policy(&nonce, secure))
        {
            response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
        }
    };
    let handler = leptos_axum::render_app_async_with_context(provide, move || shell(options.clone()));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = uri;
    let mut response = handler(request).await;
    if let Ok(status) = StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.into_response()
}

/// Scripts run by this page's nonce alone; nothing comes from elsewhere.
fn content_security_policy(nonce: &str, secure: bool) -> String {
    let upgrade = if secure { "; upgrade-insecure-requests" } else { "" };
    let reload = reload_sockets();
    format!(
        "default-src 'self'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; worker-src 'self'; \
         img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self'; connect-src 'self'{reload}{upgrade}"
    )
}

/// Under `cargo leptos watch` a page is told by a socket on another port when to load itself anew.
fn reload_sockets() -> String {
    if std::env::var_os("LEPTOS_WATCH").is_none() {
        return String::new();
    }
    let port = std::env::var("LEPTOS_RELOAD_PORT").unwrap_or_else(|_unset| "3001".to_owned());
    format!(" ws://127.0.0.1:{port} ws://localhost:{port}")
}

fn query(uri: &Uri) -> PageQuery {
    let whole = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut query = PageQuery { whole, ..PageQuery::default() };
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        match &*name {
            "q" => query.search = value.chars().take(200).collect(),
            "m" => query.member = value.chars().take(200).collect(),
            "from" => query.from = value.parse().unwrap_or(0),
            "on" => query.on = Some(value.chars().take(20).collect()),
            "before" => query.before = value.parse().ok().map(app::domain::Seq),
            "chat" => query.chat = value.parse().ok(),
            "older" => query.older = Some(value.chars().take(60).collect()),
            "next" => query.next = Some(value.into_owned()),
            _ => {}
        }
    }
    query
}

/// What the browser has said of its clock, within what there is on earth.
fn utc_offset(headers: &HeaderMap) -> i32 {
    let minutes = context::cookie(headers, OFFSET_COOKIE).and_then(|value| value.parse::<i32>().ok());
    minutes.filter(|minutes| (-14 * 60..=14 * 60).contains(minutes)).unwrap_or(0)
}

/// Headers that every answer carries, whatever it is.
pub async fn secure_headers(
    State(state): State<AppState>,
    request: Request,
    next: axum::middleware::Next,
) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if is_api {
        set(header::CACHE_CONTROL, "no-store");
    }
    if state.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains");
    }
    response
}
