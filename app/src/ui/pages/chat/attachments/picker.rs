//! Ways to choose files: the form's own input, the camera of a device that is held, and letting them fall.

use leptos::{ev::DragEvent, html::Input, prelude::*, wasm_bindgen::JsCast, web_sys::Node};

use crate::{
    domain::ChatId,
    ui::{
        components::icon::{Glyph, Icon},
        state::{local, use_store},
    },
};

/// The inputs for files. The first one is also that of the plain form: without scripts it is seen as it is.
#[component]
pub(in crate::ui::pages::chat) fn Pickers(
    /// For which chat.
    chat_id: ChatId,
) -> impl IntoView {
    view! { {picker(chat_id, false)} {picker(chat_id, true)} }.into_any()
}

fn picker(chat_id: ChatId, camera: bool) -> AnyView {
    let store = use_store();
    // The page that answers to a plain form has no scripts, whatever the browser could run.
    let plain = store.initial.with_value(|data| data.form.is_some()).then_some("true");
    let input = NodeRef::<Input>::new();
    let take = move || {
        let chosen = input.get().map(|input| local::chosen_in(&input)).unwrap_or_default();
        if !chosen.is_empty() {
            store.choose(chat_id, chosen);
            super::super::composer::focus();
        }
    };
    // Also what was chosen before the page came alive.
    Effect::new(take);
    let (class, id, label, glyph) = if camera {
        ("picker picker--camera", "composer-camera", "Take a photo", Glyph::Camera)
    } else {
        ("picker", "composer-files", "Attach files", Glyph::Paperclip)
    };
    view! {
        <div class=class data-plain=plain>
            <label class="picker__label" for=id>
                <Icon glyph/>
                <span class="picker__words">{label}</span>
            </label>
            <input
                class="picker__input"
                type="file"
                id=id
                title=label
                name=(!camera).then_some("files")
                multiple=!camera
                accept=camera.then_some("image/*")
                capture=camera.then_some("environment")
                node_ref=input
                on:change=move |_| untrack(take)
            />
        </div>
    }
    .into_any()
}

/// Whether files are held over the conversation, and what the pointer's events mean for that.
#[derive(Clone, Copy)]
pub(in crate::ui::pages::chat) struct Dragging {
    over: RwSignal<bool>,
}

impl Dragging {
    /// Nothing is dragged.
    pub(in crate::ui::pages::chat) fn new() -> Self {
        Self { over: RwSignal::new(false) }
    }

    /// Something is held over the conversation. Only files are taken: text can go into the box as ever.
    pub(in crate::ui::pages::chat) fn hover(self, event: &DragEvent) {
        if local::are_files(event) {
            event.prevent_default();
            if !self.over.get_untracked() {
                self.over.set(true);
            }
        }
    }

    /// The pointer goes elsewhere: within the conversation, or out of it, or dragging has ended.
    pub(in crate::ui::pages::chat) fn leave(self, event: &DragEvent) {
        let node = |target: leptos::web_sys::EventTarget| target.dyn_into::<Node>().ok();
        let (whole, to) = (event.current_target().and_then(node), event.related_target().and_then(node));
        if !whole.is_some_and(|whole| to.is_some() && whole.contains(to.as_ref())) {
            self.over.set(false);
        }
    }

    /// The files are let fall: they are for the chat's next message.
    pub(in crate::ui::pages::chat) fn take(self, event: &DragEvent, take: impl FnOnce(&DragEvent)) {
        if local::are_files(event) {
            event.prevent_default();
            take(event);
        }
        self.over.set(false);
    }
}

/// Where files can be let fall, while they are held over the conversation.
#[component]
pub(in crate::ui::pages::chat) fn DropTarget(
    /// Whether they are.
    dragging: Dragging,
) -> impl IntoView {
    view! {
        <Show when=move || dragging.over.get()>
            <div class="drop" aria-hidden="true">
                <p class="drop__words"><Icon glyph=Glyph::Paperclip/>"Drop files to attach them"</p>
            </div>
        </Show>
    }
    .into_any()
}
