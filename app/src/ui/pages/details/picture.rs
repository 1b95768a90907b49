//! The picture that stands for a group.

use leptos::prelude::*;

use crate::{
    api,
    domain::{AttachmentId, ChatId},
    ui::{
        components::{
            avatar::chat_hue,
            avatar_card::{AvatarCard, Sent},
            form::FormState,
        },
        state::Store,
    },
};

/// Choosing it, for admins.
#[component]
pub(super) fn GroupPicture(
    store: Store,
    id: ChatId,
    name: Memo<String>,
    picture: Memo<Option<AttachmentId>>,
) -> impl IntoView {
    let (set, remove) = (FormState::new("set_chat_avatar"), FormState::new("remove_chat_avatar"));
    let send = Callback::new(move |sent: Sent| {
        set.submit_files(api::set_chat_avatar(sent.data.into()), move |chat| {
            store.upsert_chat(chat);
            // Whoever has gone elsewhere meanwhile has no form to be emptied.
            let _left = sent.done.try_run(());
            store.toasts.info("The group has a new picture.");
        });
    });
    let take_away = Callback::new(move |()| {
        remove.submit(api::remove_chat_avatar(id), move |chat| {
            store.upsert_chat(chat);
            store.toasts.info("The group has no picture any more.");
        });
    });
    view! {
        <AvatarCard
            set
            remove
            lead="All members see it, and who is invited."
            name
            hue=chat_hue(id)
            picture
            chat=id
            send
            take_away
        />
    }
    .into_any()
}
