//! What stands in the place of the composer where one has blocked the other person of a direct chat.

use leptos::prelude::*;

use super::composer;
use crate::{
    domain::{ChatId, UserId},
    ui::components::{blocking::Unblock, focus::is_lost},
};

/// Why nothing can be written, and the way to change that.
#[component]
pub(super) fn BlockedNote(
    /// In which chat.
    chat_id: ChatId,
    /// Who is blocked.
    user: UserId,
    /// What they are called.
    name: Memo<String>,
) -> impl IntoView {
    view! {
        <div class="composer composer--blocked">
            <p role="status">"You have blocked " <bdi>{name}</bdi> ". Neither of you can write here."</p>
            <Unblock
                user
                name=name.get_untracked()
                next=format!("/c/{chat_id}")
                on_done=Callback::new(|_profile| {
                    request_animation_frame(|| {
                        if is_lost() {
                            composer::focus();
                        }
                    });
                })
            />
        </div>
    }
    .into_any()
}
