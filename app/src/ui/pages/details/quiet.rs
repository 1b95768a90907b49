//! What a chat is to oneself alone: what of it notifies one, and whether it is put away.

use leptos::{ev::SubmitEvent, prelude::*};

use crate::{
    api,
    domain::{ChatId, ChatKind, Timestamp},
    ui::{
        components::{
            button::SubmitButton,
            focus::{focus, is_lost},
            form::{FormAlert, FormState},
        },
        state::use_store,
        time_format,
    },
};

/// For how long a chat can be muted: what that is called, and how many seconds it is.
const SPANS: [(&str, i64); 3] =
    [("For 1 hour", 3_600), ("For 8 hours", 8 * 3_600), ("For 1 week", 7 * 24 * 3_600)];

/// The id of the section's title.
const TITLE_ID: &str = "quiet-title";

/// The section of a chat's details.
#[component]
pub fn Quiet(id: ChatId) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(id);
    let until = Memo::new(move |_| {
        let now = store.reading.now.get();
        chat.with(|chat| chat.as_ref().filter(|chat| chat.mine.is_muted(now))?.mine.muted_until)
    });
    let is_muted = Memo::new(move |_| until.with(Option::is_some));
    let (muting, archiving) = (FormState::new("mute_chat"), FormState::new("archive_chat"));
    let choosing = FormState::new("notify_mentions");
    // Of two people each says everything to the other; whoever has asked for less all the same can take it back.
    let can_choose = chat.with_untracked(|chat| {
        chat.as_ref().is_some_and(|chat| chat.kind == ChatKind::Group || chat.mine.mentions_only)
    });
    let mentions_only =
        Memo::new(move |_| chat.with(|chat| chat.as_ref().is_some_and(|chat| chat.mine.mentions_only)));
    // The button goes away with what it changed.
    Effect::new(move |before: Option<()>| {
        is_muted.track();
        if before.is_some() {
            request_animation_frame(|| {
                let title = document().get_element_by_id(TITLE_ID).filter(|_| is_lost());
                title.iter().for_each(focus);
            });
        }
    });
    let is_away = Memo::new(move |_| chat.with(|chat| chat.as_ref().is_some_and(|chat| chat.mine.archived)));
    let muted = move || match until.get() {
        None if mentions_only.get() => "You are notified of what mentions you.".to_owned(),
        None => "You are notified of what is said here.".to_owned(),
        Some(Timestamp::FOREVER) => "Muted: nothing notifies you.".to_owned(),
        Some(until) => {
            format!("Muted until {}.", time_format::full(until, store.utc_offset.get()))
        }
    };
    let away = move || {
        if is_away.get() {
            "It stands among the archived chats. A new message brings it back, unless it is muted."
        } else {
            "An archived chat stands at the foot of the list until there is something new."
        }
    };
    view! {
        <section
            class="card"
            id="quiet"
            aria-labelledby=TITLE_ID
        >
            <h2 class="card__title" id=TITLE_ID tabindex="-1">"Notifications"</h2>
            <p class="card__lead">{muted}</p>
            <FormAlert form=muting/>
            <div class="card__ways">
                <Show
                    when=move || is_muted.get()
                    fallback=move || view! {
                        {SPANS.map(|(label, seconds)| view! { <Mute id form=muting label seconds=Some(seconds)/> })}
                        <Mute id form=muting label="Until I change it" seconds=None/>
                    }
                >
                    <Unmute id form=muting/>
                </Show>
            </div>
            {can_choose.then(|| view! {
                <FormAlert form=choosing/>
                <div class="card__ways"><OnlyMentions id form=choosing mentions_only/></div>
            })}
            <h3 class="card__title">"Archive"</h3>
            <p class="card__lead">{away}</p>
            <FormAlert form=archiving/>
            <div class="card__ways"><Archive id form=archiving is_away/></div>
        </section>
    }
    .into_any()
}

/// Has the chat notify one no longer for a while.
#[component]
fn Mute(id: ChatId, form: FormState, label: &'static str, seconds: Option<i64>) -> impl IntoView {
    let store = use_store();
    // Without scripts it counts from when the page was made.
    let until = move || seconds.map(|seconds| store.reading.now.get().plus_seconds(seconds));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        store.tell_time();
        form.submit(api::mute_chat(id, true, untrack(until)), move |mine| {
            store.take_mine(id, mine);
            store.toasts.info("The chat is muted.");
        });
    };
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="on" value="true"/>
            {seconds.map(|_| view! {
                <input type="hidden" name="until" value=move || until().map(|until| until.to_string())/>
            })}
            <SubmitButton form label name=format!("Mute: {label}") look="quiet small"/>
        </form>
    }
    .into_any()
}

/// Has the chat notify one again.
#[component]
fn Unmute(id: ChatId, form: FormState) -> impl IntoView {
    let store = use_store();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        form.submit(api::mute_chat(id, false, None), move |mine| store.take_mine(id, mine));
    };
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="on" value="false"/>
            <SubmitButton form label="Unmute" look="quiet small"/>
        </form>
    }
    .into_any()
}

/// Has only what mentions one notify one, or all that is said.
#[component]
fn OnlyMentions(id: ChatId, form: FormState, mentions_only: Memo<bool>) -> impl IntoView {
    let store = use_store();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let on = !mentions_only.get_untracked();
        form.submit(api::notify_mentions(id, on), move |mine| {
            store.take_mine(id, mine);
            store.toasts.info(if on {
                "You are notified of what mentions you."
            } else {
                "You are notified of all messages."
            });
        });
    };
    let label =
        Signal::derive(move || if mentions_only.get() { "All messages" } else { "Only mentions" }.to_owned());
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="on" value=move || (!mentions_only.get()).to_string()/>
            <SubmitButton form label look="quiet small"/>
        </form>
    }
    .into_any()
}

/// Puts the chat away, or brings it back.
#[component]
fn Archive(id: ChatId, form: FormState, is_away: Memo<bool>) -> impl IntoView {
    let store = use_store();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let on = !is_away.get_untracked();
        form.submit(api::archive_chat(id, on), move |mine| {
            store.take_mine(id, mine);
            store.toasts.info(if on { "The chat is archived." } else { "The chat is back in the list." });
        });
    };
    let label = Signal::derive(move || if is_away.get() { "Unarchive" } else { "Archive" }.to_owned());
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="on" value=move || (!is_away.get()).to_string()/>
            <SubmitButton form label look="quiet small"/>
        </form>
    }
    .into_any()
}
