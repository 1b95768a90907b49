//! The words and phrases that are looked for: what matches, and where.

use super::{
    fold::{fold, fold_with_places},
    grams::{Class, Gram, class, of_piece},
};

/// Where something that was looked for stands in a text: from this character on, up to that one, counted from 0.
pub type Mark = (usize, usize);

/// The most grams that an index is asked for at once: more would not leave fewer messages to be compared.
const GRAMS: usize = 12;

/// What a message has to contain, in its text or in the name of one of its files: each of the words and phrases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchText {
    terms: Vec<Term>,
}

/// A word or a phrase, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    text: String,
    /// One or two letters, that are looked for at the beginnings of words only.
    begins: bool,
}

impl Term {
    fn new(text: &str) -> Option<Self> {
        let text = fold(text);
        let begins = text.chars().count() <= 2 && text.chars().all(|c| class(c) == Class::Letter);
        (!text.is_empty()).then_some(Self { text, begins })
    }

    /// Where it stands in a folded text, in bytes.
    fn places<'a>(&'a self, folded: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is_there = |place: &usize| {
            let before = folded[..*place].chars().next_back();
            !self.begins || before.is_none_or(|c| class(c) != Class::Letter)
        };
        folded.match_indices(&self.text).map(|(place, _)| place).filter(is_there)
    }

    fn grams(&self, found: &mut Vec<Gram>) {
        let is_one_piece = !self.text.contains(' ');
        for (place, piece) in self.text.split(' ').enumerate() {
            // What a phrase begins with may be the end of a longer word.
            of_piece(piece, place > 0 || (is_one_piece && self.begins), found);
        }
    }
}

