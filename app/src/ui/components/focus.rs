//! Keeps the keyboard focus in a list whose rows move and go away.
//!
//! A browser lets go of the focus when the element that has it is taken out of the page, even if it is put
//! back in the same moment. So the row that has the focus is noted by its id, and when the list has changed
//! and nothing has the focus any more, it goes to that row again, or else to the one in its place.

use leptos::{
    ev::FocusEvent,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlElement},
};

/// What in a row takes the focus, besides the row itself. What the Tab key passes by is nothing that it should be
/// given to unasked.
const CONTROLS: &str = "button:not([tabindex='-1']), a[href]:not([tabindex='-1']), \
                        input:not([type='hidden']), textarea";

/// Where the focus was last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Noted {
    /// The id of the row; empty for whichever is at that place.
    row: String,
    /// The place of the row among the rows.
    place: usize,
    /// Which of the row's controls, if it was not the row itself.
    control: Option<usize>,
}

/// Whether the focus goes from one place in an element to another one in it: the element that hears of it.
pub fn is_within(event: &FocusEvent) -> bool {
    let here = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
    let to = event.related_target().and_then(|target| target.dyn_into::<Element>().ok());
    here.zip(to).is_some_and(|(here, to)| here.contains(Some(&to)))
}

/// Whether the focus has left the whole page, for another window: it comes back to where it was.
pub fn is_windows(event: &FocusEvent) -> bool {
    event.related_target().is_none() && !document().has_focus().unwrap_or(true)
}

/// Where an element is in the window, in CSS pixels: its left, top, right and bottom edge.
#[cfg(feature = "hydrate")]
pub fn edges(element: &Element) -> (f64, f64, f64, f64) {
    let area = element.get_bounding_client_rect();
    (area.left(), area.top(), area.right(), area.bottom())
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
pub fn edges(_element: &Element) -> (f64, f64, f64, f64) {
    Default::default()
}

/// The focus in one list. Its rows are the children of an element that have an id.
#[derive(Clone, Copy)]
pub struct FocusKeeper {
    list: &'static str,
    heading: &'static str,
    noted: StoredValue<Option<Noted>>,
}

impl FocusKeeper {
    /// For the list with the id `list`. The element with the id `heading`, which takes the focus by
    /// `tabindex="-1"`, gets it when there is nothing left in the list that could.
    pub fn new(list: &'static str, heading: &'static str) -> Self {
        let this = Self { list, heading, noted: StoredValue::new(None) };
        Effect::new(move |_| {
            // Who presses beside everything wants the focus nowhere.
            let pressed = window_event_listener(leptos::ev::pointerdown, move |_| this.noted.set_value(None));
            on_cleanup(move || pressed.remove());
        });
        this
    }

    /// Takes note of where the focus has gone within the list.
    pub fn note(&self, event: &FocusEvent) {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(target) = target else { return };
        let rows = self.rows();
        let Some(place) = rows.iter().position(|row| row.contains(Some(&target))) else { return };
        let control = controls(&rows[place]).iter().position(|control| *control == target);
        self.noted.set_value(Some(Noted { row: rows[place].id(), place, control }));
    }

    /// Takes note that the focus leaves for something else on the page. One that is lost goes nowhere.
    pub fn leave(&self, event: &FocusEvent) {
        if event.related_target().is_some() {
            self.noted.set_value(None);
        }
    }

    /// Gives the focus back, if it was lost from the list. To be called when the list has been drawn.
    pub fn restore(&self) {
        // The page may have been left meanwhile.
        let Some(Some(noted)) = self.noted.try_get_value() else { return };
        if !is_lost() {
            if noted.row.is_empty() {
                self.noted.set_value(None);
            }
            return;
        }
        let rows = self.rows();
        let ids: Vec<_> = rows.iter().map(Element::id).collect();
        let row = successor(&ids, &noted).map(|place| &rows[place]);
        let control = row
            .filter(|row| row.id() == noted.row)
            .zip(noted.control)
            .and_then(|(row, control)| controls(row).into_iter().nth(control));
        let heading = || document().get_element_by_id(self.heading);
        if let Some(element) = control.or_else(|| row.and_then(entrance)).or_else(heading) {
            focus(&element);
        }
    }

    /// Leads to the row at this place, if what is drawn next takes away what has the focus.
    pub fn lead_to(self, place: usize) {
        self.noted.set_value(Some(Noted { row: String::new(), place, control: None }));
        self.restore_soon();
    }

    /// Gives the focus back once everything that has just changed has been drawn.
    pub fn restore_soon(self) {
        request_animation_frame(move || self.restore());
    }

    fn rows(&self) -> Vec<Element> {
        let Some(list) = document().get_element_by_id(self.list) else { return Vec::new() };
        let children = list.children();
        (0..children.length())
            .filter_map(|index| children.item(index))
            .filter(|row| !row.id().is_empty())
            .collect()
    }
}

/// The place of the row that gets the focus: the one that had it, else the one that has come into its
/// place, else the last one.
fn successor(rows: &[String], noted: &Noted) -> Option<usize> {
    let last = rows.len().checked_sub(1)?;
    Some(rows.iter().position(|row| *row == noted.row).unwrap_or(noted.place.min(last)))
}

/// What takes the focus in a row: itself, if it can, else its first control.
fn entrance(row: &Element) -> Option<Element> {
    if row.has_attribute("tabindex") { Some(row.clone()) } else { controls(row).into_iter().next() }
}

fn controls(row: &Element) -> Vec<Element> {
    let within = row.get_elements_by_tag_name("*");
    let within = (0..within.length()).filter_map(|index| within.item(index));
    within.filter(|element| element.matches(CONTROLS).unwrap_or(false)).collect()
}

/// Whether nothing on the page has the focus.
pub fn is_lost() -> bool {
    document().active_element().is_none_or(|active| active.tag_name() == "BODY")
}

/// Moves the focus. Nothing is lost if the browser refuses: the focus stays.
pub fn focus(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let _ = element.focus();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(row: &str, place: usize) -> Noted {
        Noted { row: row.to_owned(), place, control: Some(0) }
    }

    fn rows(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn the_focus_stays_in_its_row_wherever_that_has_gone() {
        assert_eq!(successor(&rows(&["x", "y", "a", "b"]), &noted("a", 0)), Some(2));
    }

    #[test]
    fn the_focus_of_a_row_that_is_gone_goes_to_the_next_one() {
        assert_eq!(successor(&rows(&["a", "c"]), &noted("b", 1)), Some(1));
        assert_eq!(successor(&rows(&["a", "b"]), &noted("c", 2)), Some(1));
        assert_eq!(successor(&rows(&[]), &noted("a", 0)), None);
    }
}
