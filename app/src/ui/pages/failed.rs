//! What is shown where not even the list of chats could be loaded.

use leptos::prelude::*;

use crate::{
    error::AppError,
    ui::{
        components::{error_view::ErrorView, icon::Mark, page::PageTitle},
        state::browser,
    },
};

/// A page of its own, which leads on by loading a page anew: there is no state to go on from.
#[component]
pub fn FailedPage(
    /// Why.
    error: AppError,
) -> impl IntoView {
    view! {
        <PageTitle text="Something went wrong"/>
        <main class="standalone" id="content">
            <h1 class="standalone__brand"><Mark/>"Samvad"</h1>
            <ErrorView error retry=Callback::new(|()| browser::go_to(&browser::path())) fresh=true/>
        </main>
    }
}
