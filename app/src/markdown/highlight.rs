//! The colours of code: comments, strings, numbers, keywords and names, found by one scanner that goes through the
//! text once. It knows what languages look like and not their grammar, never fails, and leaves every character as it is.
//!
//! Written here, because what there is brings regular expressions or grammars of a megabyte and more into the browser.

use super::languages::{Language, Shape, language};

/// What a piece of code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Comment,
    Keyword,
    Name,
    Number,
    String,
    Added,
    Removed,
}

impl Token {
    /// The class that style/markdown.css colours.
    pub fn class(self) -> &'static str {
        match self {
            Self::Comment => "hl-comment",
            Self::Keyword => "hl-keyword",
            Self::Name => "hl-name",
            Self::Number => "hl-number",
            Self::String => "hl-string",
            Self::Added => "hl-added",
            Self::Removed => "hl-removed",
        }
    }
}

/// So many pieces are coloured at most: each is an element of the page.
const MOST_TOKENS: usize = 1_000;

/// What the language is called that somebody named, if it is one that is coloured.
pub(super) fn language_name(named: &str) -> Option<&'static str> {
    language(named).map(|language| language.name)
}

/// The code in pieces: joined they are the code.
pub(super) fn highlight<'a>(named: &str, code: &'a str) -> Vec<(Option<Token>, &'a str)> {
    let mut scanner = Scanner { code, at: 0, plain: 0, pieces: Vec::new(), tokens: 0 };
    match language(named) {
        None => {}
        Some(language) => match language.shape {
            Shape::Words => scanner.words(language),
            Shape::Markup => scanner.markup(),
            Shape::Diff => scanner.diff(),
        },
    }
    scanner.finish()
}

struct Scanner<'a> {
    code: &'a str,
    /// Where it is, in bytes.
    at: usize,
    /// Where the text begins that has no colour.
    plain: usize,
    pieces: Vec<(Option<Token>, &'a str)>,
    tokens: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.code[self.at..]
    }

    fn peek(&self) -> Option<char> {
        if self.tokens < MOST_TOKENS { self.rest().chars().next() } else { None }
    }

    /// Goes on by so many bytes and gives them this colour.
    fn take(&mut self, token: Token, length: usize) {
        if length > 0 {
            if self.plain < self.at {
                self.pieces.push((None, &self.code[self.plain..self.at]));
            }
            self.pieces.push((Some(token), &self.rest()[..length]));
            self.tokens += 1;
            self.at += length;
            self.plain = self.at;
        }
    }

    fn finish(mut self) -> Vec<(Option<Token>, &'a str)> {
        if self.plain < self.code.len() {
            self.pieces.push((None, &self.code[self.plain..]));
        }
        self.pieces
    }

    fn words(&mut self, language: &Language) {
        let mut before = '\n';
        // Whether only space has come since the line, or something within it, began.
        let mut starts_line = true;
        while let Some(c) = self.peek() {
            let (rest, from) = (self.rest(), self.at);
            if let Some(length) = comment(language, rest, before) {
                self.take(Token::Comment, length);
            } else if language.quotes.contains(c) && !(c == '\'' && language.lifetimes && !is_char(rest)) {
                let length = string(language, rest, c);
                let is_key = language.keys == Some(':') && leads_to(&rest[length..], ':');
                self.take(if is_key { Token::Name } else { Token::String }, length);
            } else if c.is_ascii_digit() {
                self.take(Token::Number, number(rest));
            } else if is_word_start(c) {
                let length = word(language, rest);
                let (name, behind) = rest.split_at(length);
                let is_key = language.keys.is_some_and(|sign| starts_line && leads_to(behind, sign));
                if is_key {
                    self.take(Token::Name, length);
                } else if language.has_keyword(name) {
                    self.take(Token::Keyword, length);
                } else {
                    self.at += length;
                }
            } else if language.sigils.contains(c) && rest[1..].starts_with(is_word_start) {
                self.take(Token::Name, 1 + word(language, &rest[1..]));
            } else {
                self.at += c.len_utf8();
            }
            starts_line = "\n{;,".contains(c) || (starts_line && (c.is_whitespace() || c == '-'));
            before = self.code[from..self.at].chars().next_back().unwrap_or('\n');
        }
    }

    fn markup(&mut self) {
        while self.peek().is_some() {
            let rest = self.rest();
            let Some(start) = rest.find('<') else { return };
            self.at += start;
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.take(Token::Comment, until(rest, 4, "-->"));
                continue;
            }
            self.at += 1;
            let sign = self.rest().len() - self.rest().trim_start_matches(['/', '!', '?']).len();
            self.at += sign.min(1);
            let name = self.rest();
            self.take(Token::Name, name.find(|c| !is_tag_name(c)).unwrap_or(name.len()));
            self.attributes();
        }
    }

    /// What stands between the name of a tag and its end.
    fn attributes(&mut self) {
        while let Some(c) = self.peek() {
            let rest = self.rest();
            match c {
                '>' | '<' => return,
                '"' | '\'' => self.take(Token::String, until(rest, 1, if c == '"' { "\"" } else { "'" })),
                _ if is_tag_name(c) => {
                    self.take(Token::Keyword, rest.find(|c| !is_tag_name(c)).unwrap_or(rest.len()));
                }
                _ => self.at += c.len_utf8(),
            }
        }
    }

    fn diff(&mut self) {
        while self.peek().is_some() {
            let rest = self.rest();
            let length = rest.find('\n').unwrap_or(rest.len());
            match rest.as_bytes().first() {
                _ if rest.starts_with("@@") => self.take(Token::Keyword, length),
                _ if ["+++", "---", "diff ", "index "].iter().any(|head| rest.starts_with(head)) => {
                    self.take(Token::Comment, length);
                }
                Some(b'+') => self.take(Token::Added, length),
                Some(b'-') => self.take(Token::Removed, length),
                _ => self.at += length,
            }
            self.at = (self.at + 1).min(self.code.len());
        }
    }
}

