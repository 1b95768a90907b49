//! Groups: their members in parts, and the invitations to them.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{RequestContext, answer};
use crate::{
    domain::{ChatId, InviteId},
    error::AppError,
    protocol::{ChatView, Done, InvitationView, InviteView, MemberView, MembersPage, NewInviteView},
};

/// Finds members of a chat by the beginnings of words of their name or of their e-mail before its `@`.
#[server(prefix = "/api", endpoint = "search_members", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn search_members(chat_id: ChatId, query: String) -> Result<Vec<MemberView>, AppError> {
    answer("search_members", async move {
        let context = RequestContext::get()?;
        context.services.chats.search_members(context.actor()?, chat_id, &query).await
    })
    .await
}

/// A part of a chat's members, longest-standing first: the first, or from where another one said.
#[server(prefix = "/api", endpoint = "list_members", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_members(chat_id: ChatId, from: Option<u64>) -> Result<MembersPage, AppError> {
    answer("list_members", async move {
        let context = RequestContext::get()?;
        context.services.chats.list_members(context.actor()?, chat_id, from.unwrap_or(0)).await
    })
    .await
}

/// Makes a link by which people join a group. Admins only.
#[server(prefix = "/api", endpoint = "create_invite", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn create_invite(
    chat_id: ChatId,
    expires_in_seconds: Option<u64>,
    max_uses: Option<u32>,
) -> Result<NewInviteView, AppError> {
    answer("create_invite", async move {
        let context = RequestContext::get()?;
        context.services.chats.create_invite(context.actor()?, chat_id, expires_in_seconds, max_uses).await
    })
    .await
}

/// The invitations to a group that are good, last made first. Admins only.
#[server(prefix = "/api", endpoint = "list_invites", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_invites(chat_id: ChatId) -> Result<Vec<InviteView>, AppError> {
    answer("list_invites", async move {
        let context = RequestContext::get()?;
        context.services.chats.invites(context.actor()?, chat_id).await
    })
    .await
}

/// Takes an invitation back. Admins only.
#[server(prefix = "/api", endpoint = "revoke_invite", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn revoke_invite(chat_id: ChatId, invite_id: InviteId) -> Result<Done, AppError> {
    answer("revoke_invite", async move {
        let context = RequestContext::get()?;
        context.services.chats.revoke_invite(context.actor()?, chat_id, invite_id).await?;
        Ok(Done::YES)
    })
    .await
}

/// What one would join by a link.
#[server(prefix = "/api", endpoint = "get_invite", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn get_invite(token: String) -> Result<InvitationView, AppError> {
    answer("get_invite", async move {
        let context = RequestContext::get()?;
        context.services.chats.invitation(context.actor()?, &token).await
    })
    .await
}

/// Joins a group by a link. Who is in it already stays as they are.
#[server(prefix = "/api", endpoint = "join_by_invite", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn join_by_invite(token: String) -> Result<ChatView, AppError> {
    answer("join_by_invite", async move {
        let context = RequestContext::get()?;
        context.services.chats.join(context.actor()?, &token).await
    })
    .await
}
