//! Finding people: the search behind the fields named "Find people", and a person on one line.

use std::time::Duration;

use leptos::{html::Input, leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};

use super::{
    avatar::{Avatar, user_hue},
    error_view::error_text,
    icon::{Glyph, Icon},
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
    asked: StoredValue<Asked>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

/// How far a search has come.
#[derive(Clone, Debug, PartialEq)]
enum SearchState {
    /// Nothing was asked.
    Idle,
    /// The answer is awaited; what was found before stays in sight.
    Searching,
    /// The answer is there.
    Done,
    /// There was none.
    Failed(AppError),
}

/// Tells the answer to the latest question from the late ones to earlier questions.
#[derive(Clone, Copy, Debug, Default)]
struct Asked(u64);

impl Asked {
    /// A new question: answers to all earlier ones are late from now on.
    fn next(&mut self) -> Self {
        self.0 += 1;
        *self
    }

    /// Whether the answer to `question` still counts.
    fn is_latest(self, question: Self) -> bool {
        self.0 == question.0
    }
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
        let timer = StoredValue::new(None::<TimeoutHandle>);
        on_cleanup(move || {
            if let Some(running) = timer.try_update_value(Option::take).flatten() {
                running.clear();
            }
        });
        Self {
            store: use_store(),
            query: RwSignal::new(query),
            people: RwSignal::new(found),
            state: RwSignal::new(state),
            asked: StoredValue::new(Asked::default()),
            timer,
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
        self.stop_timer();
        self.timer.set_value(set_timeout_with_handle(move || self.ask(), PAUSE).ok());
    }

    /// Asks at once.
    pub fn ask(self) {
        self.stop_timer();
        let question = self.asked.try_update_value(Asked::next).unwrap_or_default();
        let query = self.query.get_untracked().trim().to_owned();
        if query.is_empty() {
            self.people.set(Vec::new());
            self.state.set(SearchState::Idle);
            return;
        }
        self.state.set(SearchState::Searching);
        spawn_local(async move {
            let answer = browser::within(api::search_users(query)).await;
            // Nobody waits for it any more: the page was left, or something else was asked meanwhile.
            if !self.asked.try_get_value().is_some_and(|asked| asked.is_latest(question)) {
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

    fn stop_timer(self) {
        if let Some(running) = self.timer.try_update_value(Option::take).flatten() {
            running.clear();
        }
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

/// The field in which one looks for people, with its button. It belongs into a form, which either leads
/// to the page with `?q=…` or leads there by this button alone (`page`).
#[component]
pub fn PeopleSearchField(
    /// The search.
    search: PeopleSearch,
    /// In a form that sends something else: the address of the page that this field searches.
    #[prop(optional, into)]
    page: Option<String>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    // What was typed before the scripts came is searched for, too.
    Effect::new(move || {
        if let Some(input) = input.get() {
            search.type_in(input.value());
        }
    });
    let method = page.is_some().then_some("get");
    view! {
        <div class="field search">
            <label class="field__label" for=SEARCH_ID>"Find people"</label>
            <div class="search__row">
                <span class="search__icon"><Icon glyph=Glyph::Search/></span>
                <input
                    node_ref=input
                    class="input search__input"
                    type="search"
                    id=SEARCH_ID
                    name="q"
                    value=search.query.get_untracked()
                    dir="auto"
                    maxlength="254"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby="find-people-status"
                    on:input=move |event| search.type_in(event_target_value(&event))
                />
                <button class="button quiet" type="submit" formaction=page formmethod=method formnovalidate="">
                    "Search"
                </button>
            </div>
            <p
                class="field__hint"
                id="find-people-status"
                role="status"
                data-failed=move || matches!(search.state.get(), SearchState::Failed(_)).then_some("true")
            >
                {move || search.status()}
            </p>
        </div>
    }
    .into_any()
}

/// A person on one line: picture, name and what they say about themselves.
#[component]
pub fn Person(
    /// Who.
    user: UserView,
) -> impl IntoView {
    let UserView { id, display_name, about } = user;
    view! {
        <span class="person">
            <Avatar name=display_name.clone() hue=user_hue(id)/>
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
    fn only_the_answer_to_the_latest_question_counts() {
        let mut asked = Asked::default();
        let first = asked.next();
        let second = asked.next();
        assert!(!asked.is_latest(first));
        assert!(asked.is_latest(second));
        // Emptying the field asks nothing and still outdates what is under way.
        asked.next();
        assert!(!asked.is_latest(second));
    }

    #[test]
    fn what_was_found_is_counted_in_words() {
        assert_eq!(found_text(0), "Nobody found.");
        assert_eq!(found_text(1), "1 person found.");
        assert_eq!(found_text(20), "20 people found.");
    }
}
