//! Searching as one types: a field with what is said of the search below it, and the questions that it asks.

use std::time::Duration;

use leptos::{html::Input, leptos_dom::helpers::TimeoutHandle, prelude::*};

use super::icon::{Glyph, Icon};
use crate::error::AppError;

/// How far a search has come.
#[derive(Clone, Debug, PartialEq)]
pub enum SearchState {
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question(u64);

impl Question {
    /// The one after this.
    fn next(&mut self) -> Self {
        self.0 += 1;
        *self
    }
}

/// The questions of one search: asked when the typing pauses, and the latest one alone counts. Nothing is asked any more
/// once the search has gone from the page.
#[derive(Clone, Copy)]
pub struct Questions {
    asked: StoredValue<Question>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

impl Questions {
    /// None was asked yet.
    pub fn none() -> Self {
        let this = Self { asked: StoredValue::new(Question::default()), timer: StoredValue::new(None) };
        on_cleanup(move || this.stop_timer());
        this
    }

    /// Asks by `ask` once the typing has paused for so long.
    pub fn after(self, pause: Duration, ask: impl Fn() + 'static) {
        self.stop_timer();
        self.timer.set_value(set_timeout_with_handle(ask, pause).ok());
    }

    /// A new question, now: answers to all earlier ones are late from here on.
    pub fn ask(self) -> Question {
        self.stop_timer();
        self.asked.try_update_value(Question::next).unwrap_or_default()
    }

    /// Whether the answer to `question` still counts: nothing else was asked meanwhile, and the page was not left.
    pub fn is_latest(self, question: Question) -> bool {
        self.asked.try_get_value() == Some(question)
    }

    fn stop_timer(self) {
        if let Some(running) = self.timer.try_update_value(Option::take).flatten() {
            running.clear();
        }
    }
}

/// A field in which one searches, with its button. It belongs into a form, which either leads to the page with the query
/// or leads there by this button alone (`page`).
#[component]
pub fn SearchField(
    /// The field's id: one on a page.
    id: &'static str,
    /// The field's name in the query.
    name: &'static str,
    /// What is looked for.
    #[prop(into)]
    label: Signal<String>,
    /// What stands in it at first.
    value: String,
    /// Characters that it takes.
    max_chars: usize,
    /// Takes what is typed.
    #[prop(into)]
    on_type: Callback<String>,
    /// What is said of the search.
    #[prop(into)]
    status: Signal<String>,
    /// Whether that is an error.
    #[prop(into)]
    failed: Signal<bool>,
    /// In a form that sends something else: the address of the page that this field searches.
    #[prop(optional_no_strip, into)]
    page: Option<String>,
    /// What stands between the field and what is said.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let input = NodeRef::<Input>::new();
    // What was typed before the scripts came is searched for, too.
    Effect::new(move || {
        if let Some(input) = input.get() {
            on_type.run(input.value());
        }
    });
    let method = page.is_some().then_some("get");
    let status_id = format!("{id}-status");
    view! {
        <div class="field search">
            <label class="field__label" for=id>{label}</label>
            <div class="search__row">
                <span class="search__icon"><Icon glyph=Glyph::Search/></span>
                <input
                    node_ref=input
                    class="input search__input"
                    type="search"
                    id=id
                    name=name
                    value=value
                    dir="auto"
                    maxlength=max_chars.to_string()
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    aria-describedby=status_id.clone()
                    on:input=move |event| on_type.run(event_target_value(&event))
                />
                <button class="button quiet" type="submit" formaction=page formmethod=method formnovalidate="">
                    "Search"
                </button>
            </div>
            {children.map(|children| children())}
            <p
                class="field__hint"
                id=status_id
                role="status"
                data-failed=move || failed.get().then_some("true")
            >
                {status}
            </p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_the_latest_question_counts() {
        let owner = Owner::new();
        owner.set();
        let questions = Questions::none();
        let first = questions.ask();
        let second = questions.ask();
        assert!(!questions.is_latest(first));
        assert!(questions.is_latest(second));
        // Emptying the field asks nothing and still outdates what is under way.
        questions.ask();
        assert!(!questions.is_latest(second));
        // Nor does any answer count once the page was left.
        let last = questions.ask();
        owner.cleanup();
        assert!(!questions.is_latest(last));
    }
}
