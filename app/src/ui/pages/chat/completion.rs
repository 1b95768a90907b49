//! What the box offers while a name or an emoji is typed: the list above it, and the keys that choose from it. The
//! focus stays in the box; a screen reader is told by `aria-activedescendant` which one would be taken.

use std::{sync::Arc, time::Duration};

use leptos::{
    ev::{Event, KeyboardEvent},
    html::Textarea,
    prelude::*,
    task::spawn_local,
    wasm_bindgen::JsCast,
    web_sys::{HtmlTextAreaElement, InputEvent},
};

use super::completing::{self, Choice, Kind, Query};
use crate::{
    api,
    domain::ChatId,
    protocol::{ChatView, MemberView},
    ui::{
        components::{
            avatar::{Avatar, chat_hue, user_hue},
            form::is_enter,
            search_field::Questions,
        },
        state::{Store, browser, use_store},
    },
};

/// How long the typing has to pause before the server is asked for members.
const PAUSE: Duration = Duration::from_millis(200);

/// The id of the list.
pub(super) const LIST_ID: &str = "composer-choices";

/// What is offered while one types.
#[derive(Clone, Copy)]
pub(super) struct Completion {
    store: Store,
    query: RwSignal<Option<Query>>,
    /// The word that was left without choosing, by where it begins.
    left: StoredValue<Option<usize>>,
    choices: Memo<Vec<Choice>>,
    active: RwSignal<usize>,
    chat_id: ChatId,
    chat: Memo<Option<Arc<ChatView>>>,
    /// Members of a large group whom the page does not know, as far as the server has found them.
    found: RwSignal<Vec<MemberView>>,
    questions: Questions,
}

impl Completion {
    /// Nothing is being typed to this chat.
    pub(super) fn new(chat_id: ChatId) -> Self {
        let store = use_store();
        let me = store.me();
        let chat = store.shared_chat(chat_id);
        let query = RwSignal::new(None::<Query>);
        let found = RwSignal::new(Vec::new());
        let choices = Memo::new(move |_| {
            query.with(|query| match query {
                Some(Query { kind: Kind::Name, typed, .. }) => chat.with(|chat| {
                    let members = |chat| found.with(|found| completing::members(chat, found, me, typed));
                    chat.as_deref().map(members).unwrap_or_default()
                }),
                Some(Query { kind: Kind::Emoji, typed, .. }) => store.emoji.with(|emoji| {
                    emoji.list().map(|list| completing::emoji(list, typed)).unwrap_or_default()
                }),
                None => Vec::new(),
            })
        });
        Self {
            store,
            query,
            left: StoredValue::new(None),
            choices,
            active: RwSignal::new(0),
            chat_id,
            chat,
            found,
            questions: Questions::none(),
        }
    }

    /// Looks for members whom the page does not know. Without an answer it offers those whom it does.
    fn find(self, typed: String) {
        let knows_all = self.chat.with_untracked(|chat| chat.as_ref().is_none_or(|chat| chat.is_whole()));
        if typed.trim().is_empty() || knows_all {
            return;
        }
        self.questions.after(PAUSE, move || {
            let (question, typed) = (self.questions.ask(), typed.clone());
            spawn_local(async move {
                let found = browser::within(api::search_members(self.chat_id, typed)).await;
                if let (Ok(found), true) = (found, self.questions.is_latest(question)) {
                    self.found.set(found);
                }
            });
        });
    }

    /// Looks at what stands before the caret.
    pub(super) fn look(self, text: &HtmlTextAreaElement) {
        let value = text.value();
        let (start, end) = selection(text);
        let now =
            (start == end).then(|| completing::query(&value[..completing::byte_of(&value, end)])).flatten();
        if now.as_ref().map(|query| query.start) != self.left.get_value() {
            self.left.set_value(None);
        }
        let now = now.filter(|_| self.left.get_value().is_none());
        if now.as_ref().is_some_and(|query| query.kind == Kind::Emoji) {
            self.store.want_emoji();
        }
        if self.query.with_untracked(|before| *before != now) {
            self.active.set(0);
            if let Some(Query { kind: Kind::Name, typed, .. }) = &now {
                self.find(typed.clone());
            }
            self.query.set(now);
        }
    }

