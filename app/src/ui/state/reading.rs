//! Telling how far one has read, what else a chat is to one alone, and who is writing.
//!
//! A message counts as read once it has been on the screen while the reader was there: the window is seen and has the
//! focus. Told is the last one, at most once a second, again after a failure, and a last time when the page goes away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use leptos::{prelude::*, task::spawn_local};

use super::{
    Store, browser,
    marks::{Marks, Sight, far_from_end, first_unread},
    model::Model,
    typing::{SAID_MS, Typing},
};
use crate::{
    api,
    domain::{ChatId, Ordinal, Timestamp, limits},
    error::{AppResult, ErrorCode},
    protocol::{ChatView, ClientFrame, MessageView, MyChatView},
    ui::page_data::{Page, PageData},
};

/// Between two words about what was read, in milliseconds.
const MARK_PAUSE_MS: u32 = 1_000;
/// The longest pause after failures.
const LONGEST_PAUSE_MS: u32 = 8_000;
/// How soon after a greeting it is asked what nobody tells, at the earliest, and how much later at the latest.
const RENEWED_AFTER_MS: u64 = 500;
const RENEWED_SPREAD_MS: f64 = 3_000.0;
/// The longest time that a timer of browsers can be trusted with.
const LONGEST_TIMER_MS: i64 = 3_600_000;

/// What the page knows of reading beside the chats themselves.
#[derive(Clone, Copy)]
pub struct Reading {
    /// How far chats were read here, until the server has heard of it.
    pub marks: RwSignal<Marks>,
    /// Who is writing.
    pub typing: RwSignal<Typing>,
    /// In which chat one left off, and before which message; it stays where it is while the chat is open.
    pub left_off: RwSignal<Option<(ChatId, Option<Ordinal>)>>,
    /// The time by the server's clock: when the page was made, and from then on every minute or when a chat is not
    /// muted any more.
    pub now: RwSignal<Timestamp>,
    /// Whether the window is seen and has the focus. Not known before the page is alive.
    pub is_attentive: RwSignal<bool>,
    /// By how many milliseconds the server's clock was ahead of the reader's when the page came.
    ahead: StoredValue<i64>,
    /// What has been on the screen of the chat that is open.
    sight: StoredValue<Option<(ChatId, Sight)>>,
    /// Where to begin in a chat that is being opened, if that is not on its last page.
    far: StoredValue<Option<(ChatId, Ordinal)>>,
    /// The last message of each chat that the browser was told to notify of.
    pub(super) called: StoredValue<BTreeMap<ChatId, Ordinal>>,
    /// Leads to another page.
    pub(super) way: StoredValue<Option<Callback<String>>>,
    /// Whether the chat that came with the page has not been looked at yet.
    is_first: StoredValue<bool>,
    is_telling: StoredValue<bool>,
    /// When it was last said that the reader writes, and where.
    said: StoredValue<Option<(ChatId, f64)>>,
    is_expiring: StoredValue<bool>,
    was_greeted: StoredValue<bool>,
    /// Chats of which it is not known how far others have read by now, nor what they are called.
    doubtful: StoredValue<BTreeSet<ChatId>>,
}

impl Reading {
    /// As the page begins.
    pub(super) fn new(data: &PageData) -> Self {
        let open = match &data.page {
            Page::Chat { chat, .. } => Some((chat.id, first_unread(&chat.mine, chat.head_ordinal))),
            _ => None,
        };
        Self {
            marks: RwSignal::new(Marks::default()),
            typing: RwSignal::new(Typing::default()),
            left_off: RwSignal::new(open),
            now: RwSignal::new(data.made_at),
            is_attentive: RwSignal::new(false),
            ahead: StoredValue::new(0),
            sight: StoredValue::new(None),
            far: StoredValue::new(None),
            called: StoredValue::new(BTreeMap::new()),
            way: StoredValue::new(None),
            is_first: StoredValue::new(open.is_some()),
            is_telling: StoredValue::new(false),
            said: StoredValue::new(None),
            is_expiring: StoredValue::new(false),
            was_greeted: StoredValue::new(false),
            doubtful: StoredValue::new(BTreeSet::new()),
        }
    }
}

/// A chat among those of the list, as far as the list's order and headings go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Messages that count as unread.
    pub unread: u64,
    /// Those of them that mention the reader.
    pub mentions: usize,
    /// Whether nothing of it notifies the reader now.
    pub is_muted: bool,
    /// Whether only what mentions the reader does.
    pub mentions_only: bool,
    /// Whether it stands among those that are put away.
    pub is_put_away: bool,
}

