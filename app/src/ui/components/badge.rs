//! How many messages are unread: a number, and the same in words for who does not see it.

use leptos::prelude::*;

use crate::ui::state::marks::{badge, unread_words};

/// The badge; nothing where nothing is unread.
#[component]
pub fn UnreadBadge(
    /// How many messages.
    unread: Memo<u64>,
    /// Whether what is said in the chat does not notify, or only mentions do: then it is a quiet one.
    quiet: Memo<bool>,
) -> impl IntoView {
    view! {
        <Show when=move || { unread.get() > 0 }>
            <span class="unread" data-quiet=move || quiet.get().then_some("true")>
                <span aria-hidden="true">{move || badge(unread.get())}</span>
                <span class="visually-hidden">{move || unread_words(unread.get())}</span>
            </span>
        </Show>
    }
    .into_any()
}
