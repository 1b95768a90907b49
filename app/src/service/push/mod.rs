//! Web Push: who wants to be told of messages while no page of theirs is open, and telling them.

mod note;
mod telling;
mod turns;

use std::sync::Arc;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::Actor;
use crate::{
    domain::limits,
    error::{AppError, AppResult, FieldError},
    ports::{Limit, Limiter, PushService, PushSubscription, Store},
    protocol::PushView,
};

pub use telling::{PushPorts, Telling};

const LOOKS: Limit = Limit { name: "push_key", burst: 60, period_ms: 1_000 };
const CHANGES: Limit = Limit { name: "subscribe_push", burst: 20, period_ms: 10_000 };

/// Keys come as browsers write them, or with padding.
const KEYS: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Subscriptions of browsers.
pub struct Push {
    store: Arc<dyn Store>,
    service: Arc<dyn PushService>,
    limiter: Arc<dyn Limiter>,
}

impl Push {
    /// Subscriptions over these ports.
    pub fn new(store: Arc<dyn Store>, service: Arc<dyn PushService>, limiter: Arc<dyn Limiter>) -> Self {
        Self { store, service, limiter }
    }

    /// The key to subscribe for, and whether the caller's browser is subscribed.
    pub async fn look(&self, actor: Actor) -> AppResult<PushView> {
        self.limiter.take(LOOKS, &actor.user_id.to_string()).await?;
        let Some(public_key) = self.service.public_key() else { return Ok(PushView::default()) };
        let subscribed = self.store.has_push(actor.session_id).await?;
        Ok(PushView { public_key: Some(public_key.to_owned()), subscribed })
    }

    /// Has the browser of the caller's session told of messages at this endpoint from now on, and no other session's.
    /// Fails with `validation_failed` unless it is at a push service that is known, with keys that are some, or if
    /// nobody is told anything here.
    pub async fn subscribe(&self, actor: Actor, endpoint: &str, p256dh: &str, auth: &str) -> AppResult<()> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        let malformed = |field: &'static str| AppError::field(field, FieldError::Malformed);
        if endpoint.len() > limits::PUSH_ENDPOINT_BYTES {
            return Err(AppError::field("endpoint", FieldError::TooLong));
        }
        if !self.service.takes_endpoint(endpoint) {
            return Err(malformed("endpoint"));
        }
        let p256dh = KEYS.decode(p256dh).ok().filter(|key| self.service.takes_key(key));
        let p256dh = p256dh.ok_or_else(|| malformed("p256dh"))?;
        let auth = KEYS.decode(auth).ok().and_then(|auth| auth.try_into().ok());
        let auth = auth.ok_or_else(|| malformed("auth"))?;
        let subscription = PushSubscription { endpoint: endpoint.to_owned(), p256dh, auth };
        if !self.store.set_push(actor.session_id, subscription).await? {
            return Err(AppError::unauthenticated());
        }
        Ok(())
    }

    /// Has the browser of the caller's session not told any longer.
    pub async fn unsubscribe(&self, actor: Actor) -> AppResult<()> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        self.store.remove_push(actor.session_id).await
    }
}
