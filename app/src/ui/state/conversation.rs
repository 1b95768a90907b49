//! Opening a chat, loading its messages, and fetching what was missed.
//!
//! Every answer is checked against what is open when it comes: one that is late for another chat, or
//! for an earlier opening of the same, changes nothing.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};

use super::{
    Store, browser,
    model::Model,
    timeline::{Phase, Timeline},
};
use crate::{
    api,
    domain::{ChatId, Seq, limits},
    error::{AppError, AppResult, ErrorCode},
    protocol::{HistoryPage, MessageView},
};

/// Arrived messages that wait to be announced; of a burst only the number is said anyway.
const MAX_ARRIVED: usize = 200;

/// The number of messages on a page that is fetched.
const PAGE: Option<u32> = Some(limits::DEFAULT_PAGE_MESSAGES as u32);
const FULL_PAGE: Option<u32> = Some(limits::PAGE_MESSAGES as u32);

impl Store {
    /// Shows the chat. What is loaded already stays and is current, since events keep it so; with
    /// `at_end` a part of the history that does not reach the newest message is loaded anew.
    pub fn open(&self, chat_id: ChatId, at_end: bool) {
        let is_open = self.timeline.with_untracked(|timeline| {
            timeline.as_ref().is_some_and(|open| {
                // Why the page itself failed stays until the reader tries again.
                let stays = !matches!(open.phase(), Phase::Failed(_)) || open.opening() == 0;
                open.chat_id() == chat_id && stays && !(at_end && open.has_newer())
            })
        });
        if !is_open {
            self.load(chat_id);
        }
    }

    /// Loads the newest messages of the chat and shows them.
    pub fn load(&self, chat_id: ChatId) {
        let store = *self;
        let last = self.timeline.with_untracked(|open| open.as_ref().map_or(0, Timeline::opening));
        let opening = last + 1;
        self.timeline.set(Some(Timeline::loading(chat_id, opening)));
        self.arrived.set(Vec::new());
        spawn_local(async move {
            let loaded = store.fetch_newest(chat_id).await;
            store.with_open(chat_id, opening, |open| match loaded {
                Ok(page) => open.load(page),
                Err(error) => open.fail(error),
            });
            store.heal(chat_id);
        });
    }

