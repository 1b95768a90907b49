//! The list of messages: one stop of the Tab key, with the arrow keys inside.

use leptos::{ev::KeyboardEvent, html::Div, prelude::*, wasm_bindgen::JsCast, web_sys::Element};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{composer, happened::Happened, jump::Jump, left_off, message::MessageRow, scroll::Place};
use crate::{
    domain::{ChatId, ChatKind},
    ui::{
        components::{
            badge::UnreadBadge,
            empty::{Empty, Skeleton},
            focus::{FocusKeeper, focus},
            icon::{Glyph, Icon},
        },
        state::{
            Store, browser,
            happening::lines,
            listing::Listing,
            timeline::{Phase, Timeline},
            use_store,
        },
    },
};

/// The id of the element that holds the messages.
const FEED_ID: &str = "messages";

/// The messages of the open chat, and those on their way to it.
#[component]
pub(super) fn History(
    /// Which chat.
    chat_id: ChatId,
    /// Changes each time something is sent from this page.
    sent: RwSignal<u32>,
    /// Whether it begins where one left off: nothing else was asked for.
    goes_on: bool,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chat = store.shared_chat(chat_id);
    let jump = use_context::<Jump>();
    let open = move |read: &dyn Fn(&Timeline) -> bool| {
        store.timeline.with(|open| open.as_ref().is_some_and(|open| open.chat_id() == chat_id && read(open)))
    };
    let listing = Memo::new(move |_| {
        let offset = store.utc_offset.get();
        let rows = store.timeline.with(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.map(|open| open.rows(offset)).unwrap_or_default()
        });
        store.outbox.with(|outbox| Listing::new(me, rows, outbox.standing(chat_id), offset))
    });
    let tail = Memo::new(move |_| {
        let offset = store.utc_offset.get();
        store.timeline.with(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            lines(&open.map(|open| open.tail(offset)).unwrap_or_default(), me)
        })
    });
    let keys = Memo::new(move |_| listing.with(Listing::keys));
    let had_focus = RwSignal::new(None);
    let tab_stop =
        Memo::new(move |_| had_focus.with(|had_focus| listing.with(|listing| listing.tab_stop(*had_focus))));
    let tab_stop = Selector::new(move || tab_stop.get());
    let ready = Memo::new(move |_| open(&|open: &Timeline| *open.phase() == Phase::Ready));
    let has_older = Memo::new(move |_| open(&Timeline::has_older));
    let has_newer = Memo::new(move |_| open(&Timeline::has_newer));
    let loading_older = Memo::new(move |_| open(&|open: &Timeline| *open.older() == Phase::Loading));
    let loading_newer = Memo::new(move |_| open(&|open: &Timeline| *open.newer() == Phase::Loading));
    let newer_failed = Memo::new(move |_| open(&|open: &Timeline| matches!(open.newer(), Phase::Failed(_))));
    let older_failed = Memo::new(move |_| open(&|open: &Timeline| matches!(open.older(), Phase::Failed(_))));
    let any = Memo::new(move |_| listing.with(|listing| !listing.is_empty()));
    let silent = Memo::new(move |_| !any.get() && tail.with(Vec::is_empty));

    let place = Place::new();
    place.has_newer.set_value(has_newer.get_untracked());
    Effect::new(move |before: Option<bool>| {
        let has_newer = has_newer.get();
        place.has_newer.set_value(has_newer);
        if before.is_some_and(|before| before != has_newer) {
            place.seen();
        }
        has_newer
    });
    // What is on the screen counts as read, once the list stands where it is to begin.
    let has_begun = StoredValue::new(false);
    let look = move || {
        if has_begun.try_get_value() == Some(true)
            && let Some(ordinal) = place.last_seen()
        {
            store.see(chat_id, ordinal);
        }
    };
    Effect::new(move |_| {
        if !ready.get() || has_begun.get_value() {
            return;
        }
        request_animation_frame(move || {
            // The page may have been left meanwhile.
            if has_begun.try_get_value() != Some(false) {
                return;
            }
            if goes_on {
                left_off::show(store, chat_id);
            }
            place.seen();
            has_begun.set_value(true);
            store.has_begun();
            look();
        });
    });
    Effect::new(move |_| {
        if store.reading.is_attentive.get() {
            request_animation_frame(look);
        }
    });
    let standing = Memo::new(move |_| {
        chat.with(|chat| chat.as_deref().map(|chat| store.standing(chat)).unwrap_or_default())
    });
    let unread = Memo::new(move |_| standing.with(|standing| standing.unread));
    let never = Memo::new(|_| false);
    let last_own = Memo::new(move |_| listing.with(Listing::last_own));
    let focus_keeper = FocusKeeper::new(FEED_ID, "content");
    let news = RwSignal::new(false);
    Effect::new(move |before: Option<()>| {
        listing.track();
        tail.track();
        store.reading.left_off.track();
        if before.is_some() {
            request_animation_frame(move || {
                focus_keeper.restore();
                place.keep();
                look();
            });
        }
    });
    Effect::new(move |before: Option<()>| {
        sent.track();
        if before.is_some() {
            jump.into_iter().for_each(Jump::stay);
            request_animation_frame(move || {
                place.go_to_end();
                look();
            });
        }
    });
    Effect::new(move |_| {
        let any = store.arrived.with(|arrived| !arrived.is_empty());
        if place.at_end.get() {
            news.set(false);
        } else if any {
            news.set(true);
        }
    });
    Effect::new(move |_| {
        // Text breaks anew in a window of another width: what stood where has to be seen again.
        let resized = window_event_listener(leptos::ev::resize, move |_| {
            place.note();
            look();
        });
        on_cleanup(move || resized.remove());
    });

    // Where the page was asked for one message, or a link leads to one.
    if let Some(jump) = jump {
        Effect::new(move |_| {
            if let Some(seq) = jump.wanted(chat_id) {
                request_animation_frame(move || jump.arrive(seq, place));
            }
        });
    }

    let on_scroll = move |_| {
        let (near_start, near_end) = place.note();
        look();
        if !ready.get_untracked() {
            return;
        }
        if near_start && !older_failed.get_untracked() {
            store.load_older();
        }
        if near_end && !newer_failed.get_untracked() {
            store.load_newer();
        }
    };
    let navigate = use_navigate();
    let to_latest = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        let here = format!("/c/{chat_id}");
        if browser::path() != here {
            navigate(&here, NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() });
        }
        jump.into_iter().for_each(Jump::stay);
        store.has_begun();
        store.open(chat_id, true, None);
        place.go_to_end();
        // The button goes away with what it leads from.
        if store
            .timeline
            .with_untracked(|open| open.as_ref().is_some_and(|open| *open.phase() == Phase::Ready))
        {
            focus_last(place.feed);
        } else if let Some(content) = document().get_element_by_id("content") {
            focus(&content);
        }
    };
    let to_latest = StoredValue::new(to_latest);
    let load_newer = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        store.load_newer();
    };
    let load_older = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        store.load_older();
    };
    let older = move || {
        let before =
            store.timeline.with(|open| open.as_ref().and_then(Timeline::first_seq)).unwrap_or_default();
        format!("/c/{chat_id}?before={before}")
    };
    // Whether authors are named never changes, and a row is made only when its chat is known.
    let named =
        move || chat.with_untracked(|chat| chat.as_deref().is_some_and(|chat| chat.kind == ChatKind::Group));

    view! {
        <div class="timeline">
            <div class="timeline__scroller" node_ref=place.scroller on:scroll=on_scroll>
                <div class="timeline__column">
                    <Show when=move || has_older.get()>
                        <div class="timeline__more">
                            <Show when=move || older_failed.get()>
                                <span class="timeline__problem" role="alert">"They could not be loaded. "</span>
                            </Show>
                            <a
                                class="button quiet small"
                                href=older
                                on:click=load_older
                                data-pending=move || loading_older.get().then_some("true")
                            >
                                <span class="button__label">"Load older messages"</span>
                                <span class="button__spinner" aria-hidden="true"></span>
                            </a>
                        </div>
                    </Show>
                    <Show when=move || !ready.get()>
                        <Skeleton rows=6 label="Loading messages…"/>
                    </Show>
                    <Show when=move || ready.get() && silent.get()>
                        <Empty
                            glyph=Glyph::Chat
                            title="Nothing said yet"
                            text="Write the first message below."
                        />
                    </Show>
                    <div
                        class="timeline__feed"
                        id=FEED_ID
                        node_ref=place.feed
                        role=move || any.get().then_some("feed")
                        aria-label=move || any.get().then_some("Messages")
                        aria-busy=move || loading_older.get().then_some("true")
                        on:keydown=move |event| on_key(&event, place.feed, store)
                        on:focusin=move |event| focus_keeper.note(&event)
                        on:focusout=move |event| focus_keeper.leave(&event)
                    >
                        <For
                            each=move || keys.get()
                            key=|key| *key
                            children=move |key| {
                                let first = listing.with_untracked(|listing| listing.get(key).cloned());
                                let tab_stop = tab_stop.clone();
                                first.map(|first| view! {
                                    <MessageRow
                                        key
                                        chat_id
                                        first
                                        listing
                                        named=named()
                                        tab_stop
                                        had_focus
                                        last_own
                                    />
                                })
                            }
                        />
                        <Happened lines=tail/>
                    </div>
                    <Show when=move || has_newer.get()>
                        <div class="timeline__more">
                            <Show when=move || newer_failed.get()>
                                <span class="timeline__problem" role="alert">"They could not be loaded. "</span>
                            </Show>
                            <Show
                                when=move || store.is_alive()
                                fallback=move || view! {
                                    <a class="button quiet small" href=format!("/c/{chat_id}?before={}", u64::MAX)>
                                        <Icon glyph=Glyph::Down/>
                                        "Go to the newest messages"
                                    </a>
                                }
                            >
                                <button
                                    type="button"
                                    class="button quiet small"
                                    on:click=load_newer
                                    data-pending=move || loading_newer.get().then_some("true")
                                >
                                    <span class="button__label">"Load newer messages"</span>
                                    <span class="button__spinner" aria-hidden="true"></span>
                                </button>
                            </Show>
                        </div>
                    </Show>
                </div>
            </div>
            <Show when=move || {
                news.get() || store.is_alive() && (has_newer.get() || unread.get() > 0 && !place.at_end.get())
            }>
                <button
                    type="button"
                    class="button primary small timeline__news"
                    on:click=move |event| to_latest.with_value(|to_latest| to_latest(event))
                >
                    <Icon glyph=Glyph::Down/>
                    {move || if has_newer.get() { "Jump to latest" } else { "New messages" }}
                    <UnreadBadge unread quiet=never/>
                </button>
            </Show>
        </div>
    }
    .into_any()
}

