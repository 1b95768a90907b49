//! Messages.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, MultipartData, MultipartFormData, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::{
    context::{RequestContext, answer},
    intake::Intake,
    multipart::{MessageForm, Read},
};
use crate::{
    domain::{ChatId, MessageId, Ordinal, Seq, Timestamp},
    error::AppError,
    protocol::{Done, EditView, HistoryPage, MessageView, PlaceView},
};

/// Sends a message: `chat_id`, `client_id` (a UUID), `body`, `reply_to`, `alt[<place>]` and `files` as
/// `multipart/form-data`. Answered when it is durable; sending the same `client_id` again answers with the
/// original.
#[server(prefix = "/api", endpoint = "send_message", input = MultipartFormData, output = Json)]
pub async fn send_message(form: MultipartData) -> Result<MessageView, AppError> {
    answer("send_message", async move {
        let context = RequestContext::get()?;
        let actor = context.actor()?;
        let form = MessageForm::new(form, Intake::get()?, actor, &context.services.attachments)?;
        match form.read().await? {
            Read::Draft(draft) => context.services.messages.send(actor, draft).await,
            Read::Sent(message) => Ok(message),
        }
    })
    .await
}

/// Changes the text of one's own message.
#[server(prefix = "/api", endpoint = "edit_message", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn edit_message(
    chat_id: ChatId,
    message_id: MessageId,
    body: String,
) -> Result<MessageView, AppError> {
    answer("edit_message", async move {
        let context = RequestContext::get()?;
        context.services.messages.edit(context.actor()?, chat_id, message_id, &body).await
    })
    .await
}

/// Puts an emoji under a message, or takes one's own away again.
#[server(prefix = "/api", endpoint = "react", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn react(
    chat_id: ChatId,
    message_id: MessageId,
    emoji: String,
    on: bool,
) -> Result<MessageView, AppError> {
    answer("react", async move {
        let context = RequestContext::get()?;
        context.services.messages.react(context.actor()?, chat_id, message_id, &emoji, on).await
    })
    .await
}

/// Pins a message in its chat, or takes it down again.
#[server(prefix = "/api", endpoint = "pin_message", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn pin_message(chat_id: ChatId, message_id: MessageId, on: bool) -> Result<MessageView, AppError> {
    answer("pin_message", async move {
        let context = RequestContext::get()?;
        context.services.messages.pin(context.actor()?, chat_id, message_id, on).await
    })
    .await
}

/// The pinned messages of a chat, last pinned first.
#[server(prefix = "/api", endpoint = "list_pinned", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_pinned(chat_id: ChatId) -> Result<Vec<MessageView>, AppError> {
    answer("list_pinned", async move {
        let context = RequestContext::get()?;
        context.services.messages.pinned(context.actor()?, chat_id).await
    })
    .await
}

/// Where the first message is that was stored at this time or after it.
#[server(prefix = "/api", endpoint = "find_message", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn find_message(chat_id: ChatId, at: Timestamp) -> Result<PlaceView, AppError> {
    answer("find_message", async move {
        let context = RequestContext::get()?;
        let seq = context.services.messages.find(context.actor()?, chat_id, at).await?;
        Ok(PlaceView { seq })
    })
    .await
}

/// The texts that one's own message had before, oldest first, and the one that it has.
#[server(prefix = "/api", endpoint = "list_edits", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_edits(chat_id: ChatId, message_id: MessageId) -> Result<Vec<EditView>, AppError> {
    answer("list_edits", async move {
        let context = RequestContext::get()?;
        context.services.messages.edits(context.actor()?, chat_id, message_id).await
    })
    .await
}

/// Deletes a message: one's own, and in a group that one is an admin of anybody's.
#[server(prefix = "/api", endpoint = "delete_message", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn delete_message(chat_id: ChatId, message_id: MessageId) -> Result<Done, AppError> {
    answer("delete_message", async move {
        let context = RequestContext::get()?;
        context.services.messages.delete(context.actor()?, chat_id, message_id).await?;
        Ok(Done::YES)
    })
    .await
}

/// A page of a chat's messages, oldest first: right before, right after or around an event, or the last.
#[server(prefix = "/api", endpoint = "list_messages", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_messages(
    chat_id: ChatId,
    before: Option<Seq>,
    after: Option<Seq>,
    around: Option<Seq>,
    limit: Option<u32>,
) -> Result<HistoryPage, AppError> {
    answer("list_messages", async move {
        let context = RequestContext::get()?;
        context.services.messages.list(context.actor()?, chat_id, before, after, around, limit).await
    })
    .await
}

/// The page of a chat's messages around the one of this ordinal, oldest first.
#[server(prefix = "/api", endpoint = "list_messages_at", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_messages_at(
    chat_id: ChatId,
    ordinal: Ordinal,
    limit: Option<u32>,
) -> Result<HistoryPage, AppError> {
    answer("list_messages_at", async move {
        let context = RequestContext::get()?;
        context.services.messages.list_at(context.actor()?, chat_id, ordinal, limit).await
    })
    .await
}
