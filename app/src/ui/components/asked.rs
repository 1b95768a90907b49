//! What a page asks the server for, unless it came with it: on its way, there, or failed, with a way to try again.

use leptos::{either::EitherOf3, prelude::*, task::spawn_local};

use super::{empty::Skeleton, error_view::ErrorView};
use crate::{
    error::{AppError, AppResult, ErrorCode},
    ui::state::{browser, use_store},
};

/// How far it has come.
#[derive(Clone)]
enum Stage<T> {
    Loading,
    There(T),
    Failed(AppError),
}

impl<T> From<AppResult<T>> for Stage<T> {
    fn from(answer: AppResult<T>) -> Self {
        answer.map_or_else(Self::Failed, Self::There)
    }
}

/// Shows an answer of the server. Whoever is not signed in any longer is led to where they can.
#[component]
pub fn Asked<T, A, F, V>(
    /// What came with the page; asked for if nothing did.
    first: Option<AppResult<T>>,
    /// Asks the server.
    ask: A,
    /// How many rows stand in its place while it is on its way.
    rows: usize,
    /// What is on its way, read aloud.
    label: &'static str,
    /// What it looks like.
    show: V,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    A: Fn() -> F + Copy + Send + Sync + 'static,
    F: Future<Output = AppResult<T>> + 'static,
    V: Fn(T) -> AnyView + Send + 'static,
{
    let store = use_store();
    let stage = RwSignal::new(first.map_or(Stage::Loading, Stage::from));
    let load = move || {
        stage.set(Stage::Loading);
        spawn_local(async move {
            let answer = browser::within(ask()).await;
            if let Err(error) = &answer
                && error.code == ErrorCode::Unauthenticated
            {
                store.fail(error);
            }
            stage.try_set(Stage::from(answer));
        });
    };
    Effect::new(move |_| {
        if matches!(stage.get_untracked(), Stage::Loading) {
            load();
        }
    });
    move || match stage.get() {
        Stage::Loading => EitherOf3::A(view! { <Skeleton rows label/> }),
        Stage::Failed(error) => {
            EitherOf3::B(view! { <ErrorView error retry=Callback::new(move |()| load())/> })
        }
        Stage::There(answer) => EitherOf3::C(show(answer)),
    }
}
