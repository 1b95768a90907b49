//! The pictures of a conversation, one at a time over the page.

use std::sync::Arc;

use leptos::{
    ev::{KeyboardEvent, MouseEvent, PointerEvent},
    html::Dialog,
    prelude::*,
};

use crate::{
    domain::AttachmentId,
    protocol::AttachmentView,
    ui::{
        components::{
            dialog::show_while,
            focus::focus,
            icon::{Glyph, Icon},
        },
        files::{
            shown::{leaf, pictures, swipe},
            words::{file_path, preview_path},
        },
        state::use_store,
    },
};

/// What is open: the pictures that there were then, and which of them. In the context of a conversation.
#[derive(Clone, Copy)]
pub(in crate::ui::pages::chat) struct Viewing(RwSignal<Option<Open>>);

type Open = (Arc<Vec<Arc<AttachmentView>>>, usize);

impl Viewing {
    /// Nothing is open.
    pub(in crate::ui::pages::chat) fn new() -> Self {
        Self(RwSignal::new(None))
    }

    /// Opens a picture in place of following its link, unless the reader wants that in a window of its own.
    pub(super) fn open(self, event: &MouseEvent, picture: AttachmentId) {
        if event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key() {
            return;
        }
        let all = use_store()
            .timeline
            .with_untracked(|open| open.as_ref().map(|open| pictures(open.messages())).unwrap_or_default());
        if let Some(at) = all.iter().position(|other| other.id == picture) {
            event.prevent_default();
            self.0.set(Some((Arc::new(all), at)));
        }
    }

    /// Goes where a key leads. False if it leads nowhere.
    fn turn(self, key: &str) -> bool {
        let to = self.0.with_untracked(|open| open.as_ref().and_then(|(all, at)| leaf(key, *at, all.len())));
        if let Some(to) = to {
            self.0.update(|open| open.iter_mut().for_each(|open| open.1 = to));
        }
        to.is_some()
    }
}

/// The pictures over the page. The browser's own modal dialog traps the focus, closes with Escape and gives
/// the focus back to where it came from.
#[component]
pub(in crate::ui::pages::chat) fn Gallery(
    /// What is open.
    viewing: Viewing,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    show_while(dialog, move || viewing.0.with(Option::is_some), move || viewing.0.set(None));
    let turn = move |key: &str| {
        let turned = viewing.turn(key);
        // What has the focus may have gone with the picture.
        if turned && let Some(dialog) = dialog.get_untracked() {
            request_animation_frame(move || {
                if document().active_element().is_none_or(|active| !dialog.contains(Some(&active))) {
                    focus(&dialog);
                }
            });
        }
        turned
    };
    let on_key = move |event: KeyboardEvent| {
        if turn(&event.key()) {
            event.prevent_default();
        }
    };
    let pressed = StoredValue::new((0, 0));
    let on_up = move |event: PointerEvent| {
        let (x, y) = pressed.get_value();
        if let Some(key) = swipe(event.client_x() - x, event.client_y() - y) {
            turn(key);
        }
    };
    let button = move |class: &'static str, label: &'static str, glyph: Glyph, key: &'static str| {
        let act = move |_| {
            if !turn(key) {
                viewing.0.set(None);
            }
        };
        view! {
            <button type="button" class=class aria-label=label title=label on:click=act>
                <Icon glyph/>
            </button>
        }
        .into_any()
    };
    view! {
        <dialog
            node_ref=dialog
            class="gallery"
            tabindex="-1"
            aria-label="Pictures"
            on:close=move |_| viewing.0.set(None)
            on:keydown=on_key
            on:pointerdown=move |event| pressed.set_value((event.client_x(), event.client_y()))
            on:pointerup=on_up
        >
            {move || viewing.0.with(|open| open.as_ref().and_then(shown))}
            {button("gallery__button gallery__turn", "Previous picture", Glyph::Back, "ArrowLeft")}
            {button("gallery__button gallery__turn gallery__turn--on", "Next picture", Glyph::Forward, "ArrowRight")}
            {button("gallery__button gallery__close", "Close", Glyph::Close, "Escape")}
        </dialog>
    }
    .into_any()
}

/// One picture: other elements for each, so that none is seen under another one's name.
fn shown((all, at): &Open) -> Option<AnyView> {
    let picture = all.get(*at)?;
    let size = picture.picture.as_ref().map(|shown| (shown.width, shown.height)).unwrap_or_default();
    let said = if picture.alt.is_empty() { &picture.name } else { &picture.alt };
    let place = format!("{} of {}", at + 1, all.len());
    let end = match (*at, all.len()) {
        (_, 1) => "alone",
        (0, _) => "first",
        (at, count) if at + 1 == count => "last",
        _ => "between",
    };
    let view = view! {
        <div class="gallery__stage" data-at=end>
            <img
                class="gallery__image"
                src=preview_path(picture)
                width=size.0.to_string()
                height=size.1.to_string()
                alt=said.clone()
                draggable="false"
                decoding="async"
            />
        </div>
        <div class="gallery__foot">
            <p class="gallery__words" dir="auto">{said.clone()}</p>
            <a
                class="gallery__button"
                href=file_path(picture)
                download=""
                aria-label=format!("Download {}", picture.name)
                title="Download"
            >
                <Icon glyph=Glyph::Download/>
            </a>
        </div>
        <p class="gallery__place" role="status">{place}</p>
    };
    Some(view.into_any())
}
