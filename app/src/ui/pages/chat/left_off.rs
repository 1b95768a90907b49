//! The line before the first message that was unread when the chat was opened.

use leptos::{prelude::*, web_sys::Element};

use crate::{
    domain::ChatId,
    ui::state::{Store, marks::unread_words, use_store},
};

/// How its element is found. It has no id: what has one in the list is a message.
const LINE: &str = ".left-off";

/// The line. Without scripts it says how many messages are unread, and has a button that marks them as read; with
/// scripts the same room stays empty.
#[component]
pub(super) fn LeftOff(
    /// In which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(chat_id);
    let rest = move || {
        let (unread, head) = chat.with(|chat| {
            let chat = chat.as_deref()?;
            Some((store.standing(chat).unread, chat.head_ordinal))
        })?;
        Some(view! {
            <form class="left-off__form" method="post" action="/api/mark_read">
                <span>{unread_words(unread)}</span>
                <input type="hidden" name="chat_id" value=chat_id.to_string()/>
                <input type="hidden" name="ordinal" value=head.to_string()/>
                <button type="submit" class="button quiet small">"Mark as read"</button>
            </form>
        })
    };
    view! {
        <div class="left-off">
            <span class="left-off__word">"New"</span>
            <Show when=move || !store.is_alive()>{rest}</Show>
        </div>
    }
    .into_any()
}

/// Scrolls to the line, if there is one: with something of what was read before above it.
pub(super) fn show(store: Store, chat_id: ChatId) {
    let line = document().query_selector(LINE).ok().flatten().filter(|_| store.shows_left_off(chat_id));
    if let Some(line) = line {
        to_top(&line);
    }
}

#[cfg(feature = "hydrate")]
fn to_top(line: &Element) {
    line.scroll_into_view_with_bool(true);
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
fn to_top(_line: &Element) {}
