//! `/files/<id>/<name>`: the contents of files, for those who are in their chat at that moment.
//!
//! Nothing here is ever rendered as a document of ours: an original is handed out to be kept, in a sandbox, under
//! the type that its bytes have; what pages show of a picture was made by the server from its pixels. The name in
//! the address is for people; what counts is the id.

use app::{
    api::context::RequestContext,
    domain::AttachmentId,
    error::{AppError, AppResult},
    ports::{BlobContent, BlobPart},
    protocol::AttachmentView,
};
use axum::{
    Router,
    body::Body,
    extract::{Path, Request},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use futures::StreamExt;
use http_range_header::{EndPosition, StartPosition, parse_range_header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ops::Range;

use super::{context, errors};
use crate::state::AppState;

/// What pages show of a picture may be shown again for an hour without asking; it never changes. Whoever looks at
/// it again in that time has seen it before.
const SHOWN: &str = "private, max-age=3600";
/// An original is asked for each time; if it is there still, only its tag goes over the wire.
const KEPT: &str = "private, no-cache";
/// What a browser may do with a content if it is opened by itself: nothing.
pub(super) const SANDBOX: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// The characters that stand for themselves in an extended parameter (RFC 8187, section 3.2.1).
const OTHERS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The id and the name in an address.
type Address = Path<(String, String)>;

/// The addresses of files.
pub fn routes() -> Router<AppState> {
    let part = |part| {
        get(move |Path((id, _name)): Address, request: Request| async move {
            answer(&id, part, request).await.unwrap_or_else(errors::raised)
        })
    };
    Router::new()
        .route("/files/{id}/{name}", part(BlobPart::Original))
        .route("/files/{id}/{name}/preview", part(BlobPart::Preview))
        .route("/files/{id}/{name}/thumb", part(BlobPart::Thumb))
}

async fn answer(id: &str, part: BlobPart, request: Request) -> AppResult<Response> {
    let RequestContext { services, actor, .. } = context::of(&request)?;
    let actor = actor.ok_or_else(AppError::unauthenticated)?;
    // What is no id is the id of nothing.
    let id: AttachmentId = id.parse().map_err(|error| AppError::not_found().because(error))?;
    let headers = request.headers();
    let tag = format!("\"{id}-{}\"", part.as_str());
    if is_known(headers, &tag) {
        let view = services.attachments.find(actor, id).await?;
        if part != BlobPart::Original && view.picture.is_none() {
            return Err(AppError::not_found());
        }
        return Ok(head(StatusCode::NOT_MODIFIED, &view, part, &tag));
    }
    let wanted = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let wanted = wanted.filter(|_| may_continue(headers, &tag));
    let mut stretch = Stretch::Whole;
    let opened = services
        .attachments
        .open(actor, id, part, |length| {
            stretch = Stretch::of(wanted, length);
            stretch.range()
        })
        .await?;
    let BlobContent { length, range, bytes } = opened.content;
    let turn = opened.turn;
    if matches!(stretch, Stretch::Beyond) {
        let mut response = head(StatusCode::RANGE_NOT_SATISFIABLE, &opened.view, part, &tag);
        set(&mut response, header::CONTENT_RANGE, &format!("bytes */{length}"));
        return Ok(response);
    }
    let status =
        if matches!(stretch, Stretch::Part(_)) { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = head(status, &opened.view, part, &tag);
    set(&mut response, header::CONTENT_LENGTH, &(range.end - range.start).to_string());
    if status == StatusCode::PARTIAL_CONTENT {
        let last = range.end.saturating_sub(1);
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{last}/{length}", range.start));
    }
    *response.body_mut() = Body::from_stream(bytes.map(move |chunk| {
        let _held = &turn;
        // The answer has begun: all that can be done is to break it off, so that it is not taken for whole.
        chunk.inspect_err(|error| tracing::warn!(%id, error = error.chain(), "a file could not be read"))
    }));
    Ok(response)
}

/// The answer without its content.
fn head(status: StatusCode, view: &AttachmentView, part: BlobPart, tag: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let original = part == BlobPart::Original;
    set(&mut response, header::ETAG, tag);
    set(&mut response, header::CACHE_CONTROL, if original { KEPT } else { SHOWN });
    set(&mut response, header::VARY, "Cookie");
    set(&mut response, header::CONTENT_SECURITY_POLICY, SANDBOX);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    match &view.picture {
        Some(picture) if !original => {
            set(&mut response, header::CONTENT_TYPE, &picture.media_type);
            set(&mut response, header::CONTENT_DISPOSITION, "inline");
        }
        _ => {
            set(&mut response, header::CONTENT_TYPE, &view.media_type);
            set(&mut response, header::CONTENT_DISPOSITION, &disposition(&view.name));
            set(&mut response, header::ACCEPT_RANGES, "bytes");
        }
    }
    response
}

/// Sets a header of visible ASCII. What is not that is left out: a type or a name of ours always is.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// That it is to be kept, and under which name: for old clients in ASCII (RFC 6266), for all others in any script
/// (RFC 8187).
fn disposition(name: &str) -> String {
    let plain = |c: char| if (c.is_ascii_graphic() && !"\"\\%/;".contains(c)) || c == ' ' { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(name, OTHERS))
}

/// Whether the browser has what it asks for (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH);
    tags.iter().filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag
    })
}

