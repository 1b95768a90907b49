//! Searching messages.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::context::{RequestContext, answer};
#[cfg(feature = "ssr")]
use crate::service::SearchQuery;
use crate::{
    domain::{ChatId, Timestamp, UserId},
    error::AppError,
    protocol::SearchResults,
};

/// Messages of all chats that one is in, newest first, that have all words and phrases of `query`. Operators in it, and
/// the other fields, narrow that down.
#[server(prefix = "/api", endpoint = "search_messages", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn search_messages(
    #[server(default)] query: String,
    chat_id: Option<ChatId>,
    sender_id: Option<UserId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    #[server(default)] has_file: bool,
    before: Option<String>,
) -> Result<SearchResults, AppError> {
    answer("search_messages", async move {
        let context = RequestContext::get()?;
        let query = SearchQuery {
            text: query,
            chat: chat_id,
            sender: sender_id,
            since: from,
            until: to,
            has_file,
            before,
        };
        context.services.search.find(context.actor()?, query).await
    })
    .await
}
