//! Finding somebody among the members of a group, as one types.

use std::time::Duration;

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use crate::{
    api,
    domain::ChatId,
    error::{AppError, ErrorCode},
    protocol::MemberView,
    ui::{
        components::{
            error_view::error_text,
            search_field::{Questions, SearchField},
        },
        state::{Store, browser},
    },
};

/// How long the typing has to pause before the server is asked.
const PAUSE: Duration = Duration::from_millis(200);

/// The id of the field.
const FIELD_ID: &str = "find-member";

/// A search among the members of one chat.
#[derive(Clone, Copy)]
pub struct MemberSearch {
    store: Store,
    chat_id: ChatId,
    query: RwSignal<String>,
    /// Who was found; nothing while nobody is looked for.
    found: RwSignal<Option<Vec<MemberView>>>,
    failed: RwSignal<Option<AppError>>,
    questions: Questions,
}

impl MemberSearch {
    /// A search that begins with what the server has already found, if the page asked for somebody.
    pub fn new(store: Store, chat_id: ChatId, query: String, found: Vec<MemberView>) -> Self {
        let found = (!query.trim().is_empty()).then_some(found);
        Self {
            store,
            chat_id,
            query: RwSignal::new(query),
            found: RwSignal::new(found),
            failed: RwSignal::new(None),
            questions: Questions::none(),
        }
    }

    /// Who was found; nothing while nobody is looked for.
    pub fn found(self) -> RwSignal<Option<Vec<MemberView>>> {
        self.found
    }

    /// Asks at once.
    pub fn ask(self) {
        let question = self.questions.ask();
        self.failed.set(None);
        let query = self.query.get_untracked().trim().to_owned();
        if query.is_empty() {
            self.found.set(None);
            return;
        }
        spawn_local(async move {
            let answer = browser::within(api::search_members(self.chat_id, query)).await;
            if !self.questions.is_latest(question) {
                return;
            }
            match answer {
                Ok(found) => self.found.set(Some(found)),
                Err(error) if error.code == ErrorCode::Unauthenticated => self.store.fail(&error),
                Err(error) => self.failed.set(Some(error)),
            }
        });
    }

    /// Takes what is typed, and asks when the typing pauses.
    fn type_in(self, text: String) {
        if text.trim() == self.query.get_untracked().trim() {
            return;
        }
        self.query.set(text);
        self.questions.after(PAUSE, move || self.ask());
    }

    /// What to say about the search.
    fn status(self) -> String {
        match (self.failed.get(), self.found.get()) {
            (Some(error), _) => error_text(&error),
            (None, Some(found)) => found_text(found.len()),
            (None, None) => String::new(),
        }
    }
}

/// How many members were found, in words.
fn found_text(count: usize) -> String {
    match count {
        0 => "No member found.".to_owned(),
        1 => "1 member found.".to_owned(),
        _ => format!("{count} members found."),
    }
}

/// The field in which one looks for a member. Without scripts it leads to the page with `?m=…`.
#[component]
pub fn MemberSearchField(
    /// The search.
    search: MemberSearch,
) -> impl IntoView {
    let find = move |event: SubmitEvent| {
        event.prevent_default();
        search.ask();
    };
    view! {
        <form
            class="form"
            method="get"
            action=format!("/c/{}/details", search.chat_id)
            role="search"
            aria-label="Members"
            on:submit=find
        >
            <SearchField
                id=FIELD_ID
                name="m"
                label="Find a member"
                value=search.query.get_untracked()
                max_chars=200
                on_type=move |text| search.type_in(text)
                status=Signal::derive(move || search.status())
                failed=Signal::derive(move || search.failed.with(Option::is_some))
            />
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_found_are_counted_in_words() {
        assert_eq!(found_text(0), "No member found.");
        assert_eq!(found_text(1), "1 member found.");
        assert_eq!(found_text(20), "20 members found.");
    }
}