/// Bytes of the comment that begins here.
fn comment(language: &Language, rest: &str, before: char) -> Option<usize> {
    if let Some((open, close)) = language.block_comment.filter(|(open, _)| rest.starts_with(open)) {
        return Some(until(rest, open.len(), close));
    }
    let open = language.line_comments.iter().find(|open| rest.starts_with(**open))?;
    // In the middle of a word it is something else, such as the number of arguments in a shell.
    let begins = *open != "#" || before.is_whitespace();
    begins.then(|| rest.find('\n').unwrap_or(rest.len()))
}

/// Bytes of the string that begins here. One that is not closed ends with its line.
fn string(language: &Language, rest: &str, quote: char) -> usize {
    if language.triple_quotes {
        let three = if quote == '"' { "\"\"\"" } else { "'''" };
        if rest.starts_with(three) {
            return until(rest, 3, three);
        }
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' if quote != '`' => return at,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Bytes up to and with what closes it, looked for behind the first ones; all of them if nothing does.
fn until(rest: &str, from: usize, close: &str) -> usize {
    rest[from..].find(close).map_or(rest.len(), |at| from + at + close.len())
}

fn number(rest: &str) -> usize {
    let mut dotted = false;
    let part_of_it = |c: char| {
        let goes_on = c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !dotted);
        dotted |= c == '.';
        goes_on
    };
    rest.trim_start_matches(part_of_it).len().abs_diff(rest.len())
}

fn word(language: &Language, rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || (c == '-' && language.dashes)))
        .unwrap_or(rest.len())
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_tag_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.')
}

/// Whether this sign comes next, perhaps behind spaces.
fn leads_to(rest: &str, sign: char) -> bool {
    rest.trim_start_matches(' ').starts_with(sign)
}

/// Whether this is one character between quotes, and not a lifetime.
fn is_char(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next().is_some_and(|c| c == '\\' || chars.next() == Some('\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of one kind.
    fn found<'a>(named: &str, code: &'a str, token: Token) -> Vec<&'a str> {
        highlight(named, code)
            .into_iter()
            .filter(|(kind, _)| *kind == Some(token))
            .map(|(_, text)| text)
            .collect()
    }

    #[test]
    fn rust_is_not_misled_by_lifetimes_and_quotes() {
        let code = "fn a<'a>(b: &'a str) -> char { '\\'' /* \"c\" */ } // let\nlet d = \"fn\\\"\"; 0x1f_u8";
        assert_eq!(found("rs", code, Token::Keyword), ["fn", "let"]);
        assert_eq!(found("rs", code, Token::String), ["'\\''", "\"fn\\\"\""]);
        assert_eq!(found("rs", code, Token::Comment), ["/* \"c\" */", "// let"]);
        assert_eq!(found("rs", code, Token::Number), ["0x1f_u8"]);
    }

    #[test]
    fn each_family_has_its_own_signs() {
        assert_eq!(found("Python", "@a\ndef b(): '''c\n#''' # d", Token::String), ["'''c\n#'''"]);
        assert_eq!(found("python", "@a\ndef b(): 1 # d", Token::Name), ["@a"]);
        assert_eq!(found("sh", "echo $# # b", Token::Comment), ["# b"]);
        assert_eq!(found("sql", "SELECT a from b -- c", Token::Keyword), ["SELECT", "from"]);
        assert_eq!(found("json", "{\"a\": \"b\", \"c\": true}", Token::Name), ["\"a\"", "\"c\""]);
        assert_eq!(found("json", "{\"a\": true}", Token::Keyword), ["true"]);
        assert_eq!(found("yaml", "- a-b: c\n  d: http://e", Token::Name), ["a-b", "d"]);
        assert_eq!(found("toml", "[a]\nb = 1", Token::Name), ["b"]);
        assert_eq!(found("css", "a { color: red; /* b */ }", Token::Name), ["color"]);
        assert_eq!(found("ts", "const a = `b\n${c}`", Token::String), ["`b\n${c}`"]);
        assert_eq!(found("html", "<!-- a --><b c=\"d\">e</b>", Token::Name), ["b", "b"]);
        assert_eq!(found("diff", "@@ 1 @@\n-a\n+b\n c", Token::Added), ["+b"]);
        assert_eq!(found("diff", "@@ 1 @@\n-a\n+b\n c", Token::Removed), ["-a"]);
        assert_eq!(highlight("brainfuck", "+[]"), [(None, "+[]")]);
    }

    #[test]
    fn of_very_many_pieces_the_first_are_coloured() {
        let code = "1 ".repeat(4_000);
        let pieces = highlight("c", &code);
        assert_eq!(pieces.iter().filter(|(token, _)| token.is_some()).count(), MOST_TOKENS);
        assert_eq!(pieces.iter().map(|(_, text)| *text).collect::<String>(), code);
    }
}
