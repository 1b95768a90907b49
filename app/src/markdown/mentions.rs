//! Names behind an `@`: where one may stand in a message, and which words it may be made of.
//!
//! Who is called what, only the server knows. It asks [`runs`] for everything that may be a name, and keeps those
//! that are, as they were typed; the writer of markup is told these and marks them. So both find a name by the same
//! rules, and a page needs no table of characters for it.

use super::{Block, Inline, parse::parse};
use crate::domain::limits::DISPLAY_NAME_CHARS;

/// What everybody in a group is called together.
pub const ALL: &str = "all";

/// Places of a message that are looked at; what stands behind a later `@` is text.
const PLACES: usize = 50;
/// Ends of a name that are tried at one place.
const ENDS: usize = 32;
/// Spaces that may be typed in a name beyond those it has.
const SLACK: usize = 4;

/// What is said of a name that stands behind an `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is somebody's.
    Other,
    /// It is the reader's, or stands for everybody.
    Reader,
}

/// Everything in the message that may be a name, place by place, the longest first, as it was typed. At most 50 places
/// of 32 each. Nothing in code, and nothing in the words of a link.
pub fn runs(typed: &str) -> Vec<Vec<String>> {
    let mut places = Vec::new();
    if typed.contains('@') {
        parse(typed).iter().for_each(|block| of_block(block, &mut places));
    }
    places.truncate(PLACES);
    places
}

fn of_block(block: &Block, places: &mut Vec<Vec<String>>) {
    match block {
        Block::Paragraph(content) => of_inlines(content, places),
        Block::Quote(blocks) => blocks.iter().for_each(|block| of_block(block, places)),
        Block::List { items, .. } => items.iter().flatten().for_each(|block| of_block(block, places)),
        Block::Code { .. } | Block::Rule => {}
    }
}

fn of_inlines(content: &[Inline], places: &mut Vec<Vec<String>>) {
    for inline in content {
        match inline {
            Inline::Text(text) => {
                for at in signs(text) {
                    if places.len() < PLACES {
                        let run = |end: usize| text[at + 1..end].to_owned();
                        places.push(ends(text, at + 1).into_iter().rev().map(run).collect());
                    }
                }
            }
            Inline::Strong(content) | Inline::Emphasis(content) | Inline::Strike(content) => {
                of_inlines(content, places);
            }
            Inline::Break | Inline::Code(_) | Inline::Link { .. } => {}
        }
    }
}

/// The names in a text that `named` knows, in their order: from the `@` to behind the name, and how it is marked. At
/// each place the longest one counts.
pub(super) fn find(text: &str, named: &dyn Fn(&str) -> Option<Mark>) -> Vec<(usize, usize, Mark)> {
    let mut found: Vec<(usize, usize, Mark)> = Vec::new();
    for at in signs(text) {
        if found.last().is_some_and(|(_, end, _)| at < *end) {
            continue;
        }
        let longest = ends(text, at + 1).into_iter().rev();
        let mark = longest.filter_map(|end| Some((at, end, named(&text[at + 1..end])?))).next();
        found.extend(mark);
    }
    found
}

/// Where an `@` stands that may begin a name: not behind a letter, a digit or another sign of an address.
fn signs(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices('@').map(|(at, _)| at).filter(|at| {
        let before = text[..*at].chars().next_back();
        let next = text[at + 1..].chars().next();
        !before.is_some_and(|c| is_of_word(c) || matches!(c, '@' | '_' | '/' | '.' | '+' | '-'))
            && next.is_some_and(|c| !c.is_whitespace() && c != '@')
    })
}