impl SearchText {
    /// From words and phrases as they were typed. Those that nothing is left of are left out.
    pub fn new<'a>(terms: impl IntoIterator<Item = &'a str>) -> Self {
        Self { terms: terms.into_iter().filter_map(Term::new).collect() }
    }

    /// Whether nothing is looked for: then everything matches.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether a message whose texts are these (its own, and the names of its files) has all of it. In the words of
    /// people: each word or phrase stands in one of them as it was typed, whatever its case and accents; of one or two
    /// letters, at the beginning of a word.
    pub fn matches<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        if self.terms.is_empty() {
            return true;
        }
        let folded: Vec<String> = texts.into_iter().map(fold).collect();
        self.terms.iter().all(|term| folded.iter().any(|text| term.places(text).next().is_some()))
    }

    /// Grams that every text which matches has, the rarest-looking first. None, if an index does not help.
    pub fn grams(&self) -> Vec<Gram> {
        let mut found = Vec::new();
        self.terms.iter().for_each(|term| term.grams(&mut found));
        found.sort_unstable();
        found.dedup();
        found.sort_by_key(|gram| std::cmp::Reverse(gram.rarity()));
        found.truncate(GRAMS);
        found
    }

    /// Where in the text it stands, in order, without overlaps.
    pub fn marks(&self, text: &str) -> Vec<Mark> {
        let (folded, places) = fold_with_places(text);
        // From the bytes of the folded text to its characters.
        let mut chars = vec![0; folded.len() + 1];
        for (number, (byte, _)) in folded.char_indices().enumerate() {
            chars[byte] = number;
        }
        let mut marks: Vec<Mark> = Vec::new();
        for term in &self.terms {
            let length = term.text.chars().count();
            for first in term.places(&folded).map(|byte| chars[byte]) {
                if let (Some((start, _)), Some((_, end))) =
                    (places.get(first), places.get(first + length - 1))
                {
                    marks.push((*start, *end));
                }
            }
        }
        marks.sort_unstable();
        let mut joined: Vec<Mark> = Vec::with_capacity(marks.len());
        for (start, end) in marks {
            match joined.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::{super::grams::grams, *};

    fn finds(query: &str, text: &str) -> bool {
        SearchText::new([query]).matches([text])
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        assert!(finds("ELL", "Hello"));
        assert!(finds("big dog", "the bigg big\ndogs"));
        assert!(!finds("big dog", "a big, dog"));
        assert!(finds("文", "這是中文字"));
        assert!(finds("文字", "這是中文字"));
        assert!(finds("न्द", "हिन्दी"));
        assert!(finds("محمد", "قال مُحَمَّد"));
        assert!(finds("👍", "ok👍🏽"));
        assert!(finds("c++", "I like C++."));
        assert!(SearchText::new(["report", "hello"]).matches(["hello", "Report.pdf"]));
        assert!(!SearchText::new(["report", "bye"]).matches(["hello", "Report.pdf"]));
    }

    #[test]
    fn one_or_two_letters_are_found_at_the_beginnings_of_words() {
        assert!(finds("he", "say Hello"));
        assert!(finds("h", "(hello)"));
        assert!(!finds("lo", "hello"));
        assert!(finds("lo", "hello-low"));
    }

    #[test]
    fn what_was_found_is_marked_where_it_stands() {
        let marks = |query: &[&str], text: &str| SearchText::new(query.iter().copied()).marks(text);
        assert_eq!(marks(&["ell"], "Hello hell"), [(1, 4), (7, 10)]);
        assert_eq!(marks(&["hello", "low"], "hellow"), [(0, 6)]);
        assert_eq!(marks(&["strasse"], "in der Straße 5"), [(7, 13)]);
        assert_eq!(marks(&["cafe"], "  Cafe\u{301}s"), [(2, 7)]);
        assert_eq!(marks(&["文"], "中文🎉文"), [(1, 2), (3, 4)]);
        assert_eq!(marks(&["🎉"], "中文🎉文"), [(2, 3)]);
        assert_eq!(marks(&["x"], "hello"), []);
    }

    /// Characters of many kinds, few enough to meet again.
    fn letter() -> impl Strategy<Value = char> {
        select(
            "abcABCé́ß12 \n.,#+-中文字がか\u{3099}한글กา🎉👍\u{1f3fd}❤\u{fe0f}हिन्दी्क\u{200d}षمحمُدـЁж "
                .chars()
                .collect::<Vec<_>>(),
        )
    }

    proptest! {
        #[test]
        fn an_index_never_misses(text in vec(letter(), 0..40), query in vec(letter(), 1..6), cut in any::<(u8, u8)>()) {
            // A part of the text, and something else.
            let from = usize::from(cut.0) % (text.len() + 1);
            let upto = (from + 1 + usize::from(cut.1) % 6).min(text.len());
            let part: String = text[from.min(upto)..upto].iter().collect();
            let (text, query) = (text.iter().collect::<String>(), query.iter().collect::<String>());
            let kept = grams(&fold(&text));
            for asked in [part.as_str(), query.as_str()] {
                let asked = SearchText::new([asked]);
                if asked.matches([text.as_str()]) {
                    let missing: Vec<_> = asked.grams().into_iter().filter(|gram| !kept.contains(gram)).collect();
                    prop_assert!(missing.is_empty(), "{asked:?} {text:?} {missing:?}");
                }
            }
        }

        #[test]
        fn what_matches_is_marked_and_nothing_else_is(text in vec(letter(), 0..40), query in vec(letter(), 1..5)) {
            let (text, query) = (text.iter().collect::<String>(), query.iter().collect::<String>());
            let asked = SearchText::new([query.as_str()]);
            let marks = asked.marks(&text);
            prop_assert_eq!(asked.is_empty() || marks.is_empty(), asked.is_empty() || !asked.matches([text.as_str()]));
            let length = text.chars().count();
            prop_assert!(marks.iter().all(|(start, end)| start < end && *end <= length));
            prop_assert!(marks.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        }

        #[test]
        fn a_letter_that_says_something_alone_is_always_in_the_index(c in select(vec!['中', 'が', '한', '🎉', 'ก', '龘'])) {
            prop_assert!(!SearchText::new([c.to_string().as_str()]).grams().is_empty());
        }

        #[test]
        fn folding_twice_changes_nothing(text in vec(letter(), 0..30)) {
            let text: String = text.iter().collect();
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
