//! The corpus: what is typed, what becomes of it, and how long that takes at worst. A journey sends the same texts
//! through a browser.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{html, plain_text, property_tests::assert_safe};
use crate::domain::limits::BODY_CHARS;

#[derive(Deserialize)]
struct Case {
    name: String,
    typed: String,
    html: String,
}

fn corpus() -> Vec<Case> {
    serde_json::from_str(include_str!("corpus.json")).unwrap_or_default()
}

#[test]
fn every_case_of_the_corpus_becomes_what_it_should() {
    let cases = corpus();
    assert!(cases.len() > 100, "the corpus can be read");
    let wrong: Vec<String> = cases
        .iter()
        .filter(|case| html(&case.typed) != case.html)
        .map(|case| {
            format!(
                "{}:\n  typed {:?}\n  wants {:?}\n  gives {:?}",
                case.name,
                case.typed,
                case.html,
                html(&case.typed)
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sanitizer_finds_nothing_to_do_in_the_corpus() {
    for case in corpus() {
        assert_safe(&case.typed);
    }
}

/// Beginnings that have made parsers of Markdown read a text again and again.
const FAMILIES: &[&str] = &[
    ">",
    "> ",
    ">\n",
    "> a\n>> b\n",
    "- ",
    "* ",
    "1. ",
    "- a\n",
    "  - a\n",
    "* a\n  * b\n",
    "[",
    "]",
    "![",
    "[a](",
    "[a](<",
    "[a](<b",
    "[](",
    "[ (](",
    "[a][",
    "[a]",
    "[a]: b\n",
    "[a]: b\n[a]\n",
    "![[]()",
    "[*_a",
    "*",
    "**",
    "_",
    "*a ",
    "a*",
    "a**",
    "a***",
    "*a_ ",
    "**a *",
    "_a__",
    "~",
    "~~",
    "~~a",
    "a~~",
    "*~~_a",
    "`",
    "``a",
    "`a``",
    "```\n",
    "~~~\n",
    "```a\n> ",
    "<",
    "<a",
    "<!--",
    "<![CDATA[",
    "<?",
    "<!A",
    "a <?",
    "<a href=\"",
    "<https://",
    "&",
    "&#",
    "&amp;",
    "\\",
    "\\\\",
    "|",
    "|-",
    "|a|\n|-|\n",
    "a|b\n",
    "[^",
    "[^a]: ",
    "\n[^",
    "https://a.b/",
    "https://",
    "https://a:/(",
    "www.",
    "www.a.b(",
    "h",
    "(https://a.b",
    "#",
    "# ",
    "# a\n",
    "a\n=\n",
    "a\n---\n",
    "---\n",
    "$",
    "$$a",
    "{",
    "{{",
    "\t",
    " ",
    "    a\n",
    "\n",
    "a\n\n",
    "\u{202e}",
    "\u{202e}\u{2066}",
    "\u{202c}",
    "\u{fdd1}",
    "\u{1f3fb}",
    "\u{1f468}\u{200d}",
    "न",
    "a",
    "* * * ",
    "_ _ _ a",
    "[a](b \"",
    "[a](b '",
    "![a](https://b.c)",
    "[![a](https://b.c)",
    "[a](https://b.c) ",
    "*a*",
    "`a`",
];

/// The limit is for what people run; a build for tests is many times slower.
const LONGEST: Duration =
    if cfg!(debug_assertions) { Duration::from_secs(3) } else { Duration::from_millis(50) };

#[test]
fn no_text_takes_long() {
    let mut endless = Vec::new();
    for family in FAMILIES {
        // The same again and again; with an end that closes what was opened; behind something that stays open.
        for (before, after) in [
            ("", ""),
            ("", ")]*`>"),
            ("```js\n", ""),
            ("> - ", "\n[a]: b"),
            ("[", "](https://a.b)"),
            ("[^", ""),
        ] {
            let room = BODY_CHARS - before.len() - after.len();
            let typed: String =
                before.chars().chain(family.chars().cycle().take(room)).chain(after.chars()).collect();
            assert_eq!(typed.chars().count(), BODY_CHARS);
            // A machine that does something else may take long once, and not each time.
            let took = (0..5).map(|_| time(&typed)).find(|took| *took <= LONGEST);
            if took.is_none() {
                endless.push(format!("{before:?} {family:?} {after:?}"));
            }
        }
    }
    assert!(endless.is_empty(), "{}", endless.join("\n"));
}

fn time(typed: &str) -> Duration {
    let start = Instant::now();
    let (written, read) = (html(typed), plain_text(typed));
    // So that neither is left out.
    assert!(written.len() + read.len() < 2_000_000, "what is written is bounded as well");
    start.elapsed()
}

#[test]
fn what_is_longer_than_a_message_is_text() {
    let typed = format!("**a**{}", "b".repeat(BODY_CHARS));
    assert_eq!(html(&typed), format!("<p>{typed}</p>"));
}

#[test]
fn what_stands_too_deep_is_shown_as_it_was_typed() {
    let deep = format!("{}a", "> ".repeat(100));
    let written = html(&deep);
    assert_eq!(written.matches("<blockquote").count(), 16);
    assert!(written.contains("<p>&gt; &gt; &gt; "), "{written}");
    assert_eq!(written.matches("&gt;").count(), 84);
}
