//! What the state needs of the browser. On the server, where there is none, everything is absent.

#[cfg(feature = "hydrate")]
pub use there::*;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;

#[cfg(feature = "hydrate")]
mod there {
    use std::{future::Future, pin::pin};

    use futures::future::{Either, select};
    use gloo_timers::future::TimeoutFuture;
    use leptos::prelude::window;

    use crate::{
        domain::Timestamp,
        error::{AppResult, ErrorCode},
    };

    /// After so many milliseconds a request without an answer counts as failed.
    const PATIENCE_MS: u32 = 40_000;

    /// Waits for the answer to a request, but not for ever.
    pub async fn within<T>(request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        match select(pin!(request), TimeoutFuture::new(PATIENCE_MS)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(ErrorCode::Offline.into()),
        }
    }

    /// What the tab's storage holds under the key.
    pub fn stored(key: &str) -> Option<String> {
        window().session_storage().ok()??.get_item(key).ok()?
    }

    /// Puts a value into the tab's storage, or takes it out; false if the browser did not allow it.
    pub fn store(key: &str, value: Option<&str>) -> bool {
        let Ok(Some(storage)) = window().session_storage() else { return false };
        match value {
            Some(value) => storage.set_item(key, value).is_ok(),
            None => storage.remove_item(key).is_ok(),
        }
    }

    /// The reader's clock.
    pub fn now() -> Timestamp {
        Timestamp::from_millis(js_sys::Date::now() as i64)
    }

    /// By how many minutes the reader's clock is ahead of UTC.
    pub fn utc_offset() -> i32 {
        -(js_sys::Date::new_0().get_timezone_offset() as i32)
    }

    /// A number from 0 up to 1.
    pub fn random() -> f64 {
        js_sys::Math::random()
    }

    /// The path and query of the page.
    pub fn path() -> String {
        let location = window().location();
        format!("{}{}", location.pathname().unwrap_or_default(), location.search().unwrap_or_default())
    }

    /// Leaves the page: all state is dropped and the server renders the next one.
    pub fn go_to(path: &str) {
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

    use crate::{domain::Timestamp, error::AppResult};

    /// The server bounds its own work.
    pub async fn within<T>(request: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        request.await
    }

    /// There is no storage.
    pub fn stored(_key: &str) -> Option<String> {
        None
    }

    /// There is no storage; false.
    pub fn store(_key: &str, _value: Option<&str>) -> bool {
        false
    }

    /// No reader, no clock: the epoch.
    pub fn now() -> Timestamp {
        Timestamp::default()
    }

    /// Not known.
    pub fn utc_offset() -> i32 {
        0
    }

    /// Not random: nothing waits here.
    pub fn random() -> f64 {
        0.0
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
