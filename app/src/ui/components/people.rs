//! Finding people: the search behind the fields named "Find people", and a person on one line.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};

use super::{
    avatar::{Avatar, user_hue},
    error_view::error_text,
    search_field::{Questions, SearchField, SearchState},
};
use crate::{
    api,
    error::{AppError, ErrorCode},
    protocol::UserView,
    ui::state::{Store, browser, use_store},
};

/// The id of the field in which people are looked for: one on a page.
pub const SEARCH_ID: &str = "find-people";

/// How long the typing has to pause before the server is asked.
const PAUSE: Duration = Duration::from_millis(200);

/// A search for people, as one types.
#[derive(Clone, Copy)]
pub struct PeopleSearch {
    store: Store,
    query: RwSignal<String>,
    people: RwSignal<Vec<UserView>>,
    state: RwSignal<SearchState>,
    questions: Questions,
}

impl PeopleSearch {
    /// A search that begins with what the server has already found, if the page asked for something.
    pub fn new(query: String, found: Vec<UserView>) -> Self {
        let state = if query.trim().is_empty() { SearchState::Idle } else { SearchState::Done };
        Self::starting(query, found, state)
    }

    /// A search that the server could not carry out.
    pub fn failed(error: AppError) -> Self {
        Self::starting(String::new(), Vec::new(), SearchState::Failed(error))
    }

    fn starting(query: String, found: Vec<UserView>, state: SearchState) -> Self {
        Self {
            store: use_store(),
            query: RwSignal::new(query),
            people: RwSignal::new(found),
            state: RwSignal::new(state),
            questions: Questions::none(),
        }
    }

    /// Who was found.
    pub fn people(self) -> Signal<Vec<UserView>> {
        self.people.into()
    }

    /// Takes what is typed, and asks when the typing pauses.
    fn type_in(self, text: String) {
        if text.trim() == self.query.get_untracked().trim() {
            return;
        }
        self.query.set(text);
        self.questions.after(PAUSE, move || self.ask());
    }

    /// Asks at once.
    pub fn ask(self) {
        let question = self.questions.ask();
        let query = self.query.get_untracked().trim().to_owned();
        if query.is_empty() {
            self.people.set(Vec::new());
            self.state.set(SearchState::Idle);
            return;
        }
        self.state.set(SearchState::Searching);
        spawn_local(async move {
            let answer = browser::within(api::search_users(query)).await;
            if !self.questions.is_latest(question) {
                return;
            }
            match answer {
                Ok(people) => {
                    self.people.set(people);
                    self.state.set(SearchState::Done);
                }
                Err(error) if error.code == ErrorCode::Unauthenticated => self.store.fail(&error),
                Err(error) => self.state.set(SearchState::Failed(error)),
            }
        });
    }

    /// What to say about the search.
    fn status(self) -> String {
        match self.state.get() {
            SearchState::Idle => "Type a name, or a whole e-mail address.".to_owned(),
            SearchState::Searching => "Searching…".to_owned(),
            SearchState::Done => found_text(self.people.with(Vec::len)),
            SearchState::Failed(error) => error_text(&error),
        }
    }
}

/// How many people were found, in words.
fn found_text(count: usize) -> String {
    match count {
        0 => "Nobody found.".to_owned(),
        1 => "1 person found.".to_owned(),
        _ => format!("{count} people found."),
    }
}

/// The field in which one looks for people, with its button: in a form, as [`SearchField`] says.
#[component]
pub fn PeopleSearchField(
    /// The search.
    search: PeopleSearch,
    /// In a form that sends something else: the address of the page that this field searches.
    #[prop(optional, into)]
    page: Option<String>,
) -> impl IntoView {
    view! {
        <SearchField
            id=SEARCH_ID
            name="q"
            label="Find people"
            value=search.query.get_untracked()
            max_chars=254
            on_type=move |text| search.type_in(text)
            status=Signal::derive(move || search.status())
            failed=Signal::derive(move || matches!(search.state.get(), SearchState::Failed(_)))
            page
        />
    }
}

/// A person on one line: picture, name and what they say about themselves.
#[component]
pub fn Person(
    /// Who.
    user: UserView,
) -> impl IntoView {
    let UserView { id, display_name, about, avatar } = user;
    view! {
        <span class="person">
            <Avatar name=display_name.clone() hue=user_hue(id) picture=avatar/>
            <span class="person__words">
                <span class="person__name" dir="auto">{display_name}</span>
                {(!about.is_empty()).then(|| view! { <span class="person__about" dir="auto">{about}</span> })}
            </span>
        </span>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_counted_in_words() {
        assert_eq!(found_text(0), "Nobody found.");
        assert_eq!(found_text(1), "1 person found.");
        assert_eq!(found_text(20), "20 people found.");
    }
}
