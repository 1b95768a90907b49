//! (server) Loads what a page is made from, before its first byte is rendered.

use std::collections::BTreeMap;

use super::{
    page_data::{GroupPart, Page, PageData},
    state::{marks::far_from_end, naming::partner, pinned::shorten, sign_in_path},
    time_format::day_start,
};
use crate::{
    api::context::RequestContext,
    domain::{
        ChatId, ChatKind, ClientId, Seq, Timestamp, UploadLimits, UserId, next_path::safe_next, policy,
    },
    error::{AppError, AppResult},
    protocol::{ChatView, PresenceStatus},
    service::{Actor, SearchQuery},
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
    Join(String),
    People,
    Search,
    Settings,
    Profile(UserId),
    Nothing,
}

/// The parts of a query that pages understand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// `q`: people or messages searched for.
    pub search: String,
    /// `m`: a member searched for.
    pub member: String,
    /// `from`: the place from which members are wanted.
    pub from: u64,
    /// `on`: a day of the reader's, whose first message is wanted.
    pub on: Option<String>,
    /// `before`: the event before which messages are wanted.
    pub before: Option<Seq>,
    /// `chat`: the one chat that is searched.
    pub chat: Option<ChatId>,
    /// `older`: where an earlier page of a search ended.
    pub older: Option<String>,
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
    if let (Wanted::Chat(id, _), Some(day)) = (&wanted, &query.on) {
        return Loaded::Redirect(day_path(context, actor, *id, day, utc_offset_minutes).await);
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
            log(context, loggable(path), &error);
            let status = error.code.status();
            let mut data = PageData::empty(Page::Failed { error: named(context, error) });
            data.utc_offset_minutes = utc_offset_minutes;
            Loaded::Page(Box::new(data), status)
        }
    }
}

/// The address of the first message on that day or after it; of the chat itself, which says what is wrong, if there is
/// none.
async fn day_path(
    context: &RequestContext,
    actor: Actor,
    chat: ChatId,
    day: &str,
    utc_offset_minutes: i32,
) -> String {
    let found = match day_start(day, utc_offset_minutes) {
        Some(at) => context.services.messages.find(actor, chat, at).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(seq)) => format!("/c/{chat}/{seq}#m{seq}"),
        Ok(None) => format!("/c/{chat}"),
        Err(error) => {
            log(context, "page", &error);
            format!("/c/{chat}")
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
    data.made_at = services.reading.now();
    data.account = Some(services.accounts.account(actor).await?);
    data.chats = services.chats.list(actor).await?;
    data.upload_limits = services.attachments.limits();
    data.emoji_list = crate::service::emoji_list().address.clone();
    data.online = match services.presence.online_contacts(actor.user_id).await {
        Ok(online) => online.people,
        // A page is there without it, and its socket hears who is online. Whoever keeps it has said that it is
        // away.
        Err(error) => {
            tracing::debug!(error = %error.chain(), "a page does not show who is online");
            Vec::new()
        }
    };
    data.blocked = services.people.blocked_ids(actor).await?;
    let result = open(context, actor, wanted, query).await;
    data.page = match result {
        Ok(page) => page,
        Err(error) => {
            log(context, "page", &error);
            Page::Failed { error: named(context, error) }
        }
    };
    if let Page::Profile { profile } = &data.page {
        let user = profile.user.id;
        data.seen.insert(user, profile.last_seen);
        // One shares no chat with them, perhaps.
        if profile.presence == PresenceStatus::Online && !data.online.contains(&user) {
            data.online.push(user);
        }
    }
    if let Page::Chat { chat, .. } | Page::Details { chat, .. } = &data.page
        && let Some(other) = partner(chat, Some(actor.user_id)).map(|other| other.user.id)
        && !data.online.contains(&other)
    {
        match services.people.last_seen(actor, other).await {
            Ok(seen) => drop(data.seen.insert(other, seen)),
            // The page is there without it, and asks for it itself.
            Err(error) => {
                tracing::warn!(error = %error.chain(), "a page does not show when somebody was last there")
            }
        }
    }
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
            let chat = Box::new(services.chats.shown(actor, id).await?);
            let far = far_from_end(&chat.mine, chat.head_ordinal);
            let history = match far.filter(|_| around.is_none() && query.before.is_none()) {
                Some(first) => services.messages.list_at(actor, id, first, None).await?,
                None => {
                    let before = query.before.filter(|_| around.is_none());
                    services.messages.list(actor, id, before, None, around, None).await?
                }
            };
            Page::Chat { chat, history }
        }
        Wanted::Details(id) => {
            let chat = Box::new(services.chats.shown(actor, id).await?);
            let group = group_part(context, actor, &chat, query).await?;
            Page::Details { chat, query: query.search.clone(), found: search().await?, group }
        }
        Wanted::Join(token) => Page::Join { invitation: services.chats.invitation(actor, &token).await? },
        Wanted::People => Page::People { query: query.search.clone(), found: search().await? },
        Wanted::Search => {
            let (query, chat, older) = (query.search.clone(), query.chat, query.older.clone());
            let asked =
                SearchQuery { text: query.clone(), chat, before: older.clone(), ..SearchQuery::default() };
            Page::Search { found: services.search.find(actor, asked).await?, query, chat, older }
        }
        Wanted::Settings => Page::Settings {
            sessions: services.accounts.sessions(actor).await?,
            blocked: services.people.blocked(actor).await?,
        },
        Wanted::Profile(user) => {
            Page::Profile { profile: Box::new(services.people.profile(actor, user).await?) }
        }
        Wanted::Nothing => return Err(AppError::not_found()),
    })
}

/// What the page of a group's details shows besides the chat.
async fn group_part(
    context: &RequestContext,
    actor: Actor,
    chat: &ChatView,
    query: &PageQuery,
) -> AppResult<GroupPart> {
    let (chats, id) = (&context.services.chats, chat.id);
    let mut group = GroupPart { query: query.member.clone(), ..GroupPart::default() };
    if chat.kind != ChatKind::Group {
        return Ok(group);
    }
    if !chat.is_whole() || query.from != 0 {
        group.part = chats.list_members(actor, id, query.from).await?;
    }
    if !query.member.trim().is_empty() {
        group.found = chats.search_members(actor, id, &query.member).await?;
    }
    if policy::may_administer(chat.kind, chat.my_role) {
        group.invites = Some(chats.invites(actor, id).await?);
    }
    Ok(group)
}

fn wanted(path: &str) -> Wanted {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let chat = |id: &str| id.parse::<ChatId>().ok();
    match segments.as_slice() {
        [] => Wanted::Home,
        ["login" | "register"] => Wanted::SignIn,
        ["new" | "new-group"] => Wanted::People,
        ["settings"] => Wanted::Settings,
        ["search"] => Wanted::Search,
        ["u", user] => user.parse().map_or(Wanted::Nothing, Wanted::Profile),
        ["join", token] => Wanted::Join((*token).to_owned()),
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

/// The path as it stands in the log: without the token of an invitation.
fn loggable(path: &str) -> &str {
    if path.starts_with("/join/") { "/join/…" } else { path }
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
            blocked: Vec::new(),
            seen: BTreeMap::new(),
            page,
            pinned: None,
            made_at: Timestamp::default(),
            utc_offset_minutes: 0,
            client_id: ClientId::random(),
            upload_limits: UploadLimits::default(),
            emoji_list: String::new(),
            new_invite: None,
            form: None,
        }
    }
}
