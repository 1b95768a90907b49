//! Characters that turn the direction of writing (Unicode UAX 9): embeddings, overrides and isolates. Right-to-left
//! text needs some of them; left open they would turn what stands behind them, up to other people's words.

use std::borrow::Cow;

/// Whether it is one of them.
pub(super) fn is_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with all of them closed that it opens, and without those that close nothing: what it does to the
/// direction ends where it ends.
pub(super) fn contained(text: &str) -> Cow<'_, str> {
    const POP_EMBEDDING: char = '\u{202c}';
    const POP_ISOLATE: char = '\u{2069}';
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    // What closes each one that is open, the innermost last.
    let mut open: Vec<char> = Vec::new();
    let mut kept = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\u{202a}' | '\u{202b}' | '\u{202d}' | '\u{202e}' => open.push(POP_EMBEDDING),
            '\u{2066}'..='\u{2068}' => open.push(POP_ISOLATE),
            POP_EMBEDDING | POP_ISOLATE if open.last() != Some(&c) => continue,
            POP_EMBEDDING | POP_ISOLATE => drop(open.pop()),
            _ => {}
        }
        kept.push(c);
    }
    kept.extend(open.into_iter().rev());
    Cow::Owned(kept)
}

/// The text with a visible sign in the place of each: code that reads in another order than it runs is a trap.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if text.contains(is_control) {
        Cow::Owned(text.replace(is_control, "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_is_closed_and_what_closes_nothing_is_dropped() {
        assert_eq!(contained("שלום (a)"), "שלום (a)");
        assert_eq!(contained("a\u{202e}b"), "a\u{202e}b\u{202c}");
        assert_eq!(contained("a\u{202c}\u{2069}b"), "ab");
        assert_eq!(contained("\u{2067}a\u{202b}b"), "\u{2067}a\u{202b}b\u{202c}\u{2069}");
        assert_eq!(contained("\u{2067}a\u{2069}b"), "\u{2067}a\u{2069}b");
    }

    #[test]
    fn in_code_they_are_seen() {
        assert_eq!(shown("/*\u{202e} } \u{2066}*/"), "/*\u{fffd} } \u{fffd}*/");
    }
}
