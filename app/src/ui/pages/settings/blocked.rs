//! Whom one has blocked.

use leptos::{either::Either, prelude::*};

use crate::{
    api,
    protocol::{ProfileView, UserView},
    ui::{
        components::{
            asked::Asked,
            avatar::{Avatar, user_hue},
            blocking::{Unblock, profile_path},
            focus::FocusKeeper,
        },
        page_data::Page,
        state::use_store,
    },
};

/// The section of the settings.
#[component]
pub fn Blocked() -> impl IntoView {
    let store = use_store();
    // Not taken: the sessions are in the same data. Later pages ask for it themselves.
    let first = store.initial.with_value(|data| match &data.page {
        Page::Settings { blocked, .. } if store.today.get_untracked().is_none() => Some(Ok(blocked.clone())),
        _ => None,
    });
    let show = |people| view! { <List people/> }.into_any();
    view! {
        <section class="card" aria-labelledby="blocked-title">
            <h2 class="card__title" id="blocked-title" tabindex="-1">"Blocked people"</h2>
            <Asked first ask=api::list_blocked rows=1 label="Loading whom you blocked…" show/>
        </section>
    }
    .into_any()
}

/// The people, as long as they stay blocked.
#[component]
fn List(people: Vec<UserView>) -> impl IntoView {
    let people = RwSignal::new(people);
    let focus = FocusKeeper::new("blocked-list", "blocked-title");
    let unblocked = Callback::new(move |profile: ProfileView| {
        people.try_update(|people| people.retain(|user| user.id != profile.user.id));
        focus.restore_soon();
    });
    let is_empty = Memo::new(move |_| people.with(Vec::is_empty));
    move || {
        if is_empty.get() {
            return Either::Left(view! {
                <p class="card__lead">"You have blocked nobody. On a person's profile you can."</p>
            });
        }
        Either::Right(view! {
            <ul
                class="rows"
                role="list"
                id="blocked-list"
                on:focusin=move |event| focus.note(&event)
                on:focusout=move |event| focus.leave(&event)
            >
                <For each=move || people.get() key=|user| user.id let:user>
                    <Row user unblocked/>
                </For>
            </ul>
        })
    }
}

/// One person.
#[component]
fn Row(user: UserView, unblocked: Callback<ProfileView>) -> impl IntoView {
    let UserView { id, display_name, avatar, .. } = user;
    view! {
        <li class="row" id=format!("row-{id}")>
            <Avatar name=display_name.clone() hue=user_hue(id) picture=avatar/>
            <div class="row__words">
                <a class="row__title person-link" href=profile_path(id) dir="auto">{display_name.clone()}</a>
            </div>
            <div class="row__actions">
                <Unblock user=id name=display_name next="/settings" on_done=unblocked look="quiet small"/>
            </div>
        </li>
    }
    .into_any()
}
