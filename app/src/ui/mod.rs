//! The pages.
use leptos::prelude::*;
/// The application.
#[component]
pub fn App() -> impl IntoView {
    view! { <p>"Samvad"</p> }
}
