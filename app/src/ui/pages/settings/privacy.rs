//! What others see of one's reading.

use leptos::{ev::SubmitEvent, prelude::*};

use crate::{
    api,
    ui::{
        components::form::{FormAlert, FormState},
        state::use_store,
    },
};

/// The section of the settings.
#[component]
pub fn Privacy() -> impl IntoView {
    let store = use_store();
    let form = FormState::new("update_settings");
    let on = Memo::new(move |_| {
        store.account.with(|account| account.as_ref().is_none_or(|account| account.read_receipts))
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let wanted = !on.get_untracked();
        form.submit(api::update_settings(wanted), move |account| {
            store.account.set(Some(account));
            store.toasts.info(if wanted {
                "Others see how far you have read."
            } else {
                "Nobody sees how far you have read."
            });
        });
    };
    view! {
        <section class="card card--row" aria-labelledby="privacy-title">
            <div>
                <h2 class="card__title" id="privacy-title">"Read receipts"</h2>
                <p class="card__lead">
                    {move || if on.get() {
                        "On: others see how far you have read."
                    } else {
                        "Off: nobody sees how far you have read."
                    }}
                </p>
            </div>
            <form method="post" action=form.action() on:submit=submit>
                <input type="hidden" name="read_receipts" value=move || (!on.get()).to_string()/>
                <button
                    type="submit"
                    class="switch"
                    role="switch"
                    aria-checked=move || on.get().to_string()
                    aria-label="Let others see what I have read"
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
