//! How many unread messages of a chat mention one, beside it in the list of chats.

use leptos::prelude::*;

use crate::{domain::ChatId, ui::state::use_store};

/// An `@` where there are any; how many is said to those who listen.
#[component]
pub fn MentionBadge(
    /// Which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(chat_id);
    let count =
        Memo::new(move |_| chat.with(|chat| chat.as_deref().map_or(0, |chat| store.standing(chat).mentions)));
    move || {
        (count.get() > 0).then(|| {
            view! {
                <span class="mention-badge">
                    <span aria-hidden="true">"@"</span>
                    <span class="visually-hidden">{move || words(count.get())}</span>
                </span>
            }
        })
    }
}

fn words(count: usize) -> String {
    if count == 1 { "1 unread mention".to_owned() } else { format!("{count} unread mentions") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_counted_in_words() {
        assert_eq!((words(1), words(3)), ("1 unread mention".into(), "3 unread mentions".into()));
    }
}
