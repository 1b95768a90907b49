//! Messages.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, MultipartData, MultipartFormData, PostUrl};

#[cfg(feature = "ssr")]
use super::{
    context::{RequestContext, answer},
    intake::Intake,
    multipart::{MessageForm, Read},
};
use crate::{
    domain::{ChatId, MessageId, Seq},
    error::AppError,
    protocol::{Done, HistoryPage, MessageView},
};

/// Sends a message: `chat_id`, `client_id` (a UUID), `body`, `alt[<place>]` and `files` as
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

/// Deletes a message: one's own, and in a group that one is an admin of anybody's.
#[server(prefix = "/api", endpoint = "delete_message", input = PostUrl, output = Json)]
pub async fn delete_message(chat_id: ChatId, message_id: MessageId) -> Result<Done, AppError> {
    answer("delete_message", async move {
        let context = RequestContext::get()?;
        context.services.messages.delete(context.actor()?, chat_id, message_id).await?;
        Ok(Done::YES)
    })
    .await
}

/// A page of a chat's messages, oldest first: right before, right after or around an event, or the last.
#[server(prefix = "/api", endpoint = "list_messages", input = PostUrl, output = Json)]
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
