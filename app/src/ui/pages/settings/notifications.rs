//! Notifications of this browser.

use leptos::{prelude::*, task::spawn_local};

use crate::ui::state::{
    notifications::{self, Permission},
    notifying::Wanted,
    use_store,
};

/// What this browser tells while nobody looks at the window. Without scripts it tells nothing.
#[component]
pub fn Notifications() -> impl IntoView {
    let store = use_store();
    let wanted = RwSignal::new(Wanted::default());
    let permission = RwSignal::new(Permission::Unavailable);
    Effect::new(move |_| {
        wanted.set(Wanted::kept());
        permission.set(notifications::permission());
    });
    let shown = Memo::new(move |_| wanted.get().shown && permission.get() == Permission::Granted);
    let sound = Memo::new(move |_| wanted.get().sound);
    let keep = move |new: Wanted| {
        if new.keep() {
            wanted.set(new);
        } else {
            store.toasts.info("This browser does not keep settings.");
        }
    };
    let turn = move |_| {
        if shown.get_untracked() {
            return keep(Wanted { shown: false, ..wanted.get_untracked() });
        }
        spawn_local(async move {
            // Where the browser asks, it does so because of this button.
            let answer = notifications::ask().await;
            if permission.try_set(answer).is_none() && answer == Permission::Granted {
                keep(Wanted { shown: true, ..wanted.get_untracked() });
            }
        });
    };
    let turn_sound = move |_| {
        let on = !sound.get_untracked();
        keep(Wanted { sound: on, ..wanted.get_untracked() });
        if on {
            // Whoever switches it on hears what they will hear; a browser may refuse.
            let _ = notifications::play();
        }
    };
    let said = move || match permission.get() {
        _ if !store.is_alive() => "In this browser, while you look elsewhere. They need scripts.",
        Permission::Unavailable => "This browser shows none from here.",
        Permission::Denied => {
            "This browser was told to show none from here; its own settings can change that."
        }
        Permission::Unasked | Permission::Granted => "In this browser, while you look elsewhere.",
    };
    let unavailable = move || {
        let none = matches!(permission.get(), Permission::Unavailable | Permission::Denied);
        (none || !store.is_alive()).then_some("true")
    };
    let switch = move |label: &'static str, on: Memo<bool>, turn: Callback<()>| {
        view! {
            <div class="card__way">
                <span>{label}</span>
                <button
                    type="button"
                    class="switch"
                    role="switch"
                    aria-label=label
                    aria-checked=move || on.get().to_string()
                    aria-disabled=unavailable
                    on:click=move |_| {
                        if untrack(unavailable).is_none() {
                            turn.run(());
                        }
                    }
                >
                    <span class="switch__knob" aria-hidden="true"></span>
                </button>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="notifications-title">
            <h2 class="card__title" id="notifications-title">"Notifications"</h2>
            <p class="card__lead">{said}</p>
            {switch("Show notifications", shown, Callback::new(turn))}
            {switch("Play a sound with them", sound, Callback::new(turn_sound))}
        </section>
    }
    .into_any()
}
