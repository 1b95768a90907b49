//! Shows the short notices over the page.

use std::time::Duration;

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};

use super::icon::{Glyph, Icon};
use crate::ui::state::{
    toasts::{Toast, ToastKind},
    use_store,
};

/// How long a notice that is only good to know stays.
const INFO_STAYS: Duration = Duration::from_secs(6);

/// The place of the notices: read aloud when one appears, without taking the focus.
#[component]
pub fn ToastRegion() -> impl IntoView {
    let toasts = use_store().toasts.list();
    view! {
        <div class="toasts" role="status">
            <For each=move || toasts.get() key=|toast| toast.id let:toast>
                <ToastView toast/>
            </For>
        </div>
    }
}

#[component]
fn ToastView(toast: Toast) -> impl IntoView {
    let toasts = use_store().toasts;
    let Toast { id, kind, text, request_id } = toast;
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(running) = timer.try_update_value(Option::take).flatten() {
            running.clear();
        }
    };
    let start = move || {
        stop();
        if kind == ToastKind::Info {
            // Without a timer it stays until it is dismissed.
            timer.set_value(set_timeout_with_handle(move || toasts.dismiss(id), INFO_STAYS).ok());
        }
    };
    Effect::new(move || start());
    on_cleanup(stop);
    let glyph = if kind == ToastKind::Error { Glyph::Alert } else { Glyph::Info };
    view! {
        <div
            class="toast"
            data-kind=if kind == ToastKind::Error { "error" } else { "info" }
            on:mouseenter=move |_| stop()
            on:mouseleave=move |_| start()
            on:focusin=move |_| stop()
            on:focusout=move |_| start()
        >
            <Icon glyph/>
            <div class="toast__text">
                <p>{text}</p>
                {request_id.map(|id| view! { <p class="toast__note">"Reference: "<code>{id}</code></p> })}
            </div>
            <button type="button" class="icon-button" aria-label="Dismiss" on:click=move |_| toasts.dismiss(id)>
                <Icon glyph=Glyph::Close/>
            </button>
        </div>
    }
    .into_any()
}
