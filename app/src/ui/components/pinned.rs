//! The pinned messages of a chat, each a link to its place.

use leptos::{ev::MouseEvent, prelude::*};

use crate::{
    domain::{ChatId, Seq},
    protocol::MessageView,
    ui::{
        files::words::gist,
        state::{pinned::Pinned, use_store},
        time_format::full,
    },
};

/// The pinned messages of the chat that is open.
#[component]
pub fn PinnedList(
    /// Which chat.
    chat_id: ChatId,
    /// What else is done when one is followed.
    #[prop(optional, into)]
    on_follow: Option<Callback<(MouseEvent, Seq)>>,
) -> impl IntoView {
    let store = use_store();
    let messages = Memo::new(move |_| {
        store.pinned.with(|pinned| {
            let pinned = pinned.as_ref().filter(|pinned| pinned.chat_id() == chat_id);
            pinned.map(|pinned| pinned.messages().to_vec()).unwrap_or_default()
        })
    });
    // Of a list that is not known yet nobody can say that there is nothing in it.
    let is_empty = Memo::new(move |_| {
        store.pinned.with(|pinned| {
            let pinned = pinned.as_ref().filter(|pinned| pinned.chat_id() == chat_id);
            pinned.is_some_and(Pinned::is_known_to_be_empty)
        })
    });
    let one = move |message: MessageView| {
        let seq = message.seq;
        let follow = move |event: MouseEvent| {
            if let Some(on_follow) = on_follow {
                on_follow.run((event, seq));
            }
        };
        let at = full(message.created_at, store.utc_offset.get());
        let words = gist(&message);
        view! {
            <li>
                <a class="pinned" href=message_path(chat_id, seq) on:click=follow>
                    <span class="pinned__head">
                        <span class="pinned__author" dir="auto">{message.sender_name}</span>
                        " "
                        <span class="pinned__at">{at}</span>
                    </span>
                    <span class="pinned__text" dir="auto">{words}</span>
                </a>
            </li>
        }
        .into_any()
    };
    view! {
        <ul class="pinned-list" role="list">
            {move || messages.get().into_iter().map(one).collect::<Vec<_>>()}
        </ul>
        <Show when=move || is_empty.get()>
            <p class="card__lead">"Nothing is pinned."</p>
        </Show>
    }
    .into_any()
}

/// The address of a message: the page around it, at its place.
pub fn message_path(chat_id: ChatId, seq: Seq) -> String {
    format!("/c/{chat_id}/{seq}#{}", anchor_id(seq))
}

/// The id of the element that the address of a message leads to.
pub fn anchor_id(seq: Seq) -> String {
    format!("m{seq}")
}
