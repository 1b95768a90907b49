//! What the chat is called, who is there, and the way to its details.

use leptos::{either::Either, prelude::*};

use super::{day_jump::DayJump, pins::Pins};
use crate::{
    domain::{ChatId, ChatKind},
    ui::{
        components::{
            avatar::{Avatar, chat_hue, user_hue},
            blocking::profile_path,
            icon::{Glyph, Icon},
            presence::LastSeen,
        },
        state::{
            finding::search_address,
            naming::{chat_avatar, partner},
            use_store,
        },
    },
};

/// Characters of a group's description that its head shows; where there is no room for them, fewer.
const SHORT_CHARS: usize = 120;

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
    let picture = Memo::new(move |_| chat.with(|chat| chat_avatar(chat.as_deref()?, me)));
    let count = Memo::new(move |_| chat.with(|chat| chat.as_deref().map_or(0, |chat| chat.member_count)));
    let about = Memo::new(move |_| {
        chat.with(|chat| chat.as_deref().map(|chat| in_short(&chat.description)).unwrap_or_default())
    });
    view! {
        <header class="chat__header">
            <a class="icon-button chat__back" href="/" aria-label="Back to chats">
                <Icon glyph=Glyph::Back/>
            </a>
            {move || {
                let hue = other.get().map_or_else(|| chat_hue(chat_id), user_hue);
                view! { <Avatar name=title hue picture group=other.get().is_none()/> }
            }}
            <div class="chat__heading">
                <h1 class="chat__title" dir="auto">
                    {move || match other.get() {
                        Some(user) => Either::Left(view! {
                            <a class="person-link" href=profile_path(user)>{title}</a>
                        }),
                        None => Either::Right(title),
                    }}
                </h1>
                {move || match (other.get(), kind.get()) {
                    (Some(user), _) => Some(Either::Left(view! { <LastSeen user/> })),
                    (None, Some(ChatKind::Group)) => Some(Either::Right(view! {
                        <span class="chat__count">
                            {move || people(count.get())}
                            <Show when=move || about.with(|about| !about.is_empty())>
                                " · "<bdi>{about}</bdi>
                            </Show>
                        </span>
                    })),
                    _ => None,
                }}
            </div>
            <a
                class="icon-button"
                href=search_address("", Some(chat_id), None)
                aria-label="Search in this chat"
                title="Search in this chat"
            >
                <Icon glyph=Glyph::Search/>
            </a>
            <Pins chat_id/>
            <DayJump chat_id/>
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

/// What a group says about itself, on a part of a line.
fn in_short(description: &str) -> String {
    let line = description.lines().next().unwrap_or_default();
    match line.char_indices().nth(SHORT_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.to_owned(),
    }
}

fn people(count: u64) -> String {
    if count == 1 { "1 member".into() } else { format!("{count} members") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_one_short_line_in_the_head() {
        assert_eq!(in_short(""), "");
        assert_eq!(in_short("For all who dig\nand weed"), "For all who dig");
        assert_eq!(in_short(&"न".repeat(120)), "न".repeat(120));
        assert_eq!(in_short(&"न".repeat(121)), format!("{}…", "न".repeat(120)));
    }
}
