//! What lies over the page. The browser's own modal dialog traps the focus, closes with Escape and gives the focus back to
//! where it came from.

use leptos::{html::Dialog, prelude::*};

/// Shows the dialog for as long as it is wanted. Only one that was taken out of the page refuses to be shown: then `give_up`
/// says that it is wanted no longer.
pub fn show_while(
    dialog: NodeRef<Dialog>,
    wanted: impl Fn() -> bool + 'static,
    give_up: impl Fn() + 'static,
) {
    Effect::new(move || {
        let Some(dialog) = dialog.get() else { return };
        let (wanted, shown) = (wanted(), dialog.open());
        if wanted && !shown && dialog.show_modal().is_err() {
            give_up();
        }
        if shown && !wanted {
            dialog.close();
        }
    });
}

/// Something to be read, with a way out below it.
#[component]
pub fn ReadingDialog(
    /// The id of its title, which names it, and what is in it may be named by.
    title_id: &'static str,
    /// What it is called.
    title: &'static str,
    /// Whether it is open.
    #[prop(into)]
    open: Signal<bool>,
    /// It is to be open no longer.
    #[prop(into)]
    on_close: Callback<()>,
    /// What there is to read. Nothing of it stands in the page while the dialog is closed.
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    show_while(dialog, move || open.get(), move || on_close.run(()));
    let children = StoredValue::new(children);
    view! {
        <dialog node_ref=dialog class="dialog" aria-labelledby=title_id on:close=move |_| on_close.run(())>
            <Show when=move || open.get()>
                <div class="dialog__body">
                    <h2 class="dialog__title" id=title_id>{title}</h2>
                    {children.with_value(|children| children())}
                    <div class="dialog__actions">
                        <button type="button" class="button quiet" on:click=move |_| on_close.run(())>
                            "Close"
                        </button>
                    </div>
                </div>
            </Show>
        </dialog>
    }
    .into_any()
}
