//! What is shown, at any address, where not even the list of chats could be loaded.

use leptos::prelude::*;

use crate::{
    error::AppError,
    ui::{
        components::{error_view::ErrorView, icon::Mark, page::PageTitle},
        state::{browser, use_store},
    },
};

/// A page of its own, which leads on by loading a page anew: there is no state to go on from.
#[component]
pub fn FailedPage(
    /// Why.
    error: AppError,
) -> impl IntoView {
    // A plain form was refused and its own page is out of reach: what was written must not be lost with it.
    let written = use_store()
        .initial
        .with_value(|data| data.form.as_ref().and_then(|form| form.values.get("body").cloned()));
    view! {
        <PageTitle text="Something went wrong"/>
        <main class="standalone" id="content">
            <h1 class="standalone__brand"><Mark/>"Samvad"</h1>
            <ErrorView error retry=Callback::new(|()| browser::go_to(&browser::path())) fresh=true/>
            {written.map(|written| view! {
                <label class="field">
                    <span class="field__label">"What you wrote, to copy"</span>
                    <textarea class="input" rows="6" readonly dir="auto">{written}</textarea>
                </label>
            })}
        </main>
    }
    .into_any()
}
