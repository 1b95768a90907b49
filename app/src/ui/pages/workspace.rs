//! What all pages of somebody who is signed in stand in: the list of chats beside the page, or, on a
//! phone, one of the two. Which one is seen there follows from the address alone.

use std::time::Duration;

use leptos::{ev::DragEvent, prelude::*};
use leptos_router::{
    components::Outlet,
    hooks::{use_location, use_navigate},
};

use crate::ui::{
    components::{
        chat_list::ChatList,
        favicon,
        switcher::{Switcher, provide_switching},
    },
    realtime,
    state::{Connection, Store, browser, local, use_store},
};

/// How long the connection may be away before that is said.
const BANNER_DELAY: Duration = Duration::from_secs(1);

/// How often it is looked whether a new day has begun.
const DAY_CHECK: Duration = Duration::from_secs(60);

/// The list of chats and the page.
#[component]
pub fn Workspace() -> impl IntoView {
    provide_switching();
    let store = use_store();
    let path = use_location().pathname;
    let view = Memo::new(move |_| path.with(|path| if path == "/" { "list" } else { "content" }));

    let navigate = use_navigate();
    store.set_way(Callback::new(move |path: String| navigate(&path, Default::default())));
    Effect::new(move |_| {
        store.read_clock();
        store.restore_outbox();
        store.guard_files();
        refuse_stray_files();
        realtime::connect(store);
        let tick = move || {
            store.tell_day();
            store.tell_time();
        };
        if let Ok(check) = set_interval_with_handle(tick, DAY_CHECK) {
            on_cleanup(move || check.clear());
        }
        attend(store);
    });
    let until_unmuted = Memo::new(move |_| store.until_unmuted());
    Effect::new(move |_| {
        let wait = until_unmuted.get();
        if let Some(Ok(timer)) = wait.map(|wait| set_timeout_with_handle(move || store.tell_time(), wait)) {
            on_cleanup(move || timer.clear());
        }
    });
    let unread = Memo::new(move |_| store.total_unread());
    Effect::new(move |before: Option<u64>| {
        let unread = unread.get();
        if before.unwrap_or(0) != unread {
            favicon::show(unread);
        }
        unread
    });

    view! {
        <div class="workspace" data-view=move || view.get()>
            <a class="skip-link" href="#content" rel="external">"Skip to content"</a>
            <ConnectionBanner store/>
            <ChatList/>
            <div class="workspace__content">
                <Outlet/>
            </div>
            <Switcher/>
        </div>
    }
}

/// Follows whether somebody looks at the window.
fn attend(store: Store) {
    let look = move || store.set_attention(browser::is_attentive());
    look();
    let listeners = ["focus", "blur", "visibilitychange", "pageshow"]
        .map(|event| window_event_listener_untyped(event, move |_| look()));
    // The last that a page hears, whatever it looks like; of a phone that goes to another program it is often the other.
    let gone = window_event_listener_untyped("pagehide", move |_| {
        store.set_attention(false);
        store.save_drafts_last();
    });
    let hidden = window_event_listener_untyped("visibilitychange", move |_| {
        if browser::is_hidden() {
            store.save_drafts_last();
        }
    });
    on_cleanup(move || {
        listeners.into_iter().chain([gone, hidden]).for_each(WindowListenerHandle::remove);
    });
}

/// Has the browser leave alone what falls beside a conversation: it would open the file in the place of the page.
fn refuse_stray_files() {
    let refuse = |event: DragEvent| {
        if !event.default_prevented() && local::are_files(&event) {
            event.prevent_default();
            local::refuse_drop(&event);
        }
    };
    let over = window_event_listener(leptos::ev::dragover, refuse);
    let dropped = window_event_listener(leptos::ev::drop, refuse);
    on_cleanup(move || {
        over.remove();
        dropped.remove();
    });
}

/// Says that the connection is away, once it has been for a moment.
#[component]
fn ConnectionBanner(
    /// The store.
    store: Store,
) -> impl IntoView {
    let away = Memo::new(move |_| store.connection.get() == Connection::Offline);
    let shown = RwSignal::new(false);
    Effect::new(move |_| {
        if !away.get() {
            shown.set(false);
        } else if let Ok(timer) = set_timeout_with_handle(move || shown.set(true), BANNER_DELAY) {
            on_cleanup(move || timer.clear());
        }
    });
    view! {
        <div class="connection" role="status">
            <Show when=move || shown.get()>
                <p class="connection__text">"You are offline. Reconnecting…"</p>
            </Show>
        </div>
    }
    .into_any()
}
