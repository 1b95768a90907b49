//! How a message stands that is not known to be stored, and what can be done about it.

use leptos::prelude::*;

use crate::{
    domain::ClientId,
    ui::{
        components::icon::{Glyph, Icon},
        files::shown::ShownFile,
        state::{Store, outbox::Progress, use_store},
    },
};

/// How a message stands that is not known to be stored, with what can be done about it.
#[component]
pub(super) fn Delivery(
    /// Which message.
    client_id: ClientId,
    /// How it stands; nothing is shown of one that is stored.
    progress: Memo<Option<Progress>>,
    /// Its files.
    files: Memo<Vec<ShownFile>>,
) -> impl IntoView {
    let store = use_store();
    move || {
        let progress = progress.get()?;
        let aside = matches!(progress, Progress::Refused(_) | Progress::FilesGone);
        let carries = files.with_untracked(|files| !files.is_empty());
        let glyph = if aside { Glyph::Alert } else { Glyph::Clock };
        let (what, rest) = state_words(progress);
        let mut ways: Vec<Way> = Vec::new();
        if matches!(progress, Progress::Refused(_) | Progress::Waiting) {
            ways.push(("Try again", Store::try_again));
        }
        if carries {
            ways.push((if aside { "Edit" } else { "Cancel" }, Store::take_back));
        }
        if aside {
            ways.push(("Discard", Store::discard));
        }
        let way = |(label, act): Way| {
            // The button goes away with the state that it belongs to; the way on is where one writes.
            let act = move |_| {
                act(&store, client_id);
                super::composer::focus();
            };
            view! { <button type="button" class="button quiet small" on:click=act>{label}</button> }
                .into_any()
        };
        let ways: Vec<AnyView> = ways.into_iter().map(way).collect();
        let state = view! {
            <div class="message__state">
                <span id=state_id(client_id)>
                    <Icon glyph/>
                    <strong>{what}</strong>" "<span>{rest}</span>
                </span>
                {ways}
            </div>
        };
        Some(state.into_any())
    }
}

/// What a way on is called, and what it does.
type Way = (&'static str, fn(&Store, ClientId));

/// The id of the element that says how a message stands.
pub(super) fn state_id(client_id: ClientId) -> String {
    format!("state-{client_id}")
}

/// The name of the state in the style sheet.
pub(super) fn state_name(progress: Progress) -> &'static str {
    match progress {
        Progress::Sending => "sending",
        Progress::Waiting | Progress::Behind => "waiting",
        Progress::Refused(_) | Progress::FilesGone => "failed",
    }
}

/// What is said about the state: what matters most of it, and the rest.
fn state_words(progress: Progress) -> (&'static str, &'static str) {
    match progress {
        Progress::Sending => ("", "Sending…"),
        Progress::Waiting => ("Not sent yet.", "It goes out as soon as possible."),
        Progress::Behind => ("Not sent yet.", "It waits for the one above that was not sent."),
        Progress::Refused(code) => ("Not sent.", code.sentence()),
        Progress::FilesGone => ("Not sent.", "Its files have to be chosen again."),
    }
}
