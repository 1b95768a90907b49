//! The texts that one's own message had before.

use leptos::{html::Dialog, prelude::*, task::spawn_local};

use crate::{
    domain::{ChatId, MessageId},
    protocol::EditView,
    ui::{
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

/// The texts over the page, oldest first. The browser's own modal dialog traps the focus, closes with Escape and
/// gives the focus back to where it came from.
#[component]
pub(super) fn EditsDialog(
    /// What is looked at.
    edits: Edits,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        let wanted = edits.shown.with(Option::is_some);
        // Only a dialog that was taken out of the page refuses to be shown.
        if wanted && !dialog.open() && dialog.show_modal().is_err() {
            edits.shown.set(None);
        }
    });
    let close = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
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
    let content = move || {
        edits.shown.get().map(|shown| {
            let last = shown.len().saturating_sub(1);
            let texts = shown.into_iter().enumerate().map(|edit| one(edit, last)).collect::<Vec<_>>();
            view! {
                <div class="dialog__body">
                    <h2 class="dialog__title" id="edits-title">"What it said"</h2>
                    <ol class="edits" tabindex="0" aria-labelledby="edits-title">{texts}</ol>
                    <div class="dialog__actions">
                        <button type="button" class="button quiet" on:click=close>"Close"</button>
                    </div>
                </div>
            }
            .into_any()
        })
    };
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="edits-title"
            on:close=move |_| edits.shown.set(None)
        >
            {content}
        </dialog>
    }
    .into_any()
}
