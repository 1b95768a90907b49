//! Where to go after signing in: a path on this site, whatever the address said.

/// The longest path that is followed.
const MAX_BYTES: usize = 2_000;

/// `next` if it is a plain path on this site, else `/`.
///
/// A browser reads `//host`, `/\host` and a path with a tab or a line break in it as another site, and
/// something on the way may decode a path once more than it should. None of these is ever ours, so each
/// is refused rather than cleaned.
pub fn safe_next(next: &str) -> &str {
    if is_plain_path(next) { next } else { "/" }
}

fn is_plain_path(next: &str) -> bool {
    let unprintable = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if next.len() > MAX_BYTES || !next.starts_with('/') || next.contains(unprintable) {
        return false;
    }
    let path = next.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let empty_inside = segment.is_empty() && segments.peek().is_some();
        if empty_inside || matches!(segment, "." | "..") {
            return false;
        }
    }
    escapes(next).all(|byte| byte.is_some_and(|byte| byte >= 0x20 && byte != 0x7f))
        && escapes(path).all(|byte| !matches!(byte, Some(b'/' | b'\\' | b'%' | b'.')))
}

/// The bytes that the percent escapes of the text stand for; `None` for what only looks like an escape.
fn escapes(text: &str) -> impl Iterator<Item = Option<u8>> {
    text.split('%').skip(1).map(|after| {
        let digits = after.as_bytes().get(..2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        u8::try_from(digit(digits[0])? << 4 | digit(digits[1])?).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_on_this_site_is_followed() {
        for path in [
            "/",
            "/c/68949ca2e36d65cad2b71204",
            "/c/68949ca2e36d65cad2b71204/details?q=a%20b",
            "/new?q=x/y//z",
            "/settings/",
            "/new?q=%E0%A4%A8&p=a%2Fb#top",
        ] {
            assert_eq!(safe_next(path), path);
        }
    }

    #[test]
    fn another_site_is_not() {
        for next in [
            "",
            "evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/c//evil.example",
            "/.//evil.example",
            "/..//evil.example",
            "/c/../..//evil.example",
            " //evil.example",
            "/ /evil.example",
        ] {
            assert_eq!(safe_next(next), "/", "{next}");
        }
    }

    #[test]
    fn neither_is_what_becomes_one_when_it_is_decoded() {
        for next in [
            "/%2fevil.example",
            "/%2Fevil.example",
            "/%5cevil.example",
            "%2f%2fevil.example",
            "/%252fevil.example",
            "/%2e%2e//evil.example",
            "/%2e/evil.example",
            "/%0d%0aLocation:%20x",
            "/new?q=%0d%0a",
            "/%00",
            "/%zz",
            "/%2",
        ] {
            assert_eq!(safe_next(next), "/", "{next}");
        }
    }

    #[test]
    fn nor_is_anything_with_control_characters_or_without_end() {
        for next in ["/\t/evil.example", "/\n/evil.example", "/a\r\nb", "/\u{0}", "/a b"] {
            assert_eq!(safe_next(next), "/", "{next:?}");
        }
        assert_eq!(safe_next(&format!("/{}", "a".repeat(MAX_BYTES))), "/");
    }
}
