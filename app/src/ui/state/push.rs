//! Subscribing this browser to what it is told while no page is open. On the server, where there is no browser, none of
//! it can be done.

use serde::Deserialize;

#[cfg(feature = "hydrate")]
pub use there::*;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;

/// Whether this browser can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has no push, or not at this address: browsers offer it on secure sites alone.
    Unsupported,
    /// Its user has forbidden notifications.
    Blocked,
    /// It can, and it says whether it is subscribed.
    Able {
        /// Whether it is.
        subscribed: bool,
    },
}

/// Why a browser did not subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its user did not allow notifications.
    NotAllowed,
    /// Its push service cannot be reached, or it has none.
    Failed,
}

/// A subscription, as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    /// Where it is told.
    pub endpoint: String,
    /// What it is encrypted with.
    pub keys: Keys,
}

/// The keys of a subscription, in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Keys {
    /// The browser's public key.
    pub p256dh: String,
    /// The secret that it shares with the server.
    pub auth: String,
}

#[cfg(feature = "hydrate")]
mod there {
    use std::{future::Future, pin::pin};

    use futures::future::{Either, select};
    use js_sys::{JSON, Reflect, futures::JsFuture};
    use leptos::prelude::window;
    use wasm_bindgen::{JsCast, JsValue};
    use web_sys::{
        Notification, NotificationPermission, PushManager, PushSubscription, PushSubscriptionOptionsInit,
        ServiceWorkerContainer, ServiceWorkerRegistration,
    };

    use super::{Refusal, Standing, Subscription};
    use crate::ui::state::browser;

    const SCRIPT: &str = "/sw.js";
    /// How long a browser may take for one step, in milliseconds.
    const PATIENCE_MS: u32 = 15_000;

    /// How it stands.
    pub async fn standing() -> Standing {
        let Some(workers) = workers() else { return Standing::Unsupported };
        let subscribed = match subscription(&workers).await {
            Ok(found) => found.is_some(),
            Err(_refused) => return Standing::Unsupported,
        };
        match Notification::permission() {
            NotificationPermission::Denied => Standing::Blocked,
            permission => {
                Standing::Able { subscribed: subscribed && permission == NotificationPermission::Granted }
            }
        }
    }

    /// Asks its user for leave, and subscribes for the server's key.
    pub async fn subscribe(public_key: &str) -> Result<Subscription, Refusal> {
        // First of all: browsers ask only right after somebody has pressed something. Without a limit of time, as the
        // answer is a person's.
        let asked = Notification::request_permission().map_err(|_refused| Refusal::NotAllowed)?;
        let _answer = JsFuture::from(asked).await;
        if Notification::permission() != NotificationPermission::Granted {
            return Err(Refusal::NotAllowed);
        }
        within(subscribe_for(public_key)).await.ok_or(Refusal::Failed)
    }

    async fn subscribe_for(public_key: &str) -> Result<Subscription, JsValue> {
        let workers = workers().ok_or(JsValue::UNDEFINED)?;
        JsFuture::from(workers.register(SCRIPT)).await?;
        let ready = JsFuture::from(workers.ready()?).await?;
        let manager: PushManager = ready.unchecked_into::<ServiceWorkerRegistration>().push_manager()?;
        // One that was made for another key is in the way.
        if let Some(before) = subscription(&workers).await? {
            JsFuture::from(before.unsubscribe()?).await?;
        }
        let options = PushSubscriptionOptionsInit::new();
        options.set_user_visible_only(true);
        options.set_application_server_key_opt_str(Some(public_key));
        let made = JsFuture::from(manager.subscribe_with_options(&options)?).await?;
        let json = String::from(JSON::stringify(&made)?);
        serde_json::from_str(&json).map_err(|error| error.to_string().into())
    }

    /// Ends its subscription, if there is one.
    pub async fn end() {
        let ending = async {
            let Some(workers) = workers() else { return Ok(()) };
            if let Some(subscription) = subscription(&workers).await? {
                JsFuture::from(subscription.unsubscribe()?).await?;
            }
            Ok(())
        };
        let _ended = within(ending).await;
    }

    /// What has service workers, where that and push are there.
    fn workers() -> Option<ServiceWorkerContainer> {
        let has = |of: &JsValue, name: &str| Reflect::has(of, &name.into()).unwrap_or(false);
        let (window, navigator) = (window(), window().navigator());
        let is_there =
            has(&navigator, "serviceWorker") && has(&window, "PushManager") && has(&window, "Notification");
        is_there.then(|| navigator.service_worker())
    }

    async fn subscription(workers: &ServiceWorkerContainer) -> Result<Option<PushSubscription>, JsValue> {
        let registration = JsFuture::from(workers.get_registration()).await?;
        let Ok(registration) = registration.dyn_into::<ServiceWorkerRegistration>() else {
            return Ok(None);
        };
        let found = JsFuture::from(registration.push_manager()?.get_subscription()?).await?;
        Ok(found.is_object().then(|| found.unchecked_into()))
    }

    async fn within<T>(step: impl Future<Output = Result<T, JsValue>>) -> Option<T> {
        match select(pin!(step), pin!(browser::pause(PATIENCE_MS))).await {
            Either::Left((outcome, _)) => outcome.ok(),
            Either::Right(_) => None,
        }
    }
}

#[cfg(not(feature = "hydrate"))]
mod absent {
    use super::{Refusal, Standing, Subscription};

    /// There is no browser.
    pub async fn standing() -> Standing {
        Standing::Unsupported
    }

    /// There is no browser.
    pub async fn subscribe(_public_key: &str) -> Result<Subscription, Refusal> {
        Err(Refusal::Failed)
    }

    /// There is nothing to end.
    pub async fn end() {}
}
