//! Which texts are an emoji. The table of them is large, and stays on the server.

use crate::error::{AppError, AppResult, FieldError};

/// The emoji that the text is, as Unicode writes it in full, so that one and the same has one form only. Fails with
/// `malformed` for the field `emoji` if it is not one emoji alone.
pub(super) fn parse(text: &str) -> AppResult<&'static str> {
    let emoji = emojis::get(text).ok_or_else(|| AppError::field("emoji", FieldError::Malformed))?;
    Ok(emoji.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn any_one_emoji_is_taken() {
        for emoji in ["👍", "👍🏽", "❤️", "👩‍👩‍👧‍👦", "🇮🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "☺️"]
        {
            assert_eq!(parse(emoji).unwrap(), emoji);
        }
        assert_eq!(parse("❤").unwrap(), "❤️", "the same, written shorter");
    }

    #[test]
    fn nothing_else_is() {
        for text in
            ["", " ", "a", "1", "👍👍", "👍 ", "ok", ":+1:", "thumbsup", "\u{200d}", "\u{fe0f}", "🇮", "<b>"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
