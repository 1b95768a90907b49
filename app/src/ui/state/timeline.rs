//! The messages of the open chat: a pure list, ordered by `seq`, that pages, answers and events are
//! merged into in whatever order they come.

use std::sync::Arc;

use crate::{
    domain::{ChatId, MessageId, Ordinal, Seq, Timestamp, UserId},
    error::AppError,
    protocol::{HistoryPage, MessageView},
    ui::time_format::day_number,
};

/// Messages of one author within this time stand together.
const GROUP_MILLIS: i64 = 5 * 60 * 1000;

/// Deleted messages of other parts of the history that are remembered; the server has forgotten older ones' texts
/// long before a page could bring them.
const MAX_DELETED: usize = 500;

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
    messages: Vec<Arc<MessageView>>,
    has_older: bool,
    has_newer: bool,
    /// Deleted messages that are not here: a page that was read before may still bring them.
    deleted: Vec<(MessageId, Timestamp)>,
}

/// One message as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
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
            messages: Vec::new(),
            has_older: false,
            has_newer: false,
            deleted: Vec::new(),
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
        self.phase = Phase::Ready;
        self.has_older = page.has_older;
        self.has_newer = page.has_newer;
        for message in page.messages {
            self.place(Arc::new(message));
        }
        for message in arrived {
            self.arrive(message);
        }
    }

    /// The page could not be loaded.
    pub fn fail(&mut self, error: AppError) {
        self.phase = Phase::Failed(error);
    }

    /// Says where loading older messages stands.
    pub fn set_older(&mut self, older: Phase) {
        self.older = older;
    }

    /// A page that was asked for before the first message.
    pub fn prepend(&mut self, page: HistoryPage) {
        self.older = Phase::Ready;
        self.has_older = page.has_older;
        for message in page.messages {
            self.place(Arc::new(message));
        }
    }

    /// A page that was asked for after the last message, or after one before that.
    pub fn append(&mut self, page: HistoryPage) {
        self.has_newer &= page.has_newer;
        for message in page.messages {
            self.place(Arc::new(message));
        }
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

    /// A message was deleted. True if that changes what is here; one that is not is remembered, should it
    /// still come.
    pub fn delete(&mut self, id: MessageId, at: Timestamp) -> bool {
        let Some(message) = self.messages.iter_mut().rev().find(|message| message.id == id) else {
            if self.deleted.iter().all(|(deleted, _)| *deleted != id) {
                let surplus = (self.deleted.len() + 1).saturating_sub(MAX_DELETED);
                self.deleted.drain(..surplus);
                self.deleted.push((id, at));
            }
            return false;
        };
        let is_news = message.deleted_at.is_none();
        if is_news {
            Arc::make_mut(message).delete(at);
        }
        is_news
    }

    /// The messages as they are shown at this offset from UTC.
    pub fn rows(&self, offset: i32) -> Vec<Row> {
        let mut previous: Option<(UserId, Timestamp, i64)> = None;
        self.messages
            .iter()
            .map(|message| {
                let (author, at) = (message.sender_id, message.created_at);
                let day = day_number(at, offset);
                let new_day = previous.is_none_or(|(_, _, before)| before != day);
                let together = previous.is_some_and(|(before, when, _)| {
                    before == author && at.as_millis() - when.as_millis() <= GROUP_MILLIS
                });
                previous = Some((author, at, day));
                Row {
                    message: message.clone(),
                    new_day: new_day.then_some(day),
                    starts_group: new_day || !together,
                    offset,
                }
            })
            .collect()
    }

    /// Puts a message where it belongs, once. Of one that is here already nothing can be news but that it was
    /// deleted.
    fn place(&mut self, mut message: Arc<MessageView>) -> bool {
        if message.deleted_at.is_none()
            && let Some((_, at)) = self.deleted.iter().find(|(id, _)| *id == message.id)
        {
            Arc::make_mut(&mut message).delete(*at);
        }
        if self.messages.last().is_none_or(|last| last.seq < message.seq) {
            self.messages.push(message);
            return true;
        }
        match self.messages.binary_search_by_key(&message.seq, |present| present.seq) {
            Ok(place) => {
                if message.deleted_at.is_some() && self.messages[place].deleted_at.is_none() {
                    self.messages[place] = message;
                }
                false
            }
            Err(place) => {
                self.messages.insert(place, message);
                true
            }
        }
    }
}
