//! What is typed into the box: words, `"phrases"` and operators.
//!
//! `from:name`, `in:name`, `has:file`, `before:2026-01-31`, `after:2026-01-31`, `on:2026-01-31`; a name of several words
//! stands in quotes, `from:"Ada Lovelace"`. Days are days of UTC; `before` and `after` leave the day itself out. What is
//! no operator, or has nothing after it, is looked for as it stands.

use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::fold::fold;
use crate::domain::Timestamp;

/// The most names of people, and of chats: each is looked for by itself.
const NAMES: usize = 5;

/// What somebody asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchInput {
    /// The words and phrases.
    pub terms: Vec<String>,
    /// Names of who wrote it: any of them, each once.
    pub from: Vec<String>,
    /// Names of the chats: any of them, each once.
    pub within: Vec<String>,
    /// Only messages with files.
    pub has_file: bool,
    /// Only messages of this time or later.
    pub since: Option<Timestamp>,
    /// Only messages of before this time.
    pub until: Option<Timestamp>,
}

impl SearchInput {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Self {
        let mut input = Self::default();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (piece, after) = next_piece(rest);
            input.take(&piece);
            rest = after.trim_start();
        }
        input
    }

    /// Whether it asks for nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn take(&mut self, piece: &Piece) {
        let Some((name, value)) = &piece.operator else {
            if !piece.text.trim().is_empty() {
                self.terms.push(piece.text.clone());
            }
            return;
        };
        match (name.as_str(), day(value)) {
            ("from", _) => add_name(&mut self.from, value),
            ("in", _) => add_name(&mut self.within, value),
            ("has", _) if value.eq_ignore_ascii_case("file") => self.has_file = true,
            ("before", Some((start, _))) => self.not_before_nor_after(None, Some(start)),
            ("after", Some((_, end))) => self.not_before_nor_after(Some(end), None),
            ("on", Some((start, end))) => self.not_before_nor_after(Some(start), Some(end)),
            _ => self.terms.push(piece.text.clone()),
        }
    }

    fn not_before_nor_after(&mut self, since: Option<Timestamp>, until: Option<Timestamp>) {
        self.since = self.since.max(since);
        self.until = match (self.until, until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// Adds another name, if there is room for it.
fn add_name(names: &mut Vec<String>, name: &str) {
    if names.len() < NAMES && !names.iter().any(|other| other == name) {
        names.push(name.to_owned());
    }
}

/// Whether a name is meant by what was typed for it: all of it, or the beginnings of its words in order.
pub fn names_match(typed: &str, name: &str) -> bool {
    let (typed, name) = (fold(typed.trim_start_matches(['@', '#'])), fold(name));
    if typed.is_empty() {
        return false;
    }
    name.match_indices(typed.as_str())
        .any(|(place, _)| name[..place].chars().next_back().is_none_or(|c| !c.is_alphanumeric()))
}

struct Piece {
    /// As it was typed, without the quotes of a phrase.
    text: String,
    operator: Option<(String, String)>,
}

/// The first piece of what was typed, which does not begin with a space, and the rest.
fn next_piece(text: &str) -> (Piece, &str) {
    if let Some(quoted) = text.strip_prefix(['"', '“', '”', '„']) {
        let (phrase, rest) = until_quote(quoted);
        return (Piece { text: phrase.to_owned(), operator: None }, rest);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let word = &text[..end];
    let operator = word.split_once(':').map(|(name, value)| (name.to_lowercase(), value));
    match operator {
        Some((name, value)) if is_operator(&name) && !value.is_empty() => {
            let start = name.len() + 1;
            if let Some(quoted) = text[start..].strip_prefix(['"', '“', '”', '„']) {
                let (value, rest) = until_quote(quoted);
                let piece = Piece { text: value.to_owned(), operator: Some((name, value.trim().to_owned())) };
                return (piece, rest);
            }
            (Piece { text: word.to_owned(), operator: Some((name, value.to_owned())) }, &text[end..])
        }
        _ => (Piece { text: word.to_owned(), operator: None }, &text[end..]),
    }
}

fn is_operator(name: &str) -> bool {
    matches!(name, "from" | "in" | "has" | "before" | "after" | "on")
}

/// Up to the closing quote, or, while somebody is typing, up to the end.
fn until_quote(text: &str) -> (&str, &str) {
    let end = text.find(['"', '“', '”']).unwrap_or(text.len());
    let after = text[end..].chars().next().map_or(end, |quote| end + quote.len_utf8());
    (&text[..end], &text[after..])
}

/// When a day begins, and when the next one does.
fn day(text: &str) -> Option<(Timestamp, Timestamp)> {
    let mut numbers = text.splitn(3, '-');
    let year: i32 = numbers.next().filter(|year| year.len() == 4)?.parse().ok()?;
    let month: u8 = numbers.next()?.parse().ok()?;
    let day: u8 = numbers.next()?.parse().ok()?;
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let start = OffsetDateTime::new_utc(date, Time::MIDNIGHT);
    let millis = |at: OffsetDateTime| Timestamp::from_millis(at.unix_timestamp().saturating_mul(1000));
    Some((millis(start), millis(start.checked_add(Duration::DAY)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<String> {
        SearchInput::parse(text).terms
    }

    fn time(text: &str) -> Option<Timestamp> {
        serde_json::from_str(&format!("\"{text}\"")).ok()
    }

    #[test]
    fn words_and_phrases_are_told_apart() {
        assert_eq!(terms("  two words "), ["two", "words"]);
        assert_eq!(terms("\"one phrase\" word"), ["one phrase", "word"]);
        assert_eq!(terms("“one phrase” word"), ["one phrase", "word"]);
        assert_eq!(terms("\"not yet closed"), ["not yet closed"]);
        assert_eq!(terms("\"\" \" \""), [""; 0]);
        assert_eq!(terms("don't \"a\"b"), ["don't", "a", "b"]);
    }

    #[test]
    fn operators_are_read() {
        let input = SearchInput::parse("from:ada lunch In:\"Test Group\" has:file FROM:\"Bo B\"");
        assert_eq!(input.terms, ["lunch"]);
        assert_eq!(input.from, ["ada", "Bo B"]);
        assert_eq!(input.within, ["Test Group"]);
        assert!(input.has_file);
    }

    #[test]
    fn a_few_names_count_each_once() {
        let input = SearchInput::parse("from:a from:b in:x from:a from:c in:x from:d from:e from:f");
        assert_eq!(input.from, ["a", "b", "c", "d", "e"]);
        assert_eq!(input.within, ["x"]);
        assert!(input.terms.is_empty());
    }

    #[test]
    fn days_bound_the_time() {
        let input = SearchInput::parse("on:2026-01-31");
        assert_eq!((input.since, input.until), (time("2026-01-31T00:00:00Z"), time("2026-02-01T00:00:00Z")));
        let input = SearchInput::parse("after:2026-01-30 before:2026-02-01 before:2026-03-01");
        assert_eq!((input.since, input.until), (time("2026-01-31T00:00:00Z"), time("2026-02-01T00:00:00Z")));
        assert!(SearchInput::parse(" ").is_empty());
    }

    #[test]
    fn what_is_no_operator_is_looked_for() {
        assert_eq!(
            terms("https://example.org/a:b has:wings from: on:monday before:2026-02-30"),
            ["https://example.org/a:b", "has:wings", "from:", "on:monday", "before:2026-02-30",]
        );
    }

    #[test]
    fn names_are_meant_by_the_beginnings_of_their_words() {
        for (typed, name) in
            [("ada", "Ada Lovelace"), ("love", "Ada Lovelace"), ("@ada", "Ada"), ("élo", "Elodie")]
        {
            assert!(names_match(typed, name), "{typed} {name}");
        }
        for (typed, name) in [("ove", "Ada Lovelace"), ("", "Ada"), ("@", "Ada")] {
            assert!(!names_match(typed, name), "{typed} {name}");
        }
    }
}
