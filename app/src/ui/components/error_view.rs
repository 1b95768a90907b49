//! Errors as people see them: a sentence of our own and a way on.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use crate::error::{AppError, ErrorCode};

/// What to tell people about an error: the sentence of its code, and when it is worth trying again.
pub fn error_text(error: &AppError) -> String {
    let sentence = error.code.sentence();
    match error.retry_after {
        Some(seconds) if seconds > 1 && error.code.is_retryable() => {
            format!("{sentence} Try again in {}.", duration_text(seconds))
        }
        _ => sentence.to_owned(),
    }
}

/// A number of seconds in people's words, rounded up.
fn duration_text(seconds: u32) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        91..=5_400 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

/// What stands in the place of something that could not be shown.
#[component]
pub fn ErrorView(
    /// Why.
    error: AppError,
    /// Tries again, where that may help.
    #[prop(optional, into)]
    retry: Option<Callback<()>>,
    /// Whether the way to the chats loads a new page, because this one has no state to go on from.
    #[prop(optional)]
    fresh: bool,
) -> impl IntoView {
    let title = match error.code {
        ErrorCode::NotFound => "Nothing here",
        ErrorCode::Offline | ErrorCode::Unavailable | ErrorCode::Busy => "Not available right now",
        ErrorCode::Forbidden => "Not allowed",
        _ => "That did not work",
    };
    let retry = retry.filter(|_| error.code.is_retryable());
    // Only a fault of ours is worth asking about.
    let reference = error.request_id.clone().filter(|_| error.code.status() >= 500);
    view! {
        <div class="empty" role="alert">
            <span class="empty__icon"><Icon glyph=Glyph::Alert/></span>
            <p class="empty__title">{title}</p>
            <p class="empty__text">{error_text(&error)}</p>
            {reference.map(|id| view! { <p class="empty__note">"Reference: "<code>{id}</code></p> })}
            <div class="empty__actions">
                {retry.map(|retry| {
                    view! {
                        <button type="button" class="button primary" on:click=move |_| retry.run(())>
                            <Icon glyph=Glyph::Retry/>
                            "Try again"
                        </button>
                    }
                })}
                <a class="button quiet" href="/" rel=fresh.then_some("external")>"Go to your chats"</a>
            </div>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_when_to_try_again() {
        let error = AppError::new(ErrorCode::TooManyRequests);
        assert_eq!(error_text(&error), "That was too often. Please wait a moment.");
        assert_eq!(
            error_text(&error.clone().retry_after(30)),
            "That was too often. Please wait a moment. Try again in 30 seconds."
        );
        assert!(error_text(&error.retry_after(125)).ends_with("Try again in 3 minutes."));
    }

    #[test]
    fn what_will_not_change_is_not_to_be_tried_again() {
        let error = AppError::not_found().retry_after(30);
        assert_eq!(error_text(&error), ErrorCode::NotFound.sentence());
    }

    #[test]
    fn long_waits_are_told_in_larger_units() {
        assert_eq!(duration_text(90), "90 seconds");
        assert_eq!(duration_text(91), "2 minutes");
        assert_eq!(duration_text(7_200), "2 hours");
    }
}
