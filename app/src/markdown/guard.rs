//! What the parser is not to see, because in a chat it is text: HTML, entities, definitions of references, underlines
//! that make headings; and bare addresses, whose underscores and asterisks are not for emphasis.
//!
//! Such a place gets a mark that means nothing to the parser and takes its meaning from what stands around it. A bare
//! address is taken out as a whole, and a number between marks stands for it. The marks are noncharacters (Unicode,
//! section 23.7), which no text contains that is meant to be read: what comes in with them loses them first.

use std::borrow::Cow;

use super::address;

/// Stands where something loses its meaning.
const GUARD: char = '\u{fdd0}';
/// Stands before and behind the number of an address.
const BEGIN: char = '\u{fdd1}';
const END: char = '\u{fdd2}';
/// The digit 0 of such a number; the other fifteen follow it.
const ZERO: u32 = 0xfde0;

/// A text as the parser gets it.
pub(super) struct Guarded<'a> {
    /// The text with its marks.
    pub text: String,
    addresses: Vec<&'a str>,
}

/// A piece of a text that is as it was typed.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Address(&'a str),
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{fdd0}'..='\u{fdef}')
}

/// The text without what would be taken for marks, and without the control characters that no message has.
pub(super) fn without_marks(text: &str) -> Cow<'_, str> {
    let drops = |c: char| is_mark(c) || (c.is_control() && !matches!(c, '\n' | '\t'));
    if text.contains(drops) { Cow::Owned(text.replace(drops, "")) } else { Cow::Borrowed(text) }
}

impl<'a> Guarded<'a> {
    /// Puts marks into a text that has none.
    pub fn new(typed: &'a str) -> Self {
        let mut guarded = Self { text: String::with_capacity(typed.len() + 16), addresses: Vec::new() };
        for line in typed.split_inclusive('\n') {
            let content = line.trim_start_matches([' ', '\t', '>']);
            let (start, content) = line.split_at(line.len() - content.len());
            guarded.text.push_str(start);
            if is_weak_underline(content.trim_end()) {
                guarded.text.push(GUARD);
            }
            guarded.line(content);
        }
        guarded
    }

    fn line(&mut self, line: &'a str) {
        let mut before = None;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let address = matches!(c, 'h' | 'H' | 'w' | 'W')
                .then(|| address::may_begin_after(before).then(|| address::bare_end(rest)).flatten())
                .flatten();
            if let Some(end) = address {
                let (address, behind) = rest.split_at(end);
                if before == Some('<') && behind.starts_with('>') {
                    // The parser knows these by itself, and takes the brackets away.
                    self.text.push_str(address);
                } else {
                    self.address(address);
                }
                (before, rest) = (address.chars().next_back(), behind);
                continue;
            }
            self.text.push(c);
            rest = &rest[c.len_utf8()..];
            let next = rest.chars().next();
            let guards = match c {
                '<' => next.is_some_and(|next| {
                    matches!(next, '/' | '!' | '?')
                        || (next.is_ascii_alphabetic() && !is_bracketed_address(rest))
                }),
                '&' => next.is_some_and(|next| next == '#' || next.is_ascii_alphanumeric()),
                ']' => next == Some(':'),
                _ => false,
            };
            if guards {
                self.text.push(GUARD);
            }
            before = Some(c);
        }
    }

    fn address(&mut self, address: &'a str) {
        let number = self.addresses.len();
        self.addresses.push(address);
        self.text.push(BEGIN);
        for shift in [12, 8, 4, 0] {
            let digit = u32::try_from((number >> shift) & 15).unwrap_or_default();
            self.text.extend(char::from_u32(ZERO + digit));
        }
        self.text.push(END);
    }

    /// What was typed where this now stands, with the bare addresses apart.
    pub fn pieces<'b>(&'b self, guarded: &'b str) -> impl Iterator<Item = Piece<'b>> {
        guarded.split([GUARD, END]).flat_map(|part| {
            let (text, number) = part.split_once(BEGIN).unwrap_or((part, ""));
            let digits = number.chars().map(|c| u32::from(c).wrapping_sub(ZERO));
            let place =
                digits.fold(0_usize, |sum, digit| (sum << 4) | usize::try_from(digit & 15).unwrap_or(0));
            let address = self.addresses.get(place).filter(|_| !number.is_empty());
            let text = (!text.is_empty()).then_some(Piece::Text(text));
            text.into_iter().chain(address.map(|address| Piece::Address(address)))
        })
    }

    /// What was typed where this now stands.
    pub fn typed(&self, guarded: &str) -> String {
        let mut typed = String::with_capacity(guarded.len());
        for piece in self.pieces(guarded) {
            let (Piece::Text(text) | Piece::Address(text)) = piece;
            typed.push_str(text);
        }
        typed
    }
}

/// A line that would make the one above it a heading, although nobody draws a line like that.
fn is_weak_underline(line: &str) -> bool {
    let of = |sign: char| line.chars().all(|c| c == sign);
    !line.is_empty() && (of('=') || (of('-') && line.len() < 3))
}

/// Whether this begins with an address that ends with `>`.
fn is_bracketed_address(text: &str) -> bool {
    address::bare_end(text).is_some_and(|end| text[end..].starts_with('>') && !text.starts_with(['w', 'W']))
        || text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_whatever_it_is() {
        for typed in [
            "plain",
            "<b>bold</b> &amp; [a]: https://b.org/c_d_e (www.f.org)",
            "> a\n> ===\n-\n---\n",
            "<https://a.org> <www.a.org> <mailto:a@b.org> https://a.org https://a.org",
            "",
        ] {
            let guarded = Guarded::new(typed);
            assert_eq!(guarded.typed(&guarded.text), typed);
        }
    }

    #[test]
    fn a_text_cannot_bring_marks_of_its_own() {
        let forged: String = ['a', BEGIN, '\u{fde0}', END, GUARD, 'b'].iter().collect();
        assert_eq!(without_marks(&forged), "ab");
    }
}
