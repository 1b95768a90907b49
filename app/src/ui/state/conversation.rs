//! Opening a chat, loading its messages, and fetching what was missed.
//!
//! Every answer is checked against what is open when it comes: one that is late for another chat, or
//! for an earlier opening of the same, changes nothing.

use std::sync::Arc;

use leptos::{prelude::*, task::spawn_local};

use super::{
    Store, browser,
    model::Model,
    pinned::Pinned,
    timeline::{Phase, Timeline},
};
use crate::{
    api,
    domain::{ChatId, Seq, limits},
    error::{AppError, AppResult, ErrorCode},
    protocol::{HistoryPage, LogEvent, MessageView},
};

/// Arrived messages that wait to be announced; of a burst only the number is said anyway.
const MAX_ARRIVED: usize = 200;

/// The number of messages on a page that is fetched.
const PAGE: Option<u32> = Some(limits::DEFAULT_PAGE_MESSAGES as u32);
const FULL_PAGE: Option<u32> = Some(limits::PAGE_MESSAGES as u32);

impl Store {
    /// Shows the chat. What is loaded already stays and is current, since events keep it so; with
    /// `at_end` a part of the history that does not reach the newest message is loaded anew, and with `around` one
    /// that does not hold that event.
    pub fn open(&self, chat_id: ChatId, at_end: bool, around: Option<Seq>) {
        let is_open = self.timeline.with_untracked(|timeline| {
            timeline.as_ref().is_some_and(|open| {
                // Why the page itself failed stays until the reader tries again.
                let stays = !matches!(open.phase(), Phase::Failed(_)) || open.opening() == 0;
                let failed = matches!(open.phase(), Phase::Failed(_));
                let reaches = failed || around.is_none_or(|seq| open.holds(seq));
                open.chat_id() == chat_id && stays && reaches && !(at_end && open.has_newer())
            })
        });
        if !is_open {
            self.load(chat_id, around);
        }
    }

    /// Loads the messages of the chat around an event, or the newest, and shows them.
    pub fn load(&self, chat_id: ChatId, around: Option<Seq>) {
        let store = *self;
        let last = self.timeline.with_untracked(|open| open.as_ref().map_or(0, Timeline::opening));
        let opening = last + 1;
        self.timeline.set(Some(Timeline::loading(chat_id, opening)));
        self.arrived.set(Vec::new());
        spawn_local(async move {
            loop {
                let passed_over = store.passed_over(chat_id, opening);
                let loaded = store.fetch_part(chat_id, around).await;
                if store.is_late(chat_id, opening, passed_over) {
                    continue;
                }
                store.with_open(chat_id, opening, |open| match loaded {
                    Ok(page) => open.load(page),
                    Err(error) => open.fail(error),
                });
                return store.heal(chat_id);
            }
        });
    }

    /// Shows the messages of the chat around an event in the place of those that are shown, once they are here. Until
    /// then, and if they cannot be had, nothing changes. Answers the opening that they are; `None` if they are not
    /// wanted any more, or what was shown is not.
    pub async fn show_around(
        &self,
        chat_id: ChatId,
        seq: Seq,
        is_wanted: impl Fn() -> bool,
    ) -> AppResult<Option<u64>> {
        let opening = self.timeline.with_untracked(|open| {
            open.as_ref().filter(|open| open.chat_id() == chat_id).map(Timeline::opening)
        });
        let Some(opening) = opening else { return Ok(None) };
        loop {
            let passed_over = self.passed_over(chat_id, opening);
            let page = self.fetch_part(chat_id, Some(seq)).await?;
            if !is_wanted() {
                return Ok(None);
            }
            if self.is_late(chat_id, opening, passed_over) {
                continue;
            }
            let mut now = None;
            self.with_open(chat_id, opening, |open| {
                open.replace(page);
                now = Some(open.opening());
            });
            self.heal(chat_id);
            return Ok(now);
        }
    }

