//! The page as `Store` drives it: the same steps in the same order, with each answer as an event of its own.

use std::{collections::BTreeMap, sync::Arc};

use super::world::{Answer, Ask, Change, Deed, ME, Server};
use crate::{
    domain::{ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp},
    error::{AppResult, ErrorCode},
    protocol::{ChatView, HistoryPage, MessageView, QuoteView, ServerFrame},
    ui::state::{
        effects::Effects,
        marks::Marks,
        model::Model,
        outbox::{Delivery, Outbox, Unsent},
        timeline::{Phase, Timeline},
    },
};

/// What is done with an answer.
#[derive(Clone, Debug)]
pub enum Then {
    Listed,
    Fetched(ChatId),
    Restarted(ChatId),
    Known {
        chat: ChatId,
        opening: u64,
        around: Option<Seq>,
    },
    Loaded {
        chat: ChatId,
        opening: u64,
        around: Option<Seq>,
        passed_over: u32,
    },
    /// A page beside what is shown: after it, or before.
    More {
        chat: ChatId,
        opening: u64,
        newer: bool,
        at: Seq,
        passed_over: u32,
    },
    /// What was missed: the chat first, and its messages then.
    Missed(ChatId),
    Appended {
        chat: ChatId,
        opening: u64,
        after: Seq,
        end: Option<Seq>,
        passed_over: u32,
        then: Option<Box<ChatView>>,
    },
    Sent(ClientId),
    Changed,
    /// It was told how far a chat was read, or something else was done with it for oneself.
    Marked,
    Mine,
}

/// A request that is under way.
#[derive(Debug)]
pub struct Request {
    pub ask: Ask,
    pub then: Then,
    /// What was answered, on its way back.
    pub answer: Option<AppResult<Answer>>,
}

/// One page, and what its browser keeps beside it.
pub struct Page {
    pub model: Model,
    pub timeline: Option<Timeline>,
    pub outbox: Outbox,
    pub marks: Marks,
    pub requests: Vec<Request>,
    /// Messages that are written and whose records are not.
    pub unwritten: Vec<Unsent>,
    /// What the browser keeps for all tabs, as it reads it.
    pub records: BTreeMap<ClientId, String>,
    pub written: u32,
    /// What the browser has read of it, on its way to the page.
    reading: Option<Vec<String>>,
    /// Whether what the browser keeps has been taken up since the page came.
    pub outbox_is_there: bool,
    pub(super) fetching: Vec<ChatId>,
    pub(super) is_listing: bool,
    last_opening: u64,
}

impl Page {
    /// A page that the server has made: from chats that it read first, and the history of one then.
    pub fn new(views: Vec<ChatView>, open: ChatId, history: HistoryPage) -> Self {
        let head =
            views.iter().find(|view| view.id == open).map(|view| view.head_ordinal).unwrap_or_default();
        let mut model = Model::new(Some(ME), views, Vec::new());
        let timeline = Timeline::ready(open, history);
        if !timeline.has_newer() && timeline.last_ordinal() < head {
            model.rewind(open, timeline.last_seq());
        }
        Self {
            model,
            timeline: Some(timeline),
            outbox: Outbox::default(),
            marks: Marks::default(),
            requests: Vec::new(),
            unwritten: Vec::new(),
            records: BTreeMap::new(),
            written: 0,
            reading: None,
            outbox_is_there: true,
            fetching: Vec::new(),
            is_listing: false,
            last_opening: 0,
        }
    }

    /// The same browser with a new page: what is kept is taken up.
    pub fn reloaded(mut self, views: Vec<ChatView>, open: ChatId, history: HistoryPage) -> Self {
        let own = self.outbox.to_json();
        let mut new = Self::new(views, open, history);
        (new.records, new.written) = (std::mem::take(&mut self.records), self.written);
        if let Some(own) = own {
            new.outbox = Outbox::from_json(&own).unwrap();
        }
        new.unwritten = new.outbox.not_kept().cloned().collect();
        new.outbox_is_there = false;
        new.settle();
        new
    }

