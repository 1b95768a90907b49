//! `/register`: making an account.

use leptos::prelude::*;

use super::sign_in_card::{SignInCard, next_path, with_next};
use crate::{
    api,
    domain::{check_password_length, limits},
    ui::{
        components::{
            button::SubmitButton,
            field::Field,
            form::{Entered, FormAlert, FormState},
        },
        state::browser,
    },
};

/// What to know about a password before choosing one.
pub fn password_hint() -> String {
    format!("At least {} characters. A few unrelated words work well.", limits::PASSWORD_MIN_CHARS)
}

/// The registration page.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let form = FormState::new("register");
    let next = next_path(form);
    let submit = move |event| {
        let entered = Entered::take(&event);
        let password = entered.text("password");
        if let Err(refusal) = check_password_length("password", &password) {
            form.refuse(refusal);
            return;
        }
        let call = api::register(entered.text("email"), entered.text("display_name"), password);
        form.submit(call, move |_account| browser::go_to(&next.get_untracked()));
    };
    view! {
        <SignInCard title="Create an account" lead="A name, an address and a password: that is all.">
            <form class="form" method="post" action=form.action() novalidate on:submit=submit>
                <FormAlert form/>
                <input type="hidden" name="next" value=move || next.get()/>
                <Field
                    form
                    name="display_name"
                    label="Name"
                    autocomplete="name"
                    required=true
                    max_chars=limits::DISPLAY_NAME_CHARS
                />
                <Field form name="email" label="E-mail" kind="email" autocomplete="username" required=true/>
                <Field
                    form
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="new-password"
                    hint=password_hint()
                    required=true
                />
                <SubmitButton form label="Create account" look="primary wide"/>
            </form>
            <p class="sign-in__other">
                "Already have an account? " <a href=move || with_next("/login", &next.get())>"Sign in"</a>
            </p>
        </SignInCard>
    }
}
