//! Everything that people see: the document, the pages, the state behind them and the realtime client.

#[cfg(feature = "ssr")]
pub mod load;
pub mod page_data;

use leptos::prelude::*;
/// The application.
#[component]
pub fn App() -> impl IntoView {
    view! { <p>"Samvad"</p> }
}
/// The document.
pub fn shell(_options: leptos::config::LeptosOptions) -> impl IntoView {
    view! { <App/> }
}