impl Standing {
    /// Whether what is said there does not notify the reader, or only if it mentions them.
    pub fn is_quiet(&self) -> bool {
        self.is_muted || self.mentions_only
    }

    /// How many messages the reader wants to hear of.
    fn wanted(&self) -> u64 {
        match (self.is_muted, self.mentions_only) {
            (true, _) => 0,
            (false, true) => self.mentions as u64,
            (false, false) => self.unread,
        }
    }
}

impl Store {
    /// How a chat stands.
    pub fn standing(&self, chat: &ChatView) -> Standing {
        let now = self.reading.now.get();
        let head = chat.head_ordinal;
        let shown = self.reading.marks.with(|marks| marks.over(chat.id, &chat.mine, head));
        Standing {
            unread: shown.unread(head),
            mentions: chat.unread_mentions(&shown),
            is_muted: chat.mine.is_muted(now),
            mentions_only: chat.mine.mentions_only,
            // As long as the server has not heard that it was read, it stays where it is.
            is_put_away: chat.mine.is_put_away(head, now),
        }
    }

    /// All unread messages that the reader wants to hear of.
    pub fn total_unread(&self) -> u64 {
        self.shared_chats().with(|chats| chats.iter().map(|chat| self.standing(chat).wanted()).sum())
    }

    /// Sees by how much the server's clock is ahead. To be called once the page is alive.
    pub(super) fn read_server_clock(&self) {
        let made_at = self.initial.with_value(|data| data.made_at);
        self.reading.ahead.set_value(made_at.as_millis() - browser::now().as_millis());
    }

    /// Sees what time it is on the server.
    pub fn tell_time(&self) {
        self.reading.now.set(self.server_time());
    }

    /// What time it is on the server.
    pub(super) fn server_time(&self) -> Timestamp {
        let ahead = self.reading.ahead.get_value();
        Timestamp::from_millis(browser::now().as_millis().saturating_add(ahead))
    }

    /// Says how another page is come to.
    pub fn set_way(&self, way: Callback<String>) {
        self.reading.way.set_value(Some(way));
    }

    /// After how long the next chat is muted no longer, or at least it is to be looked again.
    pub fn until_unmuted(&self) -> Option<Duration> {
        let now = self.reading.now.get();
        let ends = self.shared_chats().with(|chats| {
            chats.iter().filter_map(|chat| chat.mine.muted_until).filter(|until| *until > now).min()
        })?;
        // What is rendered for was a while ago, perhaps.
        let left = ends.as_millis().saturating_sub(self.server_time().as_millis()).clamp(0, LONGEST_TIMER_MS);
        // A timer that is early by a fraction of a millisecond would see it muted still.
        Some(Duration::from_millis(left.unsigned_abs() + 50))
    }

    /// Somebody opens a chat: where they left off is kept for as long as it is open. False if the chat is not known
    /// yet.
    pub fn look_into(&self, chat_id: ChatId) -> bool {
        let Some(mine) = self.shown_mine(chat_id) else { return false };
        let is_first = self.reading.is_first.try_update_value(std::mem::take) == Some(true);
        let is_its = self.reading.left_off.with_untracked(|left| left.is_some_and(|(of, _)| of == chat_id));
        if !(is_first && is_its) {
            self.reading.left_off.set(Some((chat_id, first_unread(&mine.0, mine.1))));
            self.reading.far.set_value(far_from_end(&mine.0, mine.1).map(|first| (chat_id, first)));
        }
        self.reading.sight.set_value(Some((chat_id, Sight::new(&mine.0))));
        self.settle_doubt(chat_id);
        true
    }

    /// Where to begin in the chat, if its last page is not where: until it was begun.
    pub(super) fn far(&self, chat_id: ChatId) -> Option<Ordinal> {
        self.reading.far.get_value().filter(|(of, _)| *of == chat_id).map(|(_, first)| first)
    }

    /// The chat is shown: from now on whoever goes to its end means that.
    pub fn has_begun(&self) {
        self.reading.far.set_value(None);
    }

