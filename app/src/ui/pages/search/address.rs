//! The address of the page says what is asked, and asks for what it says.

use std::collections::VecDeque;

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
    params::ParamsMap,
};

use super::query::MessageSearch;
use crate::{domain::ChatId, ui::state::finding::search_address};

/// Addresses that may be on their way at once.
const MOST: usize = 32;

/// What an address asks for, and in which chat alone.
pub(super) fn asked(address: &ParamsMap) -> (String, Option<ChatId>) {
    let query = address.get("q").unwrap_or_default();
    (query, address.get("chat").and_then(|chat| chat.parse().ok()))
}

/// Keeps the address true while somebody types, so that one comes back to it; and asks for another one that somebody
/// comes by meanwhile, with what shows it: `take_over`.
pub(super) fn follow(search: MessageSearch, take_over: impl Fn(&str) + 'static) {
    let shown = use_query_map();
    let navigate = use_navigate();
    let written = StoredValue::new(Written::default());
    let address_of = |(query, chat): (String, Option<ChatId>)| search_address(query.trim(), chat, None);
    Effect::new(move |before: Option<String>| {
        let address = address_of((search.query.get(), search.chat.get()));
        let is_changed = before.as_ref().is_some_and(|before| *before != address);
        if is_changed && shown.with_untracked(|shown| address_of(asked(shown))) != address {
            written.update_value(|written| written.write(&address));
            let options = NavigateOptions { replace: true, scroll: false, ..Default::default() };
            navigate(&address, options);
        }
        address
    });
    Effect::new(move |is_later: Option<()>| {
        let wanted = shown.with(asked);
        let address = address_of(wanted.clone());
        let is_own = written.try_update_value(|written| written.arrive(&address)).unwrap_or(true);
        if is_later.is_some() && !is_own {
            let (query, chat) = wanted;
            take_over(&query);
            search.chat.set(chat);
            search.query.set(query);
            search.ask();
        }
    });
}

/// The addresses that the page itself has gone to and has not seen since: what is typed meanwhile is not taken back
/// because an earlier one arrives.
#[derive(Debug, Default)]
struct Written(VecDeque<String>);

impl Written {
    fn write(&mut self, address: &str) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(address.to_owned());
    }

    /// Whether the address that is shown now is one of them. Those before it have been passed over.
    fn arrive(&mut self, address: &str) -> bool {
        let place = self.0.iter().position(|written| written == address);
        if let Some(place) = place {
            self.0.drain(..=place);
        }
        place.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_page_did_not_write_itself_is_taken_over() {
        let mut written = Written::default();
        for address in ["a", "ab", "abc"] {
            written.write(address);
        }
        assert!(written.arrive("ab"), "the first one was passed over");
        assert!(!written.arrive("a"), "somebody came back to it");
        assert!(written.arrive("abc") && !written.arrive("abc"));
    }
}