/// Where a name that begins here may end, the shortest first: behind its words, which some scripts write without
/// spaces.
fn ends(text: &str, start: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut rest = text[start..].char_indices().peekable();
    let mut taken = 0;
    while let Some((place, c)) = rest.next() {
        taken += 1;
        if taken > DISPLAY_NAME_CHARS + SLACK || ends.len() == ENDS {
            break;
        }
        let next = rest.peek().map(|(_, next)| *next);
        let is_inside = next.is_some_and(|next| {
            is_mark(next) || is_of_word(c) && is_of_word(next) && !is_written_without_spaces(c)
        });
        if !c.is_whitespace() && !is_inside {
            ends.push(start + place + c.len_utf8());
        }
    }
    ends
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// What belongs to the sign before it: accents, the points of Hebrew and Arabic, signs of the Indic scripts, which have
/// the same places in each of their blocks, of Thai, Lao, Myanmar and Khmer, and what joins or colours emoji. By ranges: the
/// table of all of them would be larger than the rest of this module.
fn is_mark(c: char) -> bool {
    match c {
        '\u{0900}'..='\u{0dff}' => {
            matches!(u32::from(c) & 0x7f, 0x00..=0x03 | 0x3c | 0x3e..=0x4d | 0x51..=0x57 | 0x62..=0x63)
        }
        '\u{0300}'..='\u{036f}'
        | '\u{0591}'..='\u{05c7}'
        | '\u{064b}'..='\u{065f}'
        | '\u{06d6}'..='\u{06ed}'
        | '\u{0e31}'
        | '\u{0e34}'..='\u{0e3a}'
        | '\u{0e47}'..='\u{0e4e}'
        | '\u{0eb1}'
        | '\u{0eb4}'..='\u{0ebc}'
        | '\u{0ec8}'..='\u{0ecd}'
        | '\u{102b}'..='\u{103e}'
        | '\u{17b4}'..='\u{17d3}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{200c}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' => true,
        _ => false,
    }
}

/// Thai, Lao, Myanmar, Khmer, the Japanese syllables and the ideographs (Unicode, chapters 16 and 18).
fn is_written_without_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, names: &[&str]) -> Vec<String> {
        let named = |run: &str| names.contains(&run).then_some(Mark::Other);
        find(text, &named).into_iter().map(|(from, to, _)| text[from..to].to_owned()).collect()
    }

    #[test]
    fn a_name_begins_at_a_word_and_the_longest_one_counts() {
        let names = ["Asha", "Asha Rao", "all", "O'Brien", "J. R. Smith", "🦊 Fox"];
        for (text, found) in [
            ("hi @Asha Rao, and @Asha!", vec!["@Asha Rao", "@Asha"]),
            ("@Asha Raonic", vec!["@Asha"]),
            ("(@all) @allies", vec!["@all"]),
            ("a@all @@all @ all x.@all b/@all", vec![]),
            ("@O'Brien's and @J. R. Smith.", vec!["@O'Brien", "@J. R. Smith"]),
            ("@🦊 Fox", vec!["@🦊 Fox"]),
            ("@asha", vec![]),
        ] {
            assert_eq!(marked(text, &names), found, "{text}");
        }
    }

    #[test]
    fn names_of_other_scripts_end_where_their_words_do() {
        assert_eq!(marked("@आशा राव जी", &["आशा राव", "आश", "आशा"]), ["@आशा राव"]);
        assert_eq!(marked("@田中さんは", &["田中", "田"]), ["@田中"], "without spaces, too");
        assert_eq!(marked("@สมชาย ครับ", &["สมชาย"]), ["@สมชาย"]);
        assert_eq!(marked("@ليلى،", &["ليلى"]), ["@ليلى"]);
    }

    #[test]
    fn code_and_links_name_nobody() {
        assert_eq!(runs("`@Asha` @Ben\n```\n@Cy\n```"), [["Ben"]]);
        assert_eq!(runs("[@Asha](https://a.org) https://a.org/@Ben"), Vec::<Vec<String>>::new());
        assert_eq!(runs("**@Asha** > x\n\n> @Ben\n- @Cy"), [["Asha"], ["Ben"], ["Cy"]]);
    }

    #[test]
    fn however_much_is_typed_the_runs_are_bounded() {
        let typed = "(@a b c d e f g h i j k l m n o p q r s t u v w x y z ".repeat(150);
        let all = runs(&typed);
        assert_eq!(all.len(), PLACES);
        assert!(all.iter().all(|runs| runs.len() <= ENDS));
        let long = format!("@{}", "x".repeat(5_000));
        assert!(runs(&long).iter().all(Vec::is_empty));
    }
}
