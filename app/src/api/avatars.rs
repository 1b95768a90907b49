//! The pictures that stand for people and groups.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, MultipartData, MultipartFormData, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::{
    avatar_form::AvatarForm,
    context::{RequestContext, answer},
    intake::Intake,
};
use crate::{
    domain::ChatId,
    error::AppError,
    protocol::{AccountView, ChatView},
};

/// Has a picture stand for oneself: `file` as `multipart/form-data`.
#[server(prefix = "/api", endpoint = "set_avatar", input = MultipartFormData, output = Json)]
pub async fn set_avatar(form: MultipartData) -> Result<AccountView, AppError> {
    answer("set_avatar", async move {
        let context = RequestContext::get()?;
        let actor = context.actor()?;
        let avatar = AvatarForm::new(form, Intake::get()?, actor, &context.services)?.read().await?;
        context.services.accounts.set_avatar(actor, Some(avatar)).await
    })
    .await
}

/// Takes away what stands for oneself.
#[server(prefix = "/api", endpoint = "remove_avatar", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn remove_avatar() -> Result<AccountView, AppError> {
    answer("remove_avatar", async move {
        let context = RequestContext::get()?;
        context.services.accounts.set_avatar(context.actor()?, None).await
    })
    .await
}

/// Has a picture stand for a group: `chat_id`, then `file`, as `multipart/form-data`. Admins only.
#[server(prefix = "/api", endpoint = "set_chat_avatar", input = MultipartFormData, output = Json)]
pub async fn set_chat_avatar(form: MultipartData) -> Result<ChatView, AppError> {
    answer("set_chat_avatar", async move {
        let context = RequestContext::get()?;
        let actor = context.actor()?;
        let form = AvatarForm::new(form, Intake::get()?, actor, &context.services)?;
        let (chat, avatar) = form.read_for_chat().await?;
        context.services.chats.set_avatar(actor, chat, Some(avatar)).await
    })
    .await
}

/// Takes away what stands for a group. Admins only.
#[server(prefix = "/api", endpoint = "remove_chat_avatar", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn remove_chat_avatar(chat_id: ChatId) -> Result<ChatView, AppError> {
    answer("remove_chat_avatar", async move {
        let context = RequestContext::get()?;
        context.services.chats.set_avatar(context.actor()?, chat_id, None).await
    })
    .await
}
