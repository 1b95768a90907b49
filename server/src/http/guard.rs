//! What a request to the API has to be before anything is done with it: from our own pages, of the right
//! kind, and of a bounded size.

use app::{
    api::intake::Intake,
    domain::limits,
    error::{AppError, AppResult, ErrorCode},
    service::Actor,
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

use super::{body, context, errors};
use crate::state::AppState;

/// The functions whose forms are multipart.
const MULTIPART: [&str; 3] = ["/api/send_message", "/api/set_avatar", "/api/set_chat_avatar"];

/// How many bytes of a refused body are read of somebody who is not signed in.
const STRANGERS_REST: u64 = 256 * 1024;
/// How many of somebody who is, at least: where little may be sent, what is too large is so by much.
const MEMBERS_REST: u64 = 64 * 1024 * 1024;

/// Refuses what another site sent, a body of another kind, and one that is too large.
pub async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    match admit(request.headers(), request.uri().path(), &state.origins) {
        Ok(Kind::Fields) => next.run(body::bounded(request, limits::FORM_BYTES)).await,
        Ok(Kind::Multipart) => {
            let intake = Intake::new(declared_length(request.headers()));
            // For somebody who is signed in, as much as they may send, or more; for anybody else, next to nothing.
            let is_known = request.extensions().get::<Actor>().is_some();
            let limits = state.services.attachments.limits();
            let most = if is_known { limits.body_bytes().max(MEMBERS_REST) } else { STRANGERS_REST };
            let (request, rest) = body::fed(request, &intake);
            let response = next.run(request).await;
            rest.drain(most).await;
            response
        }
        Err(error) => errors::raised(error),
    }
}

/// How a body is made, and so who bounds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Fields of a form, all read at once: bounded here.
    Fields,
    /// Parts, read one by one: their reader says how much it is ready for.
    Multipart,
}

/// Of which kind the body is, if it is one that may come.
fn admit(headers: &HeaderMap, path: &str, origins: &[String]) -> AppResult<Kind> {
    same_site(headers, origins)?;
    let kind = content_kind(headers, path)?;
    let too_long = declared_length(headers).is_some_and(|length| length > limits::FORM_BYTES as u64);
    if kind == Kind::Fields && too_long {
        return Err(ErrorCode::PayloadTooLarge.into());
    }
    Ok(kind)
}

/// An unsafe request comes from our own pages: the browser says so itself (`Sec-Fetch-Site`, W3C Fetch
/// Metadata), or its `Origin` is one of ours. A bearer token, which no browser adds by itself, stands for
/// itself.
fn same_site(headers: &HeaderMap, origins: &[String]) -> AppResult<()> {
    if context::bearer(headers).is_some() && !headers.contains_key(header::COOKIE) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_lowercase());
    let ours = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origins.contains(&origin),
        (None, None) => false,
    };
    if ours {
        return Ok(());
    }
    let origin = headers.get(header::ORIGIN);
    Err(AppError::new(ErrorCode::CrossSite).because(format!("the origin was {origin:?}")))
}

/// The kind of body that the function takes.
fn content_kind(headers: &HeaderMap, path: &str) -> AppResult<Kind> {
    let given = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let essence = given.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_lowercase());
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(ErrorCode::UnsupportedMediaType.into());
    }
    match (MULTIPART.contains(&path), essence.as_deref()) {
        (true, Some("multipart/form-data")) => {
            let boundary = multer::parse_boundary(given.unwrap_or_default());
            match boundary {
                // RFC 2046, section 5.1.1.
                Ok(boundary) if (1..=70).contains(&boundary.len()) => Ok(Kind::Multipart),
                Ok(boundary) if boundary.is_empty() => Err(ErrorCode::MissingBoundary.into()),
                Ok(_) => Err(ErrorCode::MalformedMultipart.into()),
                Err(error) => Err(AppError::new(ErrorCode::MissingBoundary).because(error)),
            }
        }
        (false, Some("application/x-www-form-urlencoded")) => Ok(Kind::Fields),
        // A call without fields needs no body and so no kind.
        (false, None) if declared_length(headers).unwrap_or(0) == 0 => Ok(Kind::Fields),
        _ => Err(ErrorCode::UnsupportedMediaType.into()),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_our_own_pages_may_change_something() {
        let ours = vec!["http://127.0.0.1:3000".to_owned()];
        let admitted = |list: &[(&'static str, &str)]| same_site(&headers(list), &ours).is_ok();
        assert!(admitted(&[("sec-fetch-site", "same-origin")]));
        assert!(admitted(&[("origin", "http://127.0.0.1:3000")]));
        assert!(admitted(&[("authorization", "Bearer x")]));
        for list in [
            &[][..],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:3000")],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:3001")],
            &[("origin", "http://127.0.0.1:3000.evil.example")],
            &[("authorization", "Bearer x"), ("cookie", "samvad_access=x")],
        ] {
            assert!(!admitted(list), "{list:?}");
        }
    }

    #[test]
    fn a_body_is_of_the_kind_that_the_function_takes() {
        let code = |path: &str, kind: &str| {
            content_kind(&headers(&[("content-type", kind)]), path).map_err(|error| error.code)
        };
        assert!(code("/api/login", "application/x-www-form-urlencoded; charset=utf-8").is_ok());
        assert_eq!(code("/api/login", "application/json"), Err(ErrorCode::UnsupportedMediaType));
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        for path in MULTIPART {
            assert!(code(path, "multipart/form-data; boundary=x").is_ok());
            assert_eq!(code(path, "multipart/form-data"), Err(ErrorCode::MissingBoundary));
            assert_eq!(code(path, "multipart/form-data; boundary="), Err(ErrorCode::MissingBoundary));
            assert_eq!(code(path, &long), Err(ErrorCode::MalformedMultipart));
            let fields = "application/x-www-form-urlencoded";
            assert_eq!(code(path, fields), Err(ErrorCode::UnsupportedMediaType));
        }
    }
}
