//! What stands between messages: the days, and what happened to the chat.

use leptos::prelude::*;

use crate::ui::{
    state::{happening::Line, use_store},
    time_format::day_label,
};

/// Where a day begins.
#[component]
pub(super) fn Day(
    /// Which: days since 1970-01-01.
    day: i64,
) -> impl IntoView {
    let store = use_store();
    view! {
        <div class="day"><span class="day__label">{move || day_label(day, store.today.get())}</span></div>
    }
    .into_any()
}

/// What happened, one line after the other. Nothing of it is announced: it is there to be read.
#[component]
pub(super) fn Happened(
    /// The lines.
    lines: Memo<Vec<Line>>,
) -> impl IntoView {
    move || {
        let line = |Line { new_day, words }: Line| {
            view! {
                {new_day.map(|day| view! { <Day day/> })}
                <p class="happened">{words}</p>
            }
        };
        lines.get().into_iter().map(line).collect::<Vec<_>>()
    }
}
