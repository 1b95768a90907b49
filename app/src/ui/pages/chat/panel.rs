//! What opens beside a message: the menu of what can be done with it, and the emoji to choose from. On a small
//! screen it stands at its foot.

use leptos::{
    ev::{KeyboardEvent, MouseEvent},
    html::Dialog,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlDialogElement},
};

use super::{
    acting::{Acting, What},
    deeds::Deeds,
    emoji::FREQUENT,
    emoji_picker::EmojiPicker,
};
use crate::{
    domain::ChatId,
    ui::{
        components::{
            focus::focus,
            icon::{Glyph, Icon},
        },
        state::listing::RowKey,
    },
};

/// The edges of what a panel stands beside: left, top, right and bottom, in CSS pixels of the window.
type Edges = (f64, f64, f64, f64);

/// Between the panel and the edges of the window, in CSS pixels.
const MARGIN: f64 = 8.0;

/// The panel. The browser's own modal dialog traps the focus, closes with Escape and gives the focus back to where
/// it came from.
#[component]
pub(super) fn MessagePanel(
    /// In which chat.
    chat_id: ChatId,
    /// What is open, and beside which message.
    acting: Acting,
    /// What can be done.
    deeds: Deeds,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        let panel = acting.panel.get();
        // Only a dialog that was taken out of the page refuses to be shown.
        if panel.is_some() && !dialog.open() && dialog.show_modal().is_err() {
            acting.panel.set(None);
        }
        if let Some(panel) = panel {
            request_animation_frame(move || {
                put(&dialog, panel.beside);
                keep_focus(&dialog);
            });
        }
    });
    // The focus goes back first: what is done then may lead it elsewhere.
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
        acting.panel.set(None);
    };
    let on_click = move |event: MouseEvent| {
        // What is pressed beside what is in it is the dialog itself.
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.tag_name() == "DIALOG") {
            close();
        }
    };
    let content = move || {
        acting.panel.get().map(|panel| {
            let choose = Callback::new(move |emoji: String| {
                close();
                deeds.react(chat_id, panel.row, &emoji);
            });
            let close = Callback::new(move |()| close());
            match panel.what {
                What::Menu => menu(chat_id, panel.row, acting, deeds, choose, close),
                What::Emoji => view! { <EmojiPicker choose close/> }.into_any(),
            }
        })
    };
    view! {
        <dialog
            node_ref=dialog
            class="panel"
            aria-label=move || match acting.panel.get().map(|panel| panel.what) {
                Some(What::Emoji) => "React",
                _ => "Message",
            }
            on:close=move |_| acting.panel.set(None)
            on:click=on_click
            on:keydown=move |event| on_key(&event)
        >
            {content}
        </dialog>
    }
    .into_any()
}

/// Everything that can be done with a message.
fn menu(
    chat_id: ChatId,
    row: RowKey,
    acting: Acting,
    deeds: Deeds,
    choose: Callback<String>,
    close: Callback<()>,
) -> AnyView {
    let more = move |_| {
        acting.panel.update(|panel| panel.iter_mut().for_each(|panel| panel.what = What::Emoji));
    };
    let deed = move |(glyph, label, act): (Glyph, &'static str, Callback<()>)| {
        let act = move |_| {
            close.run(());
            act.run(());
        };
        view! {
            <button type="button" class="panel__deed" on:click=act>
                <Icon glyph/>
                {label}
            </button>
        }
        .into_any()
    };
    view! {
        <div class="panel__body">
            <div class="panel__emoji panel__emoji--first">
                {FREQUENT.map(|emoji| emoji_button(emoji, choose))}
                <button type="button" class="panel__one" aria-label="More emoji" title="More emoji" on:click=more>
                    <Icon glyph=Glyph::Plus/>
                </button>
                {close_button(close)}
            </div>
            {deeds.of(chat_id, row).into_iter().map(deed).collect::<Vec<_>>()}
        </div>
    }
    .into_any()
}

fn emoji_button(emoji: &'static str, choose: Callback<String>) -> AnyView {
    view! {
        <button type="button" class="panel__one" on:click=move |_| choose.run(emoji.to_owned())>{emoji}</button>
    }
    .into_any()
}

pub(super) fn close_button(close: Callback<()>) -> AnyView {
    view! {
        <button
            type="button"
            class="panel__one panel__close"
            aria-label="Close"
            title="Close"
            on:click=move |_| close.run(())
        >
            <Icon glyph=Glyph::Close/>
        </button>
    }
    .into_any()
}

