//! `/new-group`: bringing people together under a name.

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::HtmlInputElement,
};
use leptos_router::hooks::use_query_map;

use super::new_chat::{open_chat, people_of_this_page};
use crate::{
    api,
    domain::{UserId, limits},
    protocol::UserView,
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            button::SubmitButton,
            field::Field,
            focus::FocusKeeper,
            form::{Entered, FormAlert, FormState, is_enter},
            icon::{Glyph, Icon},
            page::PageFrame,
            people::{PeopleSearchField, SEARCH_ID},
        },
        state::use_store,
    },
};

/// The name that the chosen people have on the wire.
const MEMBERS: &str = "member_ids[]";

/// Somebody who is to be in the group. Who they are is not known where the page has come without scripts
/// from a search that did not find them again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Chosen {
    id: UserId,
    user: Option<UserView>,
}

/// The id of the list of those chosen.
const CHIPS_ID: &str = "chosen-people";

/// Adds somebody to the chosen, or takes them away; nobody is chosen twice.
fn choose(chosen: &mut Vec<Chosen>, id: UserId, user: Option<&UserView>, on: bool) {
    let at = chosen.iter().position(|person| person.id == id);
    match (at, on) {
        (Some(at), false) => {
            chosen.remove(at);
        }
        (None, true) => chosen.push(Chosen { id, user: user.cloned() }),
        _ => {}
    }
}

/// Who was chosen before this page was made: the ids that it was asked with, and who they are as far as
/// those people are among the ones just found.
fn chosen_before<'a>(ids: impl Iterator<Item = &'a str>, found: &[UserView]) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    for id in ids.flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()) {
        choose(&mut chosen, id, found.iter().find(|user| user.id == id), true);
    }
    chosen.truncate(limits::USERS_PER_REQUEST);
    chosen
}

/// The page of new groups. One form holds everything, so that searching without scripts keeps the name
/// and the people chosen so far.
#[component]
pub fn NewGroupPage() -> impl IntoView {
    let store = use_store();
    let search = people_of_this_page();
    let form = FormState::new("create_group_chat");
    let open = open_chat();
    let query = use_query_map().get_untracked();

    let found = search.people();
    let mut ids = query.get_all(MEMBERS).unwrap_or_default();
    store.initial.with_value(|data| {
        let refused = data.form.iter().filter(|refused| refused.function == form.function());
        let values = refused.flat_map(|refused| &refused.values);
        ids.extend(values.filter(|(field, _)| field.starts_with("member_ids")).map(|(_, ids)| ids.clone()));
    });
    let before = found.with_untracked(|found| chosen_before(ids.iter().map(String::as_str), found));
    let nameless =
        before.iter().filter(|person| person.user.is_none()).map(|person| person.id).collect::<Vec<_>>();
    let chosen = RwSignal::new(before);

    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        if event.submitter().is_some_and(|button| button.has_attribute("formaction")) {
            search.ask();
            return;
        }
        let members = chosen.with_untracked(|chosen| chosen.iter().map(|person| person.id).collect());
        form.submit(api::create_group_chat(entered.text("name"), members), move |chat| {
            let id = chat.id;
            store.upsert_chat(chat);
            // Whoever has gone elsewhere meanwhile stays there.
            let _left = open.try_run(id);
        });
    };
    // Enter presses the first button of a form, which is the search's. After a name it means the group;
    // without scripts the search comes back with the name and everybody chosen.
    let on_key = move |event: KeyboardEvent| {
        let field = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let form = field.filter(|field| field.name() == "name").and_then(|field| field.form());
        if let Some(form) = form.filter(|_| is_enter(&event)) {
            event.prevent_default();
            // Only a button that is not the form's could be refused.
            let _ = form.request_submit();
        }
    };
    view! {
        <PageFrame title="New group">
            <form
                class="form"
                method="post"
                action=form.action()
                novalidate
                on:submit=submit
                on:keydown=on_key
            >
                <FormAlert form/>
                <Field
                    form
                    name="name"
                    label="Group name"
                    value=query.get("name").unwrap_or_default()
                    required=true
                    max_chars=limits::GROUP_NAME_CHARS
                />
                <Chips chosen/>
                <PeopleSearchField search page="/new-group"/>
                <ul class="people" role="list">
                    <For each=move || found.get() key=|user| user.id let:user>
                        <li><PersonOption chosen user/></li>
                    </For>
                    {nameless
                        .into_iter()
                        .map(|id| view! { <li><NamelessOption chosen id/></li> })
                        .collect_view()}
                </ul>
                <SubmitButton form label="Create group"/>
            </form>
        </PageFrame>
    }
}

