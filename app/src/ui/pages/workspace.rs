//! What all pages of somebody who is signed in stand in: the list of chats beside the page, or, on a
//! phone, one of the two. Which one is seen there follows from the address alone.

use std::time::Duration;

use leptos::{ev::DragEvent, prelude::*};
use leptos_router::{components::Outlet, hooks::use_location};

use crate::ui::{
    components::chat_list::ChatList,
    realtime,
    state::{Connection, Store, local, use_store},
};

/// How long the connection may be away before that is said.
const BANNER_DELAY: Duration = Duration::from_secs(1);

/// How often it is looked whether a new day has begun.
const DAY_CHECK: Duration = Duration::from_secs(60);

/// The list of chats and the page.
#[component]
pub fn Workspace() -> impl IntoView {
    let store = use_store();
    let path = use_location().pathname;
    let view = Memo::new(move |_| path.with(|path| if path == "/" { "list" } else { "content" }));

    Effect::new(move |_| {
        store.read_clock();
        store.restore_outbox();
        store.guard_files();
        refuse_stray_files();
        realtime::connect(store);
        if let Ok(check) = set_interval_with_handle(move || store.tell_day(), DAY_CHECK) {
            on_cleanup(move || check.clear());
        }
    });

    view! {
        <div class="workspace" data-view=move || view.get()>
            <a class="skip-link" href="#content" rel="external">"Skip to content"</a>
            <ConnectionBanner store/>
            <ChatList/>
            <div class="workspace__content">
                <Outlet/>
            </div>
        </div>
    }
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
