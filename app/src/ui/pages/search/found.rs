//! A message that was found.

use leptos::prelude::*;

use crate::{
    domain::ChatKind,
    protocol::SearchResult,
    ui::{
        components::{
            avatar::{Avatar, chat_hue, user_hue},
            icon::{Glyph, Icon},
        },
        state::{
            finding::{result_address, snippet},
            use_store,
        },
        time_format::{full, list_time},
    },
};

/// A message that was found: it leads to where it stands.
#[component]
pub(super) fn Found(
    /// What was found.
    result: SearchResult,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let address = result_address(&result);
    let SearchResult { message, chat_name, chat_kind, chat_avatar, marks } = result;
    let is_mine = Some(message.sender_id) == me;
    let sender = if is_mine { "You".to_owned() } else { message.sender_name.clone() };
    let hue =
        if chat_kind == ChatKind::Group { chat_hue(message.chat_id) } else { user_hue(message.sender_id) };
    let at = message.created_at;
    let files: Vec<String> = message.attachments.iter().map(|file| file.name.clone()).collect();
    let pieces = snippet(&message.body, &marks);
    view! {
        <a class="search-result" href=address>
            <Avatar name=chat_name.clone() hue picture=chat_avatar group=chat_kind == ChatKind::Group/>
            <span class="search-result__body">
                <span class="search-result__line">
                    <span class="search-result__chat" dir="auto">{chat_name}</span>
                    <time
                        class="search-result__time"
                        datetime=at.to_string()
                        title=move || full(at, store.utc_offset.get())
                    >
                        {move || list_time(at, store.utc_offset.get(), store.today.get())}
                    </time>
                </span>
                <span class="search-result__sender" dir="auto">{sender}</span>
                {(!pieces.is_empty()).then(|| view! {
                    <span class="search-result__text" dir="auto">
                        {pieces
                            .into_iter()
                            .map(|piece| {
                                if piece.is_mark {
                                    view! { <mark>{piece.text}</mark> }.into_any()
                                } else {
                                    view! { {piece.text} }.into_any()
                                }
                            })
                            .collect_view()}
                    </span>
                })}
                {files
                    .into_iter()
                    .map(|name| view! {
                        <span class="search-result__file" dir="auto"><Icon glyph=Glyph::File/>{name}</span>
                    })
                    .collect_view()}
            </span>
        </a>
    }
    .into_any()
}
