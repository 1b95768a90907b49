//! What stands above the text of an answer: the beginning of what it answers, as a link there.

use leptos::{ev::MouseEvent, prelude::*};

use super::{attachments::Reach, jump::Jump};
use crate::{
    domain::ChatId,
    markdown::plain_text,
    protocol::QuoteView,
    ui::{
        components::{
            icon::{Glyph, Icon},
            pinned::message_path,
        },
        files::words::DELETED,
    },
};

/// What is answered.
#[component]
pub(super) fn Quote(
    /// In which chat.
    chat_id: ChatId,
    /// What is answered.
    quote: Memo<Option<QuoteView>>,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
) -> impl IntoView {
    let jump = use_context::<Jump>();
    move || {
        let quote = quote.get()?;
        let seq = quote.seq;
        // A message that is not stored yet may know no more than which one it answers.
        let go = move |event: MouseEvent| {
            if let Some(jump) = jump {
                jump.follow(&event, chat_id, seq);
            }
        };
        Some(
            view! {
                <a class="quote" href=message_path(chat_id, seq) tabindex=reach on:click=go dir="auto">
                    <Icon glyph=Glyph::Reply/>
                    <span class="quote__author">{quote.sender_name.clone()}</span>
                    <span class="quote__text" data-deleted=quote.deleted.to_string()>{first_line(&quote)}</span>
                </a>
            }
            .into_any(),
        )
    }
}

/// What is shown of the message that is answered, on one line.
pub(super) fn first_line(quote: &QuoteView) -> String {
    let line = quote
        .body
        .lines()
        .filter(|line| !line.trim_start().starts_with("```"))
        .map(plain_text)
        .find(|line| !line.is_empty());
    match (quote.deleted, line, quote.files) {
        (true, ..) => DELETED.into(),
        (_, Some(line), _) => line,
        // Only which message it is may be known.
        (_, None, 0) => String::new(),
        (_, None, 1) => "1 file".into(),
        (_, None, files) => format!("{files} files"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_answered_there_is_one_line() {
        let of = |body: &str, files, deleted| {
            first_line(&QuoteView { body: body.into(), files, deleted, ..QuoteView::default() })
        };
        assert_eq!(of("\n  why?\nbecause", 2, false), "why?");
        assert_eq!(of("```rust\nlet **a** = 1;", 0, false), "let a = 1;");
        assert_eq!(of("", 1, false), "1 file");
        assert_eq!(of("", 2, false), "2 files");
        assert_eq!(of("", 0, true), "Message deleted");
        assert_eq!(of("", 0, false), "");
    }
}
