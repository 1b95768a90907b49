//! Blocking somebody, and doing so no longer. Without scripts each is a plain form that acts at once.

use leptos::{ev::SubmitEvent, prelude::*};

use super::{
    button::SubmitButton,
    confirm::Confirm,
    form::{FormAlert, FormState},
};
use crate::{api, domain::UserId, protocol::ProfileView, ui::state::use_store};

/// The way to a person's profile.
pub fn profile_path(user: UserId) -> String {
    format!("/u/{user}")
}

/// What blocking somebody brings about.
pub const CONSEQUENCES: &str = "You will get no messages from them, and neither of you can write to the other in your \
    direct chat. They cannot see when you are there, and cannot add you to groups. What they write in groups that you \
    share still comes, without notifications. They are not told.";

/// The button that blocks somebody, with its question.
#[component]
pub fn Block(
    /// Whom.
    user: UserId,
    /// What they are called.
    name: String,
    /// Takes their profile as it is then.
    #[prop(into)]
    on_done: Callback<ProfileView>,
) -> impl IntoView {
    let store = use_store();
    let form = FormState::one_of("block_user", "user_id", &user.to_string());
    let asking = RwSignal::new(false);
    let ask = move |event: SubmitEvent| {
        event.prevent_default();
        asking.set(true);
    };
    let news = StoredValue::new(format!("You have blocked {name}."));
    let act = Callback::new(move |()| {
        let news = news.get_value();
        let call = async move {
            let done = api::block_user(user).await;
            // Either way the question is answered; a refusal stands beside the button.
            asking.try_set(false);
            done
        };
        form.submit(call, move |profile| {
            store.take_profile(&profile);
            store.toasts.info(news);
            on_done.try_run(profile);
        });
    });
    view! {
        <div class="blocking">
            <form method="post" action=form.action() on:submit=ask>
                <input type="hidden" name="user_id" value=user.to_string()/>
                <SubmitButton form label="Block" name=format!("Block {name}") look="danger"/>
            </form>
            <Show when=move || !store.is_alive()>
                <p class="identity__note">{CONSEQUENCES}</p>
            </Show>
            <FormAlert form/>
            <Confirm
                open=asking
                title=format!("Block {name}?")
                text=CONSEQUENCES.to_owned()
                yes="Block"
                pending=Signal::derive(move || form.pending())
                on_yes=act
            />
        </div>
    }
    .into_any()
}

/// The button that ends it.
#[component]
pub fn Unblock(
    /// Whom.
    user: UserId,
    /// What they are called.
    name: String,
    /// The page where the result is to be seen without scripts.
    #[prop(into)]
    next: String,
    /// Takes their profile as it is then.
    #[prop(into)]
    on_done: Callback<ProfileView>,
    /// How the button looks.
    #[prop(default = "quiet")]
    look: &'static str,
) -> impl IntoView {
    let store = use_store();
    let form = FormState::one_of("unblock_user", "user_id", &user.to_string());
    let news = StoredValue::new(format!("{name} is no longer blocked."));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        // The button may be gone before the answer is there.
        let news = news.get_value();
        form.submit(api::unblock_user(user), move |profile| {
            store.take_profile(&profile);
            store.toasts.info(news);
            on_done.try_run(profile);
        });
    };
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="user_id" value=user.to_string()/>
            <input type="hidden" name="next" value=next/>
            <SubmitButton form label="Unblock" name=format!("Unblock {name}") look/>
            <FormAlert form/>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_an_address_of_its_own() {
        assert_eq!(profile_path(UserId::from_bytes([1; 12])), format!("/u/{}", "01".repeat(12)));
        assert!(!CONSEQUENCES.contains("  "), "one paragraph");
    }
}
