//! Deleting a message: the question before.

use leptos::{prelude::*, task::spawn_local};

use super::message::element_id;
use crate::{
    domain::{ChatId, MessageId},
    ui::{
        components::{confirm::Confirm, focus::focus},
        state::{listing::RowKey, use_store},
    },
};

/// The message that somebody wants to delete. In the context of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Deletion {
    message: StoredValue<Option<(MessageId, RowKey)>>,
    asking: RwSignal<bool>,
}

impl Deletion {
    /// Nobody wants anything yet.
    pub(super) fn new() -> Self {
        Self { message: StoredValue::new(None), asking: RwSignal::new(false) }
    }

    /// Asks before this message is deleted, which the row shows.
    pub(super) fn ask(self, id: MessageId, row: RowKey) {
        self.message.set_value(Some((id, row)));
        self.asking.set(true);
    }
}

/// The question before a message is deleted.
#[component]
pub(super) fn DeleteQuestion(
    /// In which chat.
    chat_id: ChatId,
    /// The message.
    deletion: Deletion,
) -> impl IntoView {
    let store = use_store();
    let pending = RwSignal::new(false);
    let delete = move |()| {
        let Some((id, row)) = deletion.message.get_value() else { return };
        pending.set(true);
        spawn_local(async move {
            let deleted = store.delete_message(chat_id, id).await;
            // The conversation may have been left meanwhile.
            let _left = pending.try_set(false);
            let is_here = deletion.asking.try_set(false).is_none();
            match deleted {
                // The button that had the focus has gone with the message: its place is still there.
                Ok(()) if is_here => request_animation_frame(move || {
                    if let Some(place) = document().get_element_by_id(&element_id(row)) {
                        focus(&place);
                    }
                }),
                Ok(()) => {}
                Err(error) => store.fail(&error),
            }
        });
    };
    view! {
        <Confirm
            open=deletion.asking
            title="Delete this message?"
            text="Its text and its files will be gone for everybody."
            yes="Delete"
            pending
            on_yes=Callback::new(delete)
        />
    }
    .into_any()
}
