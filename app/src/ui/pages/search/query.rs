//! A search for messages, as one types: asked for when the typing pauses, with late answers dropped.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_query_map;

use super::address::asked;
use crate::{
    api,
    domain::ChatId,
    error::ErrorCode,
    protocol::{SearchResult, SearchResults},
    ui::{
        components::{
            error_view::error_text,
            search_field::{Question, Questions, SearchState},
        },
        page_data::Page,
        state::{Store, browser, finding::found_text, use_store},
    },
};

/// How long the typing has to pause before the server is asked.
const PAUSE: Duration = Duration::from_millis(150);

/// A search for messages, as one types.
#[derive(Clone, Copy)]
pub(super) struct MessageSearch {
    store: Store,
    /// What is looked for.
    pub(super) query: RwSignal<String>,
    /// In which chat alone.
    pub(super) chat: RwSignal<Option<ChatId>>,
    /// What was found.
    pub(super) results: RwSignal<Vec<SearchResult>>,
    /// Where to go on, if there may be more.
    pub(super) next: RwSignal<Option<String>>,
    /// How far it has come.
    pub(super) stage: RwSignal<SearchState>,
    questions: Questions,
}

impl MessageSearch {
    /// The search of the page: with what the server has found, or what the address asks for.
    pub(super) fn of_this_page() -> Self {
        let store = use_store();
        let address = use_query_map().get_untracked();
        let first = store.take_initial(|page| match page {
            Page::Search { query, chat, found, .. } => Some(Ok((query.clone(), *chat, found.clone()))),
            Page::Failed { error } => Some(Err(error.clone())),
            _ => None,
        });
        let asks_itself = first.is_none();
        let (query, chat, found, stage) = match first {
            Some(Ok((query, chat, found))) => {
                let stage = if query.trim().is_empty() { SearchState::Idle } else { SearchState::Done };
                (query, chat, found, stage)
            }
            other => {
                let (query, chat) = asked(&address);
                let stage = match other {
                    Some(Err(error)) => SearchState::Failed(error),
                    _ => SearchState::Idle,
                };
                (query, chat, SearchResults::default(), stage)
            }
        };
        let this = Self {
            store,
            query: RwSignal::new(query),
            chat: RwSignal::new(chat),
            results: RwSignal::new(found.results),
            next: RwSignal::new(found.next),
            stage: RwSignal::new(stage),
            questions: Questions::none(),
        };
        if asks_itself {
            Effect::new(move |_| this.ask());
        }
        this
    }

    /// Takes what is typed, and asks when the typing pauses.
    pub(super) fn type_in(self, text: String) {
        if text == self.query.get_untracked() {
            return;
        }
        self.query.set(text);
        self.questions.after(PAUSE, move || self.ask());
    }

    /// Asks at once.
    pub(super) fn ask(self) {
        let question = self.questions.ask();
        let query = self.query.get_untracked().trim().to_owned();
        if query.is_empty() {
            self.results.set(Vec::new());
            self.next.set(None);
            self.stage.set(SearchState::Idle);
            return;
        }
        self.fetch(question, query, None);
    }

    /// Asks for what is behind what was found.
    pub(super) fn more(self) {
        let before = self.next.get_untracked();
        if before.is_some() && self.stage.get_untracked() != SearchState::Searching {
            let question = self.questions.ask();
            self.fetch(question, self.query.get_untracked().trim().to_owned(), before);
        }
    }

    fn fetch(self, question: Question, query: String, before: Option<String>) {
        self.stage.set(SearchState::Searching);
        let goes_on = before.is_some();
        let chat = self.chat.get_untracked();
        spawn_local(async move {
            let request = api::search_messages(query, chat, None, None, None, false, before);
            let answer = browser::within(request).await;
            if !self.questions.is_latest(question) {
                return;
            }
            match answer {
                Ok(found) => {
                    self.results.update(|results| {
                        if !goes_on {
                            results.clear();
                        }
                        results.extend(found.results);
                    });
                    self.next.set(found.next);
                    self.stage.set(SearchState::Done);
                }
                Err(error) if error.code == ErrorCode::Unauthenticated => self.store.fail(&error),
                Err(error) => self.stage.set(SearchState::Failed(error)),
            }
        });
    }

    /// What to say about the search.
    pub(super) fn status(self) -> String {
        match self.stage.get() {
            SearchState::Idle => "Words, or a \u{201c}phrase\u{201d}; narrowed by from:name, in:name, has:file, before:2026-01-31, after: or on:."
                .to_owned(),
            SearchState::Searching => "Searching…".to_owned(),
            SearchState::Done => found_text(self.results.with(Vec::len), self.next.with(Option::is_some)),
            SearchState::Failed(error) => error_text(&error),
        }
    }
}
