//! Of the settings: being told of messages while no page is open.

use leptos::{prelude::*, task::spawn_local};

use crate::{
    api,
    error::{AppResult, ErrorCode},
    protocol::PushView,
    ui::{
        components::error_view::error_text,
        state::{
            browser,
            push::{self, Refusal, Standing},
            use_store,
        },
    },
};

/// How it stands with this browser, as the card shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// It is being found out.
    Looking,
    /// The server could not be asked.
    Unknown,
    /// The server tells nobody.
    NotHere,
    /// The browser has no push at this address.
    Unsupported,
    /// Its user has forbidden notifications.
    Blocked,
    /// It is told nothing.
    Off,
    /// It is told of messages.
    On,
}

impl Shown {
    /// The server keeps a subscription with the session, and the browser one with the site. Where one of them is gone
    /// the other is worth nothing.
    fn of(standing: &Standing, known: &PushView) -> Self {
        match standing {
            _ if known.public_key.is_none() => Self::NotHere,
            Standing::Unsupported => Self::Unsupported,
            Standing::Blocked => Self::Blocked,
            Standing::Able { subscribed } if *subscribed && known.subscribed => Self::On,
            Standing::Able { .. } => Self::Off,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Looking => "Samvad can tell this browser of new messages while no page of it is open.",
            Self::Unknown => "Whether this browser is told of new messages could not be found out.",
            Self::NotHere => "This server does not tell browsers of new messages.",
            Self::Unsupported => {
                "This browser cannot be told of new messages here. Some can once Samvad is on the home screen, \
                 and none where the site is not encrypted."
            }
            Self::Blocked => {
                "This browser does not let Samvad show notifications. Allow them in the browser’s settings \
                 for this site, and load this page again."
            }
            Self::Off => "This browser is not told of new messages while no page of Samvad is open.",
            Self::On => {
                "This browser is told of new messages while no page of Samvad is open anywhere: who wrote what \
                 in chats that notify you."
            }
        }
    }
}

/// The card.
#[component]
pub fn PushCard() -> impl IntoView {
    let store = use_store();
    let shown = RwSignal::new(Shown::Looking);
    let known = StoredValue::new(PushView::default());
    let pending = RwSignal::new(false);
    let refused = RwSignal::new(None::<String>);
    let look = move || {
        spawn_local(async move {
            let found = match browser::within(api::push_key()).await {
                Ok(view) => {
                    let found = Shown::of(&push::standing().await, &view);
                    let _gone = known.try_set_value(view);
                    found
                }
                Err(_error) => Shown::Unknown,
            };
            shown.try_set(found);
        });
    };
    Effect::new(look);
    let change = move |_| {
        if pending.get_untracked() {
            return;
        }
        if shown.get_untracked() == Shown::Unknown {
            look();
            return;
        }
        let is_on = shown.get_untracked() == Shown::On;
        let key = known.with_value(|known| known.public_key.clone()).unwrap_or_default();
        pending.set(true);
        refused.set(None);
        spawn_local(async move {
            let outcome = if is_on { turn_off().await } else { turn_on(&key).await };
            let _gone = pending.try_set(false);
            match outcome {
                Ok(now) => {
                    shown.try_set(now);
                    store.toasts.info(if now == Shown::On {
                        "This browser is told of new messages from now on."
                    } else {
                        "This browser is told of new messages no longer."
                    });
                }
                Err(Failure::Told(reason)) => {
                    let _gone = refused.try_set(Some(reason));
                    look();
                }
                Err(Failure::SignedOut) => store.fail(&ErrorCode::Unauthenticated.into()),
            }
        });
    };
    let label = move || match shown.get() {
        Shown::On => "Turn off",
        Shown::Unknown => "Look again",
        _ => "Turn on",
    };
    let is_useless =
        move || matches!(shown.get(), Shown::NotHere | Shown::Unsupported | Shown::Blocked | Shown::Looking);
    view! {
        <section class="card card--row push-card" aria-labelledby="push-title">
            <div class="push-card__words">
                <h2 class="card__title" id="push-title">"Notifications when Samvad is closed"</h2>
                <p class="card__lead">{move || shown.get().sentence()}</p>
                <p class="card__lead push-card__plain">"This needs JavaScript."</p>
            </div>
            <button
                type="button"
                class="button quiet push-card__button"
                class:push-card__button--useless=is_useless
                aria-describedby="push-title"
                aria-disabled=move || pending.get().then_some("true")
                data-pending=move || pending.get().then_some("true")
                on:click=change
            >
                <span class="button__label">{label}</span>
                <span class="button__spinner" aria-hidden="true"></span>
            </button>
            {move || refused.get().map(|reason| view! { <p class="alert" role="alert">{reason}</p> })}
        </section>
    }
    .into_any()
}

/// Why it was not turned on or off.
enum Failure {
    /// For this reason.
    Told(String),
    /// The session has ended.
    SignedOut,
}

async fn turn_on(key: &str) -> Result<Shown, Failure> {
    let subscription = push::subscribe(key).await.map_err(|refusal| {
        Failure::Told(
            match refusal {
                Refusal::NotAllowed => "You did not allow Samvad to show notifications.",
                Refusal::Failed => "This browser could not subscribe: its push service cannot be reached.",
            }
            .to_owned(),
        )
    })?;
    let push::Subscription { endpoint, keys } = subscription;
    match answered(browser::within(api::subscribe_push(endpoint, keys.p256dh, keys.auth)).await) {
        Ok(()) => Ok(Shown::On),
        Err(failure) => {
            // Nobody would use it.
            push::end().await;
            Err(failure)
        }
    }
}

async fn turn_off() -> Result<Shown, Failure> {
    answered(browser::within(api::unsubscribe_push()).await)?;
    push::end().await;
    Ok(Shown::Off)
}

fn answered<T>(answer: AppResult<T>) -> Result<(), Failure> {
    match answer {
        Ok(_done) => Ok(()),
        Err(error) if error.code == ErrorCode::Unauthenticated => Err(Failure::SignedOut),
        Err(error) if error.field_error("endpoint").is_some() => {
            Err(Failure::Told("This browser’s push service is not one that this server knows.".to_owned()))
        }
        Err(error) => Err(Failure::Told(error_text(&error))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_on_where_browser_and_server_both_say_so() {
        let view = |subscribed| PushView { public_key: Some("key".into()), subscribed };
        let able = |subscribed| Standing::Able { subscribed };
        assert_eq!(Shown::of(&able(true), &view(true)), Shown::On);
        // Somebody else has signed in since, or the server's records are gone; or the browser's are.
        assert_eq!(Shown::of(&able(true), &view(false)), Shown::Off);
        assert_eq!(Shown::of(&able(false), &view(true)), Shown::Off);
        assert_eq!(Shown::of(&Standing::Blocked, &view(true)), Shown::Blocked);
        assert_eq!(Shown::of(&Standing::Unsupported, &view(false)), Shown::Unsupported);
        assert_eq!(Shown::of(&able(true), &PushView::default()), Shown::NotHere);
    }
}
