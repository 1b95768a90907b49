//! Texts: which files are ones, and their first lines.

use app::{domain::limits, protocol::ExcerptView};

/// What begins like a text and is for a program of its own.
const NO_TEXTS: &[&[u8]] = &[b"%PDF-", b"%!PS", b"{\\rtf"];

/// The text that begins so: UTF-8, or UTF-16 with a mark, without control characters. `None` is no text. Unless
/// the file `is_whole`, its last character may be cut.
pub(super) fn decode(head: &[u8], is_whole: bool) -> Option<String> {
    if NO_TEXTS.iter().any(|beginning| head.starts_with(beginning)) {
        return None;
    }
    let text = match head {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, is_whole)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes, is_whole)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, is_whole)?.to_owned(),
        rest => utf8(rest, is_whole)?.to_owned(),
    };
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{85}');
    text.chars().all(is_text).then_some(text)
}

/// The first lines, up to the limits, without what controls or reorders text.
pub(super) fn excerpt(text: &str, is_whole: bool) -> ExcerptView {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut kept = String::new();
    let mut lines = text.trim_end().split('\n').map(str::trim_end);
    let mut chars = 0;
    let mut is_cut = !is_whole;
    for (number, line) in lines.by_ref().take(limits::EXCERPT_LINES).enumerate() {
        if number > 0 {
            kept.push('\n');
            chars += 1;
        }
        let mut shown = line.chars().filter(|c| is_shown(*c));
        let room = limits::EXCERPT_CHARS.saturating_sub(chars);
        let before = kept.len();
        kept.extend(shown.by_ref().take(room));
        chars += kept[before..].chars().count();
        if shown.next().is_some() {
            is_cut = true;
            break;
        }
    }
    is_cut |= lines.next().is_some();
    ExcerptView { text: kept.trim_end().to_owned(), is_cut }
}

fn utf8(bytes: &[u8], is_whole: bool) -> Option<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // The head ends within a character.
        Err(error) if !is_whole && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, is_whole: bool) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks();
    let mut units: Vec<u16> = pairs.iter().copied().map(unit).collect();
    // The head ends within a character of two units.
    if !is_whole && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
        units.pop();
    }
    if !rest.is_empty() && is_whole {
        return None;
    }
    String::from_utf16(&units).ok()
}

/// Neither a control character nor one that reorders what stands beside it (Unicode UAX 9).
fn is_shown(c: char) -> bool {
    let reorders =
        matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    c == '\t' || !(c.is_control() || reorders || breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(text: &str) -> (String, bool) {
        let ExcerptView { text, is_cut } = excerpt(text, true);
        (text, is_cut)
    }

    #[test]
    fn a_text_has_no_control_characters_and_is_encoded_well() {
        assert_eq!(decode("नमस्ते\n\t“ü”".as_bytes(), true).as_deref(), Some("नमस्ते\n\t“ü”"));
        assert_eq!(decode(b"\xef\xbb\xbfbom", true).as_deref(), Some("bom"));
        assert_eq!(decode(b"\xff\xfeh\0i\0", true).as_deref(), Some("hi"));
        assert_eq!(decode(b"\xfe\xff\0h\0i", true).as_deref(), Some("hi"));
        let none: [&[u8]; 9] = [
            b"a\0b",
            b"a\x1b[31m",
            b"a\x7f",
            b"\xc3",
            b"\xff",
            b"\xff\xfeh",
            b"\xff\xfe\x00\xd8",
            b"%PDF-1.7 text",
            b"\xff\xfe\0\0h\0\0\0",
        ];
        for bytes in none {
            assert_eq!(decode(bytes, true), None, "{bytes:?}");
        }
        // Only the end of a longer file may be half a character.
        assert_eq!(decode(b"a\xe0\xa4", false).as_deref(), Some("a"));
        assert_eq!(decode(b"\xff\xfeh\0\x3d\xd8", false).as_deref(), Some("h"));
        assert_eq!(decode(b"\xe0\xa4a", false), None);
    }

    #[test]
    fn an_excerpt_is_cut_at_lines_and_characters() {
        assert_eq!(view("one\ntwo\n"), ("one\ntwo".into(), false));
        assert_eq!(view("1\n2\n3\n4\n5\n6\n7\n8\n\n"), ("1\n2\n3\n4\n5\n6\n7\n8".into(), false));
        assert_eq!(view("1\r\n2\r3\n4\n5\n6\n7\n8\n9"), ("1\n2\n3\n4\n5\n6\n7\n8".into(), true));
        let long = "न".repeat(limits::EXCERPT_CHARS);
        assert_eq!(view(&long), (long.clone(), false));
        assert_eq!(view(&format!("{long}x")), (long.clone(), true));
        assert!(view(&format!("{long}\nx")).1);
        assert_eq!(view(""), (String::new(), false));
        assert!(excerpt("a", false).is_cut);
    }

    #[test]
    fn an_excerpt_reorders_nothing() {
        assert_eq!(view("a\u{202e}gpj.exe\u{2066}\u{feff}\u{c}b\tc"), ("agpj.exeb\tc".into(), false));
    }
}
