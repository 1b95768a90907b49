//! Asks before something that cannot be taken back.

use leptos::{html::Dialog, prelude::*};

use super::dialog::show_while;

/// A question over the page. The browser's own modal dialog traps the focus, closes with Escape and
/// gives the focus back to where it came from.
#[component]
pub fn Confirm(
    /// Whether it is open. It closes by itself when it is answered with no.
    open: RwSignal<bool>,
    /// The question.
    #[prop(into)]
    title: String,
    /// What answering with yes brings about.
    #[prop(into)]
    text: Signal<String>,
    /// What yes is called: the deed itself.
    #[prop(into)]
    yes: String,
    /// Whether the deed is being done.
    #[prop(into)]
    pending: Signal<bool>,
    /// Does the deed.
    #[prop(into)]
    on_yes: Callback<()>,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    show_while(dialog, move || open.get(), move || open.set(false));
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="confirm-title"
            aria-describedby="confirm-text"
            on:close=move |_| open.set(false)
        >
            // Nothing inside stands in the page while nothing is asked.
            <Show when=move || open.get()>
                <div class="dialog__body">
                    <h2 class="dialog__title" id="confirm-title">{title.clone()}</h2>
                    <p class="dialog__text" id="confirm-text">{text}</p>
                    <div class="dialog__actions">
                        <button type="button" class="button quiet" on:click=move |_| open.set(false)>
                            "Cancel"
                        </button>
                        <button
                            type="button"
                            class="button danger"
                            aria-disabled=move || pending.get().then_some("true")
                            data-pending=move || pending.get().then_some("true")
                            on:click=move |_| {
                                if !pending.get_untracked() {
                                    on_yes.run(());
                                }
                            }
                        >
                            <span class="button__label">{yes.clone()}</span>
                            <span class="button__spinner" aria-hidden="true"></span>
                        </button>
                    </div>
                </div>
            </Show>
        </dialog>
    }
    .into_any()
}