    /// Loads the messages before the first one, unless that is under way.
    pub fn load_older(&self) {
        let store = *self;
        let wanted = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.has_older() && *open.older() != Phase::Loading)?;
            Some((open.chat_id(), open.opening(), open.first_seq()?))
        });
        let Some((chat_id, opening, before)) = wanted else { return };
        self.with_open(chat_id, opening, |open| open.set_older(Phase::Loading));
        spawn_local(async move {
            let page = browser::within(api::list_messages(chat_id, Some(before), None, None, PAGE)).await;
            store.with_open(chat_id, opening, |open| match page {
                Ok(page) => open.prepend(page),
                Err(error) => open.set_older(Phase::Failed(error)),
            });
        });
    }

    /// Shows messages that arrived or were stored, wherever they belong.
    pub(super) fn show(&self, messages: Vec<MessageView>) {
        if messages.is_empty() {
            return;
        }
        let me = self.me();
        let own: Vec<_> =
            messages.iter().filter(|message| Some(message.sender_id) == me).map(|m| m.client_id).collect();
        let open = self.timeline.with_untracked(|open| open.as_ref().map(Timeline::chat_id));
        let here: Vec<_> = messages.into_iter().filter(|message| Some(message.chat_id) == open).collect();
        if !here.is_empty() {
            let mut new = Vec::new();
            self.timeline.update(|open| {
                let Some(open) = open else { return };
                for message in here {
                    let is_new = open.arrive(Arc::new(message.clone()));
                    if is_new && *open.phase() == Phase::Ready && Some(message.sender_id) != me {
                        new.push(message);
                    }
                }
            });
            if !new.is_empty() {
                self.arrived.update(|arrived| {
                    arrived.extend(new);
                    arrived.truncate(MAX_ARRIVED);
                });
            }
        }
        self.mark_stored(&own);
    }

    /// Fetches a chat and what was missed of its messages, and goes on with its log from there.
    pub(super) fn catch_up(&self, chat_id: ChatId) {
        let store = *self;
        spawn_local(async move {
            match store.fetch_missed(chat_id).await {
                Ok(chat) => {
                    store.change_model(|model, effects| model.caught_up(chat, effects));
                    store.heal(chat_id);
                }
                Err(error) => {
                    store.model.update(|model| model.catch_up_failed(chat_id));
                    store.try_fetching_later(&error);
                }
            }
        });
    }

    /// Fetches a chat whose log is another one than was applied, and shows it anew if it is open.
    pub(super) fn restart(&self, chat_id: ChatId) {
        let store = *self;
        spawn_local(async move {
            match browser::within(api::get_chat(chat_id)).await {
                Ok(chat) => {
                    let mut is_new = false;
                    store.change_model(|model, effects| is_new = model.restarted(chat, effects));
                    let open = store.timeline.with_untracked(|open| open.as_ref().map(Timeline::chat_id));
                    if is_new && open == Some(chat_id) {
                        store.load(chat_id);
                    }
                }
                Err(error) => {
                    store.model.update(|model| model.catch_up_failed(chat_id));
                    store.try_fetching_later(&error);
                }
            }
        });
    }

    /// Fetches a chat that is not known, unless that is under way.
    pub(super) fn fetch_chat(&self, chat_id: ChatId) {
        if self.being_fetched.try_update_value(|chats| chats.insert(chat_id)) != Some(true) {
            return;
        }
        let store = *self;
        spawn_local(async move {
            let chat = browser::within(api::get_chat(chat_id)).await;
            store.being_fetched.update_value(|chats| {
                chats.remove(&chat_id);
            });
            match chat {
                Ok(chat) => {
                    store.change_model(|model, effects| model.fetched(chat, effects));
                }
                // One is out of it again.
                Err(error) if error.code == ErrorCode::NotFound => store.remove_chat(chat_id),
                Err(error) => {
                    store.model.update(|model| model.fetch_failed(chat_id));
                    store.try_fetching_later(&error);
                }
            }
        });
    }

    /// What may work later is asked for again; the reader is told of everything else.
    fn try_fetching_later(&self, error: &AppError) {
        if error.code.is_retryable() {
            self.ask_later();
        } else {
            self.fail(error);
        }
    }

    /// Fetches the list of chats and takes over those that are new.
    pub(super) fn refetch_list(&self) {
        if self.list_under_way.get_value() {
            return;
        }
        self.list_under_way.set_value(true);
        let store = *self;
        spawn_local(async move {
            let list = browser::within(api::list_chats()).await;
            store.list_under_way.set_value(false);
            match list {
                Ok(list) => {
                    store.change_model(|model, effects| model.listed(list, effects));
                }
                Err(error) => {
                    store.model.update(Model::list_failed);
                    store.try_fetching_later(&error);
                }
            }
        });
    }

    async fn fetch_newest(&self, chat_id: ChatId) -> AppResult<HistoryPage> {
        if self.model.with_untracked(|model| model.chat(chat_id).is_none()) {
            let chat = browser::within(api::get_chat(chat_id)).await?;
            self.upsert_chat(chat);
        }
        browser::within(api::list_messages(chat_id, None, None, None, PAGE)).await
    }

    /// The chat first and the messages then: so they reach at least as far as its head. Those that are shown
    /// come, too: what was deleted of them meanwhile is not told otherwise.
    async fn fetch_missed(&self, chat_id: ChatId) -> AppResult<crate::protocol::ChatView> {
        let applied = self.model.with_untracked(|model| model.applied(chat_id)).unwrap_or_default();
        let shown = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id)?;
            Some(Seq(open.first_seq()?.0.saturating_sub(1)))
        });
        let after = shown.unwrap_or(applied).min(applied);
        let chat = browser::within(api::get_chat(chat_id)).await?;
        self.append_after(chat_id, after).await?;
        Ok(chat)
    }

    /// Fetches the messages after an event, page by page, if the chat is open up to its end.
    async fn append_after(&self, chat_id: ChatId, mut after: Seq) -> AppResult<()> {
        let open = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id)?;
            (*open.phase() == Phase::Ready && !open.has_newer()).then(|| open.opening())
        });
        let Some(opening) = open else { return Ok(()) };
        loop {
            let page =
                browser::within(api::list_messages(chat_id, None, Some(after), None, FULL_PAGE)).await?;
            let Some(last) = page.messages.last().map(|message| message.seq) else { return Ok(()) };
            let more = page.has_newer && last > after;
            after = last;
            let mut still_open = false;
            self.with_open(chat_id, opening, |open| {
                still_open = true;
                open.append(page);
            });
            if !more || !still_open {
                return Ok(());
            }
        }
    }

    /// Fetches what the open chat lacks at its end, if its view knows of more messages than are shown.
    fn heal(&self, chat_id: ChatId) {
        let known = self.model.with_untracked(|model: &Model| {
            model.chat(chat_id).map_or_else(Default::default, |chat| chat.head_ordinal)
        });
        let lacks = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id)?;
            let ready = *open.phase() == Phase::Ready && !open.has_newer();
            (ready && open.last_ordinal() < known).then(|| open.last_seq())
        });
        let Some(after) = lacks else { return };
        let store = *self;
        spawn_local(async move {
            if let Err(error) = store.append_after(chat_id, after).await {
                store.fail(&error);
            }
        });
    }

    /// Changes the open chat if it is still the one that was meant.
    fn with_open(&self, chat_id: ChatId, opening: u64, change: impl FnOnce(&mut Timeline)) {
        self.timeline.maybe_update(|open| match open {
            Some(open) if open.chat_id() == chat_id && open.opening() == opening => {
                change(open);
                true
            }
            _ => false,
        });
        self.settle();
    }
}
