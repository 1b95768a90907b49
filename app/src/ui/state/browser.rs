//! What the state needs of the browser. On the server, where there is none, everything is absent.

#[cfg(feature = "hydrate")]
pub use there::*;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;

/// Where something is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// For the tab, over reloads.
    Tab,
    /// For all tabs, and after the browser was closed.
    Browser,
}

#[cfg(feature = "hydrate")]
mod there {
    use std::{
        future::Future,
        pin::pin,
        sync::atomic::{AtomicBool, Ordering},
    };

    use futures::future::{Either, select};
    use gloo_timers::future::TimeoutFuture;
    use js_sys::futures::JsFuture;
    use leptos::prelude::window;

    use super::Storage;
    use crate::{
        domain::Timestamp,
        error::{AppResult, ErrorCode},
    };

    /// After so many milliseconds a request without an answer counts as failed.
    const PATIENCE_MS: u32 = 40_000;

    /// The same for a request with a file.
    const PATIENCE_WITH_FILES_MS: u32 = 600_000;

    /// Waits for the answer to a request, but not for ever.
    pub async fn within<T>(request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        before(PATIENCE_MS, request).await
    }

    /// Waits for the answer to a request with a file: for minutes, as that may take long on the way.
    pub async fn within_upload<T>(request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        before(PATIENCE_WITH_FILES_MS, request).await
    }

    async fn before<T>(millis: u32, request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        match select(pin!(request), TimeoutFuture::new(millis)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(ErrorCode::Offline.into()),
        }
    }

    /// Waits for so many milliseconds.
    pub async fn pause(millis: u32) {
        TimeoutFuture::new(millis).await;
    }

    /// What the storage holds under the key.
    pub fn stored(of: Storage, key: &str) -> Option<String> {
        storage(of)?.get_item(key).ok()?
    }

    /// Puts a value into the storage, or takes it out; false if the browser did not allow it.
    pub fn store(of: Storage, key: &str, value: Option<&str>) -> bool {
        let Some(storage) = storage(of) else { return false };
        match value {
            Some(value) => storage.set_item(key, value).is_ok(),
            None => storage.remove_item(key).is_ok(),
        }
    }

    /// Takes everything out of the storage, as far as the browser allows.
    pub fn clear(of: Storage) {
        if let Some(storage) = storage(of) {
            let _refused = storage.clear();
        }
    }

    fn storage(of: Storage) -> Option<web_sys::Storage> {
        let storage = match of {
            Storage::Tab => window().session_storage(),
            Storage::Browser => window().local_storage(),
        };
        storage.ok()?
    }

    /// The reader's clock.
    pub fn now() -> Timestamp {
        Timestamp::from_millis(js_sys::Date::now() as i64)
    }

    /// Asks the reader something that they answer with yes or no.
    pub fn confirm(question: &str) -> bool {
        window().confirm_with_message(question).unwrap_or(false)
    }

    /// By how many minutes the reader's clock is ahead of UTC.
    pub fn utc_offset() -> i32 {
        -(js_sys::Date::new_0().get_timezone_offset() as i32)
    }

    /// A number from 0 up to 1.
    pub fn random() -> f64 {
        js_sys::Math::random()
    }

    /// Where the site is: scheme, host and port.
    pub fn origin() -> String {
        window().location().origin().unwrap_or_default()
    }

    /// Puts a text where it can be pasted from. False if the browser does not allow that, as where the site is not
    /// secure.
    pub async fn copy(text: &str) -> bool {
        let navigator = window().navigator();
        match js_sys::Reflect::get(&navigator, &"clipboard".into()) {
            Ok(there) if there.is_object() => {
                JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
            }
            _ => false,
        }
    }

    /// Sends a form whose answer nobody waits for, also while the page goes away. Nobody is told if the browser
    /// refuses.
    pub fn post_last(path: &str, fields: &[(&str, &str)]) {
        if let Ok(form) = web_sys::UrlSearchParams::new() {
            fields.iter().for_each(|(name, value)| form.append(name, value));
            let _refused = window().navigator().send_beacon_with_opt_url_search_params(path, Some(&form));
        }
    }

    /// Whether the window is seen and has the focus.
    pub fn is_attentive() -> bool {
        !is_hidden() && leptos::prelude::document().has_focus().unwrap_or(true)
    }

    /// Whether nothing of the page can be seen: another tab or program is before it.
    pub fn is_hidden() -> bool {
        leptos::prelude::document().visibility_state() != web_sys::VisibilityState::Visible
    }

    /// The path and query of the page.
    pub fn path() -> String {
        let location = window().location();
        format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
    }

    /// Whether the page has been left, although it is still there until the next one arrives.
    static LEAVING: AtomicBool = AtomicBool::new(false);

    /// Whether the page is being left.
    pub fn is_leaving() -> bool {
        LEAVING.load(Ordering::Relaxed)
    }

    /// Leaves the page: all state is dropped and the server renders the next one.
    pub fn go_to(path: &str) {
        LEAVING.store(true, Ordering::Relaxed);
        if window().location().assign(path).is_err() {
            leptos::logging::error!("the browser did not follow a link of this site");
        }
    }

    /// Keeps a value for the server to read with the next page.
    pub fn set_cookie(name: &str, value: &str) {
        use leptos::{prelude::document, wasm_bindgen::JsCast};

        if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
            let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
            // Without the cookie the next page starts at UTC and is corrected again.
            let _refused = document.set_cookie(&cookie);
        }
    }
}

#[cfg(not(feature = "hydrate"))]
mod absent {
    use std::future::Future;

    use super::Storage;
    use crate::{domain::Timestamp, error::AppResult};

    /// The server bounds its own work.
    pub async fn within<T>(request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        request.await
    }

    /// The server bounds its own work.
    pub async fn within_upload<T>(request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        request.await
    }

    /// Nothing waits here.
    pub async fn pause(_millis: u32) {
        std::future::pending::<()>().await;
    }

    /// There is no storage.
    pub fn stored(_of: Storage, _key: &str) -> Option<String> {
        None
    }

    /// There is no storage; false.
    pub fn store(_of: Storage, _key: &str, _value: Option<&str>) -> bool {
        false
    }

    /// There is no storage.
    pub fn clear(_of: Storage) {}

    /// No reader, no clock: the epoch.
    pub fn now() -> Timestamp {
        Timestamp::default()
    }

    /// Nobody answers.
    pub fn confirm(_question: &str) -> bool {
        false
    }

    /// Not known.
    pub fn utc_offset() -> i32 {
        0
    }

    /// Not random: nothing waits here.
    pub fn random() -> f64 {
        0.0
    }

    /// Nobody asks.
    pub fn origin() -> String {
        String::new()
    }

    /// There is nowhere to put it; false.
    pub async fn copy(_text: &str) -> bool {
        false
    }

    /// Nobody asks.
    pub fn post_last(_path: &str, _fields: &[(&str, &str)]) {}

    /// Nobody looks.
    pub fn is_attentive() -> bool {
        false
    }

    /// There is no page yet.
    pub fn is_hidden() -> bool {
        true
    }

    /// There is no page yet.
    pub fn path() -> String {
        "/".into()
    }

    /// The server answers with redirects instead.
    pub fn go_to(_path: &str) {}

    /// The server sets its own cookies.
    pub fn set_cookie(_name: &str, _value: &str) {}
}
