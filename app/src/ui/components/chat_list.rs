//! The list of one's chats, last active first.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::{
    avatar::{Avatar, chat_hue, user_hue},
    badge::UnreadBadge,
    empty::Empty,
    icon::{Glyph, Icon, Mark},
    mention_badge::MentionBadge,
    presence::Presence,
    switcher::FindRow,
};
use crate::{
    domain::ChatId,
    protocol::ChatView,
    ui::{
        state::{
            naming::{chat_avatar, chat_title, draft_line, partner, preview},
            reading::Standing,
            use_store,
        },
        time_format::list_time,
    },
};

/// The navigation: where to begin something, and the chats there are.
#[component]
pub fn ChatList() -> impl IntoView {
    let store = use_store();
    let chats = store.shared_chats();
    let path = use_location().pathname;
    let current = Memo::new(move |_| path.with(|path| chat_of(path)));
    let at = move |wanted: &'static str| path.with(|path| (path == wanted).then_some("page"));
    // Those that stand in the list, and those that are put away.
    let parts = Memo::new(move |_| {
        let away = |chat: &Arc<ChatView>| store.standing(chat).is_put_away;
        let (away, here): (Vec<_>, Vec<_>) = chats.with(|chats| chats.iter().cloned().partition(away));
        let ids = |chats: Vec<Arc<ChatView>>| chats.iter().map(|chat| chat.id).collect::<Vec<_>>();
        (ids(here), ids(away))
    });
    let ids = Memo::new(move |_| parts.with(|(here, _)| here.clone()));
    let away = Memo::new(move |_| parts.with(|(_, away)| away.clone()));
    let none = Memo::new(move |_| parts.with(|(here, away)| here.is_empty() && away.is_empty()));
    view! {
        <nav class="workspace__list chat-list" aria-label="Chats">
            <div class="chat-list__head">
                <a class="chat-list__brand" href="/"><Mark/>"Samvad"</a>
                <div class="chat-list__actions">
                    <a class="icon-button" href="/new" aria-label="New chat" aria-current=move || at("/new")>
                        <Icon glyph=Glyph::Compose/>
                    </a>
                    <a
                        class="icon-button"
                        href="/new-group"
                        aria-label="New group"
                        aria-current=move || at("/new-group")
                    >
                        <Icon glyph=Glyph::People/>
                    </a>
                    <a
                        class="icon-button"
                        href="/settings"
                        aria-label="Settings"
                        aria-current=move || at("/settings")
                    >
                        <Icon glyph=Glyph::Settings/>
                    </a>
                </div>
            </div>
            <FindRow/>
            <div class="chat-list__scroll">
                <Show when=move || none.get()>
                    <Empty
                        glyph=Glyph::Chat
                        title="No chats yet"
                        text="Find somebody and say hello, or bring a few people together."
                    >
                        <a class="button primary" href="/new">"Start a chat"</a>
                    </Empty>
                </Show>
                <ChatRows ids current/>
                <Show when=move || away.with(|away| !away.is_empty())>
                    <details class="chat-list__away">
                        <summary class="chat-list__away-title">
                            <Icon glyph=Glyph::Archive/>
                            "Archived "
                            <span class="chat-list__count">{move || away.with(Vec::len)}</span>
                        </summary>
                        <ChatRows ids=away current/>
                    </details>
                </Show>
            </div>
        </nav>
    }
    .into_any()
}

/// Chats, one below the other.
#[component]
fn ChatRows(
    /// Which.
    ids: Memo<Vec<ChatId>>,
    /// The chat whose page is open.
    current: Memo<Option<ChatId>>,
) -> impl IntoView {
    view! {
        <ul class="chat-list__rows" role="list">
            <For each=move || ids.get() key=|id| *id children=move |id| view! { <ChatRow id current/> }/>
        </ul>
    }
    .into_any()
}

