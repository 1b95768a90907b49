//! What is being written to one chat on this device, held against what was saved on all of them: pure.
//!
//! The server keeps the last save. A text that was written here is given up only for one that was made of it; one that
//! came from another device is given up for whatever is saved later. Nothing is taken from under the fingers: as long as
//! what stands here is not saved, it stays.

use serde::{Deserialize, Serialize};

use crate::{domain::ClientId, protocol::DraftView};

/// Texts of which it is remembered that they were to be saved. Older ones have been answered or given up long ago.
const MAX_TRIED: usize = 32;

/// What the text that stands here is, or was made of: the draft that was last saved here or taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its id; `None` if it was empty.
    pub id: Option<ClientId>,
    /// Its revision; 0 if there was none yet.
    pub revision: u64,
    /// Whether it was written here.
    pub typed: bool,
}

/// What is to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Save {
    /// Under this id: that of the text, or a new one if there is none.
    pub id: ClientId,
    /// As made of the draft with this revision.
    pub base: u64,
}

/// What has to be done after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// What was saved elsewhere takes the place of what stands here.
    pub takes: bool,
    /// Something else is to be saved by now.
    pub again: bool,
}

/// A save that is under way: what stood there, and what it was made of.
type Begun = (Option<ClientId>, Base);

/// How what stands here and what is saved are to each other. What stands here is told apart by its id, `None` for
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Syncing {
    base: Base,
    /// The latest draft that was told.
    known: Option<DraftView>,
    /// What this page has tried to save, as an answer may have been lost.
    tried: Vec<ClientId>,
    begun: Option<Begun>,
}

impl Syncing {
    /// As an earlier page has left it.
    pub fn new(base: Base) -> Self {
        Self { base, ..Self::default() }
    }

    /// What the text that stands here is, or was made of.
    pub fn base(&self) -> Base {
        self.base
    }

    /// The latest draft that was told.
    pub fn known(&self) -> Option<&DraftView> {
        self.known.as_ref()
    }

    /// Whether what stands here is to be saved.
    pub fn is_open(&self, here: Option<ClientId>) -> bool {
        here != self.base.id
    }

    /// Takes in a draft that was told. True if it takes the place of what stands here: [`Self::known`] says it.
    pub fn hear(&mut self, told: DraftView, here: Option<ClientId>) -> bool {
        let is_news = self.known.as_ref().is_none_or(|known| told.is_later_than(known));
        if is_news {
            self.known = Some(told);
        }
        is_news && self.settle(here)
    }

    /// A message with this id is on its way or stored. True if it is what stands here: that goes.
    pub fn sent(&mut self, id: ClientId, here: Option<ClientId>) -> bool {
        let mut is_news = false;
        if let Some(known) = self.known.as_mut().filter(|known| known.id == id && !known.is_empty()) {
            known.take_away();
            is_news = true;
        }
        if here == Some(id) {
            self.base =
                Base { id: None, revision: self.base.revision.max(self.known_revision()), typed: false };
            return true;
        }
        is_news && self.settle(here)
    }

    /// Looks once more at what is known, after what stood here was taken away. True if that takes its place.
    pub fn look(&mut self, here: Option<ClientId>) -> bool {
        self.begun.is_none() && !self.is_open(here) && self.settle(here)
    }

    /// Begins to save what stands here, unless that is saved, or a save is under way. Where nothing stands here, the
    /// save has the id `new`.
    pub fn begin(&mut self, here: Option<ClientId>, new: ClientId) -> Option<Save> {
        if self.begun.is_some() || !self.is_open(here) {
            return None;
        }
        self.begun = Some((here, self.base));
        Some(self.last_word(here, new))
    }

    /// What is to be saved without waiting for an answer, as the page goes away.
    pub fn last_word(&mut self, here: Option<ClientId>, new: ClientId) -> Save {
        let id = here.unwrap_or(new);
        if !self.tried.contains(&id) {
            self.tried.push(id);
            let surplus = self.tried.len().saturating_sub(MAX_TRIED);
            self.tried.drain(..surplus);
        }
        Save { id, base: self.base.revision }
    }

    /// What was saved is answered by what is kept now.
    pub fn answered(&mut self, told: DraftView, here: Option<ClientId>) -> After {
        let begun = self.begun.take();
        if self.known.as_ref().is_none_or(|known| told.is_later_than(known)) {
            self.known = Some(told);
        }
        let takes = self.settle(here);
        // The same once more would be answered the same.
        let again = !takes && self.is_open(here) && begun != Some((here, self.base));
        After { takes, again }
    }

    /// A save was not answered: it is tried again with the next change, or once there is a connection. True if something
    /// else stands here by now.
    pub fn failed(&mut self, here: Option<ClientId>) -> bool {
        self.begun.take().is_some_and(|(before, _)| before != here)
    }

    fn known_revision(&self) -> u64 {
        self.known.as_ref().map_or(0, |known| known.revision)
    }

    /// Compares what stands here with what is known. True if that takes its place.
    fn settle(&mut self, here: Option<ClientId>) -> bool {
        let Some(known) = &self.known else { return false };
        let (id, revision) = (known.id, known.revision);
        // What was written here is in a text that was made of it.
        let is_made_of_it = known.since <= self.base.revision;
        let gives_way = !self.is_open(here) && (!self.base.typed || is_made_of_it);
        if known.is_empty() {
            let goes = here.is_some() && (here == Some(id) || gives_way);
            // What stays is saved again, since nothing of it is kept.
            self.base = Base { id: None, revision, typed: false };
            return goes;
        }
        if here == Some(id) {
            // It was written here, unless it was taken over as it is.
            let typed = self.base.id != here || self.base.typed;
            self.base = Base { id: here, revision, typed };
            return false;
        }
        let is_another_s = here.is_some() && !self.is_open(here) && !self.base.typed;
        let is_earlier = self.tried.contains(&id) && !is_another_s;
        if is_earlier || here.is_none() && self.base.id == Some(id) {
            // An earlier text of this page: what stands here came after it. What was taken over as it is did not:
            // two devices that have taken over each other's text would save what they show in turn for ever.
            self.base = Base { id: Some(id), revision, typed: true };
            return false;
        }
        let takes = here.is_none() || gives_way;
        if takes {
            self.base = Base { id: Some(id), revision, typed: false };
        }
        takes
    }
}