    /// Looks where the caret is now, if this key, or the pointer, has moved it.
    pub(super) fn follow(self, key: Option<&KeyboardEvent>, text: NodeRef<Textarea>) {
        let moves =
            |key: &KeyboardEvent| matches!(key.key().as_str(), "ArrowLeft" | "ArrowRight" | "Home" | "End");
        if key.is_none_or(moves)
            && let Some(text) = text.get_untracked()
        {
            self.look(&text);
        }
    }

    /// Puts an emoji in the place of its name, if that has just been closed. What an input method is still making is
    /// left to it.
    pub(super) fn close_name(self, event: &Event, text: &HtmlTextAreaElement) {
        if event.dyn_ref::<InputEvent>().is_some_and(|typed| typed.is_composing()) {
            return;
        }
        let value = text.value();
        let (start, end) = selection(text);
        let caret = completing::byte_of(&value, end);
        let closed = self.store.emoji.with_untracked(|emoji| {
            let list = emoji.list().filter(|_| start == end)?;
            completing::closed(&value[..caret], list)
        });
        if let Some((from, emoji)) = closed {
            // Not while the browser still tells of what was typed: this is told of as well.
            let text = text.clone();
            request_animation_frame(move || {
                if text.value() == value {
                    write(&text, &value, (from, caret), &emoji);
                }
            });
        }
    }

    /// Nothing is offered any more.
    pub(super) fn close(self) {
        // The box loses the focus also by going away, after everything of it has gone.
        if self.query.try_with_untracked(Option::is_some) == Some(true) {
            self.query.try_set(None);
        }
    }

    /// Whether the key was for the list.
    pub(super) fn takes(self, event: &KeyboardEvent, text: &HtmlTextAreaElement) -> bool {
        let count = self.choices.with_untracked(Vec::len);
        let is_plain = !event.shift_key() && !event.ctrl_key() && !event.alt_key() && !event.meta_key();
        if count == 0 || event.is_composing() || !is_plain {
            return false;
        }
        let active = self.active.get_untracked().min(count - 1);
        match event.key().as_str() {
            "ArrowDown" => self.active.set((active + 1) % count),
            "ArrowUp" => self.active.set((active + count - 1) % count),
            "Tab" => self.choose(active, text),
            "Enter" if is_enter(event) => self.choose(active, text),
            "Escape" => {
                self.left
                    .set_value(self.query.with_untracked(|query| query.as_ref().map(|query| query.start)));
                self.close();
            }
            _ => return false,
        }
        true
    }

    fn choose(self, place: usize, text: &HtmlTextAreaElement) {
        let chosen = self.choices.with_untracked(|choices| choices.get(place).cloned());
        let Some((query, choice)) = self.query.get_untracked().zip(chosen) else { return };
        let value = text.value();
        let caret = completing::byte_of(&value, selection(text).1);
        if query.start < caret {
            write(text, &value, (query.start, caret), &choice.written);
        }
        self.close();
    }

    /// Whether there is something to choose.
    pub(super) fn is_open(self) -> bool {
        self.choices.with(|choices| !choices.is_empty())
    }

    /// The id of the one that would be taken.
    pub(super) fn active_id(self) -> Option<String> {
        let count = self.choices.with(Vec::len);
        (count > 0).then(|| choice_id(self.active.get().min(count - 1)))
    }
}

fn choice_id(place: usize) -> String {
    format!("{LIST_ID}-{place}")
}

/// From where to where the text is selected, in units of UTF-16.
fn selection(text: &HtmlTextAreaElement) -> (u32, u32) {
    let end = text.selection_end().ok().flatten().unwrap_or(u32::MAX);
    (text.selection_start().ok().flatten().unwrap_or(end), end)
}

/// Writes something in the place of a part of the text, from a byte to a byte.
fn write(text: &HtmlTextAreaElement, value: &str, (from, to): (usize, usize), written: &str) {
    let (start, end) = (completing::units_of(value, from), completing::units_of(value, to));
    insert(text, Some((start, end)), written);
}

