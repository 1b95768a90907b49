//! What one is writing, on all of one's devices.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{RequestContext, answer};
use crate::{
    domain::{ChatId, ClientId, MessageId, UserId},
    error::AppError,
    protocol::{DraftView, DraftsView},
};

/// Saves what one is writing in a chat, under the id that its message will have. An empty text that answers nothing
/// takes the draft of the revision `base` away.
#[server(prefix = "/api", endpoint = "save_draft", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn save_draft(
    chat_id: ChatId,
    client_id: ClientId,
    body: String,
    reply_to: Option<MessageId>,
    base: Option<u64>,
    sender_id: Option<UserId>,
) -> Result<DraftView, AppError> {
    answer("save_draft", async move {
        let context = RequestContext::get()?;
        let actor = context.actor()?;
        // A page that was left open does not save as who signed in since.
        if sender_id.is_some_and(|sender| sender != actor.user_id) {
            return Err(AppError::unauthenticated());
        }
        let base = base.unwrap_or_default();
        let written = crate::service::Written { id: client_id, body, reply_to, base };
        context.services.drafts.save(actor, chat_id, written).await
    })
    .await
}

/// What one is writing, in all chats.
#[server(prefix = "/api", endpoint = "list_drafts", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_drafts() -> Result<DraftsView, AppError> {
    answer("list_drafts", async move {
        let context = RequestContext::get()?;
        context.services.drafts.list(context.actor()?).await
    })
    .await
}
