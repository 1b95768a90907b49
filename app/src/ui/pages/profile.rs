//! `/u/<user>`: a person as the reader sees them, and what can be done about them.

use leptos::{either::Either, ev::SubmitEvent, prelude::*};
use leptos_router::hooks::use_params_map;

use super::new_chat::open_chat;
use crate::{
    api,
    domain::{ChatId, UserId},
    error::AppError,
    protocol::{ProfileView, SharedGroupView},
    ui::{
        components::{
            asked::Asked,
            avatar::{Avatar, chat_hue, user_hue},
            blocking::{Block, Unblock, profile_path},
            button::SubmitButton,
            error_view::ErrorView,
            focus::{focus, is_lost},
            form::{FormAlert, FormState},
            page::PageFrame,
            presence::LastSeen,
        },
        page_data::Page,
        state::use_store,
    },
};

/// The page of the person of the address.
#[component]
pub fn ProfilePage() -> impl IntoView {
    let params = use_params_map();
    let user = Memo::new(move |_| params.with(|params| params.get("user")?.parse::<UserId>().ok()));
    // Another person is another page.
    move || match user.get() {
        Some(user) => Either::Left(view! { <ProfileOf user/> }),
        None => Either::Right(view! {
            <PageFrame title="Nothing here">
                <ErrorView error=AppError::not_found()/>
            </PageFrame>
        }),
    }
}

/// One person.
#[component]
fn ProfileOf(user: UserId) -> impl IntoView {
    let store = use_store();
    let first = store.take_initial(|page| match page {
        Page::Profile { profile } if profile.user.id == user => Some(Ok((**profile).clone())),
        Page::Failed { error } => Some(Err(error.clone())),
        _ => None,
    });
    let ask = move || async move {
        let profile = api::get_user(user).await?;
        store.take_profile(&profile);
        Ok(profile)
    };
    let show = |profile| view! { <Card profile/> }.into_any();
    view! {
        <PageFrame title="Profile">
            <Asked first ask rows=2 label="Loading the profile…" show/>
        </PageFrame>
    }
}

/// The id of their name.
const NAME_ID: &str = "profile-name";

/// What there is to see and to do.
#[component]
fn Card(profile: ProfileView) -> impl IntoView {
    let store = use_store();
    let ProfileView { user, chat_id, groups, .. } = profile;
    let (id, name) = (user.id, user.display_name);
    let is_me = store.me() == Some(id);
    let called = StoredValue::new(name.clone());
    view! {
        <section class="card identity" aria-labelledby=NAME_ID>
            <Avatar name=name.clone() hue=user_hue(id) picture=user.avatar size="l"/>
            <h2 class="identity__name" id=NAME_ID tabindex="-1" dir="auto">{name}</h2>
            {(!is_me).then(|| view! { <LastSeen user=id/> })}
            {(!user.about.is_empty()).then(|| view! { <p class="identity__about" dir="auto">{user.about}</p> })}
            {if is_me {
                Either::Left(view! {
                    <p class="identity__note">"This is how others see you."</p>
                    <a class="button quiet" href="/settings">"Edit in the settings"</a>
                })
            } else {
                Either::Right(view! { <Deeds id called chat_id/> })
            }}
        </section>
        {(!is_me).then(|| view! { <SharedGroups groups/> })}
    }
    .into_any()
}

/// Writing to them, and blocking them.
#[component]
fn Deeds(id: UserId, called: StoredValue<String>, chat_id: Option<ChatId>) -> impl IntoView {
    let store = use_store();
    let blocked = store.is_blocked(id);
    let nothing = Callback::new(|_profile: ProfileView| ());
    // The button goes away with what it changed.
    Effect::new(move |before: Option<()>| {
        blocked.track();
        if before.is_some() {
            request_animation_frame(|| {
                let name = document().get_element_by_id(NAME_ID).filter(|_| is_lost());
                name.iter().for_each(focus);
            });
        }
    });
    view! {
        <Show when=move || blocked.get()>
            <p class="identity__note" role="status">"You have blocked this person."</p>
        </Show>
        <div class="profile__deeds">
            <Show when=move || chat_id.is_some() || !blocked.get()>
                <Message id chat_id/>
            </Show>
            {move || if blocked.get() {
                let (name, next) = (called.get_value(), profile_path(id));
                Either::Left(view! { <Unblock user=id name next on_done=nothing/> })
            } else {
                Either::Right(view! { <Block user=id name=called.get_value() on_done=nothing/> })
            }}
        </div>
    }
    .into_any()
}

/// The way to the direct chat with them.
#[component]
fn Message(id: UserId, chat_id: Option<ChatId>) -> impl IntoView {
    let store = use_store();
    let open = open_chat();
    let form = FormState::one_of("create_direct_chat", "user_id", &id.to_string());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.submit(api::create_direct_chat(id), move |chat| {
            let id = chat.id;
            store.upsert_chat(chat);
            // Whoever has gone elsewhere meanwhile stays there.
            let _left = open.try_run(id);
        });
    };
    match chat_id {
        Some(chat) => view! { <a class="button primary" href=format!("/c/{chat}")>"Message"</a> }.into_any(),
        None => view! {
            <form method="post" action=form.action() on:submit=submit>
                <input type="hidden" name="user_id" value=id.to_string()/>
                <SubmitButton form label="Message"/>
                <FormAlert form/>
            </form>
        }
        .into_any(),
    }
}

/// Groups that both are in.
#[component]
fn SharedGroups(groups: Vec<SharedGroupView>) -> impl IntoView {
    let group = |group: SharedGroupView| {
        view! {
            <li class="row">
                <Avatar name=group.name.clone() hue=chat_hue(group.id) picture=group.avatar group=true/>
                <div class="row__words">
                    <a class="row__title person-link" href=format!("/c/{}", group.id) dir="auto">{group.name}</a>
                </div>
            </li>
        }
    };
    (!groups.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="shared-title">
                <h2 class="card__title" id="shared-title">"Groups you share"</h2>
                <ul class="rows" role="list">{groups.into_iter().map(group).collect_view()}</ul>
            </section>
        }
        .into_any()
    })
}
