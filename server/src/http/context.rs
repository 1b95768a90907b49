//! Who asks, from where, and under which request id: found once, before anything else happens.

use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc};

use app::{
    api::{context::RequestContext, cookies},
    error::{AppError, AppResult, ErrorCode},
    service::{Actor, ClientInfo},
};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use cookie::Cookie;
use futures::FutureExt;

use super::errors::{self, Asked};
use crate::state::AppState;

/// Bytes of a `User-Agent` that are kept.
const USER_AGENT_BYTES: usize = 300;

/// Puts the [`RequestContext`], and the [`Actor`] if somebody is signed in, into the request. A session
/// whose access token has run out is refreshed on the way, so that a page without scripts stays signed in
/// as well; the new cookies travel with the answer.
pub async fn identify(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let request_id = new_request_id();
    let client = client(&state, &request);
    let found = find_actor(&state, request.headers(), request.uri().path(), &client);
    let found = AssertUnwindSafe(found).catch_unwind().await;
    let found = found.unwrap_or_else(|_panic| Err(AppError::internal("it panicked")));
    let (actor, refresh_token, fresh) = match found {
        Ok(found) => found,
        Err(error) => {
            let context = known(&state, client, None, None, request_id);
            return errors::tell(&state, context, &Asked::of(&request), error).await;
        }
    };
    let context = known(&state, client, actor, refresh_token, request_id);
    request.extensions_mut().insert(context);
    if let Some(actor) = actor {
        request.extensions_mut().insert(actor);
    }
    let mut response = next.run(request).await;
    // A sign-in or a sign-out further in has the last word.
    if !response.headers().contains_key(header::SET_COOKIE) {
        for value in fresh.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

/// An id that no other request has.
pub fn new_request_id() -> Arc<str> {
    uuid::Uuid::new_v4().simple().to_string().into()
}

fn known(
    state: &AppState,
    client: ClientInfo,
    actor: Option<Actor>,
    refresh_token: Option<String>,
    request_id: Arc<str>,
) -> RequestContext {
    let services = Arc::clone(&state.services);
    RequestContext { services, actor, client, refresh_token, request_id, secure: state.secure }
}

type Found = (Option<Actor>, Option<String>, Vec<String>);

async fn find_actor(
    state: &AppState,
    headers: &HeaderMap,
    path: &str,
    client: &ClientInfo,
) -> AppResult<Found> {
    let accounts = &state.services.accounts;
    if let Some(token) = bearer(headers) {
        return Ok((or_nobody(accounts.authenticate(token).await)?, None, Vec::new()));
    }
    let access = cookie(headers, cookies::access_name(state.secure));
    let refresh = cookie(headers, cookies::refresh_name(state.secure));
    if let Some(token) = &access
        && let Some(actor) = or_nobody(accounts.authenticate(token).await)?
    {
        return Ok((Some(actor), refresh, Vec::new()));
    }
    // These do with the token what they think right.
    let by_itself = matches!(path, "/api/refresh" | "/api/login" | "/api/register");
    let Some(token) = refresh.as_deref().filter(|_| !by_itself) else {
        return Ok((None, refresh, Vec::new()));
    };
    match accounts.refresh(token, client).await {
        Ok(signed_in) => {
            let fresh = cookies::session_cookies(state.secure, &signed_in).to_vec();
            Ok((Some(signed_in.actor), refresh, fresh))
        }
        Err(error) => Ok((or_nobody(Err(error))?, None, Vec::new())),
    }
}

/// A token that is no good means nobody; a store that cannot be asked is a fault.
fn or_nobody(result: AppResult<Actor>) -> AppResult<Option<Actor>> {
    match result {
        Ok(actor) => Ok(Some(actor)),
        Err(error) if error.code == ErrorCode::Unauthenticated => Ok(None),
        Err(error) => Err(error),
    }
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| Cookie::split_parse(line.to_owned()))
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
        .filter(|value| !value.is_empty())
}

fn client(state: &AppState, request: &Request) -> ClientInfo {
    let peer = request
        .extensions()
        .get::<ConnectInfo<std::net::SocketAddr>>()
        .map_or(IpAddr::from([127, 0, 0, 1]), |info| info.0.ip().to_canonical());
    let address = forwarded(request.headers(), peer, &state.trusted_proxies);
    let user_agent = request
        .headers()
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default();
    let end = user_agent.floor_char_boundary(USER_AGENT_BYTES);
    ClientInfo {
        address: address.to_string(),
        user_agent: user_agent[..end].to_owned(),
        device: cookie(request.headers(), cookies::device_name(state.secure)),
    }
}

/// The client's address: the peer's, or, as long as the hop is a proxy of ours, what that proxy says.
fn forwarded(headers: &HeaderMap, peer: IpAddr, trusted: &[IpAddr]) -> IpAddr {
    let mut address = peer;
    let chain: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    for hop in chain.iter().rev() {
        if !trusted.contains(&address) {
            break;
        }
        let Ok(next) = hop.trim().parse() else { break };
        address = next;
    }
    address
}

/// The context of a request that went through [`identify`].
pub fn of(request: &Request) -> AppResult<RequestContext> {
    request
        .extensions()
        .get::<RequestContext>()
        .cloned()
        .ok_or_else(|| AppError::internal("a request was not identified: the route was not composed"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(header: &str, trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_str(header).unwrap());
        let trusted: Vec<IpAddr> = trusted.iter().map(|ip| ip.parse().unwrap()).collect();
        forwarded(&headers, "10.0.0.1".parse().unwrap(), &trusted).to_string()
    }

    #[test]
    fn only_a_proxy_of_ours_says_where_a_request_comes_from() {
        assert_eq!(address("1.2.3.4", &[]), "10.0.0.1");
        assert_eq!(address("6.6.6.6, 1.2.3.4", &["10.0.0.1"]), "1.2.3.4");
        assert_eq!(address("1.2.3.4, 10.0.0.2", &["10.0.0.1", "10.0.0.2"]), "1.2.3.4");
        assert_eq!(address("nonsense", &["10.0.0.1"]), "10.0.0.1");
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("xsamvad_access=no; samvad_access=yes"));
        assert_eq!(cookie(&headers, "samvad_access").as_deref(), Some("yes"));
        assert_eq!(cookie(&headers, "samvad_refresh"), None);
    }
}
