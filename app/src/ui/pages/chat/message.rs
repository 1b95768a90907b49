//! One message: stored, or still on its way. Its element stays the same from one to the other, and
//! whatever happens around it.

use leptos::prelude::*;

use super::{
    acting::{Acting, Actions},
    attachments::{Attachments, Reach},
    deeds::Deeds,
    delivery::{Delivery, state_id, state_name},
    edits::Edits,
    happened::{Day, Happened},
    jump::Jump,
    left_off::LeftOff,
    quote::{Quote, first_line},
    reactions::{Reactions, in_short},
    receipts::Receipt,
};
use crate::{
    domain::{AttachmentId, ChatId, UserId},
    markdown::plain_text,
    protocol::MessageView,
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            blocking::profile_path,
            focus::{is_windows, is_within},
            icon::{Glyph, Icon},
            message_text::MessageText,
            pinned::anchor_id,
        },
        files::shown::ShownFile,
        state::{
            happening::lines,
            listing::{Entry, Listing, RowKey},
            use_store,
        },
        time_format::{clock, full},
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
    /// In which chat.
    chat_id: ChatId,
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
    /// The last message of one's own, under which stands who has read it.
    last_own: Memo<Option<RowKey>>,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
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
    let before = Memo::new(move |_| entry.with(|entry| lines(entry.before(), store.me())));
    let starts_group = Memo::new(move |_| entry.with(Entry::starts_group));
    let progress = Memo::new(move |_| entry.with(Entry::progress));
    let files = Memo::new(move |before: Option<&Vec<ShownFile>>| {
        entry.with(|entry| entry.files(before.map_or(&[], Vec::as_slice)))
    });
    let own_id = match key {
        RowKey::Own(client_id) => Some(client_id),
        RowKey::Other(_) => None,
    };
    let quote = Memo::new(move |_| entry.with(|entry| entry.quote().cloned()));
    let reactions = Memo::new(move |_| {
        let (id, known) =
            entry.with(|entry| entry.present().map(|message| (message.id, message.reactions.clone())))?;
        Some((id, store.wishes.with(|wishes| wishes.over(id, &known, store.me()))))
    });
    // Without scripts nothing can be done.
    let can_act = Memo::new(move |_| store.is_alive() && entry.with(|entry| entry.present().is_some()));
    let seq = Memo::new(move |_| entry.with(|entry| entry.stored().map(|message| message.seq)));
    let ordinal = Memo::new(move |_| entry.with(|entry| entry.stored().map(|message| message.ordinal)));
    let is_first_new = Memo::new(move |_| {
        let ordinal = ordinal.get();
        ordinal.is_some() && store.reading.left_off.get() == Some((chat_id, ordinal))
    });
    let receipt = Signal::derive(move || ordinal.get().filter(|_| last_own.get() == Some(key)));
    let marked = use_context::<Jump>().map(Jump::marked);
    let is_marked = move || {
        let marked = marked.and_then(|marked| marked.get());
        (marked.is_some() && marked == seq.get()).then_some("true")
    };
    let (acting, deeds) = (use_context::<Acting>(), use_context::<Deeds>());
    let actions = move |reach: Reach| {
        let (acting, deeds) = (acting?, deeds?);
        let acts = Callback::new(move |()| deeds.bar(chat_id, key, acting));
        Some(view! { <Show when=move || can_act.get()><Actions row=key acts reach acting/></Show> })
    };
    let body = Memo::new(move |_| entry.with(|entry| entry.body().to_owned()));
    let mentions = Memo::new(move |_| {
        entry.with(|entry| entry.stored().map(|message| message.mentions.clone()).unwrap_or_default())
    });
    let speaks = Memo::new(move |_| body.with(|body| !body.is_empty()));
    let spoken = Memo::new(move |_| body.with(|body| plain_text(body)));
    // Called otherwise as soon as they say so.
    let is_own = author.is_none();
    let label = move || {
        let mut label = entry.with(|entry| {
            let said_by = entry.stored().filter(|_| !is_own).map_or("You", |message| &message.sender_name);
            format!("{said_by}, {}", clock(entry.at(), entry.offset()))
        });
        let mut say = |words: &str| label.extend([", ", words]);
        entry.with(|entry| {
            if entry.edited_at().is_some() {
                say("edited");
            }
            if entry.is_pinned() {
                say("pinned");
            }
            if me.zip(entry.stored()).is_some_and(|(me, message)| message.mentions_reader(me)) {
                say("mentions you");
            }
        });
        quote.with(|quote| {
            if let Some(quote) = quote {
                say(&format!("answers {}: {}", quote.sender_name, first_line(quote)));
            }
        });
        if speaks.get() {
            spoken.with(|spoken| say(spoken));
        }
        files.with(|files| files.iter().for_each(|file| say(&file.label())));
        let reactions = reactions.with(|all| all.as_ref().map(|(_, all)| in_short(all)).unwrap_or_default());
        if !reactions.is_empty() {
            say(&reactions);
        }
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
    on_cleanup(move || {
        tab_stop.remove(&Some(key));
        if let Some(acting) = acting {
            acting.forget(key);
        }
    });
    let meta = move || view! { <Meta chat_id entry own reach/> };
    let author = author.filter(|_| named);
    view! {
        <Happened lines=before/>
        {move || day.get().map(|day| view! { <Day day/> })}
        <Show when=move || is_first_new.get()><LeftOff chat_id/></Show>
        <article
            class="message"
            id=element_id(key)
            data-own=own.to_string()
            data-ordinal=move || ordinal.get().map(|ordinal| ordinal.to_string())
            data-starts=move || starts_group.get().to_string()
            data-named=named.to_string()
            data-state=move || {
                let deleted = entry.with(Entry::is_deleted).then_some("deleted");
                deleted.or_else(|| progress.get().map(state_name))
            }
            tabindex=move || if is_stop.get() { "0" } else { "-1" }
            aria-label=label
            aria-describedby=state_id
            data-marked=is_marked
            on:focusin=move |_| {
                had_focus.set(Some(key));
                acting.into_iter().for_each(|acting| acting.focus(Some(key)));
            }
            on:focusout=move |event| {
                // A panel that opens gives the focus back, and so does another window.
                if !is_within(&event) && !is_windows(&event) && let Some(acting) = acting && !acting.is_open() {
                    acting.focus(None);
                }
            }
            on:pointerenter=move |event| acting.into_iter().for_each(|acting| acting.enter(&event, key))
            on:pointerleave=move |_| acting.into_iter().for_each(|acting| acting.leave(key))
        >
            {author.map(|(id, _)| view! { <Author id entry shown=starts_group reach/> })}
            <div class="message__line" id=move || seq.get().map(anchor_id)>
                <div class="message__content">
                    <Quote chat_id quote reach/>
                    <Attachments files reach own=own_id/>
                    {move || if speaks.get() {
                        view! {
                            <div class="message__bubble" dir="auto">
                                <MessageText body mentions reach/>
                                {meta()}
                            </div>
                        }
                        .into_any()
                    } else {
                        meta().into_any()
                    }}
                    <Reactions chat_id reactions reach/>
                </div>
                {actions(reach)}
            </div>
            {match key {
                RowKey::Own(client_id) => Some(view! {
                    <Delivery client_id progress files/>
                    <Receipt chat_id ordinal=receipt/>
                }),
                RowKey::Other(_) => None,
            }}
        </article>
    }
    .into_any()
}

