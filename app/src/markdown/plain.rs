//! A message on one line, without its marks: for what reads it aloud, a list of chats, a notification, a quote.

use super::{Block, Inline, bidi, parse::parse};

/// The text of a message as it is read, on one line, its white space folded. Of a link its text is left, of code the
/// code. Characters that turn the direction of writing are gone: the line may be cut, or stand beside other words.
pub fn plain_text(typed: &str) -> String {
    let mut read = String::with_capacity(typed.len());
    parse(typed).iter().for_each(|block| read_block(&mut read, block));
    if read.trim().is_empty() {
        // A line across has no words.
        read.push_str(typed);
    }
    let mut line = String::with_capacity(read.len());
    read.retain(|c| !bidi::is_control(c) && (c.is_whitespace() || !c.is_control()));
    for word in read.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The text of what stands in a line.
pub(super) fn inline_text(content: &[Inline]) -> String {
    let mut read = String::new();
    read_inlines(&mut read, content);
    read
}

fn read_block(read: &mut String, block: &Block) {
    match block {
        Block::Paragraph(content) => read_inlines(read, content),
        Block::Quote(blocks) => blocks.iter().for_each(|block| read_block(read, block)),
        Block::List { items, .. } => items.iter().flatten().for_each(|block| read_block(read, block)),
        Block::Code { text, .. } => read.push_str(text),
        Block::Rule => {}
    }
    read.push('\n');
}

fn read_inlines(read: &mut String, content: &[Inline]) {
    for inline in content {
        match inline {
            Inline::Text(text) | Inline::Code(text) => read.push_str(text),
            Inline::Break => read.push('\n'),
            Inline::Strong(content) | Inline::Emphasis(content) | Inline::Strike(content) => {
                read_inlines(read, content);
            }
            Inline::Link { content, .. } => read_inlines(read, content),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_away_and_words_stay() {
        for (typed, read) in [
            ("**Hello**, _you_ ~~two~~", "Hello, you two"),
            ("one\ntwo\n\n- three\n- four\n\n> five", "one two three four five"),
            ("see [the plan](https://a.org) or https://b.org/c_d_", "see the plan or https://b.org/c_d_"),
            ("![a cat](https://a.org/cat.png)", "a cat"),
            ("```rust\nfn main() {}\n```", "fn main() {}"),
            ("# News\n`code` <b>x</b>", "News code <b>x</b>"),
            ("---", "---"),
            ("> ", ">"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("", ""),
        ] {
            assert_eq!(plain_text(typed), read, "{typed}");
        }
    }
}
