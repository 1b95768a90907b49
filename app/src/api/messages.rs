//! Messages.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, MultipartData, MultipartFormData, PostUrl};

#[cfg(feature = "ssr")]
use super::{
    context::{RequestContext, answer},
    multipart::MessageForm,
};
use crate::{
    domain::{ChatId, Seq},
    error::AppError,
    protocol::{HistoryPage, MessageView},
};

/// Sends a message: `chat_id`, `client_id` (a UUID) and `body` as `multipart/form-data`. Answered when it
/// is durable; sending the same `client_id` again answers with the original.
#[server(prefix = "/api", endpoint = "send_message", input = MultipartFormData, output = Json)]
pub async fn send_message(form: MultipartData) -> Result<MessageView, AppError> {
    answer("send_message", async move {
        let context = RequestContext::get()?;
        let actor = context.actor()?;
        let form = MessageForm::read(form).await?;
        context.services.messages.send(actor, form.chat_id, form.client_id, &form.body).await
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
