//! Going to one message: it is scrolled to, gets the focus and is marked for a moment.

use std::time::Duration;

use leptos::{
    ev::MouseEvent, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local, web_sys::Element,
};

use super::scroll::Place;
use crate::{
    domain::{ChatId, Seq},
    ui::{
        components::{
            focus::{focus, is_lost},
            pinned::anchor_id,
        },
        state::{
            Store,
            timeline::{Phase, Timeline},
            use_store,
        },
    },
};

/// For how long the message is marked.
const MARKED: Duration = Duration::from_millis(2_500);

/// A message that somebody wants to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    seq: Seq,
    /// In which opening of the chat it is found; not known as long as that is on its way. In another one nobody wants
    /// to go there any more.
    opening: Option<u64>,
    /// Whether the page itself was asked for it: then somebody may be doing something else already.
    is_pages: bool,
}

impl Target {
    /// Whether it is found in what is open.
    fn is_in(self, open: &Timeline) -> bool {
        self.opening == Some(open.opening()) && open.holds(self.seq)
    }
}

/// Where somebody wants to go. In the context of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Jump {
    store: Store,
    target: RwSignal<Option<Target>>,
    marked: RwSignal<Option<Seq>>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Jump {
    /// To the message that the page was asked for, if it was one.
    pub(super) fn new(asked_for: Option<Seq>) -> Self {
        let (target, marked) = (RwSignal::new(None), RwSignal::new(asked_for));
        Self { store: use_store(), target, marked, timer: StoredValue::new(None) }
    }

    /// Which message is marked.
    pub(super) fn marked(self) -> RwSignal<Option<Seq>> {
        self.marked
    }

    /// Goes to the message that the page was asked for. Whoever writes already, or is anywhere else, keeps the focus.
    pub(super) fn open_at(self, chat_id: ChatId, seq: Seq) {
        self.go(chat_id, Target { seq, opening: None, is_pages: true });
    }

    /// Goes to a message. What is around it is loaded if it is not here; what is shown stays until then, and also if
    /// that cannot be had.
    pub(super) fn to(self, chat_id: ChatId, seq: Seq) {
        self.go(chat_id, Target { seq, opening: None, is_pages: false });
    }

    fn go(self, chat_id: ChatId, target: Target) {
        let seq = target.seq;
        let is_elsewhere = self.store.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.is_some_and(|open| *open.phase() == Phase::Ready && !open.holds(seq))
        });
        if !is_elsewhere {
            self.store.open(chat_id, false, Some(seq));
            return self.aim(target);
        }
        self.target.set(Some(target));
        // Another place may be wanted meanwhile, or the page may have been left.
        let is_wanted = move || self.target.try_get_untracked() == Some(Some(target));
        spawn_local(async move {
            let shown = self.store.show_around(chat_id, seq, is_wanted).await;
            if !is_wanted() {
                return;
            }
            match shown {
                Ok(opening) => self.target.set(opening.is_some().then_some(Target { opening, ..target })),
                Err(error) => {
                    self.target.set(None);
                    self.store.fail(&error);
                }
            }
        });
    }

    /// Loads what the page was asked for once more: what is around a message, or the newest.
    pub(super) fn load_again(self, chat_id: ChatId, asked_for: Option<Seq>) {
        self.store.load(chat_id, asked_for);
        match asked_for {
            Some(seq) => self.aim(Target { seq, opening: None, is_pages: true }),
            None => self.stay(),
        }
    }

    /// Nobody wants to go to a message any more.
    pub(super) fn stay(self) {
        self.target.set(None);
    }

    /// The message is found in what is open now, or on its way.
    fn aim(self, target: Target) {
        let opening = self.store.timeline.with_untracked(|open| open.as_ref().map(Timeline::opening));
        self.target.set(Some(Target { opening, ..target }));
    }

    /// Goes where a link leads, unless the reader wants that in a window of its own.
    pub(super) fn follow(self, event: &MouseEvent, chat_id: ChatId, seq: Seq) {
        if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
            event.prevent_default();
            self.to(chat_id, seq);
        }
    }

    /// Where somebody wants to go, once that is loaded.
    pub(super) fn wanted(self, chat_id: ChatId) -> Option<Seq> {
        let target = self.target.get()?;
        let here = self.store.timeline.with(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.is_some_and(|open| target.is_in(open))
        });
        here.then_some(target.seq)
    }

    /// Goes there. To be called when the list has been drawn.
    pub(super) fn arrive(self, seq: Seq, place: Place) {
        // The page may have been left meanwhile, or another place be wanted.
        let Some(Some(target)) =
            self.target.try_get_untracked().map(|target| target.filter(|target| target.seq == seq))
        else {
            return;
        };
        self.stay();
        let article =
            document().get_element_by_id(&anchor_id(seq)).and_then(|at| at.closest("article").ok()?);
        let Some(article) = article else {
            // There is a place for it, and no message: it was another event, or none yet.
            return place.seen();
        };
        if !target.is_pages || is_lost() {
            focus(&article);
        }
        center(&article);
        place.seen();
        self.marked.set(Some(seq));
        if let Some(Some(timer)) = self.timer.try_get_value() {
            timer.clear();
        }
        let unmark = move || {
            let _left = self.marked.try_set(None);
        };
        self.timer.set_value(set_timeout_with_handle(unmark, MARKED).ok());
    }
}

/// Shows an element in the middle of what scrolls, at once: the way there says nothing.
#[cfg(feature = "hydrate")]
fn center(element: &Element) {
    use web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};

    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Center);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
fn center(_element: &Element) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::HistoryPage;

    #[test]
    fn a_place_is_wanted_only_in_what_was_opened_for_it() {
        let chat_id = ChatId::default();
        let mut open = Timeline::ready(chat_id, HistoryPage::default());
        let target = |opening| Target { seq: Seq(7), opening, is_pages: false };
        assert!(target(Some(0)).is_in(&open));
        assert!(!target(None).is_in(&open), "it is on its way");
        open.replace(HistoryPage::default());
        assert!(!target(Some(0)).is_in(&open), "the end was loaded meanwhile");
        assert!(!target(Some(2)).is_in(&Timeline::loading(chat_id, 2)));
    }
}