    /// Whether what is shown of the chat holds where one left off.
    pub fn shows_left_off(&self, chat_id: ChatId) -> bool {
        let left = self.reading.left_off.get_untracked().filter(|(of, _)| *of == chat_id);
        let Some(first) = left.and_then(|(_, first)| first) else { return false };
        self.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.is_some_and(|open| open.messages().iter().any(|message| message.ordinal == first))
        })
    }

    /// Nobody looks at the chat any more.
    pub fn look_away(&self, chat_id: ChatId) {
        // The whole page may be going away.
        let _gone = self.reading.sight.try_update_value(|sight| {
            sight.take_if(|(of, _)| *of == chat_id);
        });
    }

    /// Whether somebody looks at the window now: what is on the screen from then on counts as read.
    pub fn set_attention(&self, is_attentive: bool) {
        if self.reading.is_attentive.get_untracked() == is_attentive {
            return;
        }
        let open = self.reading.sight.with_value(|sight| sight.map(|(chat_id, _)| chat_id));
        if let Some((chat_id, (mine, head))) = open.and_then(|id| Some((id, self.shown_mine(id)?)))
            && is_attentive
        {
            self.reading.sight.set_value(Some((chat_id, Sight::new(&mine))));
            // What came while nobody was looking is where to go on.
            if let Some(first) = first_unread(&mine, head) {
                self.reading.left_off.set(Some((chat_id, Some(first))));
            }
        }
        self.reading.is_attentive.set(is_attentive);
        if !is_attentive {
            self.last_word();
            self.save_drafts();
        }
    }

    /// All messages of the chat up to this one have been on the screen.
    pub fn see(&self, chat_id: ChatId, ordinal: Ordinal) {
        if !self.reading.is_attentive.get_untracked() {
            return;
        }
        let Some((mine, head)) = self.shown_mine(chat_id) else { return };
        let read = self.reading.sight.try_update_value(|sight| {
            let (_, sight) = sight.as_mut().filter(|(of, _)| *of == chat_id)?;
            sight.see(ordinal, &mine, head)
        });
        if let Some(ordinal) = read.flatten() {
            self.reading.marks.update(|marks| marks.want(chat_id, ordinal));
            self.tell_marks();
        }
    }

    /// The chat counts as unread from this message on, until somebody looks at it again.
    pub async fn mark_unread(&self, chat_id: ChatId, ordinal: Ordinal) -> AppResult<()> {
        self.reading.sight.update_value(|sight| {
            if let Some((_, sight)) = sight.as_mut().filter(|(of, _)| *of == chat_id) {
                sight.hold();
            }
        });
        // What was read before would take the mark away if it were told after it.
        while self.reading.marks.try_update(|marks| marks.forget(chat_id)) == Some(true) {
            browser::pause(50).await;
        }
        let mine = browser::within(api::mark_unread(chat_id, ordinal)).await?;
        self.take_mine(chat_id, mine);
        if self.reading.left_off.with_untracked(|left| left.is_some_and(|(of, _)| of == chat_id)) {
            self.reading.left_off.set(Some((chat_id, Some(ordinal))));
        }
        Ok(())
    }

    /// Has the chat notify one no longer: until then, for good without a time, or again.
    pub async fn mute(&self, chat_id: ChatId, on: bool, until: Option<Timestamp>) -> AppResult<()> {
        let mine = browser::within(api::mute_chat(chat_id, on, until)).await?;
        self.tell_time();
        self.take_mine(chat_id, mine);
        Ok(())
    }

    /// Puts the chat away, or brings it back.
    pub async fn archive(&self, chat_id: ChatId, on: bool) -> AppResult<()> {
        let mine = browser::within(api::archive_chat(chat_id, on)).await?;
        self.take_mine(chat_id, mine);
        Ok(())
    }

    /// Takes over what a chat is to one alone.
    pub fn take_mine(&self, chat_id: ChatId, mine: MyChatView) {
        self.model.update(|model| model.take_mine(chat_id, mine));
    }

    /// Says that one writes in the chat, unless that was said a moment ago or would be told nobody.
    pub fn say_typing(&self, chat_id: ChatId) {
        let now = browser::now().as_millis() as f64;
        let is_told = self.model.with_untracked(|model| {
            model.chat(chat_id).is_some_and(|chat| chat.member_count <= limits::RECEIPT_MEMBERS as u64)
        });
        let lately = |(of, at): (ChatId, f64)| of == chat_id && (0.0..SAID_MS).contains(&(now - at));
        if !is_told || self.reading.said.get_value().is_some_and(lately) {
            return;
        }
        self.reading.said.set_value(Some((chat_id, now)));
        // Lost without a socket, or when that has more to do: it is said again.
        let _ = self.outgoing.try_update_value(|outgoing| {
            outgoing.as_mut().map(|queue| queue.try_send(ClientFrame::Typing { chat_id }))
        });
    }

    /// The socket was lost: who is writing is not heard.
    pub fn hear_nothing(&self) {
        if self.reading.typing.with_untracked(|typing| !typing.is_empty()) {
            self.reading.typing.update(Typing::clear);
        }
    }

    /// Takes in who was heard to be writing, after these messages.
    pub(super) fn hear(&self, written: &[MessageView], typing: Vec<(ChatId, crate::domain::UserId)>) {
        let now = browser::now().as_millis() as f64;
        self.reading.typing.maybe_update(|heard| {
            let mut any = !typing.is_empty();
            for message in written {
                any |= heard.stop(message.chat_id, message.sender_id);
            }
            typing.into_iter().for_each(|(chat, user)| heard.hear(chat, user, now));
            any
        });
        self.expire_typing();
    }

    /// Forgets in time who was heard to be writing.
    fn expire_typing(&self) {
        if self.reading.is_expiring.get_value() {
            return;
        }
        let now = browser::now().as_millis() as f64;
        let mut left = None;
        self.reading.typing.maybe_update(|typing| {
            let before = typing.clone();
            left = typing.expire(now);
            *typing != before
        });
        let Some(left) = left else { return };
        self.reading.is_expiring.set_value(true);
        let store = *self;
        let again = move || {
            store.reading.is_expiring.set_value(false);
            store.expire_typing();
        };
        set_timeout(again, Duration::from_millis(left.max(0.0) as u64 + 20));
    }

    /// A greeting: how far others have read meanwhile and what they are called now nobody tells, so it is asked: of
    /// chats as a list has them, and of one in full once somebody looks at it. Not by all pages at once.
    pub(super) fn renew_people(&self) {
        if self.reading.was_greeted.try_update_value(|was| !std::mem::replace(was, true)) != Some(false) {
            return;
        }
        let store = *self;
        let is_told = |chat: &Arc<ChatView>| chat.member_count <= limits::RECEIPT_MEMBERS as u64;
        let chats = self.model.with_untracked(Model::sorted).into_iter().filter(is_told);
        self.reading.doubtful.set_value(chats.map(|chat| chat.id).collect());
        let ask = move || {
            store.refetch_list();
            if let Some(Some((open, _sight))) = store.reading.sight.try_get_value() {
                store.settle_doubt(open);
            }
        };
        let delay = RENEWED_AFTER_MS + (browser::random() * RENEWED_SPREAD_MS) as u64;
        set_timeout(ask, Duration::from_millis(delay));
    }

    /// Asks what is in doubt of a chat that somebody looks at.
    fn settle_doubt(&self, chat_id: ChatId) {
        if self.reading.doubtful.try_update_value(|doubtful| doubtful.remove(&chat_id)) == Some(true) {
            self.fetch_chat(chat_id);
        }
    }

    /// What the chat is to the reader, as it is shown, and its last message.
    pub(super) fn shown_mine(&self, chat_id: ChatId) -> Option<(MyChatView, Ordinal)> {
        let chat = self.model.with_untracked(|model| model.chat(chat_id).cloned())?;
        let head = chat.head_ordinal;
        Some((self.reading.marks.with_untracked(|marks| marks.over(chat_id, &chat.mine, head)), head))
    }

    /// Tells the server what was read, one chat at a time.
    fn tell_marks(&self) {
        if self.reading.is_telling.get_value() {
            return;
        }
        self.reading.is_telling.set_value(true);
        let store = *self;
        spawn_local(async move {
            let mut pause = MARK_PAUSE_MS;
            while let Some((chat_id, ordinal)) = store.reading.marks.try_update(Marks::begin_next).flatten() {
                let answer = browser::within(api::mark_read(chat_id, ordinal)).await;
                let again = answer.as_ref().is_err_and(|error| error.code.is_retryable());
                pause = if again { (pause * 2).min(LONGEST_PAUSE_MS) } else { MARK_PAUSE_MS };
                match answer {
                    Ok(mine) => store.take_mine(chat_id, mine),
                    Err(error) if error.code == ErrorCode::Unauthenticated => store.fail(&error),
                    // Whoever is out of the chat has nothing to read there.
                    Err(_) => {}
                }
                store.reading.marks.update(|marks| marks.answered(again));
                browser::pause(pause).await;
            }
            store.reading.is_telling.set_value(false);
        });
    }

    /// Tells what has not been told, in a way that outlives the page.
    fn last_word(&self) {
        for (chat_id, ordinal) in self.reading.marks.with_untracked(Marks::open) {
            let (chat_id, ordinal) = (chat_id.to_string(), ordinal.to_string());
            browser::post_last("/api/mark_read", &[("chat_id", &chat_id), ("ordinal", &ordinal)]);
        }
    }
}
