//! One message: stored, or still on its way. Its element stays the same from one to the other, and
//! whatever happens around it.

use leptos::prelude::*;

use crate::{
    domain::{ClientId, UserId},
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            icon::{Glyph, Icon},
        },
        state::{
            listing::{Entry, Listing, RowKey},
            outbox::Progress,
            use_store,
        },
        time_format::{clock, day_label, full},
    },
};

/// The id of the element that shows a message.
fn element_id(key: RowKey) -> String {
    match key {
        RowKey::Own(client_id) => format!("own-{client_id}"),
        RowKey::Other(id) => format!("message-{id}"),
    }
}

/// A message, under the day that begins with it.
#[component]
pub(super) fn MessageRow(
    /// Which message.
    key: RowKey,
    /// The message as it is at first.
    first: Entry,
    /// Where it is found as it is later.
    listing: Memo<Listing>,
    /// Whether authors are named, which in a chat of two is not needed.
    named: bool,
    /// The message that the Tab key stops at.
    tab_stop: Selector<Option<RowKey>>,
    /// The message that had the focus last.
    had_focus: RwSignal<Option<RowKey>>,
) -> impl IntoView {
    let store = use_store();
    let own = matches!(key, RowKey::Own(_));
    let author = match &first {
        Entry::Stored(row) if !own => Some((row.message.sender_id, row.message.sender_name.clone())),
        _ => None,
    };
    // A message that has just been taken out of the list is shown as it was last.
    let entry = Memo::new(move |before: Option<&Entry>| {
        let now = listing.with(|listing| listing.get(key).cloned());
        now.unwrap_or_else(|| before.unwrap_or(&first).clone())
    });
    let day = Memo::new(move |_| entry.with(Entry::new_day));
    let starts_group = Memo::new(move |_| entry.with(Entry::starts_group));
    let progress = Memo::new(move |_| entry.with(Entry::progress));
    let time = move || entry.with(|entry| clock(entry.at(), entry.offset()));
    let said_by = author.as_ref().map_or_else(|| "You".to_owned(), |(_, name)| name.clone());
    let label = move || format!("{said_by}, {}, {}", time(), entry.with(|entry| entry.body().to_owned()));
    let state_id = move || match key {
        RowKey::Own(client_id) if progress.get().is_some() => Some(state_id(client_id)),
        _ => None,
    };
    let stops = tab_stop.clone();
    let is_stop = move || if stops.selected(&Some(key)) { "0" } else { "-1" };
    on_cleanup(move || tab_stop.remove(&Some(key)));
    let author = author.filter(|_| named);
    view! {
        {move || day.get().map(|day| view! {
            <div class="day"><span class="day__label">{move || day_label(day, store.today.get())}</span></div>
        })}
        <article
            class="message"
            id=element_id(key)
            data-own=own.to_string()
            data-starts=move || starts_group.get().to_string()
            data-named=named.to_string()
            data-state=move || progress.get().map(state_name)
            tabindex=is_stop
            aria-label=label
            aria-describedby=state_id
            on:focusin=move |_| had_focus.set(Some(key))
        >
            {author.map(|(id, name)| view! { <Author id name shown=starts_group/> })}
            <div class="message__bubble" dir="auto">
                <span class="message__text">{move || entry.with(|entry| entry.body().to_owned())}</span>
                <time
                    class="message__time"
                    datetime=move || entry.with(|entry| entry.at().to_string())
                    title=move || entry.with(|entry| full(entry.at(), entry.offset()))
                >
                    {time}
                </time>
            </div>
            {match key {
                RowKey::Own(client_id) => Some(view! { <Delivery client_id progress/> }),
                RowKey::Other(_) => None,
            }}
        </article>
    }
    .into_any()
}

/// Who wrote the messages that stand together from here.
#[component]
fn Author(
    /// Who.
    id: UserId,
    /// What they were called.
    name: String,
    /// Whether messages begin to stand together here.
    shown: Memo<bool>,
) -> impl IntoView {
    view! {
        <Show when=move || shown.get()>
            <span class="message__picture">
                <Avatar name=Signal::stored(name.clone()) hue=user_hue(id) size="s"/>
            </span>
            <div class="message__author" dir="auto">{name.clone()}</div>
        </Show>
    }
    .into_any()
}

/// How a message stands that is not known to be stored, with what can be done about it.
#[component]
fn Delivery(
    /// Which message.
    client_id: ClientId,
    /// How it stands; nothing is shown of one that is stored.
    progress: Memo<Option<Progress>>,
) -> impl IntoView {
    let store = use_store();
    let refused = Memo::new(move |_| matches!(progress.get(), Some(Progress::Refused(_))));
    let troubled = Memo::new(move |_| progress.get().is_some_and(|progress| progress != Progress::Sending));
    let words = move || progress.get().map(state_words).unwrap_or_default();
    // The button goes away with the state that it belongs to; the way on is where one writes.
    let and_return = |act: Box<dyn Fn()>| {
        move |_| {
            act();
            super::composer::focus();
        }
    };
    view! {
        <Show when=move || progress.get().is_some()>
            <div class="message__state">
                <span id=state_id(client_id)>
                    {move || {
                        let glyph = if refused.get() { Glyph::Alert } else { Glyph::Clock };
                        view! { <Icon glyph/> }
                    }}
                    <strong>{move || words().0}</strong>" "<span>{move || words().1}</span>
                </span>
                <Show when=move || troubled.get()>
                    <button
                        type="button"
                        class="button quiet small"
                        on:click=and_return(Box::new(move || store.try_again(client_id)))
                    >
                        "Try again"
                    </button>
                </Show>
                <Show when=move || refused.get()>
                    <button
                        type="button"
                        class="button quiet small"
                        on:click=and_return(Box::new(move || store.discard(client_id)))
                    >
                        "Discard"
                    </button>
                </Show>
            </div>
        </Show>
    }
    .into_any()
}

/// The id of the element that says how a message stands.
fn state_id(client_id: ClientId) -> String {
    format!("state-{client_id}")
}

/// The name of the state in the style sheet.
fn state_name(progress: Progress) -> &'static str {
    match progress {
        Progress::Sending => "sending",
        Progress::Waiting => "waiting",
        Progress::Refused(_) => "failed",
    }
}

/// What is said about the state: what matters most of it, and the rest.
fn state_words(progress: Progress) -> (&'static str, &'static str) {
    match progress {
        Progress::Sending => ("", "Sending…"),
        Progress::Waiting => ("Not sent yet.", "It goes out as soon as possible."),
        Progress::Refused(code) => ("Not sent.", code.sentence()),
    }
}