/// Writes something where the caret is, or in the place of these units of the text. As if it were typed, so that it can
/// be undone, where the browser allows that.
pub(super) fn insert(text: &HtmlTextAreaElement, instead: Option<(u32, u32)>, written: &str) {
    let (start, end) = instead.unwrap_or_else(|| selection(text));
    // Who presses beside the box has left it.
    let _refused = text.focus();
    if text.set_selection_range(start, end).is_err() || type_in(written) {
        return;
    }
    let value = text.value();
    let (from, to) = (completing::byte_of(&value, start), completing::byte_of(&value, end));
    text.set_value(&[&value[..from], written, &value[to..]].concat());
    let caret = start.saturating_add(completing::units_of(written, written.len()));
    let _refused = text.set_selection_range(caret, caret);
    if let Ok(event) = leptos::web_sys::Event::new("input") {
        let _heard = text.dispatch_event(&event);
    }
}

/// Has the browser type it. False if it does not.
#[cfg(feature = "hydrate")]
fn type_in(written: &str) -> bool {
    let page = document().dyn_into::<leptos::web_sys::HtmlDocument>().ok();
    page.is_some_and(|page| {
        page.exec_command_with_show_ui_and_value("insertText", false, written).unwrap_or(false)
    })
}

/// On the server nothing is typed.
#[cfg(not(feature = "hydrate"))]
fn type_in(_written: &str) -> bool {
    let _nowhere = document().dyn_ref::<leptos::web_sys::HtmlElement>();
    false
}

/// The list above the box.
#[component]
pub(super) fn Choices(
    /// In which chat.
    chat_id: ChatId,
    /// What is offered.
    completion: Completion,
    /// The box.
    text: NodeRef<Textarea>,
) -> impl IntoView {
    let Completion { choices, active, query, .. } = completion;
    let label = move || match query.with(|query| query.as_ref().map(|query| query.kind)) {
        Some(Kind::Emoji) => "Emoji",
        _ => "People",
    };
    let choice = move |(place, choice): (usize, Choice)| {
        let Choice { picture, name, beside, user, avatar, .. } = choice;
        let is_active = move || active.get() == place;
        let picture = match picture {
            Some(emoji) => view! { <span class="choice__emoji" aria-hidden="true">{emoji}</span> }.into_any(),
            None => view! {
                <Avatar
                    name=Signal::stored(name.clone())
                    hue=user.map_or_else(|| chat_hue(chat_id), user_hue)
                    picture=avatar
                    group=user.is_none()
                    size="s"
                />
            }
            .into_any(),
        };
        let choose = move |_| {
            if let Some(text) = text.get_untracked() {
                completion.choose(place, &text);
            }
        };
        view! {
            <li
                class="choice"
                id=choice_id(place)
                role="option"
                aria-selected=move || is_active().to_string()
                // The box keeps the focus.
                on:pointerdown=|event| event.prevent_default()
                on:mousedown=|event| event.prevent_default()
                on:click=choose
            >
                {picture}
                <span class="choice__name" dir="auto">{name}</span>
                {(!beside.is_empty()).then(|| view! { <span class="choice__beside">{beside}</span> })}
            </li>
        }
        .into_any()
    };
    Effect::new(move |_| {
        // A long list is scrolled along with the keys.
        if let Some(id) = completion.active_id()
            && let Some(element) = document().get_element_by_id(&id)
        {
            keep_in_sight(&element);
        }
    });
    move || {
        completion.is_open().then(|| {
            view! {
                <ul class="choices" id=LIST_ID role="listbox" aria-label=label>
                    {choices.get().into_iter().enumerate().map(choice).collect::<Vec<_>>()}
                </ul>
            }
            .into_any()
        })
    }
}

/// Scrolls the list, and nothing around it, as far as is needed.
#[cfg(feature = "hydrate")]
fn keep_in_sight(element: &leptos::web_sys::Element) {
    use leptos::web_sys::{ScrollIntoViewOptions, ScrollLogicalPosition};

    let options = ScrollIntoViewOptions::new();
    options.set_block(ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
fn keep_in_sight(_element: &leptos::web_sys::Element) {}
