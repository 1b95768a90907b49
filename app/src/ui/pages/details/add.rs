//! Adding people to a group.

use leptos::{either::Either, ev::SubmitEvent, prelude::*};

use super::LiveChat;
use crate::{
    api,
    domain::ChatId,
    protocol::UserView,
    ui::{
        components::{
            button::SubmitButton,
            form::{FormAlert, FormState},
            people::{PeopleSearch, PeopleSearchField, Person},
        },
        state::Store,
    },
};

/// The field in which one looks for people, and who was found.
#[component]
pub fn AddPeople(store: Store, id: ChatId, chat: LiveChat, search: PeopleSearch) -> impl IntoView {
    let people = search.people();
    let find = move |event: SubmitEvent| {
        event.prevent_default();
        search.ask();
    };
    view! {
        <section class="card" aria-labelledby="add-title">
            <h2 class="card__title" id="add-title">"Add people"</h2>
            <form class="form" method="get" action=format!("/c/{id}/details") role="search" on:submit=find>
                <PeopleSearchField search/>
            </form>
            <ul class="people" role="list">
                <For each=move || people.get() key=|user| user.id let:user>
                    <li class="row"><Candidate store id chat user/></li>
                </For>
            </ul>
        </section>
    }
}

/// Somebody who was found: to be added, unless they are in the group.
#[component]
fn Candidate(store: Store, id: ChatId, chat: LiveChat, user: UserView) -> impl IntoView {
    let user_id = user.id;
    let name = user.display_name.clone();
    let form = FormState::one_of("add_members", "user_ids[]", &user_id.to_string());
    let is_member = Memo::new(move |_| {
        chat.with(|chat| {
            chat.as_ref().is_some_and(|chat| chat.members.iter().any(|member| member.user.id == user_id))
        })
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.submit(api::add_members(id, vec![user_id]), move |chat| store.upsert_chat(chat));
    };
    view! {
        <div class="row__words">
            <Person user/>
            <FormAlert form/>
        </div>
        {move || {
            if is_member.get() {
                Either::Left(view! { <span class="badge">"In the group"</span> })
            } else {
                Either::Right(view! {
                    <form method="post" action=form.action() on:submit=submit>
                        <input type="hidden" name="chat_id" value=id.to_string()/>
                        <input type="hidden" name="user_ids[]" value=user_id.to_string()/>
                        <SubmitButton form label="Add" name=format!("Add {name}") look="quiet small"/>
                    </form>
                })
            }
        }}
    }
}
