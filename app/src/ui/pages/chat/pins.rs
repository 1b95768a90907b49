//! The pinned messages of the conversation: how many there are, and the list over the page.

use leptos::{ev::MouseEvent, html::Dialog, prelude::*};

use super::jump::Jump;
use crate::{
    domain::{ChatId, Seq},
    ui::{
        components::{
            icon::{Glyph, Icon},
            pinned::PinnedList,
        },
        state::use_store,
    },
};

/// How many messages are pinned, as a way to the list. Without scripts it leads to the chat's details.
#[component]
pub(super) fn Pins(
    /// In which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let jump = use_context::<Jump>();
    let dialog = NodeRef::<Dialog>::new();
    let open = RwSignal::new(false);
    let count = Memo::new(move |_| {
        store.pinned.with(|pinned| {
            let pinned = pinned.as_ref().filter(|pinned| pinned.chat_id() == chat_id);
            pinned.map_or(0, |pinned| pinned.messages().len())
        })
    });
    let label = move || match count.get() {
        1 => "1 pinned message".to_owned(),
        count => format!("{count} pinned messages"),
    };
    Effect::new(move |_| store.open_pinned(chat_id));
    let show = move |event: MouseEvent| {
        let Some(dialog) = dialog.get_untracked() else { return };
        if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
            event.prevent_default();
            // A browser that refuses shows nothing: the chat's details have the list, too.
            open.set(dialog.show_modal().is_ok());
        }
    };
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let on_follow = Callback::new(move |(event, seq): (MouseEvent, Seq)| {
        close();
        if let Some(jump) = jump {
            jump.follow(&event, chat_id, seq);
        }
    });
    view! {
        <Show when=move || { count.get() > 0 }>
            <a
                class="chat__pins"
                href=format!("/c/{chat_id}/details#pinned")
                aria-label=label
                title=label
                on:click=show
            >
                <Icon glyph=Glyph::Pin/>
                {move || count.get()}
            </a>
        </Show>
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="pins-title"
            on:close=move |_| open.set(false)
        >
            <Show when=move || open.get()>
                <div class="dialog__body">
                    <h2 class="dialog__title" id="pins-title">"Pinned messages"</h2>
                    <PinnedList chat_id on_follow/>
                    <div class="dialog__actions">
                        <button type="button" class="button quiet" on:click=move |_| close()>"Close"</button>
                    </div>
                </div>
            </Show>
        </dialog>
    }
    .into_any()
}
