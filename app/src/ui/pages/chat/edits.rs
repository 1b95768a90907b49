//! The texts that one's own message had before.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    domain::{ChatId, MessageId},
    protocol::EditView,
    ui::{
        components::dialog::ReadingDialog,
        state::{Store, use_store},
        time_format::full,
    },
};

/// The earlier texts that somebody looks at. In the context of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Edits {
    store: Store,
    shown: RwSignal<Option<Vec<EditView>>>,
}

impl Edits {
    /// Nobody looks at any.
    pub(super) fn new() -> Self {
        Self { store: use_store(), shown: RwSignal::new(None) }
    }

    /// Shows those of a message.
    pub(super) fn show(self, chat_id: ChatId, message_id: MessageId) {
        spawn_local(async move {
            match self.store.edits(chat_id, message_id).await {
                Ok(edits) => {
                    // The conversation may have been left meanwhile.
                    let _left = self.shown.try_set(Some(edits));
                }
                Err(error) => self.store.fail(&error),
            }
        });
    }
}

/// The texts over the page, oldest first.
#[component]
pub(super) fn EditsDialog(
    /// What is looked at.
    edits: Edits,
) -> impl IntoView {
    let one = move |(place, edit): (usize, EditView), last: usize| {
        let at = full(edit.at, edits.store.utc_offset.get_untracked());
        let said = if place == last { format!("{at}, as it is now") } else { at };
        view! {
            <li class="edits__one">
                <p class="edits__at">{said}</p>
                <p class="edits__text" dir="auto">{edit.body}</p>
            </li>
        }
        .into_any()
    };
    let texts = move || {
        let shown = edits.shown.get().unwrap_or_default();
        let last = shown.len().saturating_sub(1);
        shown.into_iter().enumerate().map(|edit| one(edit, last)).collect::<Vec<_>>()
    };
    view! {
        <ReadingDialog
            title_id="edits-title"
            title="What it said"
            open=Signal::derive(move || edits.shown.with(Option::is_some))
            on_close=move || edits.shown.set(None)
        >
            <ol class="edits" tabindex="0" aria-labelledby="edits-title">{texts}</ol>
        </ReadingDialog>
    }
}
