//! Going to a day: its first message, or the first one after it.

use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html::Details,
    prelude::*,
    task::spawn_local,
};

use super::{composer, jump::Jump};
use crate::{
    api,
    domain::ChatId,
    ui::{
        components::{
            form::Entered,
            icon::{Glyph, Icon},
        },
        state::{browser, use_store},
        time_format::day_start,
    },
};

/// The field of a day, behind a button. Without scripts the form leads to `/c/<chat>?on=<day>`.
#[component]
pub(super) fn DayJump(
    /// In which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let jump = use_context::<Jump>();
    let details = NodeRef::<Details>::new();
    let close = move || {
        if let Some(details) = details.get_untracked() {
            details.set_open(false);
        }
    };
    let go = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        let Some(jump) = jump else { return };
        let Some(at) = day_start(&entered.text("on"), store.utc_offset.get_untracked()) else { return };
        close();
        spawn_local(async move {
            match browser::within(api::find_message(chat_id, at)).await {
                Ok(place) => match place.seq {
                    Some(seq) => jump.to(chat_id, seq),
                    None => store.toasts.info("Nothing was said on that day or since."),
                },
                Err(error) => store.fail(&error),
            }
        });
    };
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            event.prevent_default();
            close();
            composer::focus();
        }
    };
    view! {
        <details class="day-jump" node_ref=details on:keydown=on_key>
            <summary class="icon-button" aria-label="Go to a day" title="Go to a day">
                <Icon glyph=Glyph::Calendar/>
            </summary>
            <form class="day-jump__form" method="get" action=format!("/c/{chat_id}") on:submit=go>
                <label class="field__label" for="day-jump">"Go to a day"</label>
                <input
                    class="input"
                    id="day-jump"
                    type="date"
                    name="on"
                    required
                    min="1970-01-01"
                    max="9999-12-31"
                />
                <button class="button primary" type="submit">"Go"</button>
            </form>
        </details>
    }
    .into_any()
}
