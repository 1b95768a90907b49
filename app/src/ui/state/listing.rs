//! What the list of messages shows: those that are stored, and behind them those on their way. A message
//! has one key from the moment it is written, so that its element stays what it is when the message
//! becomes a stored one, when a try to send it fails and when older messages come in above it.

use std::{collections::HashMap, sync::Arc};

use super::{
    happening::Happening,
    outbox::{Progress, Unsent},
    timeline::Row,
};
use crate::{
    domain::{ClientId, MessageId, Timestamp, UserId},
    protocol::{MessageView, QuoteView},
    ui::files::{chosen::ChosenFile, shown::ShownFile, words::DELETED},
};

/// Which message, and nothing else about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKey {
    /// One of the reader's own, sent or not.
    Own(ClientId),
    /// Somebody else's.
    Other(MessageId),
}

/// One message as the list shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// It is stored.
    Stored(Row),
    /// It is not known to be stored.
    Unsent {
        /// The same for every try.
        client_id: ClientId,
        /// Its text.
        body: Arc<str>,
        /// The message that it answers.
        reply_to: Option<QuoteView>,
        /// Its files.
        files: Vec<Arc<ChosenFile>>,
        /// When it was written.
        written_at: Timestamp,
        /// How it stands.
        progress: Progress,
        /// At which offset from UTC its time is shown.
        offset: i32,
    },
}

/// The whole list, in order, with each message to be found by its key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    entries: Vec<(RowKey, Entry)>,
    places: HashMap<RowKey, usize>,
}

impl Listing {
    /// The list that this person reads. Of what is on its way, what is stored already is left out.
    pub fn new<'a>(
        me: Option<UserId>,
        rows: Vec<Row>,
        unsent: impl Iterator<Item = (&'a Unsent, Progress)>,
        offset: i32,
    ) -> Self {
        let mut this = Self::default();
        for row in rows {
            let own = Some(row.message.sender_id) == me;
            let key = if own { RowKey::Own(row.message.client_id) } else { RowKey::Other(row.message.id) };
            this.push(key, Entry::Stored(row));
        }
        for (unsent, progress) in unsent {
            let Unsent { client_id, written_at, .. } = *unsent;
            let (body, files) = (unsent.body.as_str().into(), unsent.files.clone());
            let reply_to = unsent.reply_to.as_deref().map(|quote| this.current(quote));
            this.push(
                RowKey::Own(client_id),
                Entry::Unsent { client_id, body, reply_to, files, written_at, progress, offset },
            );
        }
        this
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Which messages, in order.
    pub fn keys(&self) -> Vec<RowKey> {
        self.entries.iter().map(|(key, _)| *key).collect()
    }

    /// The message of that key.
    pub fn get(&self, key: RowKey) -> Option<&Entry> {
        self.places.get(&key).and_then(|place| self.entries.get(*place)).map(|(_, entry)| entry)
    }

    /// The last of the reader's own messages that is stored and has something left of it.
    pub fn last_own(&self) -> Option<RowKey> {
        let own =
            |(key, entry): &&(RowKey, Entry)| matches!(key, RowKey::Own(_)) && entry.present().is_some();
        self.entries.iter().rev().find(own).map(|(key, _)| *key)
    }

    /// The one message that the Tab key stops at: the one that had the focus last, as long as it is here,
    /// else the newest.
    pub fn tab_stop(&self, had_focus: Option<RowKey>) -> Option<RowKey> {
        had_focus
            .filter(|key| self.places.contains_key(key))
            .or_else(|| self.entries.last().map(|(key, _)| *key))
    }

    /// The quote as the message is now, if that is here.
    fn current(&self, quote: &QuoteView) -> QuoteView {
        let now = self.entries.iter().find_map(|(_, entry)| entry.stored().filter(|now| now.id == quote.id));
        now.map_or_else(|| quote.clone(), |now| QuoteView::of(now))
    }

    fn push(&mut self, key: RowKey, entry: Entry) {
        // The same key twice would confuse whoever draws the list.
        if !self.places.contains_key(&key) {
            self.places.insert(key, self.entries.len());
            self.entries.push((key, entry));
        }
    }
}

impl Entry {
    /// Its text, or that it was deleted.
    pub fn body(&self) -> &str {
        match self {
            Self::Stored(_) if self.is_deleted() => DELETED,
            Self::Stored(row) => &row.message.body,
            Self::Unsent { body, .. } => body,
        }
    }

    /// Its files. `before` is what was shown of the same message last.
    pub fn files(&self, before: &[ShownFile]) -> Vec<ShownFile> {
        match self {
            Self::Stored(row) => ShownFile::stored(&row.message, before),
            Self::Unsent { files, .. } => ShownFile::unsent(files),
        }
    }

    /// Whether it was deleted.
    pub fn is_deleted(&self) -> bool {
        matches!(self, Self::Stored(row) if row.message.deleted_at.is_some())
    }

    /// The message, if it is stored.
    pub fn stored(&self) -> Option<&Arc<MessageView>> {
        match self {
            Self::Stored(row) => Some(&row.message),
            Self::Unsent { .. } => None,
        }
    }

    /// The message, if it is stored and there is something left of it.
    pub fn present(&self) -> Option<&Arc<MessageView>> {
        self.stored().filter(|message| message.deleted_at.is_none())
    }

    /// When its text was last changed.
    pub fn edited_at(&self) -> Option<Timestamp> {
        self.stored()?.edited_at
    }

    /// Whether it is pinned.
    pub fn is_pinned(&self) -> bool {
        self.stored().is_some_and(|message| message.pinned_at.is_some())
    }

