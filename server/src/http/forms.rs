//! Plain forms: what a browser without scripts sends to the API.
//!
//! Done, it is sent on to the page where the result is to be seen. Refused, it gets the page that it came
//! from with everything it had entered, but for passwords, and the reason in our own words: nothing that
//! stands in an address can put words on a page.

use std::collections::BTreeMap;

use app::{
    api::{context::RequestContext, intake::Intake},
    domain::next_path::safe_next,
    error::{AppError, ErrorCode},
    ui::page_data::FormNotice,
};
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{body::Exceeded, errors, pages};
use crate::state::AppState;

/// More than any form of ours; the guard has bounded it before.
const BODY_BYTES: usize = 1024 * 1024;
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

type Fields = BTreeMap<String, String>;

/// Serves plain forms; lets everything else through.
pub async fn plain(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let context = request.extensions().get::<RequestContext>().cloned();
    let (true, Some(context)) = (errors::wants_page(request.headers()), context) else {
        return next.run(request).await;
    };
    let function = request.uri().path().trim_start_matches("/api/").to_owned();
    let origin_page = referring_path(&request, &state.origins);
    let exceeded = request.extensions().get::<Exceeded>().cloned();
    let (mut parts, body) = request.into_parts();
    if let Some(intake) = parts.extensions.get::<Intake>().cloned() {
        // Files are not kept in memory: the form is read as it comes, and notes what it has read.
        parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let headers = parts.headers.clone();
        let answer = next.run(Request::from_parts(parts, body)).await;
        let asked = Asked { function, origin_page, fields: intake.texts(), headers };
        return told(&state, &context, asked, answer).await;
    }
    let bytes = match tokio::time::timeout(state.bounds.call, axum::body::to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_broken)) if exceeded.is_some_and(|exceeded| exceeded.happened()) => {
            return errors::raised(ErrorCode::PayloadTooLarge.into());
        }
        Ok(Err(broken)) => {
            return errors::raised(AppError::new(ErrorCode::InvalidRequest).because(broken));
        }
        Err(elapsed) => {
            return errors::raised(AppError::new(ErrorCode::RequestTimeout).because(elapsed));
        }
    };
    let fields = fields(&bytes);
    // From here on it is a call like any other, answered in JSON.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let headers = parts.headers.clone();
    let answer = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    told(&state, &context, Asked { function, origin_page, fields, headers }, answer).await
}

/// A plain form that was sent.
struct Asked {
    function: String,
    origin_page: Option<String>,
    fields: Fields,
    headers: HeaderMap,
}

