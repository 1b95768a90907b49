//! How far others have read: in few words under one's last message, and by name over the page.

use leptos::prelude::*;

use crate::{
    domain::{ChatId, Ordinal},
    ui::{
        components::dialog::ReadingDialog,
        state::{
            receipts::{readers, words},
            use_store,
        },
    },
};

/// Whose readers somebody looks at. In the context of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Readers {
    chat_id: ChatId,
    shown: RwSignal<Option<Ordinal>>,
}

impl Readers {
    /// Nobody looks at any.
    pub(super) fn new(chat_id: ChatId) -> Self {
        Self { chat_id, shown: RwSignal::new(None) }
    }

    /// Shows those of a message.
    pub(super) fn show(self, ordinal: Ordinal) {
        self.shown.set(Some(ordinal));
    }
}

/// What stands under the last message of one's own.
#[component]
pub(super) fn Receipt(
    /// In which chat.
    chat_id: ChatId,
    /// The message; nothing if it is not the last one of one's own.
    #[prop(into)]
    ordinal: Signal<Option<Ordinal>>,
) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(chat_id);
    let said = Memo::new(move |_| {
        let ordinal = ordinal.get()?;
        chat.with(|chat| words(chat.as_deref()?, store.me(), ordinal))
    });
    move || said.get().map(|said| view! { <div class="message__receipt">{said}</div> })
}

/// Who has read a message, over the page.
#[component]
pub(super) fn ReadersDialog(
    /// Whose.
    readers: Readers,
) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(readers.chat_id);
    let names = move |ordinal| {
        chat.with(|chat| chat.as_deref().map(|chat| self::readers(chat, store.me(), ordinal)))
            .unwrap_or_default()
    };
    let list = move || {
        let names = readers.shown.get().map(names).unwrap_or_default();
        if names.is_empty() {
            return view! { <p class="dialog__text">"Nobody yet, or they do not say."</p> }.into_any();
        }
        let names = names.into_iter().map(|name| view! { <li dir="auto">{name}</li> });
        view! {
            <ul class="readers" tabindex="0" aria-labelledby="readers-title">{names.collect::<Vec<_>>()}</ul>
        }
        .into_any()
    };
    view! {
        <ReadingDialog
            title_id="readers-title"
            title="Read by"
            open=Signal::derive(move || readers.shown.with(Option::is_some))
            on_close=move || readers.shown.set(None)
        >
            {list}
        </ReadingDialog>
    }
}
