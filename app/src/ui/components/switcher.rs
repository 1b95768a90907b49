//! The quick switcher: Ctrl+K or ⌘K leads to any chat or person by a few letters. And the row above the list of chats that leads
//! to it and to the search for messages.

use std::time::Duration;

use leptos::{
    ev::KeyboardEvent,
    html::{Dialog, Input},
    prelude::*,
    task::spawn_local,
};
use leptos_router::hooks::{use_location, use_navigate};

use super::{
    avatar::{Avatar, chat_hue, user_hue},
    dialog::show_while,
    icon::{Glyph, Icon},
    search_field::Questions,
};
use crate::{
    api,
    domain::ChatId,
    protocol::UserView,
    ui::state::{
        browser,
        switching::{Target, next_row, targets},
        use_store,
    },
};

/// How long the typing has to pause before people are asked for.
const PAUSE: Duration = Duration::from_millis(150);

/// Whether the switcher is open. In the context of everything in the workspace.
#[derive(Clone, Copy)]
pub struct Switching(RwSignal<bool>);

/// Makes the switcher known to what opens it.
pub fn provide_switching() {
    provide_context(Switching(RwSignal::new(false)));
}

/// What stands above the list of chats: the way to the search, and to the switcher.
#[component]
pub fn FindRow() -> impl IntoView {
    let Switching(open) = expect_context();
    let store = use_store();
    let path = use_location().pathname;
    view! {
        <div class="find-row">
            <a
                class="find-row__search"
                href="/search"
                aria-current=move || path.with(|path| (path == "/search").then_some("page"))
            >
                <Icon glyph=Glyph::Search/>
                "Search messages"
            </a>
            // It does nothing without scripts.
            <button
                type="button"
                class="find-row__switch"
                aria-haspopup="dialog"
                aria-keyshortcuts="Control+K Meta+K"
                title="Go to a chat or person (Ctrl+K)"
                hidden=move || !store.is_alive()
                on:click=move |_| open.set(true)
            >
                "Go to…"
            </button>
        </div>
    }
    .into_any()
}

/// The dialog. The browser traps the focus in it, closes it with Escape, and gives the focus back.
#[component]
pub fn Switcher() -> impl IntoView {
    let Switching(open) = expect_context();
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let pressed = window_event_listener(leptos::ev::keydown, move |event: KeyboardEvent| {
            let is_shortcut =
                (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
            if is_shortcut && event.key().eq_ignore_ascii_case("k") {
                event.prevent_default();
                // Over another dialog there would be two.
                let is_free = document().query_selector("dialog[open]").ok().flatten().is_none();
                open.update(|open| *open = !*open && is_free);
            }
        });
        on_cleanup(move || pressed.remove());
    });
    show_while(dialog, move || open.get(), move || open.set(false));
    view! {
        <dialog
            node_ref=dialog
            class="dialog switcher"
            aria-label="Go to a chat or person"
            on:close=move |_| open.set(false)
        >
            <Show when=move || open.get()>
                <SwitcherBody open/>
            </Show>
        </dialog>
    }
    .into_any()
}

