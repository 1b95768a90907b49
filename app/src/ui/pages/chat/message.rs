//! One message: stored, or still on its way. Its element stays the same from one to the other, and
//! whatever happens around it.

use leptos::prelude::*;

use super::{
    attachments::Attachments,
    deletion::delete_button,
    delivery::{Delivery, state_id, state_name},
};
use crate::{
    domain::{ChatKind, Role, UserId, policy::may_delete_message},
    ui::{
        components::avatar::{Avatar, user_hue},
        files::shown::ShownFile,
        state::{
            listing::{Entry, Listing, RowKey},
            use_store,
        },
        time_format::{clock, day_label, full},
    },
};

/// The id of the element that shows a message.
pub(super) fn element_id(key: RowKey) -> String {
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
    /// What the reader is in the chat, and of which kind that is.
    role: Memo<Option<(ChatKind, Role)>>,
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
    let files = Memo::new(move |before: Option<&Vec<ShownFile>>| {
        entry.with(|entry| entry.files(before.map_or(&[], Vec::as_slice)))
    });
    let own_id = match key {
        RowKey::Own(client_id) => Some(client_id),
        RowKey::Other(_) => None,
    };
    let deletable = Memo::new(move |_| {
        let (kind, role) = role.get()?;
        let (id, sender) = entry.with(Entry::deletable)?;
        // Without scripts there is nobody to ask.
        let may = store.is_alive() && may_delete_message(kind, role, store.me()?, sender);
        may.then_some(id)
    });
    let speaks = Memo::new(move |_| entry.with(|entry| !entry.body().is_empty()));
    let said_by = author.as_ref().map_or_else(|| "You".to_owned(), |(_, name)| name.clone());
    let label = move || {
        let mut label = entry.with(|entry| format!("{said_by}, {}", clock(entry.at(), entry.offset())));
        let mut say = |words: &str| label.extend([", ", words]);
        if speaks.get() {
            entry.with(|entry| say(entry.body()));
        }
        files.with(|files| files.iter().for_each(|file| say(&file.label())));
        label
    };
    let state_id = move || match key {
        RowKey::Own(client_id) if progress.get().is_some() => Some(state_id(client_id)),
        _ => None,
    };
    let stops = tab_stop.clone();
    let is_stop = Memo::new(move |_| stops.selected(&Some(key)));
    // The arrow keys lead to what is in it. Without scripts there are none, and the Tab key does.
    let reach = Memo::new(move |_| store.is_alive().then_some("-1"));
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
            data-state=move || {
                let deleted = entry.with(Entry::is_deleted).then_some("deleted");
                deleted.or_else(|| progress.get().map(state_name))
            }
            tabindex=move || if is_stop.get() { "0" } else { "-1" }
            aria-label=label
            aria-describedby=state_id
            on:focusin=move |_| had_focus.set(Some(key))
        >
            {author.map(|(id, name)| view! { <Author id name shown=starts_group/> })}
            <div class="message__line">
                <div class="message__content">
                    <Attachments files reach own=own_id/>
                    {move || if speaks.get() {
                        view! {
                            <div class="message__bubble" dir="auto">
                                <span class="message__text">{move || entry.with(|entry| entry.body().to_owned())}</span>
                                <Time entry/>
                            </div>
                        }
                        .into_any()
                    } else {
                        view! { <Time entry/> }.into_any()
                    }}
                </div>
                {move || deletable.get().map(|id| delete_button(key, id, reach))}
            </div>
            {match key {
                RowKey::Own(client_id) => Some(view! { <Delivery client_id progress files/> }),
                RowKey::Other(_) => None,
            }}
        </article>
    }
    .into_any()
}

/// When it was stored, or written if it is not.
#[component]
fn Time(
    /// The message.
    entry: Memo<Entry>,
) -> impl IntoView {
    view! {
        <time
            class="message__time"
            datetime=move || entry.with(|entry| entry.at().to_string())
            title=move || entry.with(|entry| full(entry.at(), entry.offset()))
        >
            {move || entry.with(|entry| clock(entry.at(), entry.offset()))}
        </time>
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
