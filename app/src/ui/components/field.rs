//! A field of a form with its label, its hint and what is wrong with it.

use leptos::{either::Either, prelude::*};

use super::form::FormState;

/// A labelled field. What was entered belongs to the browser until the form is sent, so typing costs
/// nothing and whatever was typed before the scripts came stays.
#[component]
pub fn Field(
    /// The form it belongs to.
    form: FormState,
    /// Its name on the wire.
    name: &'static str,
    /// What it is called.
    label: &'static str,
    /// The `type` of the input.
    #[prop(default = "text")]
    kind: &'static str,
    /// What it holds at first, unless the page is the answer to a refused form.
    #[prop(optional, into)]
    value: String,
    /// What to know before filling it in.
    #[prop(optional, into)]
    hint: Option<String>,
    /// What a browser may fill in by itself.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Whether it must not be empty.
    #[prop(optional)]
    required: bool,
    /// The most characters it takes.
    #[prop(optional)]
    max_chars: Option<usize>,
    /// Whether it takes several lines.
    #[prop(optional)]
    multiline: bool,
) -> impl IntoView {
    let id = format!("{}-{name}", form.function());
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let value = form.entered(name).unwrap_or(value);
    let error = Memo::new(move |_| form.field_error(name));
    let described_by = {
        let (hint_id, error_id) = (hint.is_some().then(|| hint_id.clone()), error_id.clone());
        move || {
            let error_id = error.get().map(|_| error_id.clone());
            let ids: Vec<String> = error_id.into_iter().chain(hint_id.clone()).collect();
            (!ids.is_empty()).then(|| ids.join(" "))
        }
    };
    let invalid = move || error.get().map(|_| "true");
    // Addresses and passwords are not prose: no capitals, no wavy lines.
    let is_prose = kind == "text";
    let max_chars = max_chars.map(|max| max.to_string());
    let control = if multiline {
        Either::Left(view! {
            <textarea
                class="input"
                id=id.clone()
                name=name
                rows="3"
                dir="auto"
                maxlength=max_chars
                required=required
                aria-invalid=invalid
                aria-describedby=described_by
            >
                {value}
            </textarea>
        })
    } else {
        Either::Right(view! {
            <input
                class="input"
                id=id.clone()
                name=name
                type=kind
                value=value
                dir=is_prose.then_some("auto")
                maxlength=max_chars
                required=required
                autocomplete=autocomplete
                autocapitalize=(!is_prose).then_some("none")
                spellcheck=(!is_prose).then_some("false")
                aria-invalid=invalid
                aria-describedby=described_by
            />
        })
    };
    view! {
        <div class="field" data-invalid=invalid>
            <label class="field__label" for=id.clone()>{label}</label>
            {control}
            {move || {
                error.get().map(|error| view! { <p class="field__error" id=error_id.clone()>{error.sentence()}</p> })
            }}
            {hint.map(|hint| view! { <p class="field__hint" id=hint_id>{hint}</p> })}
        </div>
    }
    .into_any()
}

/// A box to check, named by the words beside it.
#[component]
pub fn Checkbox(
    /// Its name on the wire.
    name: &'static str,
    /// What it says.
    label: &'static str,
    /// Whether it is checked at first.
    #[prop(optional)]
    checked: bool,
) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" name=name value="true" checked=checked/>
            <span>{label}</span>
        </label>
    }
    .into_any()
}
