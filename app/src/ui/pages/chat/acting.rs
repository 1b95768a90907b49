//! What can be done with a message: a bar at its corner under the pointer or the focus, and a button that is always
//! there and opens a menu.

use leptos::{
    ev::MouseEvent,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, PointerEvent},
};

use super::attachments::Reach;
use crate::ui::{
    components::{
        focus::edges,
        icon::{Glyph, Icon},
    },
    state::listing::RowKey,
};

/// What is open beside a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Everything that can be done with it.
    Menu,
    /// The emoji to choose from.
    Emoji,
}

/// Something that is open beside a message, and beside what: its edges in the window, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Panel {
    pub what: What,
    pub row: RowKey,
    /// From the left, the top, the right and the bottom of the button that opened it, as the window counts.
    pub beside: (f64, f64, f64, f64),
}

/// Which message somebody is about to do something with. In the context of a conversation.
#[derive(Clone, Copy)]
pub(super) struct Acting {
    pub panel: RwSignal<Option<Panel>>,
    hovered: RwSignal<Option<RowKey>>,
    focused: RwSignal<Option<RowKey>>,
    is_near: StoredValue<Selector<Option<RowKey>>>,
    has_focus: StoredValue<Selector<Option<RowKey>>>,
}

impl Acting {
    /// Nobody is about to do anything.
    pub(super) fn new() -> Self {
        let (panel, hovered, focused) = (RwSignal::new(None), RwSignal::new(None), RwSignal::new(None));
        let near = move || {
            panel.with(|panel: &Option<Panel>| panel.map(|panel| panel.row)).or_else(|| hovered.get())
        };
        Self {
            panel,
            hovered,
            focused,
            is_near: StoredValue::new(Selector::new(near)),
            has_focus: StoredValue::new(Selector::new(move || focused.get())),
        }
    }

    /// Whether the bar of this message is shown.
    pub(super) fn is_active(self, row: RowKey) -> Memo<bool> {
        let of = move |selector: &Selector<Option<RowKey>>| selector.selected(&Some(row));
        Memo::new(move |_| {
            let near = self.is_near.try_with_value(of);
            let focus = self.has_focus.try_with_value(of);
            near == Some(true) || focus == Some(true)
        })
    }

    /// Whether something is open beside a message.
    pub(super) fn is_open(self) -> bool {
        // A message loses the focus also by going away, after everything of it has gone.
        self.panel.try_with_untracked(Option::is_some).unwrap_or(true)
    }

    /// The message goes away.
    pub(super) fn forget(self, row: RowKey) {
        for selector in [self.is_near, self.has_focus] {
            let _gone = selector.try_with_value(|selector| selector.remove(&Some(row)));
        }
    }

    /// A pointer comes over the message. A finger presses: it has the button.
    pub(super) fn enter(self, event: &PointerEvent, row: RowKey) {
        if event.pointer_type() != "touch" {
            self.hovered.set(Some(row));
        }
    }

    /// The pointer leaves it.
    pub(super) fn leave(self, row: RowKey) {
        if self.hovered.get_untracked() == Some(row) {
            self.hovered.set(None);
        }
    }

    /// The focus comes to the message or into it, or leaves it.
    pub(super) fn focus(self, row: Option<RowKey>) {
        if self.focused.try_get_untracked().is_some_and(|focused| focused != row) {
            self.focused.set(row);
        }
    }

    /// Opens something beside what was pressed.
    pub(super) fn open(self, event: &MouseEvent, what: What, row: RowKey) {
        let target = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
        let beside = target.map(|target| edges(&target)).unwrap_or_default();
        self.panel.set(Some(Panel { what, row, beside }));
    }
}

/// A button of the bar: how it looks, what it is called, and what it does.
pub(super) type Act = (Glyph, &'static str, Callback<MouseEvent>);

/// The bar and the button of a message.
#[component]
pub(super) fn Actions(
    /// Which message.
    row: RowKey,
    /// What stands in the bar.
    acts: Callback<(), Vec<Act>>,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
    /// What is about to be done.
    acting: Acting,
) -> impl IntoView {
    let active = acting.is_active(row);
    let is_open = move || {
        acting.panel.with(|panel| panel.is_some_and(|panel| panel.row == row && panel.what == What::Menu))
    };
    let button = move |(glyph, label, act): Act| {
        view! {
            <button
                type="button"
                class="icon-button message__act"
                aria-label=label
                title=label
                tabindex=reach
                on:click=move |event| act.run(event)
            >
                <Icon glyph/>
            </button>
        }
        .into_any()
    };
    view! {
        <div class="message__actions" data-active=move || active.get().then_some("true")>
            <button
                type="button"
                class="icon-button message__more"
                aria-label="More actions"
                title="More actions"
                aria-haspopup="dialog"
                aria-expanded=move || is_open().to_string()
                tabindex=reach
                on:click=move |event| acting.open(&event, What::Menu, row)
            >
                <Icon glyph=Glyph::More/>
            </button>
            {move || active.get().then(|| view! {
                <div class="message__bar">{acts.run(()).into_iter().map(button).collect::<Vec<_>>()}</div>
            })}
        </div>
    }
    .into_any()
}
