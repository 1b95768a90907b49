//! `/new`: finding somebody to talk to.

use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::hooks::use_navigate;

use crate::{
    api,
    domain::ChatId,
    protocol::UserView,
    ui::{
        components::{
            form::{FormAlert, FormState},
            page::PageFrame,
            people::{PeopleSearch, PeopleSearchField, Person},
        },
        page_data::Page,
        state::use_store,
    },
};

/// The page of new direct chats.
#[component]
pub fn NewChatPage() -> impl IntoView {
    let search = people_of_this_page();
    let form = FormState::new("create_direct_chat");
    let find = move |event: SubmitEvent| {
        event.prevent_default();
        search.ask();
    };
    let people = search.people();
    view! {
        <PageFrame title="New chat">
            <form class="form" method="get" action="/new" role="search" on:submit=find>
                <PeopleSearchField search/>
            </form>
            <FormAlert form/>
            <ul class="people" role="list">
                <For each=move || people.get() key=|user| user.id let:user>
                    <li><ChatWith form user/></li>
                </For>
            </ul>
        </PageFrame>
    }
}

/// Somebody who was found: one press opens the chat with them.
#[component]
fn ChatWith(form: FormState, user: UserView) -> impl IntoView {
    let store = use_store();
    let open = open_chat();
    let id = user.id;
    let name = format!("Chat with {}", user.display_name);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.submit(api::create_direct_chat(id), move |chat| {
            let id = chat.id;
            store.upsert_chat(chat);
            // Whoever has gone elsewhere meanwhile stays there.
            let _left = open.try_run(id);
        });
    };
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="user_id" value=id.to_string()/>
            <button
                type="submit"
                class="person-button"
                aria-label=name
                aria-disabled=move || form.pending().then_some("true")
            >
                <Person user/>
            </button>
        </form>
    }
    .into_any()
}

/// The search of a page that was perhaps asked for with `?q=…`.
pub fn people_of_this_page() -> PeopleSearch {
    let first = use_store().take_initial(|page| match page {
        Page::People { query, found } => Some(Ok((query.clone(), found.clone()))),
        Page::Failed { error } => Some(Err(error.clone())),
        _ => None,
    });
    match first {
        Some(Ok((query, found))) => PeopleSearch::new(query, found),
        Some(Err(error)) => PeopleSearch::failed(error),
        None => PeopleSearch::new(String::new(), Vec::new()),
    }
}

/// Shows a chat. It lives as long as the page, so that a late answer leads nobody away from another one.
pub fn open_chat() -> Callback<ChatId> {
    let navigate = use_navigate();
    Callback::new(move |id: ChatId| navigate(&format!("/c/{id}"), Default::default()))
}
