//! The messages of the open chat: a pure list, ordered by `seq`, that pages, answers and events are
//! merged into in whatever order they come.

mod people;

use std::{collections::BTreeMap, sync::Arc};

use super::happening::Happening;
use crate::{
    domain::{ChatId, MessageId, Ordinal, Seq, Timestamp, UserId},
    error::AppError,
    protocol::{HistoryPage, LogEvent, MessageView, QuoteView},
    ui::time_format::day_number,
};

/// Messages of one author within this time stand together.
const GROUP_MILLIS: i64 = 5 * 60 * 1000;

/// Events that are remembered for messages which are still on their way, in a page that was read before them. A page
/// is never so late that more of them happen meanwhile.
const MAX_CHANGES: usize = 500;

/// Where loading stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// On the way.
    Loading,
    /// There.
    Ready,
    /// Did not work.
    Failed(AppError),
}

/// The loaded part of one chat's messages: without a hole from its first message to its last.
#[derive(Clone, Debug)]
pub struct Timeline {
    chat_id: ChatId,
    opening: u64,
    phase: Phase,
    older: Phase,
    newer: Phase,
    messages: Vec<Arc<MessageView>>,
    /// What happened to the chat between them.
    events: BTreeMap<Seq, Arc<LogEvent>>,
    has_older: bool,
    has_newer: bool,
    /// The last events that changed a message, for what a page that was read before them still brings.
    changes: BTreeMap<Seq, LogEvent>,
    /// Who reads it, as far as events had to know.
    me: Option<UserId>,
    /// How often a part of the log was passed over: then no event tells what has changed in a page that was read
    /// before.
    passed_over: u32,
}

/// One message as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What happened to the chat right before it.
    pub before: Vec<Happening>,
    /// The message.
    pub message: Arc<MessageView>,
    /// The reader's day that begins with it.
    pub new_day: Option<i64>,
    /// Whether it is the first of its author's that stand together.
    pub starts_group: bool,
    /// At which offset from UTC its time is shown.
    pub offset: i32,
}

impl Timeline {
    /// A chat that is being opened. `opening` tells this time from others, so that a late answer to an
    /// earlier one is not taken for its own.
    pub fn loading(chat_id: ChatId, opening: u64) -> Self {
        Self {
            chat_id,
            opening,
            phase: Phase::Loading,
            older: Phase::Ready,
            newer: Phase::Ready,
            messages: Vec::new(),
            events: BTreeMap::new(),
            has_older: false,
            has_newer: false,
            changes: BTreeMap::new(),
            me: None,
            passed_over: 0,
        }
    }

    /// A chat that came with the page.
    pub fn ready(chat_id: ChatId, page: HistoryPage) -> Self {
        let mut this = Self::loading(chat_id, 0);
        this.load(page);
        this
    }

    /// A chat of which the page says why it cannot be shown.
    pub fn failed(chat_id: ChatId, error: AppError) -> Self {
        let mut this = Self::loading(chat_id, 0);
        this.fail(error);
        this
    }

    /// Of which chat.
    pub fn chat_id(&self) -> ChatId {
        self.chat_id
    }

    /// Which time of opening a chat it is.
    pub fn opening(&self) -> u64 {
        self.opening
    }

    /// Where loading the chat stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Where loading older messages stands.
    pub fn older(&self) -> &Phase {
        &self.older
    }

    /// Where loading newer messages stands.
    pub fn newer(&self) -> &Phase {
        &self.newer
    }

    /// How often a part of the log was passed over. A page that was asked for before the last time says nothing of
    /// what has changed in it since, and has to be asked for anew.
    pub fn passed_over(&self) -> u32 {
        self.passed_over
    }

    /// The log goes on further ahead: what is here, and what is asked for from now on, is read anew.
    pub fn pass_over(&mut self) {
        self.passed_over += 1;
    }

    /// Whether there are messages before the first one.
    pub fn has_older(&self) -> bool {
        self.has_older
    }