    /// Loads the messages before the first one, unless that is under way.
    pub fn load_older(&self) {
        let wanted = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.has_older() && *open.older() != Phase::Loading)?;
            Some((open.chat_id(), open.opening(), open.first_seq()?))
        });
        if let Some((chat_id, opening, before)) = wanted {
            self.load_more(chat_id, opening, Some(before), None, Timeline::set_older, Timeline::prepend);
        }
    }

    /// Loads the messages after the last one, unless that is under way or it is the chat's last.
    pub fn load_newer(&self) {
        let wanted = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.has_newer() && *open.newer() != Phase::Loading)?;
            Some((open.chat_id(), open.opening(), open.last_seq()))
        });
        if let Some((chat_id, opening, after)) = wanted {
            self.load_more(chat_id, opening, None, Some(after), Timeline::set_newer, Timeline::append);
        }
    }

    /// Loads a page beside what is shown.
    fn load_more(
        &self,
        chat_id: ChatId,
        opening: u64,
        before: Option<Seq>,
        after: Option<Seq>,
        set: fn(&mut Timeline, Phase),
        join: fn(&mut Timeline, HistoryPage),
    ) {
        let store = *self;
        self.with_open(chat_id, opening, |open| set(open, Phase::Loading));
        spawn_local(async move {
            loop {
                let passed_over = store.passed_over(chat_id, opening);
                let page = browser::within(api::list_messages(chat_id, before, after, None, PAGE)).await;
                if store.is_late(chat_id, opening, passed_over) {
                    continue;
                }
                store.with_open(chat_id, opening, |open| match page {
                    Ok(page) => join(open, page),
                    Err(error) => set(open, Phase::Failed(error)),
                });
                // What arrived while the last page was on its way was left out.
                return store.heal(chat_id);
            }
        });
    }

    /// Whether what is open is still the one that was meant, and a part of its log was passed over since.
    fn is_late(&self, chat_id: ChatId, opening: u64, passed_over: Option<u32>) -> bool {
        let now = self.passed_over(chat_id, opening);
        now.is_some() && now != passed_over
    }

    /// How often a part of the log was passed over in what is open, if that is still the one that was meant. A page
    /// that was asked for before may be out of date without an event that tells of it.
    fn passed_over(&self, chat_id: ChatId, opening: u64) -> Option<u32> {
        self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id && open.opening() == opening);
            open.map(Timeline::passed_over)
        })
    }

    /// Shows messages that arrived or were stored, wherever they belong.
    pub(super) fn show(&self, messages: Vec<MessageView>) {
        if messages.is_empty() {
            return;
        }
        let me = self.me();
        let own = messages.iter().filter(|message| Some(message.sender_id) == me);
        let own: Vec<_> = own.map(|message| (message.chat_id, message.client_id)).collect();
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
        for (chat_id, client_id) in &own {
            self.draft_sent(*chat_id, *client_id);
        }
        self.mark_stored(&own.into_iter().map(|(_, client_id)| client_id).collect::<Vec<_>>());
    }

    /// Shows what happened to the open chat, between its messages. It is not announced, and nothing is unread by it.
    pub(super) fn show_happened(&self, events: Vec<LogEvent>) {
        let open = self.timeline.with_untracked(|open| open.as_ref().map(Timeline::chat_id));
        let here: Vec<_> = events.into_iter().filter(|event| Some(event.chat_id) == open).collect();
        if !here.is_empty() {
            self.timeline.maybe_update(|open| match open {
                Some(open) => {
                    here.into_iter().map(|event| open.happen(event)).filter(|is_news| *is_news).count() > 0
                }
                None => false,
            });
        }
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
                        store.load(chat_id, None);
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

    async fn fetch_part(&self, chat_id: ChatId, around: Option<Seq>) -> AppResult<HistoryPage> {
        if self.model.with_untracked(|model| model.chat(chat_id).is_none()) {
            let chat = browser::within(api::get_chat(chat_id)).await?;
            self.upsert_chat(chat);
            // Where one left off is known only now.
            self.look_into(chat_id);
        }
        match self.far(chat_id).filter(|_| around.is_none()) {
            Some(first) => browser::within(api::list_messages_at(chat_id, first, PAGE)).await,
            None => browser::within(api::list_messages(chat_id, None, None, around, PAGE)).await,
        }
    }

    /// The chat first and the messages then: so they reach at least as far as its head. Those that are shown
    /// come, too: what has become of them meanwhile is not told otherwise. Whatever else is on its way was perhaps
    /// read before, and is asked for anew.
    async fn fetch_missed(&self, chat_id: ChatId) -> AppResult<crate::protocol::ChatView> {
        let chat = browser::within(api::get_chat(chat_id)).await?;
        let applied = self.model.with_untracked(|model| model.applied(chat_id)).unwrap_or_default();
        let mut shown = None;
        self.timeline.update_untracked(|open| {
            if let Some(open) = open.as_mut().filter(|open| open.chat_id() == chat_id) {
                open.pass_over();
                shown = open.first_seq().map(|first| Seq(first.0.saturating_sub(1)));
            }
        });
        self.change_pinned(chat_id, Pinned::outdate);
        self.load_pinned();
        let after = shown.unwrap_or(applied).min(applied);
        self.append_after(chat_id, after).await?;
        Ok(chat)
    }

    /// Fetches the messages after an event, page by page, as far as the chat is open.
    async fn append_after(&self, chat_id: ChatId, mut after: Seq) -> AppResult<()> {
        let open = self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id)?;
            // Of what ends before the newest message nothing is needed that comes after.
            let end = open.has_newer().then(|| open.last_seq());
            (*open.phase() == Phase::Ready).then(|| (open.opening(), end, open.passed_over()))
        });
        let Some((opening, end, passed_over)) = open else { return Ok(()) };
        loop {
            let page =
                browser::within(api::list_messages(chat_id, None, Some(after), None, FULL_PAGE)).await?;
            if self.passed_over(chat_id, opening) != Some(passed_over) {
                self.heal(chat_id);
                return Ok(());
            }
            let Some(last) = page.messages.last().map(|message| message.seq) else { return Ok(()) };
            let more = page.has_newer && last > after && end.is_none_or(|end| last < end);
            after = last;
            self.with_open(chat_id, opening, |open| open.refresh(page, end));
            if !more {
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
