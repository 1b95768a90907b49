//! Chats and their members.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{RequestContext, answer};
use crate::{
    domain::{ChatId, Ordinal, Role, Timestamp, UserId},
    error::AppError,
    protocol::{ChatView, Done, MyChatView},
};

/// Opens the direct chat with somebody: the one that there is, or a new one.
#[server(prefix = "/api", endpoint = "create_direct_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn create_direct_chat(user_id: UserId) -> Result<ChatView, AppError> {
    answer("create_direct_chat", async move {
        let context = RequestContext::get()?;
        context.services.chats.create_direct(context.actor()?, user_id).await
    })
    .await
}

/// Makes a group with oneself as its admin.
#[server(prefix = "/api", endpoint = "create_group_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn create_group_chat(
    name: String,
    #[server(default)] member_ids: Vec<UserId>,
) -> Result<ChatView, AppError> {
    answer("create_group_chat", async move {
        let context = RequestContext::get()?;
        context.services.chats.create_group(context.actor()?, &name, &member_ids).await
    })
    .await
}

/// One's chats, last active first.
#[server(prefix = "/api", endpoint = "list_chats", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_chats() -> Result<Vec<ChatView>, AppError> {
    answer("list_chats", async move {
        let context = RequestContext::get()?;
        context.services.chats.list(context.actor()?).await
    })
    .await
}

/// One chat with all its members.
#[server(prefix = "/api", endpoint = "get_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn get_chat(chat_id: ChatId) -> Result<ChatView, AppError> {
    answer("get_chat", async move {
        let context = RequestContext::get()?;
        context.services.chats.get(context.actor()?, chat_id).await
    })
    .await
}

/// Gives a group another name. Admins only.
#[server(prefix = "/api", endpoint = "rename_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn rename_chat(chat_id: ChatId, name: String) -> Result<ChatView, AppError> {
    answer("rename_chat", async move {
        let context = RequestContext::get()?;
        context.services.chats.rename(context.actor()?, chat_id, &name).await
    })
    .await
}

/// Has a group say something about itself; nothing, if it is empty. Admins only.
#[server(prefix = "/api", endpoint = "set_description", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn set_description(
    chat_id: ChatId,
    #[server(default)] description: String,
) -> Result<ChatView, AppError> {
    answer("set_description", async move {
        let context = RequestContext::get()?;
        context.services.chats.describe(context.actor()?, chat_id, &description).await
    })
    .await
}

/// Adds people to a group. Admins only; who is in it already stays as they are.
#[server(prefix = "/api", endpoint = "add_members", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn add_members(
    chat_id: ChatId,
    #[server(default)] user_ids: Vec<UserId>,
) -> Result<ChatView, AppError> {
    answer("add_members", async move {
        let context = RequestContext::get()?;
        context.services.chats.add_members(context.actor()?, chat_id, &user_ids).await
    })
    .await
}

/// Removes somebody from a group. Admins only, unless it is oneself.
#[server(prefix = "/api", endpoint = "remove_member", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn remove_member(chat_id: ChatId, user_id: UserId) -> Result<Done, AppError> {
    answer("remove_member", async move {
        let context = RequestContext::get()?;
        context.services.chats.remove_member(context.actor()?, chat_id, user_id).await?;
        Ok(Done::YES)
    })
    .await
}

/// Makes a member an admin or a plain member. Admins only.
#[server(prefix = "/api", endpoint = "set_role", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn set_role(chat_id: ChatId, user_id: UserId, role: Role) -> Result<ChatView, AppError> {
    answer("set_role", async move {
        let context = RequestContext::get()?;
        context.services.chats.set_role(context.actor()?, chat_id, user_id, role).await
    })
    .await
}

/// Says that one has read a chat up to this message.
#[server(prefix = "/api", endpoint = "mark_read", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn mark_read(chat_id: ChatId, ordinal: Ordinal) -> Result<MyChatView, AppError> {
    answer("mark_read", async move {
        let context = RequestContext::get()?;
        context.services.reading.mark_read(context.actor()?, chat_id, ordinal).await
    })
    .await
}

/// Has a chat count as unread from this message on.
#[server(prefix = "/api", endpoint = "mark_unread", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn mark_unread(chat_id: ChatId, ordinal: Ordinal) -> Result<MyChatView, AppError> {
    answer("mark_unread", async move {
        let context = RequestContext::get()?;
        context.services.reading.mark_unread(context.actor()?, chat_id, ordinal).await
    })
    .await
}

/// Has a chat notify one no longer until then, for good without `until`, or again.
#[server(prefix = "/api", endpoint = "mute_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn mute_chat(chat_id: ChatId, on: bool, until: Option<Timestamp>) -> Result<MyChatView, AppError> {
    answer("mute_chat", async move {
        let context = RequestContext::get()?;
        context.services.reading.mute(context.actor()?, chat_id, on, until).await
    })
    .await
}

/// Has only what mentions one notify one, or all that is said in a chat.
#[server(prefix = "/api", endpoint = "notify_mentions", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn notify_mentions(chat_id: ChatId, on: bool) -> Result<MyChatView, AppError> {
    answer("notify_mentions", async move {
        let context = RequestContext::get()?;
        context.services.reading.notify_mentions(context.actor()?, chat_id, on).await
    })
    .await
}

/// Puts a chat away, or brings it back.
#[server(prefix = "/api", endpoint = "archive_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn archive_chat(chat_id: ChatId, on: bool) -> Result<MyChatView, AppError> {
    answer("archive_chat", async move {
        let context = RequestContext::get()?;
        context.services.reading.archive(context.actor()?, chat_id, on).await
    })
    .await
}

/// Leaves a group.
#[server(prefix = "/api", endpoint = "leave_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn leave_chat(chat_id: ChatId) -> Result<Done, AppError> {
    answer("leave_chat", async move {
        let context = RequestContext::get()?;
        context.services.chats.leave(context.actor()?, chat_id).await?;
        Ok(Done::YES)
    })
    .await
}

/// Deletes a group for everybody. Admins only.
#[server(prefix = "/api", endpoint = "delete_chat", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn delete_chat(chat_id: ChatId) -> Result<Done, AppError> {
    answer("delete_chat", async move {
        let context = RequestContext::get()?;
        context.services.chats.delete(context.actor()?, chat_id).await?;
        Ok(Done::YES)
    })
    .await
}