/// The people chosen so far, each with a button that takes them away again.
#[component]
fn Chips(chosen: RwSignal<Vec<Chosen>>) -> impl IntoView {
    let named = Memo::new(move |_| {
        chosen.with(|chosen| {
            chosen.iter().filter_map(|person| Some((person.id, person.user.clone()?))).collect::<Vec<_>>()
        })
    });
    // Who is taken away takes the focus along: it goes to the next one, or back to finding people.
    let focus = FocusKeeper::new(CHIPS_ID, SEARCH_ID);
    Effect::new(move |before: Option<()>| {
        named.track();
        if before.is_some() {
            focus.restore_soon();
        }
    });
    view! {
        <Show when=move || named.with(|named| !named.is_empty())>
            <ul
                class="chips"
                role="list"
                aria-label="Chosen people"
                id=CHIPS_ID
                on:focusin=move |event| focus.note(&event)
                on:focusout=move |event| focus.leave(&event)
            >
                <For each=move || named.get() key=|(id, _)| *id let((id, user))>
                    <li class="chip" id=format!("chosen-{id}")>
                        <Avatar name=user.display_name.clone() hue=user_hue(id) picture=user.avatar size="s"/>
                        <span class="chip__text" dir="auto">{user.display_name.clone()}</span>
                        <button
                            type="button"
                            class="chip__remove"
                            aria-label=format!("Remove {}", user.display_name)
                            on:click=move |_| chosen.update(|chosen| choose(chosen, id, None, false))
                        >
                            <Icon glyph=Glyph::Close/>
                        </button>
                    </li>
                </For>
            </ul>
        </Show>
    }
    .into_any()
}

/// Somebody who was found, to be chosen or not.
#[component]
fn PersonOption(chosen: RwSignal<Vec<Chosen>>, user: UserView) -> impl IntoView {
    let person = user.clone();
    let UserView { id, display_name, about, avatar } = user;
    let is_chosen = move || chosen.with(|chosen| chosen.iter().any(|person| person.id == id));
    let at_first = chosen.with_untracked(|chosen| chosen.iter().any(|person| person.id == id));
    view! {
        <div class="person-option">
            <label class="person-option__choice">
                <input
                    type="checkbox"
                    name=MEMBERS
                    value=id.to_string()
                    checked=at_first
                    prop:checked=is_chosen
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        chosen.update(|chosen| choose(chosen, id, Some(&person), on));
                    }
                />
                <Avatar name=display_name.clone() hue=user_hue(id) picture=avatar/>
                <span class="person__name" dir="auto">{display_name}</span>
            </label>
            {(!about.is_empty()).then(|| view! { <span class="person__about" dir="auto">{about}</span> })}
        </div>
    }
    .into_any()
}

/// Somebody who was chosen in an earlier search.
#[component]
fn NamelessOption(chosen: RwSignal<Vec<Chosen>>, id: UserId) -> impl IntoView {
    view! {
        <div class="person-option">
            <label class="person-option__choice">
                <input
                    type="checkbox"
                    name=MEMBERS
                    value=id.to_string()
                    checked=true
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        chosen.update(|chosen| choose(chosen, id, None, on));
                    }
                />
                <span class="person__name">"Somebody you chose before"</span>
            </label>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(byte: u8, name: &str) -> UserView {
        UserView { id: UserId::from_bytes([byte; 12]), display_name: name.to_owned(), ..UserView::default() }
    }

    #[test]
    fn nobody_is_chosen_twice_and_everybody_can_be_taken_away() {
        let (ada, bob) = (user(1, "Ada").id, user(2, "Bob").id);
        let mut chosen = Vec::new();
        choose(&mut chosen, ada, Some(&user(1, "Ada")), true);
        choose(&mut chosen, bob, Some(&user(2, "Bob")), true);
        choose(&mut chosen, ada, Some(&user(1, "Ada")), true);
        assert_eq!(chosen.iter().map(|person| person.id).collect::<Vec<_>>(), [ada, bob]);
        choose(&mut chosen, ada, None, false);
        choose(&mut chosen, ada, None, false);
        assert_eq!(chosen.iter().map(|person| person.id).collect::<Vec<_>>(), [bob]);
    }

    #[test]
    fn who_was_chosen_before_a_search_stays_chosen() {
        let (ada, bob) = (user(1, "Ada"), user(2, "Bob"));
        let ids = [ada.id.to_string(), format!("{},{}", bob.id, ada.id), "nonsense".to_owned()];
        let chosen = chosen_before(ids.iter().map(String::as_str), std::slice::from_ref(&bob));
        assert_eq!(chosen, [Chosen { id: ada.id, user: None }, Chosen { id: bob.id, user: Some(bob) }]);
    }
}
