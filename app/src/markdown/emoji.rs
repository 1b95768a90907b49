//! Whether a message is nothing but a few emoji, which are then shown larger.

/// So many are shown larger.
const FEW: usize = 3;
/// More characters than any few emoji have: tags of a region's flag, skins and hair of a family.
const MOST_CHARS: usize = 64;

const JOINER: char = '\u{200d}';
const AS_EMOJI: char = '\u{fe0f}';
const KEYCAP: char = '\u{20e3}';

/// Whether the text is one to three emoji, with or without space between them.
pub fn is_few_emoji(text: &str) -> bool {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).take(MOST_CHARS + 1).collect();
    if chars.is_empty() || chars.len() > MOST_CHARS {
        return false;
    }
    let (mut rest, mut count) = (chars.as_slice(), 0);
    while !rest.is_empty() {
        let length = emoji_length(rest);
        count += 1;
        if length == 0 || count > FEW {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

/// Characters of the emoji that these begin with; 0 if they begin with none (Unicode UTS 51, section 1.4.9).
fn emoji_length(chars: &[char]) -> usize {
    let at = |place: usize| chars.get(place).copied().unwrap_or_default();
    if is_region(at(0)) {
        return if is_region(at(1)) { 2 } else { 0 };
    }
    if matches!(at(0), '0'..='9' | '#' | '*') {
        let sign = 1 + usize::from(at(1) == AS_EMOJI);
        return if at(sign) == KEYCAP { sign + 1 } else { 0 };
    }
    let mut end = 0;
    loop {
        let base = at(end);
        let is_shown_so = || matches!(at(end + 1), AS_EMOJI | '\u{1f3fb}'..='\u{1f3ff}');
        if !(is_pictograph(base) || is_symbol(base) && is_shown_so()) {
            return 0;
        }
        end += 1;
        while matches!(at(end), AS_EMOJI | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}') {
            end += 1;
        }
        if at(end) != JOINER {
            return end;
        }
        end += 1;
    }
}

fn is_region(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// What is shown as an emoji by itself.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{1f004}' | '\u{1f0cf}' | '\u{1f18e}' | '\u{1f191}'..='\u{1f19a}' | '\u{1f201}'..='\u{1f251}'
        | '\u{1f300}'..='\u{1f64f}' | '\u{1f680}'..='\u{1f6ff}' | '\u{1f7e0}'..='\u{1f7f0}'
        | '\u{1f90c}'..='\u{1f9ff}' | '\u{1fa70}'..='\u{1faff}' | '\u{231a}' | '\u{231b}'
        | '\u{23e9}'..='\u{23ec}' | '\u{23f0}' | '\u{23f3}' | '\u{25fd}' | '\u{25fe}' | '\u{2614}' | '\u{2615}'
        | '\u{2648}'..='\u{2653}' | '\u{267f}' | '\u{2693}' | '\u{26a1}' | '\u{26aa}' | '\u{26ab}' | '\u{26bd}'
        | '\u{26be}' | '\u{26c4}' | '\u{26c5}' | '\u{26ce}' | '\u{26d4}' | '\u{26ea}' | '\u{26f2}' | '\u{26f3}'
        | '\u{26f5}' | '\u{26fa}' | '\u{26fd}' | '\u{2705}' | '\u{270a}' | '\u{270b}' | '\u{2728}' | '\u{274c}'
        | '\u{274e}' | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2795}'..='\u{2797}' | '\u{27b0}' | '\u{27bf}'
        | '\u{2b1b}' | '\u{2b1c}' | '\u{2b50}' | '\u{2b55}')
}

/// What is a sign in a text unless something behind it says that it is an emoji; within a joined one too.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21ff}'
        | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}'
        | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}' | '\u{1f170}'..='\u{1f17f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_to_three_emoji_are_few() {
        for text in ["🎉", "👍🏽", "❤️ 🎉", "👩‍👩‍👧‍👦", "🇮🇳🇩🇪", "1️⃣2️⃣3️⃣", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🤷🏽‍♀️", "😀\n😀\n😀"]
        {
            assert!(is_few_emoji(text), "{text}");
        }
        for text in ["", "a", "🎉!", "🎉🎉🎉🎉", "1", "❤", "🇮", "\u{200d}", "🎉\u{200d}", "©", "ok 👍"]
        {
            assert!(!is_few_emoji(text), "{text}");
        }
        assert!(!is_few_emoji(&"\u{1f3fb}".repeat(8_000)));
    }
}
