//! The picture that stands for oneself.

use leptos::prelude::*;

use crate::{
    api,
    ui::{
        components::{
            avatar::user_hue,
            avatar_card::{AvatarCard, Sent},
            form::FormState,
        },
        state::use_store,
    },
};

/// The section of the settings.
#[component]
pub fn Picture() -> impl IntoView {
    let store = use_store();
    let (set, remove) = (FormState::new("set_avatar"), FormState::new("remove_avatar"));
    let of_account = move |read: fn(&crate::protocol::AccountView) -> String| {
        store.account.with(|account| account.as_ref().map(read).unwrap_or_default())
    };
    let name = Signal::derive(move || of_account(|account| account.display_name.clone()));
    let picture = Signal::derive(move || store.account.with(|account| account.as_ref()?.avatar));
    let send = Callback::new(move |sent: Sent| {
        set.submit_files(api::set_avatar(sent.data.into()), move |account| {
            store.account.set(Some(account));
            // Whoever has gone elsewhere meanwhile has no form to be emptied.
            let _left = sent.done.try_run(());
            store.toasts.info("Your picture is saved.");
        });
    });
    let take_away = Callback::new(move |()| {
        remove.submit(api::remove_avatar(), move |account| {
            store.account.set(Some(account));
            store.toasts.info("Your picture is gone.");
        });
    });
    view! {
        <AvatarCard
            set
            remove
            lead="Everybody here can see it beside your name."
            name
            hue=store.me().map(user_hue).unwrap_or_default()
            picture
            send
            take_away
        />
    }
    .into_any()
}
