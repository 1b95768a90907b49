//! `GET /ws`: who may open a socket. Whoever may not is answered before the connection is upgraded.

use std::sync::Arc;

use app::{
    domain::limits::SOCKET_FRAME_BYTES,
    error::{AppError, AppResult, ErrorCode},
    ports::Limit,
    service::Actor,
};
use axum::{
    Extension, Router,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    hub::Seat,
    realtime::Realtime,
    socket::{WRITE_BUFFER_BYTES, serve},
};

/// Bytes that are read from a socket at once. Allocated for every socket; clients send small frames.
const READ_BUFFER_BYTES: usize = 1_024;

/// Bytes that may wait inside a socket beyond its queue: one frame of any size that is ever sent. A
/// bound, not an allocation.
const MAX_WRITE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// How often one person may open a socket: all their tabs at once after a restart, then one a second.
const OPENINGS: Limit = Limit { name: "socket", burst: 40, period_ms: 1_000 };

/// The route of the socket. A layer around it puts the [`Actor`] into the request's extensions.
pub fn routes(realtime: Arc<Realtime>) -> Router {
    Router::new().route("/ws", get(upgrade)).with_state(realtime)
}

async fn upgrade(
    State(realtime): State<Arc<Realtime>>,
    headers: HeaderMap,
    actor: Option<Extension<Actor>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let admitted = admit(&realtime, &headers, actor.map(|Extension(actor)| actor)).await;
    let (actor, seat) = match admitted {
        Ok(admitted) => admitted,
        Err(error) => return refuse(error),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return refuse(AppError::new(ErrorCode::InvalidRequest).because(rejection)),
    };
    // Taken before the upgrade, so that a node that stops waits for sockets that are just being opened.
    let token = realtime.parts.tracker.token();
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(SOCKET_FRAME_BYTES)
        .max_frame_size(SOCKET_FRAME_BYTES)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a connection could not be upgraded"))
        // Boxed, because the future around it would hold it twice.
        .on_upgrade(move |socket| {
            Box::pin(async move {
                serve(realtime, seat, actor, socket).await;
                drop(token);
            })
        })
}

async fn admit(realtime: &Realtime, headers: &HeaderMap, actor: Option<Actor>) -> AppResult<(Actor, Seat)> {
    check_origin(headers, &realtime.parts.allowed_origins)?;
    let actor = actor.ok_or_else(AppError::unauthenticated)?;
    if realtime.parts.shutdown.is_cancelled() {
        return Err(AppError::new(ErrorCode::Unavailable));
    }
    realtime.parts.limiter.take(OPENINGS, &actor.user_id.to_string()).await?;
    let seat = realtime
        .parts
        .hub
        .reserve(actor.user_id)
        .ok_or_else(|| AppError::new(ErrorCode::TooManyRequests).retry_after(10))?;
    Ok((actor, seat))
}

/// A browser sends cookies with a socket whichever site opens it, and no preflight asks first: the
/// origin is all there is to tell ours from others. A client with a bearer token is no browser.
fn check_origin(headers: &HeaderMap, allowed: &[String]) -> AppResult<()> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let fits = match (origins.next(), origins.next()) {
        (Some(origin), None) => allowed.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        (None, _) => {
            let bearer = headers.get(header::AUTHORIZATION).is_some_and(|value| {
                value.as_bytes().get(..7).is_some_and(|s| s.eq_ignore_ascii_case(b"bearer "))
            });
            bearer && !headers.contains_key(header::COOKIE)
        }
        (Some(_), Some(_)) => false,
    };
    if fits { Ok(()) } else { Err(AppError::new(ErrorCode::CrossSite)) }
}

/// The answer to a request that does not become a socket. The error itself travels along for the layer
/// that logs it and knows the request's id.
fn refuse(error: AppError) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(&error)).into_response();
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response.extensions_mut().insert(error);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for &(name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        check_origin(&headers, &["https://chat.example".to_owned()]).is_ok()
    }

    #[test]
    fn only_the_exact_origin_passes() {
        assert!(check(&[("origin", "https://chat.example")]));
        for origin in [
            "null",
            "",
            "http://chat.example",
            "https://chat.example:8443",
            "https://chat.example.evil.test",
            "https://evil-chat.example",
            "https://chat.example/",
            "https://CHAT.example",
        ] {
            assert!(!check(&[("origin", origin)]), "{origin}");
            assert!(!check(&[("origin", origin), ("authorization", "Bearer x")]), "{origin}");
        }
        assert!(!check(&[("origin", "https://chat.example"), ("origin", "https://evil.test")]));
    }

    #[test]
    fn only_a_client_with_a_token_and_no_cookie_may_omit_it() {
        assert!(check(&[("authorization", "Bearer token")]));
        assert!(!check(&[]));
        assert!(!check(&[("authorization", "Basic token")]));
        assert!(!check(&[("cookie", "session=1")]));
        assert!(!check(&[("cookie", "session=1"), ("authorization", "Bearer token")]));
    }
}
