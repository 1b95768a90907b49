//! What the chat is called, who is there, and the way to its details.

use leptos::{either::Either, prelude::*};

use super::pins::Pins;
use crate::{
    domain::{ChatId, ChatKind},
    ui::{
        components::{
            avatar::{Avatar, chat_hue, user_hue},
            icon::{Glyph, Icon},
            presence::Presence,
        },
        state::{naming::partner, use_store},
    },
};

/// The head of a conversation.
#[component]
pub(super) fn ChatHeader(
    /// Which chat.
    chat_id: ChatId,
    /// What it is called.
    title: Memo<String>,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chat = store.shared_chat(chat_id);
    let kind = Memo::new(move |_| chat.with(|chat| chat.as_deref().map(|chat| chat.kind)));
    let other = Memo::new(move |_| chat.with(|chat| Some(partner(chat.as_deref()?, me)?.user.id)));
    let count = Memo::new(move |_| chat.with(|chat| chat.as_deref().map_or(0, |chat| chat.member_count)));
    view! {
        <header class="chat__header">
            <a class="icon-button chat__back" href="/" aria-label="Back to chats">
                <Icon glyph=Glyph::Back/>
            </a>
            {move || {
                let hue = other.get().map_or_else(|| chat_hue(chat_id), user_hue);
                view! { <Avatar name=title hue group=other.get().is_none()/> }
            }}
            <div class="chat__heading">
                <h1 class="chat__title" dir="auto">{move || title.get()}</h1>
                {move || match (other.get(), kind.get()) {
                    (Some(user), _) => Some(Either::Left(view! { <Presence online=store.is_online(user)/> })),
                    (None, Some(ChatKind::Group)) => Some(Either::Right(view! {
                        <span class="chat__count">{move || people(count.get())}</span>
                    })),
                    _ => None,
                }}
            </div>
            <Pins chat_id/>
            {move || kind.get().map(|kind| {
                let label = if kind == ChatKind::Group { "Group details" } else { "Details" };
                view! {
                    <a class="icon-button" href=format!("/c/{chat_id}/details") aria-label=label title=label>
                        <Icon glyph=Glyph::Info/>
                    </a>
                }
            })}
        </header>
    }
    .into_any()
}

fn people(count: u64) -> String {
    if count == 1 { "1 member".into() } else { format!("{count} members") }
}