    /// Whether there are messages after the last one: then nothing that arrives belongs here.
    pub fn has_newer(&self) -> bool {
        self.has_newer
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> &[Arc<MessageView>] {
        &self.messages
    }

    /// The first message's event.
    pub fn first_seq(&self) -> Option<Seq> {
        self.messages.first().map(|message| message.seq)
    }

    /// The last message's event; 0 if there is none.
    pub fn last_seq(&self) -> Seq {
        self.messages.last().map_or(Seq(0), |message| message.seq)
    }

    /// The last message's ordinal; 0 if there is none.
    pub fn last_ordinal(&self) -> Ordinal {
        self.messages.last().map_or(Ordinal(0), |message| message.ordinal)
    }

    /// The first page, or what the chat is shown from anew. What has arrived while it was on the way
    /// stays, as far as nothing can be missing between.
    pub fn load(&mut self, page: HistoryPage) {
        let arrived = std::mem::take(&mut self.messages);
        let happened = std::mem::take(&mut self.events);
        self.phase = Phase::Ready;
        self.has_older = page.has_older;
        self.has_newer = page.has_newer;
        self.keep(page.events);
        for message in page.messages {
            self.place(Arc::new(message));
        }
        for message in arrived {
            self.arrive(message);
        }
        for event in happened.into_values() {
            self.happen(Arc::unwrap_or_clone(event));
        }
    }

    /// Another part of the chat comes into the place of the one that is here, as another opening. What events have
    /// told while it was on the way holds for it, too.
    pub fn replace(&mut self, page: HistoryPage) {
        self.opening += 1;
        self.messages.clear();
        self.events.clear();
        (self.older, self.newer) = (Phase::Ready, Phase::Ready);
        self.load(page);
    }

    /// The page could not be loaded.
    pub fn fail(&mut self, error: AppError) {
        self.phase = Phase::Failed(error);
    }

    /// Says where loading older messages stands.
    pub fn set_older(&mut self, older: Phase) {
        self.older = older;
    }

    /// Says where loading newer messages stands.
    pub fn set_newer(&mut self, newer: Phase) {
        self.newer = newer;
    }

    /// A page that was asked for before the first message.
    pub fn prepend(&mut self, page: HistoryPage) {
        self.older = Phase::Ready;
        self.has_older = page.has_older;
        self.keep(page.events);
        for message in page.messages {
            self.place(Arc::new(message));
        }
    }

    /// A page that was asked for after the last message, or after one before that.
    pub fn append(&mut self, page: HistoryPage) {
        self.newer = Phase::Ready;
        self.has_newer &= page.has_newer;
        self.keep(page.events);
        for message in page.messages {
            self.place(Arc::new(message));
        }
    }

    /// Messages that were read anew, after one that is here. Those after `end` are left out: there what is here ends,
    /// and it need not be the newest.
    pub fn refresh(&mut self, mut page: HistoryPage, end: Option<Seq>) {
        match end {
            Some(end) => {
                page.messages.retain(|message| message.seq <= end);
                page.events.retain(|event| event.seq <= end);
                self.keep(page.events);
                for message in page.messages {
                    self.place(Arc::new(message));
                }
            }
            None => self.append(page),
        }
    }

    /// Whether it reaches from before this event to after it, so that a message of that event would be here.
    pub fn holds(&self, seq: Seq) -> bool {
        let starts = !self.has_older || self.first_seq().is_some_and(|first| first <= seq);
        let ends = !self.has_newer || seq <= self.last_seq();
        self.phase == Phase::Ready && starts && ends
    }

    /// A message that was sent or that the socket brought. True if it was not here yet; one that lies
    /// beyond a part that is not loaded is left out.
    pub fn arrive(&mut self, message: Arc<MessageView>) -> bool {
        let before_all = self.first_seq().is_some_and(|first| message.seq < first);
        if message.chat_id != self.chat_id || self.has_newer || (self.has_older && before_all) {
            return false;
        }
        self.place(message)
    }

    /// Something happened to the chat. True if that is shown here and was not yet; what lies beyond a part that is not
    /// loaded is left out.
    pub fn happen(&mut self, event: LogEvent) -> bool {
        let before_all = self.first_seq().is_some_and(|first| event.seq < first);
        if event.chat_id != self.chat_id || self.has_newer || (self.has_older && before_all) {
            return false;
        }
        self.events.insert(event.seq, Arc::new(event)).is_none()
    }

    /// What a page tells of the chat.
    fn keep(&mut self, events: Vec<LogEvent>) {
        self.events.extend(events.into_iter().map(|event| (event.seq, Arc::new(event))));
    }

    /// Something was changed in a message. True if that changes what is here. It is remembered, should a page that
    /// was read before still bring the message or one that answers it.
    pub fn change(&mut self, event: LogEvent, me: Option<UserId>) -> bool {
        let mut any = false;
        for message in self.messages.iter_mut().filter(|message| concerns(&event, message)) {
            any |= Arc::make_mut(message).apply(&event, me);
        }
        self.me = me;
        self.changes.insert(event.seq, event);
        if self.changes.len() > MAX_CHANGES {
            self.changes.pop_first();
        }
        any
    }

    /// Takes over what has become of a message, before the event that tells of it has come. False if it changes
    /// nothing here.
    pub fn renew(&mut self, message: &MessageView) -> bool {
        let present = self.messages.iter_mut().find(|present| present.id == message.id);
        present.is_some_and(|present| adopt(present, message))
    }

    /// One's own deletion was confirmed, before the event that tells of it has come. True if that changes what is
    /// here.
    pub fn delete(&mut self, id: MessageId, at: Timestamp) -> bool {
        let mut any = false;
        for message in &mut self.messages {
            if message.id == id && message.deleted_at.is_none() {
                Arc::make_mut(message).delete(at);
                any = true;
            }
            if message.reply_to.as_ref().is_some_and(|quote| quote.id == id && !quote.deleted) {
                Arc::make_mut(message).reply_to.iter_mut().for_each(QuoteView::delete);
                any = true;
            }
        }
        any
    }

    /// The messages as they are shown at this offset from UTC, each with what happened before it.
    pub fn rows(&self, offset: i32) -> Vec<Row> {
        self.laid_out(offset).0
    }

    /// What happened after the last message, at this offset from UTC.
    pub fn tail(&self, offset: i32) -> Vec<Happening> {
        self.laid_out(offset).1
    }

    fn laid_out(&self, offset: i32) -> (Vec<Row>, Vec<Happening>) {
        let mut events = self.events.values().peekable();
        let mut last_day = None;
        let mut begins = |at: Timestamp| {
            let day = day_number(at, offset);
            (last_day.replace(day) != Some(day)).then_some(day)
        };
        let mut previous: Option<(UserId, Timestamp)> = None;
        let mut rows = Vec::with_capacity(self.messages.len());
        for message in &self.messages {
            let mut before = Vec::new();
            while let Some(event) = events.next_if(|event| event.seq < message.seq) {
                before.push(Happening { event: event.clone(), new_day: begins(event.at) });
            }
            let (author, at) = (message.sender_id, message.created_at);
            let new_day = begins(at);
            let together = before.is_empty()
                && previous.is_some_and(|(before, when)| {
                    before == author && at.as_millis() - when.as_millis() <= GROUP_MILLIS
                });
            previous = Some((author, at));
            let starts_group = new_day.is_some() || !together;
            rows.push(Row { before, message: message.clone(), new_day, starts_group, offset });
        }
        let tail = events.map(|event| Happening { event: event.clone(), new_day: begins(event.at) });
        (rows, tail.collect())
    }

    /// Puts a message where it belongs, once. Of one that is here already the newer view counts.
    fn place(&mut self, mut message: Arc<MessageView>) -> bool {
        for event in self.changes.values() {
            if concerns(event, &message) {
                Arc::make_mut(&mut message).apply(event, self.me);
            }
        }
        if self.messages.last().is_none_or(|last| last.seq < message.seq) {
            self.messages.push(message);
            return true;
        }
        match self.messages.binary_search_by_key(&message.seq, |present| present.seq) {
            Ok(place) => {
                adopt(&mut self.messages[place], &message);
                false
            }
            Err(place) => {
                self.messages.insert(place, message);
                true
            }
        }
    }
}

/// Whether the event is about the message, or about the one that it answers.
fn concerns(event: &LogEvent, message: &MessageView) -> bool {
    let about = event.body.message_id();
    about == Some(message.id) || message.reply_to.as_ref().is_some_and(|quote| about == Some(quote.id))
}

/// Takes over what another view of the same message knows better. The message is a new one only if it does.
fn adopt(present: &mut Arc<MessageView>, other: &MessageView) -> bool {
    let mut newer = (**present).clone();
    let any = newer.adopt(other);
    if any {
        *present = Arc::new(newer);
    }
    any
}