    /// Writes a message, which is shown at once.
    pub fn write(&mut self, chat: ChatId, reply_to: Option<MessageId>) -> Option<u32> {
        let number = self.written + 1;
        let client_id =
            ClientId::from_bytes([[7; 12].as_slice(), &number.to_be_bytes()].concat().try_into().unwrap());
        let now = Timestamp::from_millis(i64::from(number) * 10);
        self.outbox.push(chat, client_id, format!("mine {number}"), Vec::new(), now).ok()?;
        if let Some(id) = reply_to {
            self.outbox.answer(client_id, QuoteView { id, ..QuoteView::default() });
        }
        self.outbox.hold(client_id);
        self.unwritten.extend(self.outbox.get(client_id).cloned());
        self.written = number;
        let elsewhere = self.timeline.as_ref().filter(|open| open.chat_id() == chat && open.has_newer());
        if elsewhere.is_some() {
            self.load(chat, None);
        }
        Some(number)
    }

    /// The record of the message that was written first is there, or is late.
    pub fn commit(&mut self, in_time: bool) {
        if self.unwritten.is_empty() {
            return;
        }
        if self.reading.is_some() {
            self.take_up();
        }
        if !in_time {
            // It goes out without; the record comes later.
            let late = self.unwritten[0].client_id;
            self.outbox.requeue(late, false);
            return self.pump();
        }
        // What is written is the message as it was when that was asked for.
        let written = self.unwritten.remove(0);
        let client_id = written.client_id;
        self.records.insert(client_id, serde_json::to_string(&written).unwrap());
        match self.outbox.keep(client_id) {
            None => drop(self.records.remove(&client_id)),
            Some(revision) if revision != written.revision => self.note_change(client_id),
            Some(_) => {}
        }
        self.take_up();
        self.outbox.requeue(client_id, false);
        self.pump();
    }

    /// The browser begins to read what it keeps: what is asked for later is written later.
    pub fn read(&mut self) {
        self.reading.get_or_insert_with(|| self.records.values().cloned().collect());
    }

    pub fn take_up(&mut self) {
        self.outbox_is_there = true;
        self.read();
        let records = self.reading.take().unwrap();
        let records: Vec<Unsent> = records.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        for gone in self.outbox.take_up(records, &mut |_| ()) {
            self.abort(gone.client_id);
        }
        self.settle();
        self.pump();
    }

    pub fn try_again(&mut self, client_id: ClientId) {
        if self.outbox.requeue(client_id, true).is_some() {
            self.note_change(client_id);
            self.pump();
        }
    }

    /// Answers the request of the message, if one is under way: the server may still get it.
    pub fn discard(&mut self, client_id: ClientId) -> Option<Ask> {
        self.take_out(client_id)?;
        let ghost = self.abort(client_id);
        self.pump();
        ghost
    }

    pub fn resend(&mut self) {
        self.take_up();
        self.outbox.requeue_all();
        self.pump();
        self.pump_marks();
    }

    /// The reader has read a chat up to this message.
    pub fn mark_read(&mut self, chat: ChatId, ordinal: u64) {
        self.marks.want(chat, Ordinal(ordinal));
        self.pump_marks();
    }

    /// The reader does something else with a chat for themselves.
    pub fn set_mine(&mut self, chat: ChatId, deed: Deed) {
        self.ask(Ask::Mine(chat, deed), Then::Mine);
    }

    /// What the reader has read is told when the page goes away.
    pub fn last_word(&self) -> impl Iterator<Item = Ask> + use<> {
        self.marks.open().into_iter().map(|(chat, ordinal)| Ask::Mine(chat, Deed::MarkRead(ordinal.0)))
    }

    pub(super) fn pump_marks(&mut self) {
        if let Some((chat, ordinal)) = self.marks.begin_next() {
            self.ask(Ask::Mine(chat, Deed::MarkRead(ordinal.0)), Then::Marked);
        }
    }

