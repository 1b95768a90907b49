//! One message: stored, or still on its way.

use leptos::prelude::*;

use crate::{
    domain::UserId,
    protocol::MessageView,
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            icon::{Glyph, Icon},
        },
        state::{
            outbox::{Delivery, Unsent},
            timeline::Row,
            use_store,
        },
        time_format::{clock, day_label, full},
    },
};

/// The id of the element that shows a message.
pub(super) fn element_id(message: &MessageView) -> String {
    format!("m{}", message.seq)
}

/// A message that is stored, under the day that begins with it.
#[component]
pub(super) fn MessageRow(
    /// The message and how it stands among the others.
    row: Row,
    /// Who reads.
    me: Option<UserId>,
    /// Whether authors are named, which in a chat of two is not needed.
    named: bool,
) -> impl IntoView {
    let store = use_store();
    let Row { message, new_day, starts_group, offset } = row;
    let own = Some(message.sender_id) == me;
    let time = clock(message.created_at, offset);
    let author = if own { "You".to_owned() } else { message.sender_name.clone() };
    let label = format!("{author}, {time}, {}", message.body);
    let shows_author = named && !own && starts_group;
    view! {
        {new_day.map(|day| view! {
            <div class="day"><span class="day__label">{move || day_label(day, store.today.get())}</span></div>
        })}
        <article
            class="message"
            id=element_id(&message)
            data-own=own.to_string()
            data-starts=starts_group.to_string()
            data-named=named.to_string()
            tabindex="-1"
            aria-label=label
        >
            {shows_author.then(|| {
                let name = Signal::stored(message.sender_name.clone());
                view! {
                    <span class="message__picture"><Avatar name hue=user_hue(message.sender_id) size="s"/></span>
                    <div class="message__author" dir="auto">{message.sender_name.clone()}</div>
                }
            })}
            <div class="message__bubble" dir="auto">
                <span class="message__text">{message.body.clone()}</span>
                <time
                    class="message__time"
                    datetime=message.created_at.to_string()
                    title=full(message.created_at, offset)
                >
                    {time}
                </time>
            </div>
        </article>
    }
    .into_any()
}

/// A message that is not known to be stored, with what can be done about it.
#[component]
pub(super) fn UnsentRow(
    /// The message.
    unsent: Unsent,
    /// At which offset from UTC its time is shown.
    offset: i32,
) -> impl IntoView {
    let store = use_store();
    let Unsent { client_id, body, written_at, delivery, .. } = unsent;
    let time = clock(written_at, offset);
    let label = format!("You, {time}, {body}");
    let state_id = format!("s{client_id}");
    let described_by = state_id.clone();
    let (state, reason) = match delivery {
        Delivery::Refused(code) => ("failed", Some(("Not sent.", code.sentence()))),
        Delivery::Waiting(_) => ("waiting", Some(("Not sent yet.", "It goes out as soon as possible."))),
        Delivery::Queued | Delivery::Sending => ("sending", None),
    };
    let refused = matches!(delivery, Delivery::Refused(_));
    // The button goes away with the state that it belongs to; the way on is where one writes.
    let and_return = |act: Box<dyn Fn()>| {
        move |_| {
            act();
            super::composer::focus();
        }
    };
    view! {
        <article
            class="message"
            data-own="true"
            data-starts="true"
            data-state=state
            tabindex="-1"
            aria-label=label
            aria-describedby=described_by
        >
            <div class="message__bubble" dir="auto">
                <span class="message__text">{body}</span>
                <time class="message__time" datetime=written_at.to_string()>{time}</time>
            </div>
            <div class="message__state">
                <span id=state_id>
                    {match reason {
                        None => leptos::either::Either::Left(view! {
                            <Icon glyph=Glyph::Clock/>"Sending…"
                        }),
                        Some((what, why)) => leptos::either::Either::Right(view! {
                            <Icon glyph=if refused { Glyph::Alert } else { Glyph::Clock }/>
                            <strong>{what}</strong>" "<span>{why}</span>
                        }),
                    }}
                </span>
                {reason.map(|_| view! {
                    <button
                        type="button"
                        class="button quiet small"
                        on:click=and_return(Box::new(move || store.try_again(client_id)))
                    >
                        "Try again"
                    </button>
                })}
                {refused.then(|| view! {
                    <button
                        type="button"
                        class="button quiet small"
                        on:click=and_return(Box::new(move || store.discard(client_id)))
                    >
                        "Discard"
                    </button>
                })}
            </div>
        </article>
    }
    .into_any()
}
