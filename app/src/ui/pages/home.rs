//! `/`: the list of chats, and beside it, where there is room, what to do next.

use leptos::{either::Either, prelude::*};

use crate::ui::{
    components::{empty::Empty, icon::Glyph, page::PageTitle},
    state::use_store,
};

/// The start page's content pane. On a phone the list of chats takes its place.
#[component]
pub fn HomePage() -> impl IntoView {
    let store = use_store();
    let chats = store.shared_chats();
    let has_chats = Memo::new(move |_| chats.with(|chats| !chats.is_empty()));
    let greeting = Memo::new(move |_| {
        store.account.with(|account| {
            account
                .as_ref()
                .map_or_else(|| "Welcome".to_owned(), |account| format!("Welcome, {}", account.display_name))
        })
    });
    view! {
        <PageTitle text="Chats"/>
        <main class="page home" id="content" tabindex="-1">
            <h1 class="home__title" dir="auto">{greeting}</h1>
            {move || {
                if has_chats.get() {
                    Either::Left(view! {
                        <Empty
                            glyph=Glyph::Chat
                            title="Choose a chat"
                            text="Pick a conversation from the list, or begin another one."
                        >
                            <a class="button quiet" href="/new">"Start a chat"</a>
                            <a class="button quiet" href="/new-group">"Create a group"</a>
                        </Empty>
                    })
                } else {
                    Either::Right(view! {
                        <Empty
                            glyph=Glyph::Chat
                            title="Say hello to somebody"
                            text="Find a person you know, or bring a few people together in a group."
                        >
                            <a class="button primary" href="/new">"Find somebody"</a>
                            <a class="button quiet" href="/new-group">"Create a group"</a>
                        </Empty>
                    })
                }
            }}
        </main>
    }
    .into_any()
}