/// What had the focus may have gone with what was in the panel before: the first emoji gets it.
fn keep_focus(dialog: &Element) {
    let is_within = document().active_element().is_some_and(|active| dialog.contains(Some(&active)));
    if dialog.has_attribute("open") && !is_within {
        let first = dialog.query_selector(".panel__one").ok().flatten();
        first.iter().for_each(focus);
    }
}

/// The arrow keys walk through it, Home and End lead to its ends.
pub(super) fn on_key(event: &KeyboardEvent) {
    let dialog = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
    let (Some(dialog), Some(active)) = (dialog, document().active_element()) else { return };
    // In a field they are for what is written there; only down leads out of it.
    if active.tag_name() == "INPUT" && event.key() != "ArrowDown" {
        // The field is in the form of the message that is being written, which is not to go out by it.
        if event.key() == "Enter" {
            event.prevent_default();
        }
        return;
    }
    let buttons = dialog.get_elements_by_tag_name("button");
    let buttons: Vec<_> = (0..buttons.length()).filter_map(|place| buttons.item(place)).collect();
    let at = buttons.iter().position(|button| *button == active);
    let last = buttons.len().saturating_sub(1);
    let to = match (event.key().as_str(), at) {
        ("ArrowRight", Some(at)) => (at + 1).min(last),
        ("ArrowLeft", Some(at)) => at.saturating_sub(1),
        ("ArrowDown", Some(at)) => beside(&buttons, at, true),
        ("ArrowUp", Some(at)) => beside(&buttons, at, false),
        ("Home", _) | ("ArrowDown", None) => 0,
        ("End", _) | ("ArrowUp", None) => last,
        _ => return,
    };
    event.prevent_default();
    if let Some(to) = buttons.get(to) {
        focus(to);
    }
}

/// The button below or above another one: the nearest one of the next line.
fn beside(buttons: &[Element], at: usize, below: bool) -> usize {
    let places: Vec<_> = buttons.iter().map(place).collect();
    let (x, y) = places[at];
    let beyond = |other: f64| if below { other - y } else { y - other };
    let line = places.iter().map(|place| beyond(place.1)).filter(|away| *away > 1.0).reduce(f64::min);
    let Some(line) = line else { return at };
    let on_line = |(_, place): &(usize, &(f64, f64))| (beyond(place.1) - line).abs() <= 1.0;
    let nearest = |one: &(usize, &(f64, f64)), other: &(usize, &(f64, f64))| {
        (one.1.0 - x).abs().total_cmp(&(other.1.0 - x).abs())
    };
    places.iter().enumerate().filter(on_line).min_by(nearest).map_or(at, |(place, _)| place)
}

/// Where an element begins in the window.
#[cfg(feature = "hydrate")]
fn place(element: &Element) -> (f64, f64) {
    let area = element.get_bounding_client_rect();
    (area.left(), area.top())
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
fn place(_element: &Element) -> (f64, f64) {
    (0.0, 0.0)
}

/// Puts the panel beside what opened it: below where there is room, else above, and always within the window. On a
/// small screen the style sheet says where it is.
#[cfg(feature = "hydrate")]
pub(super) fn put(dialog: &HtmlDialogElement, beside: Edges) {
    use leptos::web_sys::HtmlElement;

    let size =
        |value: Result<wasm_bindgen::JsValue, _>| value.ok().and_then(|value| value.as_f64()).unwrap_or(0.0);
    let (width, height) = (size(window().inner_width()), size(window().inner_height()));
    let own = dialog.get_bounding_client_rect();
    let (left, top, right, bottom) = beside;
    let x = if left + own.width() + MARGIN <= width { left } else { right - own.width() };
    let y = if bottom + own.height() + MARGIN <= height { bottom } else { top - own.height() };
    let within = |at: f64, size: f64, all: f64| at.min(all - size - MARGIN).max(MARGIN);
    let style = HtmlElement::style(dialog);
    // A browser that refuses shows it in the middle.
    let _ = style.set_property("--panel-x", &format!("{}px", within(x, own.width(), width)));
    let _ = style.set_property("--panel-y", &format!("{}px", within(y, own.height(), height)));
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
pub(super) fn put(_dialog: &HtmlDialogElement, beside: Edges) {
    let _nowhere = (beside, MARGIN);
}
