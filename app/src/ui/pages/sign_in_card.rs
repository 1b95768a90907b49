//! What the pages of people who are not signed in share.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    domain::next_path::safe_next,
    ui::{
        components::{form::FormState, icon::Mark, page::PageTitle},
        state::sign_in_path,
    },
};

/// A card in the middle of an otherwise empty page.
#[component]
pub fn SignInCard(
    /// The heading.
    title: &'static str,
    /// One sentence below it.
    lead: &'static str,
    /// The form and what follows it.
    children: Children,
) -> impl IntoView {
    view! {
        <PageTitle text=title/>
        <main class="sign-in" id="content">
            <div class="sign-in__card">
                <p class="sign-in__brand"><Mark/>"Samvad"</p>
                <h1>{title}</h1>
                <p class="sign-in__lead">{lead}</p>
                {children()}
            </div>
        </main>
    }
    .into_any()
}

/// Where to go when the form has been accepted: what the address asked for, or what the refused form
/// carried, as far as it is a page of this site.
pub fn next_path(form: FormState) -> Memo<String> {
    let query = use_query_map();
    let entered = form.entered("next");
    Memo::new(move |_| {
        let asked = query.with(|query| query.get("next"));
        safe_next(asked.or_else(|| entered.clone()).as_deref().unwrap_or("/")).to_owned()
    })
}

/// The address of one of these pages that leads on to the same place: from `/login` to `/register` and
/// back, nothing is lost.
pub fn with_next(path: &str, next: &str) -> String {
    sign_in_path(next).replacen("/login", path, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_between_sign_in_and_registration_keeps_where_to_go() {
        assert_eq!(with_next("/register", "/"), "/register");
        assert_eq!(with_next("/register", "/new?q=a"), "/register?next=/new%3Fq%3Da");
        assert_eq!(with_next("/login", "/login"), "/login?next=/login");
    }
}
