//! `/login`: signing in.

use leptos::prelude::*;

use super::sign_in_card::{SignInCard, next_path, with_next};
use crate::{
    api,
    ui::{
        components::{
            button::SubmitButton,
            field::Field,
            form::{Entered, FormAlert, FormState},
        },
        state::browser,
    },
};

/// The sign-in page.
#[component]
pub fn LoginPage() -> impl IntoView {
    let form = FormState::new("login");
    let next = next_path(form);
    let submit = move |event| {
        let entered = Entered::take(&event);
        let call = api::login(entered.text("email"), entered.text("password"));
        // A whole new page: nothing of somebody else's state can be left over.
        form.submit(call, move |_account| browser::go_to(&next.get_untracked()));
    };
    view! {
        <SignInCard title="Sign in" lead="Good to see you. Your conversations are waiting.">
            <form class="form" method="post" action=form.action() novalidate on:submit=submit>
                <FormAlert form/>
                <input type="hidden" name="next" value=move || next.get()/>
                <Field form name="email" label="E-mail" kind="email" autocomplete="username" required=true/>
                <Field
                    form
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                />
                <SubmitButton form label="Sign in" look="primary wide"/>
            </form>
            <p class="sign-in__other">
                "New here? " <a href=move || with_next("/register", &next.get())>"Create an account"</a>
            </p>
        </SignInCard>
    }
}
