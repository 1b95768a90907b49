//! Markdown as people type it in a chat: read into a small tree, and the tree written as HTML or as one plain line.
//!
//! The server and the browser run this very code, so what one renders the other does not change. It knows the limit of
//! a message's length and nothing else of the product: no chat, no page, no framework.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`parse`](mod@parse) | the parser's events become the tree, within bounds of length and depth |
//! | [`guard`] | what the parser is not to see: HTML, entities, definitions, bare addresses |
//! | [`address`] | which addresses may become links, and where a bare one ends |
//! | [`bidi`] | characters that turn the direction of writing stay within their own text |
//! | [`html`](mod@html) | the one writer of markup: known tags, known attributes, escaped text |
//! | [`plain`] | a message on one line, without its marks |
//! | [`mentions`] | names behind an `@`: where they may stand, and how the known ones are found |
//! | [`emoji`] | whether a message is nothing but a few emoji |
//! | [`highlight`] | the colours of code |
//!
//! Safe by construction: of what somebody typed only escaped text and checked addresses reach the page. The tree has
//! no place for anything else.

mod address;
mod bidi;
#[cfg(test)]
mod corpus_tests;
mod emoji;
mod guard;
mod highlight;
mod html;
mod languages;
mod mentions;
mod parse;
mod plain;
#[cfg(test)]
mod property_tests;

pub use emoji::is_few_emoji;
pub use html::{html, html_naming};
pub use mentions::{ALL, Mark, runs};
pub use plain::plain_text;

/// What stands below something else in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    /// Text. A heading is a paragraph in bold: a chat has no titles.
    Paragraph(Vec<Inline>),
    /// What somebody else said.
    Quote(Vec<Block>),
    /// A list; with the number of its first item, if it is numbered.
    List { start: Option<u64>, items: Vec<Vec<Block>> },
    /// Lines of code, and the language that was named with them.
    Code { language: String, text: String },
    /// A line across.
    Rule,
}

/// What stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Inline {
    /// Text without line breaks.
    Text(String),
    /// A line break.
    Break,
    /// Bold.
    Strong(Vec<Inline>),
    /// Italic.
    Emphasis(Vec<Inline>),
    /// Struck through.
    Strike(Vec<Inline>),
    /// Code.
    Code(String),
    /// A link, to an address that [`address::href`] has let through.
    Link { href: String, content: Vec<Inline> },
}
