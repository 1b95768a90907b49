//! Whether somebody is there, or when they last were: always in words, the colour and shape only help.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api,
    domain::UserId,
    ui::{
        state::{Connection, browser, use_store},
        time_format,
    },
};

/// "Online" or "Offline", with a mark that is full or hollow.
#[component]
pub fn Presence(
    /// Whether they are there.
    #[prop(into)]
    online: Signal<bool>,
) -> impl IntoView {
    let word = Signal::derive(move || if online.get() { "Online" } else { "Offline" }.to_owned());
    view! { <Mark online word/> }
}

/// "Online", or when somebody was last there as far as that is known: of one person to whom all of a page belongs.
#[component]
pub fn LastSeen(
    /// Who.
    user: UserId,
) -> impl IntoView {
    let store = use_store();
    let (online, seen) = (store.is_online(user), store.last_seen(user));
    let lacks = store.lacks_last_seen(user);
    // What was missed while there was no socket is asked for.
    Effect::new(move |_| {
        if lacks.get() && store.connection.get() == Connection::Online {
            spawn_local(async move {
                // Without an answer they are offline, as they were.
                if let Ok(profile) = browser::within(api::get_user(user)).await {
                    store.take_profile(&profile);
                }
            });
        }
    });
    let word = Signal::derive(move || match seen.get() {
        _ if online.get() => "Online".to_owned(),
        None => "Offline".to_owned(),
        Some(at) => {
            time_format::last_seen(at, store.reading.now.get(), store.utc_offset.get(), store.today.get())
        }
    });
    view! { <Mark online word/> }
}

/// The word and its mark.
#[component]
fn Mark(online: Signal<bool>, word: Signal<String>) -> impl IntoView {
    view! {
        <span class="presence" data-online=move || if online.get() { "true" } else { "false" }>
            <span class="presence__mark" aria-hidden="true"></span>
            <span class="presence__word">{word}</span>
        </span>
    }
    .into_any()
}
