//! `/join/<token>`: what one is invited to. Joining is a form: opening the link changes nothing.

use leptos::{either::EitherOf3, ev::SubmitEvent, prelude::*, task::spawn_local};
use leptos_router::hooks::use_params_map;

use super::new_chat::open_chat;
use crate::{
    api,
    error::{AppError, ErrorCode},
    protocol::InvitationView,
    ui::{
        components::{
            avatar::{Avatar, chat_hue},
            button::SubmitButton,
            empty::Skeleton,
            error_view::ErrorView,
            form::{FormAlert, FormState},
            page::PageFrame,
        },
        page_data::Page,
        state::{browser, use_store},
    },
};

/// The colour of a group whose id one does not learn before one is in it.
const PLAIN_HUE: u8 = 7;

/// How far the page has come.
#[derive(Clone)]
enum Stage {
    Loading,
    Invited(InvitationView),
    Failed(AppError),
}

/// The page of an invitation.
#[component]
pub fn JoinPage() -> impl IntoView {
    let store = use_store();
    let token = use_params_map().with_untracked(|params| params.get("token")).unwrap_or_default();
    let first = store.take_initial(|page| match page {
        Page::Join { invitation } => Some(Stage::Invited(invitation.clone())),
        Page::Failed { error } => Some(Stage::Failed(error.clone())),
        _ => None,
    });
    let stage = RwSignal::new(first.unwrap_or(Stage::Loading));
    let asked = StoredValue::new(token.clone());
    let load = move || {
        stage.set(Stage::Loading);
        spawn_local(async move {
            let next = match browser::within(api::get_invite(asked.get_value())).await {
                Ok(invitation) => Stage::Invited(invitation),
                Err(error) => {
                    if error.code == ErrorCode::Unauthenticated {
                        store.fail(&error);
                    }
                    Stage::Failed(error)
                }
            };
            stage.try_set(next);
        });
    };
    Effect::new(move |_| {
        if matches!(stage.get_untracked(), Stage::Loading) {
            load();
        }
    });
    view! {
        <PageFrame title="Invitation">
            {move || match stage.get() {
                Stage::Loading => EitherOf3::A(view! { <Skeleton rows=2 label="Looking at the invitation…"/> }),
                Stage::Failed(error) => {
                    EitherOf3::B(view! { <ErrorView error retry=Callback::new(move |()| load())/> })
                }
                Stage::Invited(invitation) => {
                    EitherOf3::C(view! { <Invited token=asked.get_value() invitation/> })
                }
            }}
        </PageFrame>
    }
}

/// The group that one is invited to, and the way in.
#[component]
fn Invited(token: String, invitation: InvitationView) -> impl IntoView {
    let store = use_store();
    let open = open_chat();
    let InvitationView { name, description, avatar, member_count, chat_id } = invitation;
    let form = FormState::new("join_by_invite");
    let news = StoredValue::new(format!("You are in “{name}” now."));
    let entered = StoredValue::new(token.clone());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.submit(api::join_by_invite(entered.get_value()), move |chat| {
            let id = chat.id;
            store.upsert_chat(chat);
            store.toasts.info(news.try_get_value().unwrap_or_default());
            // Whoever has gone elsewhere meanwhile stays there.
            let _left = open.try_run(id);
        });
    };
    view! {
        <section class="card identity" aria-labelledby="invited-to">
            <Avatar
                name=name.clone()
                hue=chat_id.map_or(PLAIN_HUE, chat_hue)
                picture=avatar
                group=true
                size="l"
            />
            <p class="identity__note">"You are invited to"</p>
            <h2 class="identity__name" id="invited-to" dir="auto">{name}</h2>
            {(!description.is_empty())
                .then(|| view! { <p class="identity__about" dir="auto">{description}</p> })}
            <p class="identity__note">{super::details::members_text(member_count)}</p>
            {match chat_id {
                Some(id) => view! {
                    <p class="card__lead">"You are in this group already."</p>
                    <a class="button primary" href=format!("/c/{id}")>"Open the chat"</a>
                }
                .into_any(),
                None => view! {
                    <form class="form" method="post" action=form.action() on:submit=submit>
                        <FormAlert form/>
                        <input type="hidden" name="token" value=token/>
                        <SubmitButton form label="Join the group"/>
                    </form>
                }
                .into_any(),
            }}
        </section>
    }
    .into_any()
}
