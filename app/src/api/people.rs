//! People to each other: profiles and blocking.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{RequestContext, answer};
use crate::{
    domain::UserId,
    error::AppError,
    protocol::{ProfileView, UserView},
};

/// Somebody's profile, as one sees it.
#[server(prefix = "/api", endpoint = "get_user", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn get_user(user_id: UserId) -> Result<ProfileView, AppError> {
    answer("get_user", async move {
        let context = RequestContext::get()?;
        context.services.people.profile(context.actor()?, user_id).await
    })
    .await
}

/// Blocks somebody: they can neither write to one nor see whether one is there, and are not told.
#[server(prefix = "/api", endpoint = "block_user", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn block_user(user_id: UserId) -> Result<ProfileView, AppError> {
    answer("block_user", async move {
        let context = RequestContext::get()?;
        context.services.people.block(context.actor()?, user_id).await
    })
    .await
}

/// Blocks somebody no longer.
#[server(prefix = "/api", endpoint = "unblock_user", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn unblock_user(user_id: UserId) -> Result<ProfileView, AppError> {
    answer("unblock_user", async move {
        let context = RequestContext::get()?;
        context.services.people.unblock(context.actor()?, user_id).await
    })
    .await
}

/// Whom one has blocked, by name.
#[server(prefix = "/api", endpoint = "list_blocked", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_blocked() -> Result<Vec<UserView>, AppError> {
    answer("list_blocked", async move {
        let context = RequestContext::get()?;
        context.services.people.blocked(context.actor()?).await
    })
    .await
}
