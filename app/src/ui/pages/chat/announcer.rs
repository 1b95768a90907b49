//! What a screen reader says about what arrives: one polite region, apart from the list, in batches.

use std::{collections::BTreeSet, time::Duration};

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};

use crate::{
    domain::{ChatId, ClientId},
    ui::state::{naming::announcement, use_store},
};

/// What arrives within this time is said together.
const BATCH: Duration = Duration::from_millis(900);

/// The region. It says what arrives while the chat is open, never what was there before.
#[component]
pub(super) fn Announcer(
    /// Which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let said = RwSignal::new(String::new());
    let say = move |text: String| {
        // The same words again would not be said: an invisible space makes them other words.
        said.update(|said| *said = if *said == text { format!("{text}\u{a0}") } else { text });
    };

    let timer: StoredValue<Option<TimeoutHandle>> = StoredValue::new(None);
    on_cleanup(move || {
        if let Some(Some(timer)) = timer.try_get_value() {
            timer.clear();
        }
    });
    let tell = move || {
        timer.set_value(None);
        let arrived = store.arrived.try_update(std::mem::take).unwrap_or_default();
        if !arrived.is_empty() {
            say(announcement(&arrived));
        }
    };
    Effect::new(move |before: Option<()>| {
        let any = store.arrived.with(|arrived| !arrived.is_empty());
        if before.is_none() {
            store.arrived.update_untracked(Vec::clear);
        } else if any && timer.get_value().is_none() {
            timer.set_value(set_timeout_with_handle(tell, BATCH).ok());
        }
    });

    // Each failure is said once: what is tried again by itself and fails again has been said.
    let failed = Memo::new(move |_| store.outbox.with(|outbox| outbox.failed_in(chat_id)));
    Effect::new(move |before: Option<BTreeSet<ClientId>>| {
        let now = failed.get();
        if before.is_some_and(|before| !now.is_subset(&before)) {
            say("Message not sent".into());
        }
        now
    });

    view! { <div class="visually-hidden" aria-live="polite" aria-atomic="true">{move || said.get()}</div> }
}
