//! Where the reader is in the list of messages, kept when the list changes.
//!
//! The box runs from its end (`column-reverse`): its scroll position is 0 at the newest message and
//! negative above. So the server-rendered page shows the newest messages before any script runs, a
//! reader at the end stays there, and older messages come in above without moving what is seen. Only a
//! message that arrives while the reader is further up has to be made up for; browsers differ in that,
//! so it is done here and the browsers' own anchoring is off.

use leptos::{html::Div, prelude::*, web_sys::Element};

use crate::domain::Ordinal;

/// How near to the end still counts as there, in CSS pixels.
const AT_END: i32 = 8;
/// How near to the start older messages are fetched, and newer ones near the end, in CSS pixels.
const NEAR_EDGE: i32 = 500;

/// The reader's place.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The box that scrolls.
    pub scroller: NodeRef<Div>,
    /// What holds the messages.
    pub feed: NodeRef<Div>,
    /// Whether the reader is at the newest message.
    pub at_end: RwSignal<bool>,
    /// Whether there are newer messages than the last one that is loaded: its end is not the end then.
    pub has_newer: StoredValue<bool>,
    /// The first message that is seen, by its element's id, and how far below the top it stands.
    anchor: StoredValue<Option<(String, f64)>>,
}

impl Place {
    /// At the end, as a page begins.
    pub(super) fn new() -> Self {
        Self {
            scroller: NodeRef::new(),
            feed: NodeRef::new(),
            at_end: RwSignal::new(true),
            has_newer: StoredValue::new(false),
            anchor: StoredValue::new(None),
        }
    }

    /// Takes note of where the reader is: whether they are near the start of what is loaded, and near its end.
    pub(super) fn note(&self) -> (bool, bool) {
        let (Some(scroller), Some(feed)) = (self.scroller.get_untracked(), self.feed.get_untracked()) else {
            return (false, false);
        };
        let from_end = -scroller.scroll_top();
        let at_end = from_end <= AT_END && !self.has_newer.get_value();
        if self.at_end.get_untracked() != at_end {
            self.at_end.set(at_end);
        }
        self.anchor.set_value(if at_end { None } else { first_seen(&scroller, &feed) });
        let from_start = scroller.scroll_height() - scroller.client_height() - from_end;
        (from_start < NEAR_EDGE, from_end < NEAR_EDGE)
    }

    /// Takes note of where the reader was led.
    pub(super) fn seen(&self) {
        self.note();
    }

    /// Puts what the reader saw back to where it was, after the list has changed. To be called between
    /// the change and the next painting.
    pub(super) fn keep(&self) {
        // The page may have been left meanwhile.
        let Some(Some(scroller)) = self.scroller.try_get_untracked() else { return };
        let Some(Some((id, before))) = self.anchor.try_get_value() else { return };
        if let Some(element) = document().get_element_by_id(&id) {
            let moved = edges(&element).0 - before;
            if moved.abs() >= 0.5 {
                scroller.scroll_by_with_x_and_y(0.0, moved);
            }
        }
    }

    /// The last message of which enough has been on the screen, by its ordinal: its end, or, of a long one, its
    /// beginning above the middle.
    pub(super) fn last_seen(&self) -> Option<Ordinal> {
        let (Some(Some(scroller)), Some(Some(feed))) =
            (self.scroller.try_get_untracked(), self.feed.try_get_untracked())
        else {
            return None;
        };
        let (top, bottom) = edges(&scroller);
        let rows = feed.children();
        let (mut low, mut high) = (0, rows.length());
        while low < high {
            let middle = low.midpoint(high);
            let is_seen = rows.item(middle).is_some_and(|row| {
                let (begins, ends) = edges(&row);
                ends <= bottom + f64::from(AT_END) || begins <= (top + bottom) / 2.0
            });
            if is_seen { low = middle + 1 } else { high = middle }
        }
        let ordinal = |index| rows.item(index)?.get_attribute("data-ordinal")?.parse().ok().map(Ordinal);
        (0..low).rev().find_map(ordinal)
    }

    /// Shows the newest message.
    pub(super) fn go_to_end(self) {
        if let Some(Some(scroller)) = self.scroller.try_get_untracked() {
            scroller.set_scroll_top(0);
            self.note();
        }
    }
}

/// The first message whose end is below the top of the box. Messages stand one below the other, so it is found by halving;
/// what stands between them does not take part, for a day stays at the top.
fn first_seen(scroller: &Element, feed: &Element) -> Option<(String, f64)> {
    let top = edges(scroller).0;
    let rows = feed.get_elements_by_tag_name("article");
    let (mut low, mut high) = (0, rows.length());
    while low < high {
        let middle = low.midpoint(high);
        if rows.item(middle).is_some_and(|row| edges(&row).1 <= top) {
            low = middle + 1
        } else {
            high = middle
        }
    }
    // What begins a day has no name of its own.
    (low..rows.length())
        .filter_map(|index| rows.item(index))
        .find(|row| !row.id().is_empty())
        .map(|row| (row.id(), edges(&row).0))
}

/// Where an element begins and ends, from the top of the window.
#[cfg(feature = "hydrate")]
fn edges(element: &Element) -> (f64, f64) {
    let area = element.get_bounding_client_rect();
    (area.top(), area.bottom())
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
fn edges(_element: &Element) -> (f64, f64) {
    (0.0, 0.0)
}