    pub fn open(&mut self, chat: ChatId) {
        let is_open = self.timeline.as_ref().is_some_and(|open| {
            let stays = !matches!(open.phase(), Phase::Failed(_)) || open.opening() == 0;
            open.chat_id() == chat && stays && !open.has_newer()
        });
        if !is_open {
            self.load(chat, None);
        }
    }

    /// Does something with a message.
    pub fn change(&mut self, chat: ChatId, id: MessageId, change: Change) {
        self.ask(Ask::Change(chat, id, change), Then::Changed);
    }

    pub fn load_older(&mut self) {
        let open = self.timeline.as_mut().filter(|open| open.has_older() && *open.older() != Phase::Loading);
        let Some(open) = open else { return };
        let (chat, opening, passed_over) = (open.chat_id(), open.opening(), open.passed_over());
        if let Some(before) = open.first_seq() {
            open.set_older(Phase::Loading);
            self.load_more(chat, opening, false, before, passed_over);
        }
    }

    pub fn load_newer(&mut self) {
        let open = self.timeline.as_mut().filter(|open| open.has_newer() && *open.newer() != Phase::Loading);
        let Some(open) = open else { return };
        let (chat, opening, passed_over) = (open.chat_id(), open.opening(), open.passed_over());
        open.set_newer(Phase::Loading);
        let after = open.last_seq();
        self.load_more(chat, opening, true, after, passed_over);
    }

    pub(super) fn load_more(&mut self, chat: ChatId, opening: u64, newer: bool, at: Seq, passed_over: u32) {
        let ask = if newer { Ask::After(chat, at) } else { Ask::Before(chat, at) };
        self.ask(ask, Then::More { chat, opening, newer, at, passed_over });
    }

    /// How often a part of the log was passed over in what is open, if that was meant.
    pub(super) fn passed_over(&self, chat: ChatId, opening: u64) -> Option<u32> {
        let open = self.timeline.as_ref();
        let open = open.filter(|open| open.chat_id() == chat && open.opening() == opening);
        open.map(Timeline::passed_over)
    }

    pub fn ask_again(&mut self, server: &mut Server) {
        let mut effects = Effects::default();
        self.model.ask_again(&mut effects);
        self.carry_out(effects, server);
    }

    pub fn receive(&mut self, frame: ServerFrame, server: &mut Server) {
        let mut effects = Effects::default();
        self.model.apply(frame, &mut effects);
        let is_greeting = effects.heartbeat_ms.is_some();
        self.carry_out(effects, server);
        if is_greeting {
            self.resend();
        }
    }

    pub(super) fn show(&mut self, messages: Vec<MessageView>) {
        let own: Vec<_> =
            messages.iter().filter(|message| message.sender_id == ME).map(|m| m.client_id).collect();
        for message in messages {
            if let Some(open) = self.timeline.as_mut().filter(|open| open.chat_id() == message.chat_id) {
                open.arrive(Arc::new(message));
            }
        }
        self.mark_stored(&own);
    }

    pub fn load(&mut self, chat: ChatId, around: Option<Seq>) {
        let opening = self.last_opening + 1;
        self.last_opening = opening;
        self.timeline = Some(Timeline::loading(chat, opening));
        if self.model.chat(chat).is_none() {
            self.ask(Ask::Chat(chat), Then::Known { chat, opening, around });
        } else {
            self.load_part(chat, opening, around);
        }
    }

    pub(super) fn load_part(&mut self, chat: ChatId, opening: u64, around: Option<Seq>) {
        let ask = around.map_or(Ask::Newest(chat), |seq| Ask::Around(chat, seq));
        let passed_over = self.passed_over(chat, opening).unwrap_or_default();
        self.ask(ask, Then::Loaded { chat, opening, around, passed_over });
    }

