//! The links by which people join a group, for its admins: making one, seeing which there are, taking one back.

use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

use crate::{
    api,
    domain::{ChatId, Timestamp},
    error::AppError,
    protocol::InviteView,
    ui::{
        components::{
            button::SubmitButton,
            focus::FocusKeeper,
            form::{Entered, FormAlert, FormState},
        },
        state::{Store, browser},
        time_format,
    },
};

/// For how long a link may be good: in seconds, and in words. 0 is for good.
const LIFETIMES: [(&str, &str); 4] =
    [("86400", "1 day"), ("604800", "1 week"), ("2592000", "30 days"), ("0", "No end")];
/// How many people may join by it. 0 is any number.
const USES: [(&str, &str); 4] =
    [("0", "Any number"), ("1", "1 person"), ("10", "10 people"), ("100", "100 people")];

/// The ids of the list and of what it is called.
const LIST_ID: &str = "invite-list";
const TITLE_ID: &str = "invites-title";

/// The invitations to a group.
#[component]
pub fn Invites(
    store: Store,
    id: ChatId,
    /// Those that came with the page; nothing if they are not known yet.
    first: Option<Vec<InviteView>>,
) -> impl IntoView {
    let known = first.is_some();
    let invites = RwSignal::new(first.unwrap_or_default());
    let failed = RwSignal::new(None::<AppError>);
    // The page may be the answer to a plain form that made one.
    let made = RwSignal::new(store.initial.with_value(|data| data.new_invite.clone()));
    Effect::new(move |_| {
        if known {
            return;
        }
        spawn_local(async move {
            match browser::within(api::list_invites(id)).await {
                Ok(list) => {
                    invites.try_set(list);
                }
                Err(error) => {
                    failed.try_set(Some(error));
                }
            }
        });
    });
    let form = FormState::new("create_invite");
    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        let number = |name: &str| entered.text(name).parse::<u32>().ok();
        let (lifetime, uses) = (number("expires_in_seconds").map(u64::from), number("max_uses"));
        form.submit(api::create_invite(id, lifetime, uses), move |new| {
            made.try_set(Some(format!("{}/join/{}", browser::origin(), new.token)));
            invites.try_update(|invites| invites.insert(0, new.invite));
            store.toasts.info("The invitation link is made.");
        });
    };
    let focus = FocusKeeper::new(LIST_ID, TITLE_ID);
    Effect::new(move |before: Option<()>| {
        invites.track();
        if before.is_some() {
            focus.restore_soon();
        }
    });
    view! {
        <section class="card" aria-labelledby=TITLE_ID>
            <h2 class="card__title" id=TITLE_ID tabindex="-1">"Invitation links"</h2>
            <p class="card__lead">"Whoever has a link, and an account here, can join the group with it."</p>
            <form class="form" method="post" action=form.action() on:submit=submit>
                <FormAlert form/>
                <input type="hidden" name="chat_id" value=id.to_string()/>
                <div class="invite__choices">
                    <Choice name="expires_in_seconds" label="Good for" options=&LIFETIMES chosen="604800"/>
                    <Choice name="max_uses" label="For" options=&USES chosen="0"/>
                </div>
                <SubmitButton form label="Make a link" look="quiet"/>
            </form>
            {move || made.get().map(|link| view! { <NewLink store link/> })}
            {move || failed.get().map(|error| {
                let said = crate::ui::components::error_view::error_text(&error);
                view! { <p class="card__lead" role="alert">{said}</p> }
            })}
            <ul
                class="rows"
                role="list"
                id=LIST_ID
                on:focusin=move |event| focus.note(&event)
                on:focusout=move |event| focus.leave(&event)
            >
                <For each=move || invites.get() key=|invite| invite.id let:invite>
                    <InviteRow store id invite invites made/>
                </For>
            </ul>
        </section>
    }
    .into_any()
}

