//! `/settings`: one's profile, password and sessions, what others see, and what notifies one.

mod blocked;
mod notifications;
mod picture;
mod privacy;

use leptos::{ev::SubmitEvent, prelude::*};

use self::{blocked::Blocked, notifications::Notifications, picture::Picture, privacy::Privacy};
use super::{push_card::PushCard, register::password_hint};
use crate::{
    api,
    domain::{check_password_length, limits},
    protocol::SessionView,
    ui::{
        components::{
            asked::Asked,
            button::SubmitButton,
            field::{Checkbox, Field},
            focus::FocusKeeper,
            form::{Entered, FormAlert, FormState},
            icon::{Glyph, Icon},
            page::PageFrame,
        },
        page_data::Page,
        state::use_store,
        time_format,
    },
};

/// The settings.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! {
        <PageFrame title="Settings">
            <Profile/>
            <Picture/>
            <Privacy/>
            <Blocked/>
            <Notifications/>
            <PushCard/>
            <Password/>
            <Sessions/>
            <SignOut/>
        </PageFrame>
    }
}

/// What one is called and what one says about oneself.
#[component]
fn Profile() -> impl IntoView {
    let store = use_store();
    let form = FormState::new("update_profile");
    let (name, about, email) = store
        .account
        .get_untracked()
        .map(|account| (account.display_name, account.about, account.email))
        .unwrap_or_default();
    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        form.submit(
            api::update_profile(entered.text("display_name"), entered.text("about")),
            move |account| {
                store.account.set(Some(account));
                store.toasts.info("Your profile is saved.");
            },
        );
    };
    view! {
        <section class="card" aria-labelledby="profile-title">
            <h2 class="card__title" id="profile-title">"Profile"</h2>
            <p class="card__lead">"You sign in as " <strong dir="auto">{email}</strong> "."</p>
            <form class="form" method="post" action=form.action() novalidate on:submit=submit>
                <FormAlert form/>
                <Field
                    form
                    name="display_name"
                    label="Name"
                    value=name
                    autocomplete="name"
                    required=true
                    max_chars=limits::DISPLAY_NAME_CHARS
                />
                <Field
                    form
                    name="about"
                    label="About"
                    value=about
                    hint="A few words about yourself, for everybody to see."
                    max_chars=limits::ABOUT_CHARS
                    multiline=true
                />
                <SubmitButton form label="Save profile"/>
            </form>
        </section>
    }
    .into_any()
}

/// Another password.
#[component]
fn Password() -> impl IntoView {
    let store = use_store();
    let form = FormState::new("change_password");
    let email = store.account.with_untracked(|account| account.as_ref().map(|account| account.email.clone()));
    let element = NodeRef::<leptos::html::Form>::new();
    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        let new = entered.text("new");
        if let Err(refusal) = check_password_length("new", &new) {
            form.refuse(refusal);
            return;
        }
        let end_others = entered.checked("end_others");
        form.submit(api::change_password(entered.text("current"), new, end_others), move |_done| {
            // What has become the password must not stay in a field.
            if let Some(form) = element.try_get_untracked().flatten() {
                form.reset();
            }
            store.toasts.info(if end_others {
                "Your password is changed. Your other sessions have ended."
            } else {
                "Your password is changed."
            });
        });
    };
    view! {
        <section class="card" aria-labelledby="password-title">
            <h2 class="card__title" id="password-title">"Password"</h2>
            <form
                node_ref=element
                class="form"
                method="post"
                action=form.action()
                novalidate
                on:submit=submit
            >
                <FormAlert form/>
                // Tells a password manager whose password it is.
                <input type="text" name="username" autocomplete="username" value=email readonly hidden/>
                <Field
                    form
                    name="current"
                    label="Current password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                />
                <Field
                    form
                    name="new"
                    label="New password"
                    kind="password"
                    autocomplete="new-password"
                    hint=password_hint()
                    required=true
                />
                <Checkbox name="end_others" label="End my other sessions" checked=true/>
                <SubmitButton form label="Change password"/>
            </form>
        </section>
    }
    .into_any()
}

/// Where one is signed in.
#[component]
fn Sessions() -> impl IntoView {
    let first = use_store().take_initial(|page| match page {
        Page::Settings { sessions, .. } => Some(Ok(sessions.clone())),
        Page::Failed { error } => Some(Err(error.clone())),
        _ => None,
    });
    let show = |sessions| view! { <SessionList sessions/> }.into_any();
    view! {
        <section class="card" aria-labelledby="sessions-title">
            <h2 class="card__title" id="sessions-title" tabindex="-1">"Where you are signed in"</h2>
            <Asked first ask=api::list_sessions rows=2 label="Loading your sessions…" show/>
        </section>
    }
    .into_any()
}

/// The sessions, as long as they last.
#[component]
fn SessionList(sessions: Vec<SessionView>) -> impl IntoView {
    let sessions = RwSignal::new(sessions);
    let focus = FocusKeeper::new("session-list", "sessions-title");
    Effect::new(move |before: Option<()>| {
        sessions.track();
        if before.is_some() {
            focus.restore_soon();
        }
    });
    view! {
        <ul
            class="rows"
            role="list"
            id="session-list"
            on:focusin=move |event| focus.note(&event)
            on:focusout=move |event| focus.leave(&event)
        >
            <For each=move || sessions.get() key=|session| session.id let:session>
                <SessionRow session sessions/>
            </For>
        </ul>
    }
    .into_any()
}

/// One sign-in, with a button that ends it.
#[component]
fn SessionRow(session: SessionView, sessions: RwSignal<Vec<SessionView>>) -> impl IntoView {
    let store = use_store();
    let SessionView { id, current, device, address, last_used_at, .. } = session;
    let form = FormState::one_of("end_session", "session_id", &id.to_string());
    let used = move || time_format::full(last_used_at, store.utc_offset.get());
    let name_id = format!("session-{id}");
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if current && !store.may_sign_out() {
            return;
        }
        form.submit(api::end_session(id), move |_done| {
            if current {
                store.signed_out();
            } else {
                sessions.try_update(|sessions| sessions.retain(|session| session.id != id));
                store.toasts.info("The session has ended.");
            }
        });
    };
    view! {
        <li class="row" id=format!("row-{id}")>
            <span class="row__icon"><Icon glyph=Glyph::Device/></span>
            <div class="row__words" id=name_id.clone()>
                <span class="row__title">
                    {device}
                    {current.then(|| view! { <span class="badge">"This session"</span> })}
                </span>
                <span class="row__note">{address} " · last used " {used}</span>
                <FormAlert form/>
            </div>
            <form method="post" action=form.action() on:submit=submit>
                <input type="hidden" name="session_id" value=id.to_string()/>
                <SubmitButton form label="End session" look="quiet small" described_by=name_id/>
            </form>
        </li>
    }
    .into_any()
}

/// The way out.
#[component]
fn SignOut() -> impl IntoView {
    let store = use_store();
    let form = FormState::new("logout");
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if store.may_sign_out() {
            // A whole new page: nothing of this account's state stays in the browser.
            form.submit(api::logout(), move |_done| store.signed_out());
        }
    };
    view! {
        <section class="card card--row" aria-labelledby="sign-out-title">
            <div>
                <h2 class="card__title" id="sign-out-title">"Sign out"</h2>
                <p class="card__lead">"Ends this session and clears what this browser keeps of Samvad."</p>
            </div>
            <form method="post" action=form.action() on:submit=submit>
                <SubmitButton form label="Sign out" look="quiet"/>
            </form>
            <FormAlert form/>
        </section>
    }
    .into_any()
}
