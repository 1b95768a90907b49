//! What a server function knows of the request that called it.

use std::{future::Future, sync::Arc};

use leptos::prelude::use_context;

use crate::{
    error::{AppError, AppResult, ErrorCode},
    service::{Actor, ClientInfo, Services},
};

/// Put into the Leptos context by the HTTP layer, for server functions and for pages alike.
#[derive(Clone)]
pub struct RequestContext {
    /// The services of this node.
    pub services: Arc<Services>,
    /// Who asks, if they are signed in.
    pub actor: Option<Actor>,
    /// Where the request comes from.
    pub client: ClientInfo,
    /// The refresh token that came in the cookie.
    pub refresh_token: Option<String>,
    /// The id under which the request is logged.
    pub request_id: Arc<str>,
    /// Whether people reach the server by HTTPS.
    pub secure: bool,
}

impl RequestContext {
    /// The context of the request that is being answered.
    pub fn get() -> AppResult<Self> {
        use_context().ok_or_else(|| AppError::internal("no request context: the route was not composed"))
    }

    /// Who asks; fails with `unauthenticated` if nobody is signed in.
    pub fn actor(&self) -> AppResult<Actor> {
        self.actor.ok_or_else(AppError::unauthenticated)
    }
}

/// Runs the body of a server function and logs once what went wrong, with the request's id and all
/// causes. A denial and a fault of the caller's are told apart from a fault of ours.
pub(super) async fn answer<T>(name: &'static str, body: impl Future<Output = AppResult<T>>) -> AppResult<T> {
    let result = body.await;
    if let Err(error) = &result {
        let context = use_context::<RequestContext>();
        let request_id = context.as_ref().map(|context| &*context.request_id).unwrap_or_default();
        let user = context.as_ref().and_then(|context| context.actor).map(|actor| actor.user_id.to_string());
        let address = context.as_ref().map(|context| context.client.address.as_str()).unwrap_or_default();
        log(name, error, request_id, user.as_deref().unwrap_or("-"), address);
    }
    result
}

fn log(name: &str, error: &AppError, request_id: &str, user: &str, address: &str) {
    match error.code.status() {
        507 if error.code == ErrorCode::QuotaExceeded => {
            tracing::info!(function = name, request_id, user, "the files are more than one may have");
        }
        507 => tracing::error!(function = name, request_id, user, error = error.chain(), "no room left"),
        503 => tracing::warn!(function = name, request_id, user, error = error.chain(), "unavailable"),
        500.. => tracing::error!(function = name, request_id, user, error = error.chain(), "failed"),
        401 | 403 | 429 => {
            tracing::info!(function = name, request_id, user, address, error = error.chain(), "denied");
        }
        _ if error.code == ErrorCode::NotFound => {
            tracing::info!(function = name, request_id, user, address, "not found or not theirs");
        }
        _ => tracing::debug!(function = name, request_id, user, error = error.chain(), "refused"),
    }
}
