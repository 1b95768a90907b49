//! How many messages are unread: a number, and the same in words for who does not see it.

use leptos::prelude::*;

use crate::ui::state::marks::{badge, unread_words};

/// The badge; nothing where nothing is unread.
#[component]
pub fn UnreadBadge(
    /// How many messages.
    unread: Memo<u64>,
    /// Whether the chat is muted: then it is a quiet one.
    muted: Memo<bool>,
) -> impl IntoView {
    view! {
        <Show when=move || { unread.get() > 0 }>
            <span class="unread" data-muted=move || muted.get().then_some("true")>
                <span aria-hidden="true">{move || badge(unread.get())}</span>
                <span class="visually-hidden">{move || unread_words(unread.get())}</span>
            </span>
        </Show>
    }
    .into_any()
}