/// A choice among a few.
#[component]
fn Choice(
    name: &'static str,
    label: &'static str,
    options: &'static [(&'static str, &'static str)],
    chosen: &'static str,
) -> impl IntoView {
    let id = format!("create_invite-{name}");
    view! {
        <div class="field">
            <label class="field__label" for=id.clone()>{label}</label>
            <select class="input" id=id name=name>
                {options
                    .iter()
                    .map(|(value, words)| {
                        view! { <option value=*value selected=*value == chosen>{*words}</option> }
                    })
                    .collect::<Vec<_>>()}
            </select>
        </div>
    }
    .into_any()
}

/// The link that was just made. It is shown this once.
#[component]
fn NewLink(store: Store, link: String) -> impl IntoView {
    let text = StoredValue::new(link.clone());
    let copy = move |_| {
        spawn_local(async move {
            let copied = browser::copy(&text.get_value()).await;
            store.toasts.info(if copied {
                "The link was copied."
            } else {
                "The browser did not allow copying."
            });
        });
    };
    view! {
        <div class="invite__new" role="group" aria-label="New invitation link">
            <div class="field">
                <label class="field__label" for="new-invite">"Your new link"</label>
                <input class="input" id="new-invite" type="text" readonly value=link aria-describedby="new-invite-hint"/>
                <p class="field__hint" id="new-invite-hint">"Copy it now: it is shown this once."</p>
            </div>
            <Show when=move || store.is_alive()>
                <button type="button" class="button primary" on:click=copy>"Copy the link"</button>
            </Show>
        </div>
    }
    .into_any()
}

/// One invitation, with a button that takes it back.
#[component]
fn InviteRow(
    store: Store,
    id: ChatId,
    invite: InviteView,
    invites: RwSignal<Vec<InviteView>>,
    made: RwSignal<Option<String>>,
) -> impl IntoView {
    let form = FormState::one_of("revoke_invite", "invite_id", &invite.id.to_string());
    let invite_id = invite.id;
    let name_id = format!("invite-{invite_id}");
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.submit(api::revoke_invite(id, invite_id), move |_done| {
            invites.try_update(|invites| invites.retain(|invite| invite.id != invite_id));
            // The link that is shown may be this one's.
            made.try_set(None);
            store.toasts.info("The invitation is taken back. Its link leads nowhere now.");
        });
    };
    let uses = uses_text(invite.uses, invite.max_uses);
    let end = invite.expires_at;
    let end = move || end_text(end, store.utc_offset.get());
    view! {
        <li class="row" id=format!("row-{invite_id}")>
            <div class="row__words" id=name_id.clone()>
                <span class="row__title">{uses}</span>
                <span class="row__note">"By " <bdi>{invite.created_by_name}</bdi> ", " {end}</span>
                <FormAlert form/>
            </div>
            <form method="post" action=form.action() on:submit=submit>
                <input type="hidden" name="chat_id" value=id.to_string()/>
                <input type="hidden" name="invite_id" value=invite_id.to_string()/>
                <SubmitButton form label="Take back" described_by=name_id look="quiet small"/>
            </form>
        </li>
    }
    .into_any()
}

/// How often an invitation was used, in words.
fn uses_text(uses: u32, most: Option<u32>) -> String {
    match most {
        Some(most) => format!("{uses} of {most} joined by it"),
        None => format!("{uses} joined by it"),
    }
}

/// Until when it is good, in words.
fn end_text(end: Option<Timestamp>, offset: i32) -> String {
    end.map_or_else(|| "no end".to_owned(), |end| format!("until {}", time_format::full(end, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_told_in_words() {
        assert_eq!(uses_text(0, None), "0 joined by it");
        assert_eq!(uses_text(2, Some(10)), "2 of 10 joined by it");
        assert_eq!(end_text(None, 0), "no end");
        assert_eq!(end_text(Some(Timestamp::from_millis(0)), 60), "until 1 January 1970, 01:00");
    }
}
