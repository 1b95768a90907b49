//! `/search`: messages of everything that one may read, as one types.

mod address;
mod found;
mod query;

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::HtmlInputElement,
};

use self::{found::Found, query::MessageSearch};
use crate::ui::{
    components::{
        empty::Skeleton,
        focus::focus,
        page::PageFrame,
        search_field::{SearchField, SearchState},
    },
    state::{finding::search_address, naming::chat_title, use_store},
};

/// The id of the field.
const FIELD_ID: &str = "search-field";

/// The page of the search.
#[component]
pub fn SearchPage() -> impl IntoView {
    let store = use_store();
    let search = MessageSearch::of_this_page();
    // Who comes to ask can type at once: when the field stands in the document, and the page has been shown.
    Effect::new(move || {
        request_animation_frame(|| {
            if field().is_some_and(|field| field.value().is_empty()) {
                focus_field();
            }
        });
    });
    address::follow(search, |query| field().iter().for_each(|field| field.set_value(query)));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        search.ask();
    };
    let me = store.me();
    let chats = store.shared_chats();
    let within = Memo::new(move |_| {
        let id = search.chat.get()?;
        let title =
            chats.with(|chats| chats.iter().find(|chat| chat.id == id).map(|chat| chat_title(chat, me)));
        Some((id, title.unwrap_or_else(|| "one chat".to_owned())))
    });
    let is_waiting =
        move || search.stage.get() == SearchState::Searching && search.results.with(Vec::is_empty);
    let older = move || {
        search
            .next
            .get()
            .map(|next| search_address(search.query.get().trim(), search.chat.get(), Some(&next)))
    };
    view! {
        <PageFrame title="Search">
            <div class="search-page" on:keydown=move |event| walk(&event)>
                <form class="form" method="get" action="/search" role="search" on:submit=submit>
                    <SearchField
                        id=FIELD_ID
                        name="q"
                        label=Signal::derive(move || match within.get() {
                            Some((_, title)) => format!("Search messages in {title}"),
                            None => "Search messages".to_owned(),
                        })
                        value=search.query.get_untracked()
                        max_chars=200
                        on_type=move |text| search.type_in(text)
                        status=Signal::derive(move || search.status())
                        failed=Signal::derive(move || matches!(search.stage.get(), SearchState::Failed(_)))
                    >
                        {move || within.get().map(|(id, _)| view! {
                            <input type="hidden" name="chat" value=id.to_string()/>
                            <a
                                class="search-page__everywhere"
                                href=move || search_address(search.query.get().trim(), None, None)
                                on:click=move |event| {
                                    event.prevent_default();
                                    search.chat.set(None);
                                    search.ask();
                                    focus_field();
                                }
                            >
                                "Search in all chats"
                            </a>
                        })}
                    </SearchField>
                </form>
                <Show when=is_waiting>
                    // The line above says it.
                    <div aria-hidden="true"><Skeleton rows=3 label="Searching…"/></div>
                </Show>
                <ol
                    class="search-results"
                    role="list"
                    aria-label="Messages found"
                    aria-busy=move || (search.stage.get() == SearchState::Searching).to_string()
                >
                    <For
                        each=move || search.results.get()
                        key=|result| (result.message.id, result.message.changed_seq, result.marks.clone())
                        let:result
                    >
                        <li><Found result/></li>
                    </For>
                </ol>
                {move || older().map(|address| view! {
                    <a
                        class="button quiet search-page__more"
                        href=address
                        on:click=move |event| {
                            event.prevent_default();
                            search.more();
                        }
                    >
                        "Show older"
                    </a>
                })}
            </div>
        </PageFrame>
    }
}

/// Arrows move between the field and the results; Escape leads back to the field.
fn walk(event: &KeyboardEvent) {
    let step: i32 = match event.key().as_str() {
        "ArrowDown" => 1,
        "ArrowUp" => -1,
        "Escape" => {
            focus_field();
            return;
        }
        _ => return,
    };
    if event.is_composing() {
        return;
    }
    let links = document().get_elements_by_class_name("search-result");
    let links: Vec<_> = (0..links.length()).filter_map(|place| links.item(place)).collect();
    let active = document().active_element();
    let here = links.iter().position(|link| active.as_ref() == Some(link));
    let wanted = match (here, step) {
        (None, 1) => Some(0),
        (Some(place), 1) => Some((place + 1).min(links.len().saturating_sub(1))),
        (Some(place), _) => place.checked_sub(1),
        (None, _) => return,
    };
    event.prevent_default();
    match wanted.and_then(|place| links.get(place)) {
        Some(link) => focus(link),
        None => focus_field(),
    }
}

fn field() -> Option<HtmlInputElement> {
    document().get_element_by_id(FIELD_ID)?.dyn_into().ok()
}

fn focus_field() {
    field().iter().for_each(|field| focus(field));
}
