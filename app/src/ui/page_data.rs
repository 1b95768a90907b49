//! What a page is made from: loaded before the first byte is rendered, and embedded in the document.
//!
//! The server renders from it and the browser hydrates from the very same data, so that the two never
//! disagree; the heads in it are where the socket resumes from. After that the page lives on events.

use std::collections::BTreeMap;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{ChatId, ClientId, Timestamp, UploadLimits, UserId},
    error::AppError,
    protocol::{
        AccountView, ChatView, HistoryPage, InvitationView, InviteView, MemberView, MembersPage, MessageView,
        ProfileView, SearchResults, SessionView, UserView,
    },
};

/// The id of the element that carries the data in the document.
pub const ELEMENT_ID: &str = "page-data";

/// The name of the cookie in which the browser says how many minutes it is ahead of UTC.
pub const OFFSET_COOKIE: &str = "samvad_utc_offset";

/// Everything that the first rendering of a page needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageData {
    /// Who is signed in.
    pub account: Option<AccountView>,
    /// Their chats, last active first.
    pub chats: Vec<ChatView>,
    /// Who of the people in them is online.
    pub online: Vec<UserId>,
    /// Whom they have blocked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<UserId>,
    /// When people that the page shows were last there; nothing where they do not show it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<UserId, Option<Timestamp>>,
    /// What the address asked for.
    pub page: Page,
    /// What is shown of the pinned messages of its chat, last pinned first; nothing if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Vec<MessageView>>,
    /// When the page was made: what depends on the time is rendered for this one on both sides.
    #[serde(default)]
    pub made_at: Timestamp,
    /// Minutes that the reader's clock is ahead of UTC; 0 until the browser has said so in a cookie.
    pub utc_offset_minutes: i32,
    /// The id that a message gets which is sent by a plain form from this page.
    pub client_id: ClientId,
    /// How many files a message can carry, and how large they can be.
    #[serde(default)]
    pub upload_limits: UploadLimits,
    /// The address of the list of all emoji; empty where there is nobody to use it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub emoji_list: String,
    /// The link of the invitation that was just made by a plain form. Such a page carries no script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_invite: Option<String>,
    /// What became of the plain form that this page is the answer to. Such a page carries no script.
    pub form: Option<FormNotice>,
}

/// What the address asked for, beyond what every page has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Page {
    /// Nothing: sign-in, registration, the start page.
    Plain,
    /// `/c/<chat>`, perhaps `?before=<seq>`, or `/c/<chat>/<seq>`.
    Chat {
        /// The chat with its first members.
        chat: Box<ChatView>,
        /// The messages to show.
        history: HistoryPage,
    },
    /// `/c/<chat>/details`, perhaps `?q=<people>`, `?m=<members>` or `?from=<place>`.
    Details {
        /// The chat with its first members.
        chat: Box<ChatView>,
        /// What was searched for.
        query: String,
        /// The people found.
        found: Vec<UserView>,
        /// What else is shown of a group.
        group: GroupPart,
    },
    /// `/join/<token>`.
    Join {
        /// What one is invited to.
        invitation: InvitationView,
    },
    /// `/new` and `/new-group`, perhaps `?q=<people>`.
    People {
        /// What was searched for.
        query: String,
        /// The people found.
        found: Vec<UserView>,
    },
    /// `/search`, perhaps `?q=<words>`, `&chat=<chat>`, `&older=<place>`.
    Search {
        /// What was searched for.
        query: String,
        /// The one chat that was searched.
        chat: Option<ChatId>,
        /// Where an earlier page of it ended.
        older: Option<String>,
        /// What was found.
        found: SearchResults,
    },
    /// `/settings`.
    Settings {
        /// One's sessions, last used first.
        sessions: Vec<SessionView>,
        /// Whom one has blocked, by name.
        #[serde(default)]
        blocked: Vec<UserView>,
    },
    /// `/u/<user>`.
    Profile {
        /// Who, as the reader sees them.
        profile: Box<ProfileView>,
    },
    /// The page could not be made.
    Failed {
        /// Why.
        error: AppError,
    },
}

/// What the page of a group's details shows besides the chat.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupPart {
    /// A part of the members, where the chat has not all of them.
    #[serde(default)]
    pub part: MembersPage,
    /// Which member was searched for.
    #[serde(default)]
    pub query: String,
    /// The members found.
    #[serde(default)]
    pub found: Vec<MemberView>,
    /// The invitations to it, if the reader is an admin of it.
    #[serde(default)]
    pub invites: Option<Vec<InviteView>>,
}

/// A plain form that was refused: nothing that was entered is lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormNotice {
    /// The server function that refused it.
    pub function: String,
    /// Why.
    pub error: AppError,
    /// What was entered, without passwords.
    pub values: BTreeMap<String, String>,
}

impl PageData {
    /// The data of a page that shows nothing but why there is none.
    pub fn failed(error: AppError) -> Self {
        Self { page: Page::Failed { error }, ..Self::nothing() }
    }

    /// The data of a page that belongs to nobody, as when the routes are listed.
    pub fn nothing() -> Self {
        Self {
            account: None,
            chats: Vec::new(),
            online: Vec::new(),
            blocked: Vec::new(),
            seen: BTreeMap::new(),
            page: Page::Plain,
            pinned: None,
            made_at: Timestamp::default(),
            utc_offset_minutes: 0,
            client_id: ClientId::from_bytes([0; 16]),
            upload_limits: UploadLimits::default(),
            emoji_list: String::new(),
            new_invite: None,
            form: None,
        }
    }

    /// Why the plain form of this function was refused, if this page is the answer to one.
    pub fn refusal_of(&self, function: &str) -> Option<&AppError> {
        self.form.as_ref().filter(|form| form.function == function).map(|form| &form.error)
    }

    /// What had been entered into a field of the plain form of this function.
    pub fn entered(&self, function: &str, field: &str) -> Option<&str> {
        let form = self.form.as_ref().filter(|form| form.function == function)?;
        form.values.get(field).map(String::as_str)
    }
}

/// The data of the page that is being rendered: on the server from the context, in the browser from the
/// document.
pub fn of_this_page() -> PageData {
    use_context().or_else(from_document).unwrap_or_else(PageData::nothing)
}

#[cfg(feature = "hydrate")]
fn from_document() -> Option<PageData> {
    let text = document().get_element_by_id(ELEMENT_ID)?.text_content()?;
    serde_json::from_str(&text)
        .inspect_err(|error| leptos::logging::error!("the page's data cannot be read: {error}"))
        .ok()
}

#[cfg(not(feature = "hydrate"))]
fn from_document() -> Option<PageData> {
    None
}