/// The field and the rows below it.
#[component]
fn SwitcherBody(
    /// Closes it.
    open: RwSignal<bool>,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chats = store.shared_chats();
    let typed = RwSignal::new(String::new());
    let people = RwSignal::new(Vec::<UserView>::new());
    let at = RwSignal::new(0_usize);
    let rows = Memo::new(move |_| {
        chats.with(|chats| typed.with(|typed| people.with(|people| targets(typed, chats, people, me))))
    });
    let input = NodeRef::<Input>::new();
    Effect::new(move || {
        if let Some(input) = input.get() {
            // The dialog is shown first, and would take the focus itself.
            request_animation_frame(move || {
                let _refused = input.focus();
            });
        }
    });
    let questions = Questions::none();
    let ask = move || {
        let query = typed.get_untracked().trim().trim_start_matches('@').to_owned();
        let question = questions.ask();
        if query.is_empty() {
            people.set(Vec::new());
            return;
        }
        spawn_local(async move {
            // One's chats are there in any case; who else there is comes if it can.
            if let Ok(found) = browser::within(api::search_users(query)).await
                && questions.is_latest(question)
            {
                people.try_set(found);
            }
        });
    };
    let type_in = move |text: String| {
        typed.set(text);
        at.set(0);
        questions.after(PAUSE, ask);
    };
    let navigate = use_navigate();
    let show = Callback::new(move |id: ChatId| {
        open.set(false);
        navigate(&format!("/c/{id}"), Default::default());
    });
    let go = Callback::new(move |target: Target| match target {
        Target::Chat { id, .. } => show.run(id),
        Target::Person(user) => {
            spawn_local(async move {
                match browser::within(api::create_direct_chat(user.id)).await {
                    Ok(chat) => {
                        let id = chat.id;
                        store.upsert_chat(chat);
                        // Whoever has closed it meanwhile stays where they are.
                        let _closed = show.try_run(id);
                    }
                    Err(error) => store.fail(&error),
                }
            });
        }
    });
    let press = move |event: KeyboardEvent| {
        let count = rows.with_untracked(Vec::len);
        match event.key().as_str() {
            key @ ("ArrowDown" | "ArrowUp") => {
                event.prevent_default();
                at.update(|at| *at = next_row(*at, count, key == "ArrowDown"));
                request_animation_frame(move || {
                    let row =
                        document().get_element_by_id(&row_id(at.try_get_untracked().unwrap_or_default()));
                    if let Some(row) = row {
                        row.scroll_into_view_with_bool(false);
                    }
                });
            }
            "Enter" if !event.is_composing() => {
                event.prevent_default();
                let chosen = rows.with_untracked(|rows| rows.get(at.get_untracked()).cloned());
                if let Some(target) = chosen {
                    go.run(target);
                }
            }
            _ => {}
        }
    };
    let said = move || match rows.with(Vec::len) {
        0 => "Nothing fits.".to_owned(),
        1 => "1 chat or person.".to_owned(),
        count => format!("{count} chats and people."),
    };
    let active = move || rows.with(|rows| (!rows.is_empty()).then(|| row_id(at.get())));
    view! {
        <div class="switcher__head">
            <Icon glyph=Glyph::Search/>
            <input
                node_ref=input
                class="switcher__input"
                type="text"
                role="combobox"
                aria-label="Name of a chat or person"
                aria-autocomplete="list"
                aria-expanded="true"
                aria-controls="switcher-rows"
                aria-activedescendant=active
                placeholder="Go to a chat or person"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                dir="auto"
                maxlength="100"
                on:input=move |event| type_in(event_target_value(&event))
                on:keydown=press
            />
            <button type="button" class="icon-button" aria-label="Close" on:click=move |_| open.set(false)>
                <Icon glyph=Glyph::Close/>
            </button>
        </div>
        <ul class="switcher__rows" id="switcher-rows" role="listbox" aria-label="Chats and people">
            {move || {
                rows.get()
                    .into_iter()
                    .enumerate()
                    .map(|(place, target)| view! { <SwitcherRow place target at go/> })
                    .collect_view()
            }}
        </ul>
        <p class="switcher__said" role="status">{said}</p>
    }
    .into_any()
}

fn row_id(place: usize) -> String {
    format!("switcher-row-{place}")
}

/// A chat or a person.
#[component]
fn SwitcherRow(
    /// Which row it is.
    place: usize,
    /// Where it leads.
    target: Target,
    /// The row that Enter opens.
    at: RwSignal<usize>,
    /// Goes there.
    go: Callback<Target>,
) -> impl IntoView {
    let (name, hue, picture, is_group, hint) = match &target {
        Target::Chat { id, title, other, avatar } => {
            let hue = other.map_or_else(|| chat_hue(*id), user_hue);
            (title.clone(), hue, *avatar, other.is_none(), None)
        }
        Target::Person(user) => {
            (user.display_name.clone(), user_hue(user.id), user.avatar, false, Some("New chat"))
        }
    };
    let is_active = move || at.get() == place;
    view! {
        <li
            class="switcher__row"
            id=row_id(place)
            role="option"
            aria-selected=move || is_active().to_string()
            on:click=move |_| go.run(target.clone())
        >
            <Avatar name=name.clone() hue picture group=is_group/>
            <span class="switcher__name" dir="auto">{name}</span>
            {hint.map(|hint| view! { <span class="switcher__hint">{hint}</span> })}
        </li>
    }
    .into_any()
}
