//! What must hold of any text at all.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::{Mark, highlight::highlight, html_naming, plain_text};

/// What messages are put together from when chance writes them.
fn piece() -> impl Strategy<Value = String> {
    const MARKS: &[&str] = &[
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "```",
        "```js\n",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "7) ",
        "    ",
        "# ",
        "---",
        "===",
        "[",
        "]",
        "(",
        ")",
        "](",
        "![",
        "<",
        ">",
        "</",
        "<b>",
        "<script>",
        "<!--",
        "-->",
        "<a href=\"x\" onclick=y>",
        "\"",
        "'",
        "&",
        "&lt;",
        "&#106;",
        "\\",
        ":",
        "]:",
        "|",
        "javascript:",
        "data:",
        "https://a.org/b_(c)",
        "www.a.org",
        "http://",
        "https://",
        "HTTPS://A.org:1?",
        "mailto:a@b.c",
        "<https://a.org>",
        "@",
        " @ab",
        "\u{202e}",
        "\u{2066}",
        "\u{2069}",
        "\u{202c}",
        "\u{fdd0}",
        "\u{fdd1}",
        "\u{fde1}",
        "\u{fdd2}",
        "\u{a0}",
        "\u{0}",
        "\r",
        "\t",
        " ",
        "a",
        "fn",
        "1",
        "🎉",
        "שלום",
        "न",
    ];
    prop_oneof![
        6 => prop::sample::select(MARKS).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
        1 => any::<char>().prop_map(String::from),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_is_typed_what_is_written_is_safe(typed in text()) {
        assert_safe(&typed);
    }

    #[test]
    fn whatever_is_typed_it_reads_as_one_line(typed in text()) {
        let line = plain_text(&typed);
        prop_assert!(!line.contains(|c: char| c.is_control() || super::bidi::is_control(c)), "{line:?}");
        prop_assert_eq!(line.split_whitespace().collect::<Vec<_>>().join(" "), line);
    }

    #[test]
    fn colours_leave_every_character_of_code_as_it_is(
        code in text(),
        named in prop::sample::select(&["rs", "js", "py", "go", "cpp", "sh", "sql", "html", "css", "json", "yaml", "diff"][..]),
    ) {
        prop_assert_eq!(highlight(named, &code).iter().map(|(_, text)| *text).collect::<String>(), code);
    }
}

/// Fails unless what this becomes is well nested, has only the tags and attributes that it may have, and is left as it is
/// by a sanitizer that knows nothing of how it was made.
pub(super) fn assert_safe(typed: &str) {
    // With every second name behind an `@` marked.
    let named = |name: &str| match name.len() % 4 {
        0 => Some(Mark::Other),
        2 => Some(Mark::Reader),
        _ => None,
    };
    let written = html_naming(typed, &named);
    assert_well_nested(&written);
    assert_eq!(sanitizer().clean(&written).to_string(), without_broken_addresses(&written), "{typed:?}");
}

/// The sanitizer takes away an address that cannot be parsed, such as one whose name is not allowed in any language. No
/// browser goes anywhere with it.
fn without_broken_addresses(written: &str) -> String {
    const HREF: &str = "<a href=\"";
    let mut kept = String::new();
    let mut rest = written;
    while let Some(at) = rest.find(HREF) {
        let (before, from) = rest.split_at(at);
        let length = HREF.len() + from[HREF.len()..].find('"').map_or(0, |end| end + 1);
        let (attribute, behind) = from.split_at(length);
        let address = attribute[HREF.len()..].trim_end_matches('"').replace("&amp;", "&");
        kept.push_str(before);
        kept.push_str(if url::Url::parse(&address).is_ok() { attribute } else { "<a" });
        rest = behind;
    }
    kept + rest
}

fn sanitizer() -> ammonia::Builder<'static> {
    let all = |names: &[&'static str]| names.iter().copied().collect::<HashSet<_>>();
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(all(&[
            "a",
            "blockquote",
            "br",
            "code",
            "del",
            "em",
            "hr",
            "li",
            "ol",
            "p",
            "pre",
            "span",
            "strong",
            "ul",
        ]))
        .tag_attributes(HashMap::from([
            ("a", all(&["href", "rel", "target"])),
            ("blockquote", all(&["dir"])),
            ("ol", all(&["dir", "start"])),
            ("p", all(&["dir"])),
            ("pre", all(&["aria-label", "dir", "role", "tabindex"])),
            ("span", all(&["data-reader"])),
            ("ul", all(&["dir"])),
        ]))
        .allowed_classes(HashMap::from([(
            "span",
            all(&[
                "hl-added",
                "hl-comment",
                "hl-keyword",
                "hl-name",
                "hl-number",
                "hl-removed",
                "hl-string",
                "mention",
            ]),
        )]))
        .url_schemes(all(&["http", "https", "mailto"]))
        .link_rel(None);
    builder
}

fn assert_well_nested(written: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = written;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a bracket in a text is escaped: {written}");
        let end = rest.find('>').unwrap_or(rest.len());
        let tag = &rest[at + 1..end];
        let name = tag.split(' ').next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{written}"),
            None if matches!(name, "br" | "hr") => {}
            None => {
                assert!(name != "a" || !open.contains(&"a"), "a link in a link: {written}");
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{written}");
}
