//! The few characters in a row under which an index finds a text.
//!
//! In scripts that put spaces between words those are three characters in a row wherever they stand, and one and two at
//! the beginning of a word: so somebody who types finds what they begin, and from the third letter on everything that
//! contains it. Where a character says as much as a word (Chinese, Japanese, Korean, Thai and their relatives, emoji), it is each
//! character and each two in a row. Of punctuation alone nothing is kept.

use unicode_normalization::char::is_combining_mark;

/// One to three characters in a row of a folded text; of fewer than three the rest are [`Gram::NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gram([char; 3]);

impl Gram {
    const NONE: char = '\0';
    /// Stands before the first characters of a word. No message has it.
    const BEGIN: char = '\u{2}';

    /// The gram as a word that every tokenizer leaves whole: no white space, and no ASCII but lower-case letters and digits.
    pub fn push_token(self, token: &mut String) {
        for c in self.0.into_iter().filter(|c| *c != Self::NONE) {
            token.push(match c {
                c if c.is_ascii_alphanumeric() || !c.is_ascii() => c,
                // Into a range that is for private use.
                c => char::from_u32(0xe000 + u32::from(c)).unwrap_or(c),
            });
        }
    }

    /// The gram in 32 bits (FNV-1a). Two may share a number: an index then finds too many, which is compared anyway.
    pub fn number(self) -> i32 {
        let bytes = self.0.into_iter().flat_map(|c| u32::from(c).to_le_bytes());
        let hash =
            bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        i32::from_le_bytes(hash.to_le_bytes())
    }

    /// How rare it looks, to begin with the rarest: the sum of what its characters weigh. Only an estimate, by how often
    /// letters stand in English; what is not ASCII weighs as much as the rarest of them.
    pub fn rarity(self) -> u32 {
        const BY_FREQUENCY: &str = "etaoinsrhldcumfpgwybvkxjqz";
        let weight = |c: char| match c {
            Self::NONE | Self::BEGIN => 0,
            c => BY_FREQUENCY.find(c).map_or(28, |place| u32::try_from(place).unwrap_or(28) + 2),
        };
        self.0.into_iter().map(weight).sum()
    }
}

/// What a character is to the index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A letter of a script with spaces between words, a digit, or a mark upon one.
    Letter,
    /// A character that says something alone.
    Sign,
    /// Punctuation of ASCII.
    Point,
}

pub(super) fn class(c: char) -> Class {
    match c {
        c if c.is_ascii_alphanumeric() => Class::Letter,
        c if c.is_ascii() => Class::Point,
        // Thai and Lao, Myanmar, Khmer, jamo; ideographs, kana and what stands among them; syllables; the planes of rarer
        // ideographs.
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{1100}'..='\u{11ff}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7ff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}' => Class::Sign,
        c if c.is_alphanumeric() || is_combining_mark(c) => Class::Letter,
        _ => Class::Sign,
    }
}

/// The grams of a folded text, each once, in order.
pub fn grams(folded: &str) -> Vec<Gram> {
    let mut found = Vec::with_capacity(folded.len() + 8);
    for piece in folded.split(' ') {
        of_piece(piece, true, &mut found);
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The grams of a piece without spaces. `begins` says whether nothing can stand before it in the same word.
pub(super) fn of_piece(piece: &str, begins: bool, found: &mut Vec<Gram>) {
    use Class::{Letter, Sign};
    let none = (Gram::NONE, Class::Point);
    let (mut before, mut last) = (none, none);
    for c in piece.chars() {
        let this = (c, class(c));
        let at_start = last == none;
        match (last.1, this.1) {
            (_, Sign) => {
                found.push(Gram([c, Gram::NONE, Gram::NONE]));
                if last.1 == Sign {
                    found.push(Gram([last.0, c, Gram::NONE]));
                }
            }
            (Letter, Letter) => {
                let is_second = before.1 != Letter;
                if is_second && (begins || before != none) {
                    found.push(Gram([Gram::BEGIN, last.0, c]));
                }
            }
            (_, Letter) if begins || !at_start => found.push(Gram([Gram::BEGIN, c, Gram::NONE])),
            _ => {}
        }
        if before != none && [before.1, last.1, this.1].contains(&Letter) {
            found.push(Gram([before.0, last.0, c]));
        }
        (before, last) = (last, this);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let token = |gram: Gram| {
            let mut token = String::new();
            gram.push_token(&mut token);
            token.replace('\u{e002}', "^")
        };
        grams(text).into_iter().map(token).collect()
    }

    #[test]
    fn words_have_three_letters_in_a_row_and_a_beginning() {
        assert_eq!(tokens("hello"), ["^h", "^he", "ell", "hel", "llo"]);
        assert_eq!(tokens("a b"), ["^a", "^b"]);
        assert_eq!(tokens("हिन्दी"), ["^ह", "^हि", "न्द", "हिन", "िन्", "्दी"]);
    }

    #[test]
    fn signs_stand_alone_and_in_pairs() {
        assert_eq!(tokens("中文字"), ["中", "中文", "字", "文", "文字"]);
        assert_eq!(tokens("🎉"), ["🎉"]);
        assert_eq!(tokens("..."), [""; 0]);
    }

    #[test]
    fn a_token_is_one_word_to_every_tokenizer() {
        for token in tokens("c++ a@b.org don't 3.14 #x <b>") {
            let is_whole =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || !c.is_ascii() || c == '^';
            assert!(token.chars().all(is_whole), "{token}");
        }
    }

    #[test]
    fn numbers_stay_what_they_are_since_they_are_stored() {
        let numbers: Vec<i32> = grams("hello").into_iter().map(Gram::number).collect();
        assert_eq!(numbers.len(), 5);
        assert_eq!(Gram(['h', 'e', 'l']).number(), Gram(['h', 'e', 'l']).number());
        assert_ne!(Gram(['h', 'e', 'l']).number(), Gram(['l', 'e', 'h']).number());
    }
}
