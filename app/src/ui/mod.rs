//! Everything that people see.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`shell`] | the HTML document around the application |
//! | [`page_data`] | what a page is made from, handed from the server to the browser |
//! | `load` | (server) makes a page's data |
//! | [`pages`] | one module per address |
//! | [`components`] | what pages are put together from |
//! | [`files`] | files as people see them: names, sizes, layouts, limits |
//! | [`state`] | the client's state: chats, timeline, outbox, notices |
//! | [`realtime`] | (browser) the socket that keeps the state up to date |
//! | [`time_format`] | times and days in people's words |
//!
//! Every page is rendered from its [`PageData`](page_data::PageData) alone, on the server and again in the
//! browser, so the two cannot disagree. What the browser alone knows comes in by effects, afterwards.

pub mod components;
pub mod files;
#[cfg(feature = "ssr")]
pub mod load;
pub mod page_data;
pub mod pages;
pub mod realtime;
pub mod shell;
pub mod state;
pub mod time_format;

#[cfg(feature = "ssr")]
pub use shell::shell;

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};

use self::{
    components::toasts::ToastRegion,
    page_data::{Page, PageData},
    pages::{
        chat::ChatPage, details::DetailsPage, failed::FailedPage, home::HomePage, join::JoinPage,
        login::LoginPage, new_chat::NewChatPage, new_group::NewGroupPage, not_found::NotFoundPage,
        profile::ProfilePage, register::RegisterPage, search::SearchPage, settings::SettingsPage,
        workspace::Workspace,
    },
    state::Store,
};

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let store = Store::new(page_data::of_this_page());
    provide_context(store);
    // Effects wait until what is rendered now is there.
    Effect::new(move |_| store.first_page_is_there());
    // Above the routes: this page is the answer at any address, and the browser must find there what the server
    // rendered.
    let failed = store.initial.with_value(|data| match data {
        PageData { account: None, page: Page::Failed { error }, .. } => Some(error.clone()),
        _ => None,
    });
    view! {
        <Router>
            {match failed {
                Some(error) => view! { <FailedPage error/> }.into_any(),
                None => view! { <Pages/> }.into_any(),
            }}
            <ToastRegion/>
        </Router>
    }
}

/// What there is at which address.
#[component]
fn Pages() -> impl IntoView {
    view! {
        <Routes fallback=NotFoundPage>
            <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async/>
            <Route path=path!("/register") view=RegisterPage ssr=SsrMode::Async/>
            <ParentRoute path=path!("") view=Workspace ssr=SsrMode::Async>
                <Route path=path!("/") view=HomePage/>
                <Route path=path!("/new") view=NewChatPage/>
                <Route path=path!("/new-group") view=NewGroupPage/>
                <Route path=path!("/join/:token") view=JoinPage/>
                <Route path=path!("/u/:user") view=ProfilePage/>
                <Route path=path!("/settings") view=SettingsPage/>
                <Route path=path!("/search") view=SearchPage/>
                <Route path=path!("/c/:chat/details") view=DetailsPage/>
                <Route path=path!("/c/:chat/:seq?") view=ChatPage/>
            </ParentRoute>
        </Routes>
    }
}