/// What a browser is told of the answer.
async fn told(state: &AppState, context: &RequestContext, asked: Asked, answer: Response) -> Response {
    let Asked { function, origin_page, fields, headers } = asked;
    let (answer_parts, answer_body) = answer.into_parts();
    let answer = axum::body::to_bytes(answer_body, ANSWER_BYTES).await.unwrap_or_default();
    let mut response = if answer_parts.status.is_success() {
        let json: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        let invite = json["token"].as_str().filter(|_| function == "create_invite");
        match invite {
            // Nowhere else is its link ever to be seen.
            Some(token) => {
                let origin = state.origins.first().map(String::as_str).unwrap_or_default();
                let (page, link) =
                    (format!("/c/{}/details", chat_id(&fields)), format!("{origin}/join/{token}"));
                pages::render_invite(state, context, &headers, &page, link).await
            }
            None => see(&destination(&function, &fields, &json, context)),
        }
    } else {
        let error = serde_json::from_slice(&answer).unwrap_or_else(|_| AppError::new(ErrorCode::Internal));
        let status = answer_parts.status;
        let page = origin_page.unwrap_or_else(|| fallback_page(&function, &fields));
        let values = fields.into_iter().filter(|(name, _)| !is_secret(name)).collect();
        let notice = FormNotice { function, error, values };
        let mut response = pages::render_refusal(state, context, &headers, &page, notice).await;
        *response.status_mut() = status;
        if let Some(after) = answer_parts.headers.get(header::RETRY_AFTER) {
            response.headers_mut().insert(header::RETRY_AFTER, after.clone());
        }
        response
    };
    for name in [header::SET_COOKIE, header::HeaderName::from_static("clear-site-data")] {
        for value in answer_parts.headers.get_all(&name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response
}

/// "Look there": the browser gets that page instead.
pub fn see(path: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(path) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Where the result of a call is to be seen.
fn destination(
    function: &str,
    fields: &Fields,
    answer: &serde_json::Value,
    context: &RequestContext,
) -> String {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    match function {
        "login" | "register" => safe_next(field("next")).to_owned(),
        "logout" => "/login".to_owned(),
        "create_direct_chat" | "create_group_chat" | "join_by_invite" => {
            format!("/c/{}", answer["id"].as_str().unwrap_or_default())
        }
        "send_message" => format!("/c/{}", answer["chat_id"].as_str().unwrap_or_default()),
        "remove_member"
            if context.actor.is_some_and(|actor| actor.user_id.to_string() == field("user_id")) =>
        {
            "/".to_owned()
        }
        "rename_chat" | "set_description" | "set_chat_avatar" | "remove_chat_avatar" | "add_members"
        | "remove_member" | "set_role" | "revoke_invite" => {
            format!("/c/{}/details", chat_id(fields))
        }
        "edit_message" | "react" | "pin_message" | "delete_message" => format!("/c/{}", chat_id(fields)),
        "mark_read" | "mark_unread" | "save_draft" => format!("/c/{}", chat_id(fields)),
        "mute_chat" | "notify_mentions" | "archive_chat" => format!("/c/{}/details", chat_id(fields)),
        "update_profile" | "set_avatar" | "remove_avatar" | "update_settings" | "change_password"
        | "end_session" => "/settings".to_owned(),
        "block_user" | "unblock_user" if !field("next").is_empty() => safe_next(field("next")).to_owned(),
        "block_user" | "unblock_user" => format!("/u/{}", answer["id"].as_str().unwrap_or_default()),
        _ => "/".to_owned(),
    }
}

/// Where a form stands, if the browser does not say.
fn fallback_page(function: &str, fields: &Fields) -> String {
    match function {
        "login" | "register" => format!("/{function}"),
        "create_direct_chat" => "/new".to_owned(),
        "create_group_chat" => "/new-group".to_owned(),
        "mark_read" | "mark_unread" | "save_draft" => format!("/c/{}", chat_id(fields)),
        "send_message" | "edit_message" | "react" | "pin_message" | "delete_message" => {
            format!("/c/{}", chat_id(fields))
        }
        "update_profile" | "set_avatar" | "remove_avatar" | "update_settings" | "change_password"
        | "end_session" | "logout" => "/settings".to_owned(),
        "block_user" | "unblock_user" => {
            let id = fields.get("user_id").and_then(|id| id.parse::<app::domain::UserId>().ok());
            id.map_or_else(|| "/".to_owned(), |id| format!("/u/{id}"))
        }
        _ if fields.contains_key("chat_id") => format!("/c/{}/details", chat_id(fields)),
        _ => "/".to_owned(),
    }
}

/// The chat that a form speaks of; only an id can get into an address.
fn chat_id(fields: &Fields) -> String {
    let id = fields.get("chat_id").and_then(|id| id.parse::<app::domain::ChatId>().ok());
    id.map(|id| id.to_string()).unwrap_or_default()
}

fn is_secret(name: &str) -> bool {
    matches!(name, "password" | "current" | "new")
}

/// The path and query of the page that the form stands on, if it is one of ours.
fn referring_path(request: &Request, origins: &[String]) -> Option<String> {
    let referer = request.headers().get(header::REFERER)?.to_str().ok()?;
    let path = origins.iter().find_map(|origin| referer.strip_prefix(origin.as_str()))?;
    (path.starts_with('/') && !path.starts_with("/api/")).then(|| safe_next(path).to_owned())
}

fn fields(body: &Bytes) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(body).into_owned() {
        add(&mut fields, name, value);
    }
    fields
}

/// Keeps a field; of a list all values, with commas between them, so that a refused form can show again
/// everything that was chosen.
fn add(fields: &mut Fields, name: String, value: String) {
    match fields.get_mut(&name) {
        Some(all) if name.ends_with("[]") => {
            all.push(',');
            all.push_str(&value);
        }
        _ => {
            fields.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_form_knows_the_page_it_stands_on_only_among_ours() {
        let ours = vec!["http://127.0.0.1:3000".to_owned()];
        let from = |referer: &str| {
            let request = Request::builder().header("referer", referer).body(Body::empty()).unwrap();
            referring_path(&request, &ours)
        };
        assert_eq!(from("http://127.0.0.1:3000/new?q=ada").as_deref(), Some("/new?q=ada"));
        assert_eq!(from("http://127.0.0.1:30001/new"), None);
        assert_eq!(from("http://evil.example/new"), None);
        assert_eq!(from("http://127.0.0.1:3000/api/login"), None);
    }

    #[test]
    fn of_a_list_every_value_is_kept_and_of_a_field_the_last() {
        let mut fields = Fields::new();
        for (name, value) in [("member_ids[]", "a"), ("name", "x"), ("member_ids[]", "b"), ("name", "y")] {
            add(&mut fields, name.to_owned(), value.to_owned());
        }
        assert_eq!(fields["member_ids[]"], "a,b");
        assert_eq!(fields["name"], "y");
    }

    #[test]
    fn only_an_id_gets_into_an_address() {
        let fields = Fields::from([("chat_id".to_owned(), "../../evil".to_owned())]);
        assert_eq!(fallback_page("rename_chat", &fields), "/c//details");
    }
}