/// The arrow keys walk from message to message; Escape leads back to where one writes.
fn on_key(event: &KeyboardEvent, feed: NodeRef<Div>, store: Store) {
    let Some(feed) = feed.get_untracked() else { return };
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(target) = target else { return };
    if event.key() == "Escape" {
        event.prevent_default();
        composer::focus();
        return;
    }
    // Up and down lead from message to message, to the side what is in one is reached.
    let to = match event.key().as_str() {
        "ArrowRight" => within(&target, true),
        "ArrowLeft" => within(&target, false),
        _ => None,
    };
    if let Some(to) = to {
        event.prevent_default();
        return focus(&to);
    }
    // Keys in a button of a message are the button's.
    if target.tag_name() != "ARTICLE" {
        return;
    }
    let wanted = match event.key().as_str() {
        "ArrowUp" => {
            let before = beside(&target, false);
            if before.is_none() {
                store.load_older();
            }
            before
        }
        "ArrowDown" => {
            let after = beside(&target, true);
            if after.is_none() {
                store.load_newer();
            }
            after
        }
        "Home" => feed.first_element_child().and_then(|first| message_from(first, true)),
        "End" => last(&feed),
        _ => return,
    };
    event.prevent_default();
    if let Some(wanted) = wanted {
        focus(&wanted);
    }
}

