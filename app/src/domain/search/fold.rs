//! What a text is compared as: its compatible characters (Unicode NFKC), in lower case, on one line.
//!
//! Accents of Latin, Greek and Cyrillic letters do not count, nor do the optional vowel signs of Arabic and Hebrew, nor
//! characters that nobody sees: people leave all of these out when they type. Signs that make another letter or syllable
//! count: the vowel signs of Hindi and its relatives, the sounding marks of Japanese.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The text as it is compared: white space folded into single spaces, none at its ends.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    each(text, |c, _, _| folded.push(c));
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

/// As [`fold`], with the place of each character's origin in `text`: the characters from the first number up to the
/// second one.
pub(super) fn fold_with_places(text: &str) -> (String, Vec<(usize, usize)>) {
    let (mut folded, mut places) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    each(text, |c, start, end| {
        folded.push(c);
        places.push((start, end));
    });
    if folded.ends_with(' ') {
        folded.pop();
        places.pop();
    }
    (folded, places)
}

/// Calls `take` with each character of the folded text and the place it comes from. White space at the end comes as one
/// space.
fn each(text: &str, mut take: impl FnMut(char, usize, usize)) {
    let mut chars = text.chars().enumerate().peekable();
    let mut cluster = String::new();
    let mut after_space = true;
    while let Some((start, c)) = chars.next() {
        if is_unseen(c) {
            continue;
        }
        if c.is_whitespace() {
            if !after_space {
                take(' ', start, start + 1);
            }
            after_space = true;
            continue;
        }
        let mut end = start + 1;
        // A character and the marks upon it are folded together, and nothing else is: so a part of a text is folded as
        // it is within the whole.
        cluster.clear();
        cluster.push(c);
        while let Some((place, mark)) = chars.next_if(|(_, next)| is_attached(*next) || is_unseen(*next)) {
            end = place + 1;
            if !is_unseen(mark) {
                cluster.push(mark);
            }
        }
        if c.is_ascii() && cluster.len() == 1 {
            take(c.to_ascii_lowercase(), start, end);
            after_space = false;
            continue;
        }
        fold_cluster(&cluster, |c| {
            take(c, start, end);
            after_space = false;
        });
    }
}

fn fold_cluster(cluster: &str, take: impl FnMut(char)) {
    // A Korean letter that stands alone must not become the part of a syllable, which would join what is before it.
    if cluster.starts_with(is_lone_jamo) {
        return cluster.chars().for_each(take);
    }
    let lower = cluster.nfkd().flat_map(char::to_lowercase).nfkd();
    let mut kept = String::new();
    for c in lower {
        match c {
            'ß' => kept.push_str("ss"),
            'ς' => kept.push('σ'),
            // What is compatible with a sign may bring spaces, which no cluster has.
            c if is_left_out(c) || is_unseen(c) || c.is_whitespace() => {}
            c => kept.push(c),
        }
    }
    let kept: String = kept.nfc().collect();
    // Where nothing is left of the character itself, its marks would come to stand upon the character before it.
    let kept = match cluster.chars().next() {
        Some(c) if !is_attached(c) => kept.trim_start_matches(is_attached),
        _ => kept.as_str(),
    };
    kept.chars().for_each(take);
}

/// What belongs to the character before it.
fn is_attached(c: char) -> bool {
    // Vowels and finals of a Korean syllable that is written in its parts, and the narrow sounding marks of Japanese.
    is_combining_mark(c) || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{ff9e}' | '\u{ff9f}')
}

/// A Korean letter by itself, of the common and of the narrow form.
fn is_lone_jamo(c: char) -> bool {
    matches!(c, '\u{3131}'..='\u{318e}' | '\u{ffa0}'..='\u{ffdc}')
}

/// What is left out of a folded text although it is seen.
fn is_left_out(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{640}'
        | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// What nobody sees: joiners, directions, variants of a character's shape.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
        || (c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_take_for_the_same_is_the_same() {
        for (one, other) in [
            ("Straße", "STRASSE"),
            ("Café", "cafe\u{301}"),
            ("Café", "cafe"),
            ("İstanbul", "istanbul"),
            ("Ὀδυσσεύς", "οδυσσευσ"),
            ("Ёлка", "елка"),
            ("ﬁle", "file"),
            ("ＡＢＣ１２３", "abc123"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("ﾊﾞｽ", "バス"),
            ("が", "か\u{3099}"),
            ("한글", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("क्‍ष", "क्ष"),
            ("مُحَمَّد", "محمد"),
            ("می‌خواهم", "میخواهم"),
            ("❤️", "❤"),
            (" two \n\t words ", "two words"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn what_makes_another_word_counts() {
        for (one, other) in [("か", "が"), ("कि", "की"), ("n", "m"), ("👍", "👎"), ("गर्म", "गरम")]
        {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
    }

    #[test]
    fn a_letter_by_itself_stays_by_itself() {
        assert_eq!(fold("하ㅏ ㅋㅋ ㅠㅠ"), "하ㅏ ㅋㅋ ㅠㅠ");
        assert_eq!(fold("か\u{640}\u{3099}´\u{3099}"), "か");
    }

    #[test]
    fn whatever_a_character_is_folding_twice_changes_nothing() {
        // All that is assigned, but for ideographs of the second plane and what nobody sees.
        for c in '\0'..='\u{1ffff}' {
            // With marks of Japanese and of Korean, which would join what is before it.
            let text = format!("か{c}\u{3099}한{c}\u{11a8}");
            assert_eq!(fold(&fold(&text)), fold(&text), "{text:?}");
        }
    }

    #[test]
    fn every_character_knows_where_it_comes_from() {
        let (folded, places) = fold_with_places(" Ö\u{301}x  ß🎉 ");
        assert_eq!(folded, "ox ss🎉");
        assert_eq!(places, [(1, 3), (3, 4), (4, 5), (6, 7), (6, 7), (7, 8)]);
    }
}
