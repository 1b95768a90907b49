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
fn families() -> Vec<String> {
    serde_json::from_str(include_str!("families.json")).unwrap_or_default()
}

/// The limit is for what people run; a build for tests is many times slower. A journey holds what browsers run, the slower of
/// the two, to the same limit with everything that it takes to show a message.
const LONGEST: Duration =
    if cfg!(debug_assertions) { Duration::from_secs(3) } else { Duration::from_millis(50) };

#[test]
fn no_text_takes_long() {
    let (families, mut endless) = (families(), Vec::new());
    assert!(families.len() > 100, "the families can be read");
    for family in families {
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
