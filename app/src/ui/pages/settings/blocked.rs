//! Whom one has blocked.

use leptos::{either::EitherOf4, prelude::*, task::spawn_local};

use crate::{
    api,
    error::AppError,
    protocol::{ProfileView, UserView},
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            blocking::{Unblock, profile_path},
            empty::Skeleton,
            error_view::ErrorView,
            focus::FocusKeeper,
        },
        page_data::Page,
        state::{browser, use_store},
    },
};

/// How far the list has come.
#[derive(Clone)]
enum Listed {
    Loading,
    There,
    Failed(AppError),
}

/// The section of the settings.
#[component]
pub fn Blocked() -> impl IntoView {
    let store = use_store();
    // Not taken: the sessions are in the same data. Later pages ask for it themselves.
    let first = store.initial.with_value(|data| match &data.page {
        Page::Settings { blocked, .. } if store.today.get_untracked().is_none() => Some(blocked.clone()),
        _ => None,
    });
    let listed = RwSignal::new(if first.is_some() { Listed::There } else { Listed::Loading });
    let people = RwSignal::new(first.unwrap_or_default());
    let load = move || {
        listed.set(Listed::Loading);
        spawn_local(async move {
            let state = match browser::within(api::list_blocked()).await {
                Ok(list) => {
                    people.try_set(list);
                    Listed::There
                }
                Err(error) => Listed::Failed(error),
            };
            listed.try_set(state);
        });
    };
    Effect::new(move |_| {
        if matches!(listed.get_untracked(), Listed::Loading) {
            load();
        }
    });
    let focus = FocusKeeper::new("blocked-list", "blocked-title");
    let unblocked = Callback::new(move |profile: ProfileView| {
        people.try_update(|people| people.retain(|user| user.id != profile.user.id));
        focus.restore_soon();
    });
    view! {
        <section class="card" aria-labelledby="blocked-title">
            <h2 class="card__title" id="blocked-title" tabindex="-1">"Blocked people"</h2>
            {move || match listed.get() {
                Listed::Loading => EitherOf4::A(view! { <Skeleton rows=1 label="Loading whom you blocked…"/> }),
                Listed::Failed(error) => {
                    EitherOf4::B(view! { <ErrorView error retry=Callback::new(move |()| load())/> })
                }
                Listed::There if people.with(Vec::is_empty) => EitherOf4::C(view! {
                    <p class="card__lead">"You have blocked nobody. On a person's profile you can."</p>
                }),
                Listed::There => EitherOf4::D(view! {
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
                }),
            }}
        </section>
    }
    .into_any()
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
