//! What is shown where the site has no page.

use leptos::prelude::*;

use crate::{
    error::AppError,
    ui::components::{error_view::ErrorView, icon::Mark, page::PageTitle},
};

/// A page of its own.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <PageTitle text="Nothing here"/>
        <main class="standalone" id="content">
            <h1 class="standalone__brand"><Mark/>"Samvad"</h1>
            <ErrorView error=AppError::not_found() fresh=true/>
        </main>
    }
}
