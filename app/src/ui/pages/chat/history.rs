//! The list of messages: one stop of the Tab key, with the arrow keys inside.

use leptos::{
    ev::{FocusEvent, KeyboardEvent},
    html::Div,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlElement},
};

use super::{
    composer,
    message::{MessageRow, UnsentRow},
    scroll::Place,
};
use crate::{
    domain::{ChatId, ChatKind},
    ui::{
        components::{
            empty::{Empty, Skeleton},
            icon::{Glyph, Icon},
        },
        state::{
            outbox::Unsent,
            timeline::{Phase, Row, Timeline},
            use_store,
        },
    },
};

/// The messages of the open chat, and those on their way to it.
#[component]
pub(super) fn History(
    /// Which chat.
    chat_id: ChatId,
    /// Changes each time something is sent from this page.
    sent: RwSignal<u32>,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chat = store.shared_chat(chat_id);
    let open = move |read: &dyn Fn(&Timeline) -> bool| {
        store.timeline.with(|open| open.as_ref().is_some_and(|open| open.chat_id() == chat_id && read(open)))
    };
    let rows = Memo::new(move |_| {
        let offset = store.utc_offset.get();
        store.timeline.with(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.map(|open| open.rows(offset)).unwrap_or_default()
        })
    });
    let unsent = Memo::new(move |_| {
        store.outbox.with(|outbox| {
            let stored = |unsent: &Unsent| {
                let client_id = unsent.client_id;
                me.is_some_and(|me| open(&|open: &Timeline| open.has_sent(me, client_id)))
            };
            outbox.of(chat_id).filter(|unsent| !stored(unsent)).cloned().collect::<Vec<_>>()
        })
    });
    let ready = Memo::new(move |_| open(&|open: &Timeline| *open.phase() == Phase::Ready));
    let has_older = Memo::new(move |_| open(&Timeline::has_older));
    let has_newer = Memo::new(move |_| open(&Timeline::has_newer));
    let loading_older = Memo::new(move |_| open(&|open: &Timeline| *open.older() == Phase::Loading));
    let older_failed = Memo::new(move |_| open(&|open: &Timeline| matches!(open.older(), Phase::Failed(_))));
    let any = Memo::new(move |_| rows.with(|rows| !rows.is_empty()) || unsent.with(|list| !list.is_empty()));

    let place = Place::new();
    let news = RwSignal::new(false);
    Effect::new(move |before: Option<()>| {
        rows.track();
        unsent.track();
        if before.is_some() {
            request_animation_frame(move || place.keep());
        }
    });
    Effect::new(move |before: Option<()>| {
        sent.track();
        if before.is_some() {
            request_animation_frame(move || place.to_end());
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
        });
        on_cleanup(move || resized.remove());
    });

    let on_scroll = move |_| {
        let near_start = place.note();
        if near_start && ready.get_untracked() && !older_failed.get_untracked() {
            store.load_older();
        }
    };
    let load_older = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        store.load_older();
    };
    let older_link = move || {
        let first = store.timeline.with(|open| open.as_ref().and_then(Timeline::first_seq))?;
        has_older.get().then(|| {
            view! {
                <div class="timeline__more">
                    <Show when=move || older_failed.get()>
                        <span class="timeline__problem" role="alert">"They could not be loaded. "</span>
                    </Show>
                    <a
                        class="button quiet small"
                        href=format!("/c/{chat_id}?before={first}")
                        on:click=load_older
                        data-pending=move || loading_older.get().then_some("true")
                    >
                        <span class="button__label">"Load older messages"</span>
                        <span class="button__spinner" aria-hidden="true"></span>
                    </a>
                </div>
            }
        })
    };
    // Whether authors are named never changes, and a row is made only when its chat is known.
    let named =
        move || chat.with_untracked(|chat| chat.as_deref().is_some_and(|chat| chat.kind == ChatKind::Group));

    view! {
        <div class="timeline">
            <div class="timeline__scroller" node_ref=place.scroller on:scroll=on_scroll>
                <div class="timeline__column">
                    {older_link}
                    <Show when=move || !ready.get()>
                        <Skeleton rows=6 label="Loading messages…"/>
                    </Show>
                    <Show when=move || ready.get() && !any.get()>
                        <Empty
                            glyph=Glyph::Chat
                            title="Nothing said yet"
                            text="Write the first message below."
                        />
                    </Show>
                    <div
                        class="timeline__feed"
                        node_ref=place.feed
                        role=move || any.get().then_some("feed")
                        aria-label=move || any.get().then_some("Messages")
                        aria-busy=move || loading_older.get().then_some("true")
                        tabindex=move || any.get().then_some("0")
                        on:keydown=move |event| on_key(&event, place.feed, move || store.load_older())
                        on:focusin=move |event| rove(&event, place.feed)
                    >
                        <For
                            each=move || rows.get()
                            key=Row::key
                            children=move |row| view! { <MessageRow row me named=named()/> }
                        />
                        <For
                            each=move || unsent.get()
                            key=|unsent| (unsent.client_id, unsent.delivery)
                            children=move |unsent| {
                                view! { <UnsentRow unsent offset=store.utc_offset.get_untracked()/> }
                            }
                        />
                    </div>
                    <Show when=move || has_newer.get()>
                        <div class="timeline__more">
                            <a class="button quiet small" href=format!("/c/{chat_id}")>
                                <Icon glyph=Glyph::Down/>
                                "Go to the newest messages"
                            </a>
                        </div>
                    </Show>
                </div>
            </div>
            <Show when=move || news.get()>
                <button
                    type="button"
                    class="button primary small timeline__news"
                    on:click=move |_| {
                        place.to_end();
                        focus_last(place.feed);
                    }
                >
                    <Icon glyph=Glyph::Down/>
                    "New messages"
                </button>
            </Show>
        </div>
    }
}

