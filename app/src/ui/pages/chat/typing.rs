//! Who is writing, above the box that one writes in. The line is always there, so that nothing moves; it is text like
//! any other and not read aloud by itself, which would interrupt whoever listens to what has been said.

use leptos::prelude::*;

use crate::{domain::ChatId, ui::state::use_store};

/// The line.
#[component]
pub(super) fn TypingLine(
    /// In which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(chat_id);
    let words = Memo::new(move |_| {
        store.reading.typing.with(|typing| {
            if typing.is_empty() {
                return String::new();
            }
            chat.with(|chat| chat.as_deref().map(|chat| typing.words(chat)).unwrap_or_default())
        })
    });
    view! { <p class="typing" dir="auto">{move || words.get()}</p> }.into_any()
}
