//! (server) Loads what a page is made from, before its first byte is rendered.

use super::{
    page_data::{Page, PageData},
    state::{pinned::shorten, sign_in_path},
};
use crate::{
    api::context::RequestContext,
    domain::{ChatId, ClientId, Seq, UploadLimits, next_path::safe_next},
    error::{AppError, AppResult},
    service::Actor,
};

/// What becomes of a request for a page.
pub enum Loaded {
    /// It is rendered from this, with this status.
    Page(Box<PageData>, u16),
    /// The reader belongs somewhere else.
    Redirect(String),
}

/// What an address asks for.
enum Wanted {
    SignIn,
    Home,
    Chat(ChatId, Option<Seq>),
    Details(ChatId),
    People,
    Settings,
    Nothing,
}

/// The parts of a query that pages understand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// `q`: people searched for.
    pub search: String,
    /// `before`: the event before which messages are wanted.
    pub before: Option<Seq>,
    /// `next`: where to go after signing in.
    pub next: Option<String>,
    /// The whole path and query, to come back to after signing in.
    pub whole: String,
}

/// Loads the page at this path. A fault becomes a page that says so.
pub async fn load(
    context: &RequestContext,
    path: &str,
    query: &PageQuery,
    utc_offset_minutes: i32,
) -> Loaded {
    let wanted = wanted(path);
    let Some(actor) = context.actor else {
        return match wanted {
            Wanted::SignIn => page(PageData::empty(Page::Plain), 200, utc_offset_minutes),
            Wanted::Nothing => {
                let error = AppError::not_found();
                page(PageData::empty(Page::Failed { error }), 404, utc_offset_minutes)
            }
            _ => Loaded::Redirect(sign_in_path(&query.whole)),
        };
    };
    if matches!(wanted, Wanted::SignIn) {
        return Loaded::Redirect(safe_next(query.next.as_deref().unwrap_or("/")).to_owned());
    }
    match load_for(context, actor, wanted, query).await {
        Ok(data) => {
            let status = match &data.page {
                Page::Failed { error } => error.code.status(),
                _ => 200,
            };
            page(data, status, utc_offset_minutes)
        }
        Err(error) => {
            log(context, path, &error);
            let status = error.code.status();
            let mut data = PageData::empty(Page::Failed { error: named(context, error) });
            data.utc_offset_minutes = utc_offset_minutes;
            Loaded::Page(Box::new(data), status)
        }
    }
}

async fn load_for(
    context: &RequestContext,
    actor: Actor,
    wanted: Wanted,
    query: &PageQuery,
) -> AppResult<PageData> {
    let services = &context.services;
    // The list comes first: the socket resumes from its heads, so what is read later can only be newer.
    let mut data = PageData::empty(Page::Plain);
    data.account = Some(services.accounts.account(actor).await?);
    data.chats = services.chats.list(actor).await?;
    data.upload_limits = services.attachments.limits();
    data.online = match services.presence.online_contacts(actor.user_id).await {
        Ok(online) => online.people,
        // A page is there without it, and its socket hears who is online. Whoever keeps it has said that it is
        // away.
        Err(error) => {
            tracing::debug!(error = %error.chain(), "a page does not show who is online");
            Vec::new()
        }
    };
    let result = open(context, actor, wanted, query).await;
    data.page = match result {
        Ok(page) => page,
        Err(error) => {
            log(context, "page", &error);
            Page::Failed { error: named(context, error) }
        }
    };
    if let Page::Chat { chat, .. } | Page::Details { chat, .. } = &data.page {
        data.pinned = match services.messages.pinned(actor, chat.id).await {
            Ok(mut pinned) => {
                pinned.iter_mut().for_each(shorten);
                Some(pinned)
            }
            // The page is there without them, and asks for them itself.
            Err(error) => {
                tracing::warn!(error = %error.chain(), "a page does not show what is pinned");
                None
            }
        };
    }
    Ok(data)
}

async fn open(context: &RequestContext, actor: Actor, wanted: Wanted, query: &PageQuery) -> AppResult<Page> {
    let services = &context.services;
    let search = async || {
        if query.search.trim().is_empty() {
            return Ok(Vec::new());
        }
        services.accounts.search(actor, &query.search).await
    };
    Ok(match wanted {
        Wanted::Home | Wanted::SignIn => Page::Plain,
        Wanted::Chat(id, around) => {
            let chat = Box::new(services.chats.get(actor, id).await?);
            let history = services
                .messages
                .list(actor, id, query.before.filter(|_| around.is_none()), None, around, None)
                .await?;
            Page::Chat { chat, history }
        }
        Wanted::Details(id) => {
            let chat = Box::new(services.chats.get(actor, id).await?);
            Page::Details { chat, query: query.search.clone(), found: search().await? }
        }
        Wanted::People => Page::People { query: query.search.clone(), found: search().await? },
        Wanted::Settings => Page::Settings { sessions: services.accounts.sessions(actor).await? },
        Wanted::Nothing => return Err(AppError::not_found()),
    })
}

fn wanted(path: &str) -> Wanted {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let chat = |id: &str| id.parse::<ChatId>().ok();
    match segments.as_slice() {
        [] => Wanted::Home,
        ["login" | "register"] => Wanted::SignIn,
        ["new" | "new-group"] => Wanted::People,
        ["settings"] => Wanted::Settings,
        ["c", id] => chat(id).map_or(Wanted::Nothing, |id| Wanted::Chat(id, None)),
        ["c", id, "details"] => chat(id).map_or(Wanted::Nothing, Wanted::Details),
        ["c", id, seq] => match (chat(id), seq.parse().ok().map(Seq)) {
            (Some(id), Some(seq)) => Wanted::Chat(id, Some(seq)),
            _ => Wanted::Nothing,
        },
        _ => Wanted::Nothing,
    }
}

fn page(mut data: PageData, status: u16, utc_offset_minutes: i32) -> Loaded {
    data.utc_offset_minutes = utc_offset_minutes;
    Loaded::Page(Box::new(data), status)
}

fn named(context: &RequestContext, mut error: AppError) -> AppError {
    error.request_id = Some(context.request_id.to_string());
    error.cause = None;
    error
}

fn log(context: &RequestContext, path: &str, error: &AppError) {
    let request_id = &*context.request_id;
    if error.code.status() >= 500 {
        tracing::error!(path, request_id, error = error.chain(), "a page could not be made");
    } else {
        tracing::info!(path, request_id, error = error.chain(), "a page was refused");
    }
}

impl PageData {
    fn empty(page: Page) -> Self {
        Self {
            account: None,
            chats: Vec::new(),
            online: Vec::new(),
            page,
            pinned: None,
            utc_offset_minutes: 0,
            client_id: ClientId::random(),
            upload_limits: UploadLimits::default(),
            form: None,
        }
    }
}