    pub(super) fn append_after(
        &mut self,
        chat: ChatId,
        after: Seq,
        then: Option<Box<ChatView>>,
        effects: &mut Effects,
    ) {
        let open = self.timeline.as_ref().filter(|open| open.chat_id() == chat);
        match open.filter(|open| *open.phase() == Phase::Ready) {
            Some(open) => {
                let (opening, passed_over) = (open.opening(), open.passed_over());
                let end = open.has_newer().then(|| open.last_seq());
                self.ask(
                    Ask::After(chat, after),
                    Then::Appended { chat, opening, after, end, passed_over, then },
                );
            }
            None => self.caught_up(chat, then, effects),
        }
    }

    pub(super) fn caught_up(&mut self, chat: ChatId, view: Option<Box<ChatView>>, effects: &mut Effects) {
        if let Some(view) = view {
            self.model.caught_up(*view, effects);
            self.heal(chat);
        }
    }

    pub(super) fn heal(&mut self, chat: ChatId) {
        let known = self.model.chat(chat).map(|view| view.head_ordinal).unwrap_or_default();
        let open = self.timeline.as_ref().filter(|open| open.chat_id() == chat);
        let lacks = open
            .filter(|open| *open.phase() == Phase::Ready && !open.has_newer() && open.last_ordinal() < known);
        if let Some(after) = lacks.map(Timeline::last_seq) {
            self.append_after(chat, after, None, &mut Effects::default());
        }
    }

    pub(super) fn with_open(&mut self, chat: ChatId, opening: u64, change: impl FnOnce(&mut Timeline)) {
        let open = self.timeline.as_mut();
        if let Some(open) = open.filter(|open| open.chat_id() == chat && open.opening() == opening) {
            change(open);
        }
        self.settle();
    }

    fn settle(&mut self) {
        let shown = self.timeline.iter().flat_map(|open| open.messages());
        let own = shown.filter(|message| message.sender_id == ME).map(|message| message.client_id);
        let stored: Vec<_> = own.filter(|id| self.outbox.get(*id).is_some()).collect();
        self.mark_stored(&stored);
    }

    fn mark_stored(&mut self, ids: &[ClientId]) {
        let mut any = false;
        for id in ids {
            any |= self.take_out(*id).is_some();
        }
        if any {
            self.pump();
        }
    }

    pub(super) fn take_out(&mut self, client_id: ClientId) -> Option<Unsent> {
        let taken = self.outbox.take(client_id)?;
        self.records.remove(&client_id);
        Some(taken)
    }

    pub(super) fn note_change(&mut self, client_id: ClientId) {
        let entry = self.outbox.get(client_id).filter(|entry| entry.kept);
        if let (Some(entry), Some(record)) = (entry, self.records.get_mut(&client_id)) {
            *record = serde_json::to_string(entry).unwrap();
        }
    }

    /// Ends the request of that message. Its answer is nobody's any more.
    fn abort(&mut self, client_id: ClientId) -> Option<Ask> {
        let is_its = |request: &Request| matches!(request.then, Then::Sent(id) if id == client_id);
        let place = self.requests.iter().position(is_its)?;
        let request = self.requests.remove(place);
        request.answer.is_none().then_some(request.ask)
    }

    pub(super) fn pump(&mut self) {
        if !self.outbox_is_there {
            return;
        }
        for chat in self.outbox.chats() {
            while let Some(next) = self.outbox.start_next(chat) {
                let client_id = next.client_id;
                if next.kept && !self.records.contains_key(&client_id) {
                    self.outbox.take(client_id);
                    continue;
                }
                let number = next.body["mine ".len()..].parse().unwrap();
                let reply_to = next.reply_to.as_ref().map(|quote| quote.id);
                self.ask(Ask::Send(chat, client_id, number, reply_to), Then::Sent(client_id));
            }
        }
    }

    pub(super) fn ask(&mut self, ask: Ask, then: Then) {
        self.requests.push(Request { ask, then, answer: None });
    }
}

/// The error of a request that did not come through.
pub fn lost() -> AppResult<Answer> {
    Err(ErrorCode::Offline.into())
}

/// Whether the message waits for its writer.
pub fn is_aside(entry: &Unsent) -> bool {
    matches!(entry.delivery, Delivery::Refused(_))
}