/// Whether what the browser has a part of is still the same (RFC 9110, section 13.1.5).
fn may_continue(headers: &HeaderMap, tag: &str) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|range| range.as_bytes() == tag.as_bytes())
}

/// What is wanted of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stretch {
    /// All of it. Also if several stretches are wanted, or it is not said clearly: all is always right.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Only what is not there.
    Beyond,
}

impl Stretch {
    fn of(wanted: Option<&str>, length: u64) -> Self {
        let Some(ranges) = wanted.and_then(|wanted| parse_range_header(wanted).ok()) else {
            return Self::Whole;
        };
        let [wanted] = ranges.ranges[..] else { return Self::Whole };
        // RFC 9110, section 14.1.2: what is no range is passed over, the last bytes of fewer are all of them.
        match (wanted.start, wanted.end) {
            (StartPosition::FromLast(last), _) if length > 0 => {
                Self::Part(length.saturating_sub(last)..length)
            }
            (StartPosition::Index(first), EndPosition::Index(last)) if last < first => Self::Whole,
            (StartPosition::Index(first), end) if first < length => Self::Part(match end {
                EndPosition::Index(last) => first..last.saturating_add(1).min(length),
                EndPosition::LastByte => first..length,
            }),
            _ => Self::Beyond,
        }
    }

    fn range(&self) -> Option<Range<u64>> {
        match self {
            Self::Whole => None,
            Self::Part(range) => Some(range.clone()),
            Self::Beyond => Some(0..0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_in_any_script_survives_and_cannot_end_its_header() {
        assert_eq!(
            disposition("ñ \"x\".txt"),
            "attachment; filename=\"_ _x_.txt\"; filename*=UTF-8''%C3%B1%20%22x%22.txt"
        );
        let hostile = disposition("a\r\nSet-Cookie: x=1;\\\"; filename*=UTF-8''evil.html");
        assert!(HeaderValue::from_str(&hostile).is_ok());
        assert!(!hostile.contains('\r') && hostile.matches("filename").count() == 4, "{hostile}");
        assert!(hostile.ends_with("%3B%20filename%2A%3DUTF-8%27%27evil.html"), "{hostile}");
    }

    #[test]
    fn one_stretch_is_cut_to_what_there_is() {
        assert_eq!(Stretch::of(None, 10), Stretch::Whole);
        assert_eq!(Stretch::of(Some("bytes=0-3"), 10), Stretch::Part(0..4));
        assert_eq!(Stretch::of(Some("bytes=4-"), 10), Stretch::Part(4..10));
        assert_eq!(Stretch::of(Some("bytes=-3"), 10), Stretch::Part(7..10));
        assert_eq!(Stretch::of(Some("bytes=5-500"), 10), Stretch::Part(5..10));
        assert_eq!(Stretch::of(Some("bytes=10-"), 10), Stretch::Beyond);
        assert_eq!(Stretch::of(Some("bytes=-500"), 10), Stretch::Part(0..10));
        assert_eq!(Stretch::of(Some("bytes=5-3"), 10), Stretch::Whole);
        assert_eq!(Stretch::of(Some("bytes=0-1,4-5"), 10), Stretch::Whole);
        assert_eq!(Stretch::of(Some("lines=0-1"), 10), Stretch::Whole);
        assert_eq!(Stretch::of(Some("bytes=x"), 10), Stretch::Whole);
        assert_eq!(Stretch::of(Some("bytes=0-"), 0), Stretch::Beyond);
    }

    #[test]
    fn a_tag_is_known_however_it_is_listed() {
        let known = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(text).unwrap());
            is_known(&headers, "\"a-thumb\"")
        };
        assert!(known("\"a-thumb\"") && known("\"x\", W/\"a-thumb\"") && known("*"));
        assert!(!known("\"a-preview\"") && !known("a-thumb"));
    }
}