/// The arrow keys walk from message to message; Escape leads back to where one writes.
fn on_key(event: &KeyboardEvent, feed: NodeRef<Div>, load_older: impl Fn()) {
    let Some(feed) = feed.get_untracked() else { return };
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let Some(target) = target else { return };
    if event.key() == "Escape" {
        event.prevent_default();
        composer::focus();
        return;
    }
    // Keys in a button of a message are the button's.
    let in_message = target.tag_name() == "ARTICLE";
    if !in_message && target != **feed {
        return;
    }
    let here = in_message.then_some(target);
    let wanted = match event.key().as_str() {
        "ArrowUp" => {
            let before = here.as_ref().map_or_else(|| last(&feed), |here| beside(here, false));
            if before.is_none() {
                load_older();
            }
            before
        }
        "ArrowDown" => here.as_ref().map_or_else(|| last(&feed), |here| beside(here, true)),
        "Home" => feed.first_element_child().and_then(|first| message_from(first, true)),
        "End" => last(&feed),
        _ => return,
    };
    event.prevent_default();
    if let Some(wanted) = wanted {
        focus(&wanted);
    }
}

/// Of all messages, and the list itself, only the one that has the focus is a stop of the Tab key.
fn rove(event: &FocusEvent, feed: NodeRef<Div>) {
    let Some(feed) = feed.get_untracked() else { return };
    let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else { return };
    let message = match target.closest("article") {
        Ok(Some(message)) => message,
        Ok(None) | Err(_) => return,
    };
    // An attribute of an element that is there cannot fail to be set.
    if let Ok(Some(earlier)) = feed.query_selector("article[tabindex='0']") {
        let _ = earlier.set_attribute("tabindex", "-1");
    }
    let _ = message.set_attribute("tabindex", "0");
}

fn focus_last(feed: NodeRef<Div>) {
    if let Some(last) = feed.get_untracked().and_then(|feed| last(&feed)) {
        focus(&last);
    }
}

fn focus(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        // Nothing is lost if the browser refuses: the focus stays.
        let _ = element.focus();
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