/// What the focus goes to within a message, from the message itself or from what is in it, around and around.
fn within(from: &Element, forwards: bool) -> Option<Element> {
    // What plays has keys of its own, and code is scrolled by them.
    if from.matches("audio, video, pre[tabindex]").unwrap_or(true) {
        return None;
    }
    let message = from.closest("article").ok()??;
    let inside = message.get_elements_by_tag_name("*");
    let inside = (0..inside.length()).filter_map(|place| inside.item(place));
    let stops: Vec<_> = std::iter::once(message.clone())
        .chain(inside.filter(|element| {
            element
                .matches("button, a[href]:not([aria-hidden]), pre[tabindex], audio, video")
                .unwrap_or(false)
        }))
        .collect();
    let at = stops.iter().position(|stop| stop == from)?;
    let to = (if forwards { at + 1 } else { at + stops.len() - 1 }) % stops.len();
    stops.into_iter().nth(to).filter(|to| to != from)
}

fn focus_last(feed: NodeRef<Div>) {
    if let Some(last) = feed.get_untracked().and_then(|feed| last(&feed)) {
        focus(&last);
    }
}

fn last(feed: &Element) -> Option<Element> {
    feed.last_element_child().and_then(|last| message_from(last, false))
}

fn beside(message: &Element, after: bool) -> Option<Element> {
    let next = if after { message.next_element_sibling() } else { message.previous_element_sibling() };
    next.and_then(|next| message_from(next, after))
}

/// The first message from this element on: days stand between them.
fn message_from(mut element: Element, forwards: bool) -> Option<Element> {
    while element.tag_name() != "ARTICLE" {
        element = if forwards { element.next_element_sibling() } else { element.previous_element_sibling() }?;
    }
    Some(element)
}
