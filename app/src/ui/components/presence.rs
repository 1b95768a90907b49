//! Whether somebody is there: always in words, the colour and shape only help.

use leptos::prelude::*;

/// "Online" or "Offline", with a mark that is full or hollow.
#[component]
pub fn Presence(
    /// Whether they are there.
    #[prop(into)]
    online: Signal<bool>,
) -> impl IntoView {
    let word = move || if online.get() { "Online" } else { "Offline" };
    view! {
        <span class="presence" data-online=move || if online.get() { "true" } else { "false" }>
            <span class="presence__mark" aria-hidden="true"></span>
            <span class="presence__word">{word}</span>
        </span>
    }
    .into_any()
}