/// One chat: what it is called, when it was last active and what was said.
#[component]
fn ChatRow(
    /// Which chat.
    id: ChatId,
    /// The chat whose page is open.
    current: Memo<Option<ChatId>>,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chat = store.shared_chat(id);
    let read = move |of: fn(&ChatView, Option<crate::domain::UserId>) -> String| {
        chat.with(|chat| chat.as_deref().map(|chat| of(chat, me)).unwrap_or_default())
    };
    let title = Memo::new(move |_| read(chat_title));
    // What one is writing stands in the place of what was said last.
    let draft = Memo::new(move |_| chat.with(|chat| draft_line(&store.row_draft(chat.as_deref()?)?)));
    let is_draft = Memo::new(move |_| draft.with(Option::is_some));
    let direction = move || if is_draft.get() { "ltr" } else { "auto" };
    let said = Memo::new(move |_| {
        let last = || read(|chat, me| preview(chat, me).unwrap_or_else(|| "No messages yet".into()));
        draft.get().unwrap_or_else(last)
    });
    let picture = Memo::new(move |_| chat.with(|chat| chat_avatar(chat.as_deref()?, me)));
    let time = move || {
        chat.with(|chat| {
            let at = chat.as_deref().map(ChatView::last_activity_at)?;
            let text = list_time(at, store.utc_offset.get(), store.today.get());
            Some(view! { <time class="chat-row__time" datetime=at.to_string()>{text}</time> })
        })
    };
    let standing = Memo::new(move |_| {
        chat.with(|chat| chat.as_deref().map(|chat| store.standing(chat)).unwrap_or_default())
    });
    let muted = Memo::new(move |_| standing.with(|standing| standing.is_muted));
    let quiet = Memo::new(move |_| standing.with(Standing::is_quiet));
    let unread = Memo::new(move |_| standing.with(|standing| standing.unread));
    // Whether it is a group, and who the other person is, never changes.
    let other = chat.with_untracked(|chat: &Option<Arc<ChatView>>| {
        chat.as_deref().and_then(|c| Some(partner(c, me)?.user.id))
    });
    view! {
        <li>
            <a
                class="chat-row"
                data-unread=move || (unread.get() > 0).then_some("true")
                href=format!("/c/{id}")
                aria-current=move || (current.get() == Some(id)).then_some("page")
            >
                <span class="chat-row__picture">
                    <Avatar
                        name=title
                        hue=other.map_or_else(|| chat_hue(id), user_hue)
                        picture
                        group=other.is_none()
                    />
                </span>
                <span class="chat-row__body">
                    <span class="chat-row__line">
                        <span class="chat-row__title" dir="auto">{move || title.get()}</span>
                        <Show when=move || muted.get()>
                            <span class="chat-row__muted">
                                <Icon glyph=Glyph::BellOff/>
                                <span class="visually-hidden">"Muted"</span>
                            </span>
                        </Show>
                        {time}
                    </span>
                    <span class="chat-row__line">
                        <span class="chat-row__said" dir=direction>
                            <Show when=move || is_draft.get()>
                                <span class="chat-row__draft">"Draft: "</span>
                            </Show>
                            <bdi>{move || said.get()}</bdi>
                        </span>
                        <MentionBadge chat_id=id/>
                        {other.map(|user| view! { <Presence online=store.is_online(user)/> })}
                        <UnreadBadge unread quiet/>
                    </span>
                </span>
            </a>
        </li>
    }
    .into_any()
}

/// The chat that an address belongs to.
fn chat_of(path: &str) -> Option<ChatId> {
    path.strip_prefix("/c/")?.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_a_chat() {
        let id = "68949ca2e36d65cad2b71204";
        assert_eq!(chat_of(&format!("/c/{id}")), id.parse().ok());
        assert_eq!(chat_of(&format!("/c/{id}/details")), id.parse().ok());
        assert_eq!(chat_of("/settings"), None);
        assert_eq!(chat_of("/c/nonsense"), None);
    }
}
