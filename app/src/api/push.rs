//! Web Push: telling a browser of messages while no page is open.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{RequestContext, answer};
use crate::{
    error::AppError,
    protocol::{Done, PushView},
};

/// The key that browsers subscribe for, and whether this session's browser is subscribed.
#[server(prefix = "/api", endpoint = "push_key", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn push_key() -> Result<PushView, AppError> {
    answer("push_key", async move {
        let context = RequestContext::get()?;
        context.services.push.look(context.actor()?).await
    })
    .await
}

/// Has this session's browser told of messages at its push service.
#[server(prefix = "/api", endpoint = "subscribe_push", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn subscribe_push(endpoint: String, p256dh: String, auth: String) -> Result<Done, AppError> {
    answer("subscribe_push", async move {
        let context = RequestContext::get()?;
        context.services.push.subscribe(context.actor()?, &endpoint, &p256dh, &auth).await?;
        Ok(Done::YES)
    })
    .await
}

/// Has this session's browser not told any longer.
#[server(prefix = "/api", endpoint = "unsubscribe_push", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn unsubscribe_push() -> Result<Done, AppError> {
    answer("unsubscribe_push", async move {
        let context = RequestContext::get()?;
        context.services.push.unsubscribe(context.actor()?).await?;
        Ok(Done::YES)
    })
    .await
}
