//! Adding people to a group.

use leptos::{ev::SubmitEvent, prelude::*};

use super::LiveChat;
use crate::{
    api,
    domain::ChatId,
    protocol::{MemberView, UserView},
    ui::{
        components::{
            button::SubmitButton,
            focus::FocusKeeper,
            form::{FormAlert, FormState},
            people::{PeopleSearch, PeopleSearchField, Person},
        },
        state::Store,
    },
};

/// The ids of the list and of what it is called.
const LIST_ID: &str = "found-people";
const TITLE_ID: &str = "add-title";

/// The field in which one looks for people, and who of those found is not in the group yet.
#[component]
pub fn AddPeople(store: Store, id: ChatId, chat: LiveChat, search: PeopleSearch) -> impl IntoView {
    let people = search.people();
    let candidates = Memo::new(move |_| {
        chat.with(|chat| {
            let members = chat.as_ref().map(|chat| chat.members.as_slice()).unwrap_or_default();
            people.with(|people| not_yet_members(people, members))
        })
    });
    let all_are_members = move || candidates.with(Vec::is_empty) && people.with(|people| !people.is_empty());
    let focus = FocusKeeper::new(LIST_ID, TITLE_ID);
    Effect::new(move |before: Option<()>| {
        candidates.track();
        if before.is_some() {
            focus.restore_soon();
        }
    });
    let find = move |event: SubmitEvent| {
        event.prevent_default();
        search.ask();
    };
    view! {
        <section class="card" aria-labelledby=TITLE_ID>
            <h2 class="card__title" id=TITLE_ID tabindex="-1">"Add people"</h2>
            <form class="form" method="get" action=format!("/c/{id}/details") role="search" on:submit=find>
                <PeopleSearchField search/>
            </form>
            <Show when=all_are_members>
                <p class="card__lead">"Everybody who was found is in the group."</p>
            </Show>
            <ul
                class="people"
                role="list"
                id=LIST_ID
                on:focusin=move |event| focus.note(&event)
                on:focusout=move |event| focus.leave(&event)
            >
                <For each=move || candidates.get() key=|user| user.id let:user>
                    {
                        let row_id = format!("found-{}", user.id);
                        view! { <li class="row" id=row_id><Candidate store id user/></li> }
                    }
                </For>
            </ul>
        </section>
    }
    .into_any()
}

/// Those of the people found who can be added.
fn not_yet_members(people: &[UserView], members: &[MemberView]) -> Vec<UserView> {
    let is_member = |user: &&UserView| members.iter().any(|member| member.user.id == user.id);
    people.iter().filter(|user| !is_member(user)).cloned().collect()
}

/// Somebody who was found, to be added.
#[component]
fn Candidate(store: Store, id: ChatId, user: UserView) -> impl IntoView {
    let user_id = user.id;
    let name = format!("Add {}", user.display_name);
    let news = StoredValue::new(format!("{} is in the group now.", user.display_name));
    let form = FormState::one_of("add_members", "user_ids[]", &user_id.to_string());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        // The row may be gone before the answer is there.
        let news = news.get_value();
        form.submit(api::add_members(id, vec![user_id]), move |chat| {
            store.upsert_chat(chat);
            store.toasts.info(news);
        });
    };
    view! {
        <div class="row__words">
            <Person user/>
            <FormAlert form/>
        </div>
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="user_ids[]" value=user_id.to_string()/>
            <SubmitButton form label="Add" name look="quiet small"/>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Role,
        ui::state::testing::{ADA, BEN, CY, member},
    };

    #[test]
    fn members_cannot_be_added_again() {
        let people = [ADA, BEN, CY].map(|user| member(user, Role::Member).user);
        let members = [member(BEN, Role::Admin)];
        let ids: Vec<_> = not_yet_members(&people, &members).iter().map(|user| user.id).collect();
        assert_eq!(ids, [ADA, CY]);
    }
}
