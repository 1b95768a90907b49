//! Buttons of forms, which show that they wait for an answer.

use leptos::prelude::*;

use super::form::FormState;

/// The button that sends a form. While the answer is awaited it keeps its name, its size and the focus.
#[component]
pub fn SubmitButton(
    /// The form it sends.
    form: FormState,
    /// What it is called.
    #[prop(into)]
    label: Signal<String>,
    /// What it is called aloud, where that is more than is shown; it contains the label.
    #[prop(optional, into)]
    name: Option<String>,
    /// The id of what it applies to, where several buttons have the same name.
    #[prop(optional, into)]
    described_by: Option<String>,
    /// How it looks: `primary`, `quiet` or `danger`, perhaps also `small` or `wide`.
    #[prop(default = "primary")]
    look: &'static str,
) -> impl IntoView {
    view! {
        <button
            type="submit"
            class=format!("button {look}")
            aria-label=name
            aria-describedby=described_by
            aria-disabled=move || form.pending().then_some("true")
            data-pending=move || form.pending().then_some("true")
        >
            <span class="button__label">{label}</span>
            <span class="button__spinner" aria-hidden="true"></span>
        </button>
    }
    .into_any()
}