/// What stands at the end of a message: whether it is pinned and was edited, and when it was written.
#[component]
fn Meta(
    /// In which chat.
    chat_id: ChatId,
    /// The message.
    entry: Memo<Entry>,
    /// Whether it is one's own: then its earlier texts can be seen.
    own: bool,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
) -> impl IntoView {
    let pinned = Memo::new(move |_| entry.with(Entry::is_pinned));
    let edited = Memo::new(move |_| entry.with(|entry| Some((entry.edited_at()?, entry.offset()))));
    let edits = use_context::<Edits>();
    let show = move |_| {
        let id = entry.with_untracked(|entry| entry.stored().map(|message| message.id));
        if let (Some(edits), Some(id)) = (edits, id) {
            edits.show(chat_id, id);
        }
    };
    view! {
        <span class="message__meta">
            {move || pinned.get().then(|| view! { <Icon glyph=Glyph::Pin/> })}
            {move || edited.get().map(|(at, offset)| {
                let title = format!("Edited {}", full(at, offset));
                if own {
                    view! {
                        <button type="button" class="message__edited" title=title tabindex=reach on:click=show>
                            "edited"
                        </button>
                    }
                    .into_any()
                } else {
                    view! { <span class="message__edited" title=title>"edited"</span> }.into_any()
                }
            })}
            <Time entry/>
        </span>
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
    /// The first of the messages.
    entry: Memo<Entry>,
    /// Whether messages begin to stand together here.
    shown: Memo<bool>,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
) -> impl IntoView {
    let sent = move |of: fn(&MessageView) -> (String, Option<AttachmentId>)| {
        entry.with(|entry| entry.stored().map(|message| of(message)).unwrap_or_default())
    };
    // Both are otherwise as soon as the writer says so.
    let person = Memo::new(move |_| sent(|message| (message.sender_name.clone(), message.sender_avatar)));
    let name = Signal::derive(move || person.with(|(name, _)| name.clone()));
    let picture = Signal::derive(move || person.with(|(_, avatar)| *avatar));
    view! {
        <Show when=move || shown.get()>
            // The name says it, and leads to the same place.
            <a class="message__picture" href=profile_path(id) tabindex="-1" aria-hidden="true">
                <Avatar name hue=user_hue(id) picture size="s"/>
            </a>
            <div class="message__author" dir="auto">
                <a class="person-link" href=profile_path(id) tabindex=reach>{name}</a>
            </div>
        </Show>
    }
    .into_any()
}
