//! What others see of one: how far one has read, and when one was last there.

use leptos::{ev::SubmitEvent, prelude::*};

use crate::{
    api,
    protocol::AccountView,
    ui::{
        components::form::{FormAlert, FormState},
        state::use_store,
    },
};

/// What can be shown or hidden.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Reading,
    LastSeen,
}

impl Shown {
    const fn field(self) -> &'static str {
        match self {
            Self::Reading => "read_receipts",
            Self::LastSeen => "show_last_seen",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Reading => "Read receipts",
            Self::LastSeen => "Last seen",
        }
    }

    const fn title_id(self) -> &'static str {
        match self {
            Self::Reading => "privacy-title",
            Self::LastSeen => "last-seen-title",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Reading => "Let others see what I have read",
            Self::LastSeen => "Let others see when I was last here",
        }
    }

    const fn words(self, on: bool) -> &'static str {
        match (self, on) {
            (Self::Reading, true) => "On: others see how far you have read.",
            (Self::Reading, false) => "Off: nobody sees how far you have read.",
            (Self::LastSeen, true) => "On: others see when you were last here, and you see it of them.",
            (Self::LastSeen, false) => "Off: nobody sees when you were last here, and you see it of nobody.",
        }
    }

    const fn news(self, on: bool) -> &'static str {
        match (self, on) {
            (Self::Reading, true) => "Others see how far you have read.",
            (Self::Reading, false) => "Nobody sees how far you have read.",
            (Self::LastSeen, true) => "Others see when you were last here.",
            (Self::LastSeen, false) => "Nobody sees when you were last here.",
        }
    }

    fn of(self, account: &AccountView) -> bool {
        match self {
            Self::Reading => account.read_receipts,
            Self::LastSeen => account.show_last_seen,
        }
    }
}

/// The sections of the settings.
#[component]
pub fn Privacy() -> impl IntoView {
    view! {
        <Switch shown=Shown::Reading/>
        <Switch shown=Shown::LastSeen/>
    }
}

/// One of them.
#[component]
fn Switch(shown: Shown) -> impl IntoView {
    let store = use_store();
    let form = FormState::new("update_settings");
    let on = Memo::new(move |_| {
        store.account.with(|account| account.as_ref().is_none_or(|account| shown.of(account)))
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let wanted = !on.get_untracked();
        let is = |which| (shown == which).then_some(wanted);
        form.submit(api::update_settings(is(Shown::Reading), is(Shown::LastSeen)), move |account| {
            store.account.set(Some(account));
            if shown == Shown::LastSeen {
                store.forget_seen();
            }
            store.toasts.info(shown.news(wanted));
        });
    };
    view! {
        <section class="card card--row" aria-labelledby=shown.title_id()>
            <div>
                <h2 class="card__title" id=shown.title_id()>{shown.title()}</h2>
                <p class="card__lead">{move || shown.words(on.get())}</p>
            </div>
            <form method="post" action=form.action() on:submit=submit>
                <input type="hidden" name=shown.field() value=move || (!on.get()).to_string()/>
                <button
                    type="submit"
                    class="switch"
                    role="switch"
                    aria-checked=move || on.get().to_string()
                    aria-label=shown.label()
                    aria-disabled=move || form.pending().then_some("true")
                >
                    <span class="switch__knob" aria-hidden="true"></span>
                </button>
            </form>
            <FormAlert form/>
        </section>
    }
    .into_any()
}
