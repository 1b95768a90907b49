//! The two cookies of a session: HttpOnly, SameSite=Lax, for the whole site, without a domain. Over
//! HTTPS they are Secure and carry the `__Host-` prefix (RFC 6265bis, section 4.1.3.2).

use cookie::{Cookie, SameSite, time::Duration};
use http::{HeaderName, HeaderValue, header};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;

use super::context::RequestContext;
use crate::service::{DEVICE_SECONDS, SignedIn};

/// The name of the cookie with the access token.
pub fn access_name(secure: bool) -> &'static str {
    if secure { "__Host-samvad_access" } else { "samvad_access" }
}

/// The name of the cookie with the refresh token.
pub fn refresh_name(secure: bool) -> &'static str {
    if secure { "__Host-samvad_refresh" } else { "samvad_refresh" }
}

/// The name of the cookie by which a browser is recognised at the next sign-in.
pub fn device_name(secure: bool) -> &'static str {
    if secure { "__Host-samvad_device" } else { "samvad_device" }
}

/// The `Set-Cookie` values that hand a browser its tokens. The access cookie lives as long as the
/// session, not as its token: an expired one still tells that there was a session.
pub fn session_cookies(secure: bool, signed_in: &SignedIn) -> [String; 3] {
    let lifetime = signed_in.lifetime_seconds;
    [
        build(access_name(secure), signed_in.access_token.clone(), lifetime, secure),
        build(refresh_name(secure), signed_in.refresh_token.clone(), lifetime, secure),
        build(device_name(secure), signed_in.device_mark.clone(), DEVICE_SECONDS, secure),
    ]
}

/// The `Set-Cookie` values that take the tokens away again.
pub fn removal_cookies(secure: bool) -> [String; 2] {
    [
        build(access_name(secure), String::new(), 0, secure),
        build(refresh_name(secure), String::new(), 0, secure),
    ]
}

/// Adds the tokens to the answer of the server function that is running.
pub(super) fn sign_in(context: &RequestContext, signed_in: &SignedIn) {
    append(session_cookies(context.secure, signed_in));
}

/// Takes the tokens away and lets the browser forget what it kept of the site.
pub(super) fn sign_out(context: &RequestContext) {
    append(removal_cookies(context.secure));
    if let Some(options) = use_context::<ResponseOptions>() {
        let everything = HeaderValue::from_static("\"cache\", \"storage\"");
        options.insert_header(HeaderName::from_static("clear-site-data"), everything);
    }
}

fn append<const N: usize>(cookies: [String; N]) {
    let Some(options) = use_context::<ResponseOptions>() else { return };
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            options.append_header(header::SET_COOKIE, value);
        }
    }
}

fn build(name: &'static str, value: String, seconds: i64, secure: bool) -> String {
    Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .max_age(Duration::seconds(seconds))
        .build()
        .to_string()
}
