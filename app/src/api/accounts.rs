//! Accounts and sessions.

use leptos::prelude::*;
use leptos::server_fn::codec::{Json, PostUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::{
    context::{RequestContext, answer},
    cookies,
};
use crate::{
    domain::SessionId,
    error::AppError,
    protocol::{AccountView, Done, SessionView, UserView},
};

/// Makes an account and signs in to it.
#[server(prefix = "/api", endpoint = "register", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn register(
    email: String,
    display_name: String,
    password: String,
) -> Result<AccountView, AppError> {
    answer("register", async move {
        let context = RequestContext::get()?;
        let signed_in =
            context.services.accounts.register(&email, &display_name, &password, &context.client).await?;
        leave_earlier(&context).await;
        cookies::sign_in(&context, &signed_in);
        Ok(signed_in.account)
    })
    .await
}

/// Signs in: a new session each time.
#[server(prefix = "/api", endpoint = "login", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn login(email: String, password: String) -> Result<AccountView, AppError> {
    answer("login", async move {
        let context = RequestContext::get()?;
        let signed_in = context.services.accounts.login(&email, &password, &context.client).await?;
        leave_earlier(&context).await;
        cookies::sign_in(&context, &signed_in);
        Ok(signed_in.account)
    })
    .await
}

/// Has the browser not told any longer of messages to the session that it had so far: somebody else may use it now.
#[cfg(feature = "ssr")]
async fn leave_earlier(context: &RequestContext) {
    let earlier = match (context.actor, context.refresh_token.as_deref()) {
        (Some(actor), _) => Some(actor),
        // Its access token has run out. The browser gets other tokens now, so this one can be exchanged.
        (None, Some(token)) => {
            let found = context.services.accounts.refresh(token, &context.client).await;
            found.ok().map(|signed_in| signed_in.actor)
        }
        (None, None) => None,
    };
    let Some(earlier) = earlier else { return };
    // Nobody is kept from signing in by it.
    if let Err(error) = context.services.push.unsubscribe(earlier).await {
        tracing::debug!(error = error.chain(), "the earlier session in a browser keeps its subscription");
    }
}

/// Ends the session that asks. Done also where there is none.
#[server(prefix = "/api", endpoint = "logout", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn logout() -> Result<Done, AppError> {
    answer("logout", async move {
        let context = RequestContext::get()?;
        if let Some(actor) = context.actor {
            context.services.accounts.end_session(actor.user_id, actor.session_id).await?;
        }
        cookies::sign_out(&context);
        Ok(Done::YES)
    })
    .await
}

/// Exchanges the refresh token in the cookie for a new pair of tokens.
#[server(prefix = "/api", endpoint = "refresh", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn refresh() -> Result<AccountView, AppError> {
    answer("refresh", async move {
        let context = RequestContext::get()?;
        let token = context.refresh_token.as_deref().ok_or_else(AppError::unauthenticated)?;
        let signed_in = context.services.accounts.refresh(token, &context.client).await?;
        cookies::sign_in(&context, &signed_in);
        Ok(signed_in.account)
    })
    .await
}

/// One's own account.
#[server(prefix = "/api", endpoint = "me", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn me() -> Result<AccountView, AppError> {
    answer("me", async move {
        let context = RequestContext::get()?;
        context.services.accounts.account(context.actor()?).await
    })
    .await
}

/// Changes one's name and what one says about oneself.
#[server(prefix = "/api", endpoint = "update_profile", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn update_profile(
    display_name: String,
    #[server(default)] about: String,
) -> Result<AccountView, AppError> {
    answer("update_profile", async move {
        let context = RequestContext::get()?;
        context.services.accounts.update_profile(context.actor()?, &display_name, &about).await
    })
    .await
}

/// Says whether others see how far one has read, and when one was last there; what is left out stays.
#[server(prefix = "/api", endpoint = "update_settings", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn update_settings(
    read_receipts: Option<bool>,
    show_last_seen: Option<bool>,
) -> Result<AccountView, AppError> {
    answer("update_settings", async move {
        let context = RequestContext::get()?;
        context.services.reading.update_settings(context.actor()?, read_receipts, show_last_seen).await
    })
    .await
}

/// Changes the password; with `end_others` all other sessions end.
#[server(prefix = "/api", endpoint = "change_password", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn change_password(
    current: String,
    new: String,
    #[server(default)] end_others: bool,
) -> Result<Done, AppError> {
    answer("change_password", async move {
        let context = RequestContext::get()?;
        context.services.accounts.change_password(context.actor()?, &current, &new, end_others).await?;
        Ok(Done::YES)
    })
    .await
}

/// One's sessions, last used first.
#[server(prefix = "/api", endpoint = "list_sessions", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn list_sessions() -> Result<Vec<SessionView>, AppError> {
    answer("list_sessions", async move {
        let context = RequestContext::get()?;
        context.services.accounts.sessions(context.actor()?).await
    })
    .await
}

/// Ends one of one's sessions; its sockets close within a second.
#[server(prefix = "/api", endpoint = "end_session", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn end_session(session_id: SessionId) -> Result<Done, AppError> {
    answer("end_session", async move {
        let context = RequestContext::get()?;
        let actor = context.actor()?;
        if !context.services.accounts.end_session(actor.user_id, session_id).await? {
            return Err(AppError::not_found());
        }
        if session_id == actor.session_id {
            cookies::sign_out(&context);
        }
        Ok(Done::YES)
    })
    .await
}

/// Finds people by the beginnings of words of their name or of their e-mail before its `@`, or by their
/// whole e-mail.
#[server(prefix = "/api", endpoint = "search_users", input = PostUrl, output = Json,
    input_derive = (Clone, Serialize, Deserialize, JsonSchema))]
pub async fn search_users(query: String) -> Result<Vec<UserView>, AppError> {
    answer("search_users", async move {
        let context = RequestContext::get()?;
        context.services.accounts.search(context.actor()?, &query).await
    })
    .await
}
