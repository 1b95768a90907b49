//! `/join/<token>`: what one is invited to. Joining is a form: opening the link changes nothing.

use leptos::{ev::SubmitEvent, prelude::*};
use leptos_router::hooks::use_params_map;

use super::new_chat::open_chat;
use crate::{
    api,
    protocol::InvitationView,
    ui::{
        components::{
            asked::Asked,
            avatar::{Avatar, chat_hue},
            button::SubmitButton,
            form::{FormAlert, FormState},
            page::PageFrame,
        },
        page_data::Page,
        state::use_store,
    },
};

/// The colour of a group whose id one does not learn before one is in it.
const PLAIN_HUE: u8 = 7;

/// The page of an invitation.
#[component]
pub fn JoinPage() -> impl IntoView {
    let store = use_store();
    let token = use_params_map().with_untracked(|params| params.get("token")).unwrap_or_default();
    let first = store.take_initial(|page| match page {
        Page::Join { invitation } => Some(Ok(invitation.clone())),
        Page::Failed { error } => Some(Err(error.clone())),
        _ => None,
    });
    let token = StoredValue::new(token);
    let ask = move || api::get_invite(token.get_value());
    let show = move |invitation| view! { <Invited token=token.get_value() invitation/> }.into_any();
    view! {
        <PageFrame title="Invitation">
            <Asked first ask rows=2 label="Looking at the invitation…" show/>
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