    /// What it answers.
    pub fn quote(&self) -> Option<&QuoteView> {
        match self {
            Self::Stored(row) => row.message.reply_to.as_ref(),
            Self::Unsent { reply_to, .. } => reply_to.as_ref(),
        }
    }

    /// When it was stored, or written if it is not.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Stored(row) => row.message.created_at,
            Self::Unsent { written_at, .. } => *written_at,
        }
    }

    /// At which offset from UTC its time is shown.
    pub fn offset(&self) -> i32 {
        match self {
            Self::Stored(row) => row.offset,
            Self::Unsent { offset, .. } => *offset,
        }
    }

    /// The reader's day that begins with it.
    pub fn new_day(&self) -> Option<i64> {
        match self {
            Self::Stored(row) => row.new_day,
            Self::Unsent { .. } => None,
        }
    }

    /// What happened to the chat right before it.
    pub fn before(&self) -> &[Happening] {
        match self {
            Self::Stored(row) => &row.before,
            Self::Unsent { .. } => &[],
        }
    }

    /// Whether it is the first of its author's that stand together.
    pub fn starts_group(&self) -> bool {
        match self {
            Self::Stored(row) => row.starts_group,
            Self::Unsent { .. } => true,
        }
    }

    /// How it stands, unless it is stored.
    pub fn progress(&self) -> Option<Progress> {
        match self {
            Self::Stored(_) => None,
            Self::Unsent { progress, .. } => Some(*progress),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        error::ErrorCode,
        protocol::HistoryPage,
        ui::state::{
            outbox::Outbox,
            testing::{ADA, BEN, CHAT, message},
            timeline::Timeline,
        },
    };

    fn page(numbers: impl IntoIterator<Item = u64>, has_older: bool) -> HistoryPage {
        let messages = numbers.into_iter().map(|number| message(number, BEN, "hi")).collect();
        HistoryPage { messages, events: Vec::new(), has_older, has_newer: false }
    }

    fn listing(timeline: &Timeline, outbox: &Outbox) -> Listing {
        Listing::new(Some(ADA), timeline.rows(0), outbox.standing(CHAT), 0)
    }

    #[test]
    fn a_message_keeps_its_key_when_older_ones_come_in_above_it() {
        let (mut timeline, outbox) = (Timeline::ready(CHAT, page(10..=12, true)), Outbox::default());
        let before = listing(&timeline, &outbox);
        timeline.prepend(page(8..=9, false));
        let after = listing(&timeline, &outbox);
        assert_eq!(after.keys()[2..], before.keys()[..]);
        let first = before.keys()[0];
        assert_eq!(before.get(first).unwrap().new_day(), Some(0));
        assert_eq!(after.get(first).unwrap().new_day(), None, "it no longer begins the day");
    }

    #[test]
    fn an_own_message_keeps_its_key_from_writing_to_being_stored() {
        let (mut timeline, mut outbox) = (Timeline::ready(CHAT, page(1..=2, false)), Outbox::default());
        let stored = message(3, ADA, "mine");
        outbox.push(CHAT, stored.client_id, "mine".into(), Vec::new(), Timestamp::default()).unwrap();
        let written = listing(&timeline, &outbox);
        outbox.start_next(CHAT);
        outbox.failed(stored.client_id, &ErrorCode::Offline.into(), 0.0);
        let failed = listing(&timeline, &outbox);
        timeline.arrive(Arc::new(stored));
        // For a moment it is in both.
        let both = listing(&timeline, &outbox);
        let own = written.keys()[2];
        for listing in [&written, &failed, &both] {
            assert_eq!(listing.keys(), written.keys());
        }
        assert_eq!(written.get(own).unwrap().progress(), Some(Progress::Sending));
        assert_eq!(failed.get(own).unwrap().progress(), Some(Progress::Waiting));
        assert_eq!(both.get(own).unwrap().progress(), None);
    }

    #[test]
    fn a_retry_by_itself_changes_nothing_that_is_shown() {
        let (timeline, mut outbox) = (Timeline::ready(CHAT, page([], false)), Outbox::default());
        let id = ClientId::from_bytes([1; 16]);
        outbox.push(CHAT, id, "mine".into(), Vec::new(), Timestamp::default()).unwrap();
        outbox.start_next(CHAT);
        outbox.failed(id, &ErrorCode::Offline.into(), 0.0);
        let failed = listing(&timeline, &outbox);
        outbox.requeue(id, false);
        assert_eq!(listing(&timeline, &outbox), failed);
        outbox.start_next(CHAT);
        assert_eq!(listing(&timeline, &outbox), failed);
        outbox.failed(id, &ErrorCode::Offline.into(), 0.0);
        assert_eq!(listing(&timeline, &outbox), failed);
    }

    #[test]
    fn the_tab_key_stops_at_exactly_one_message() {
        let (mut timeline, outbox) = (Timeline::ready(CHAT, page(10..=12, true)), Outbox::default());
        let list = listing(&timeline, &outbox);
        let keys = list.keys();
        assert_eq!(list.tab_stop(None), Some(keys[2]));
        assert_eq!(list.tab_stop(Some(keys[0])), Some(keys[0]));
        assert_eq!(Listing::default().tab_stop(Some(keys[0])), None);
        // One that is not here any more is none.
        timeline = Timeline::ready(CHAT, page(20..=21, true));
        let list = listing(&timeline, &outbox);
        assert_eq!(list.tab_stop(Some(keys[0])), Some(list.keys()[1]));
    }
}
