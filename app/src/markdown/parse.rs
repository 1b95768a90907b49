//! The parser's events become the tree.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

use super::{
    Block, Inline, address,
    guard::{Guarded, Piece, without_marks},
    plain::inline_text,
};
use crate::domain::limits::BODY_CHARS;

/// How many things may stand in each other, a list counting twice. What is deeper is shown as it was typed.
const MAX_DEPTH: usize = 16;

/// Reads a message. Every text is a message: what is no Markdown is text, and where nothing would be left to see, and
/// beyond [`BODY_CHARS`] characters, all of it is.
pub(super) fn parse(typed: &str) -> Vec<Block> {
    let typed = without_marks(typed);
    if typed.chars().nth(BODY_CHARS).is_some() {
        return as_typed(&typed);
    }
    let guarded = Guarded::new(&typed);
    let mut reader = Reader { guarded: &guarded, stack: vec![Frame::new(Kind::Root)], skipped: 0 };
    for (event, range) in Parser::new_ext(&guarded.text, Options::ENABLE_STRIKETHROUGH).into_offset_iter() {
        reader.event(event, range);
    }
    let blocks = reader.finish();
    if blocks.iter().any(is_seen) { blocks } else { as_typed(&typed) }
}

/// A text as it is, in one paragraph.
fn as_typed(typed: &str) -> Vec<Block> {
    let mut content = Vec::new();
    for line in typed.trim().lines() {
        if !content.is_empty() {
            content.push(Inline::Break);
        }
        content.push(Inline::Text(line.to_owned()));
    }
    if content.is_empty() { Vec::new() } else { vec![Block::Paragraph(content)] }
}

fn is_seen(block: &Block) -> bool {
    match block {
        Block::Paragraph(content) => content.iter().any(is_read),
        Block::Quote(blocks) => blocks.iter().any(is_seen),
        Block::List { items, .. } => items.iter().flatten().any(is_seen),
        Block::Code { text, .. } => !text.trim().is_empty(),
        Block::Rule => true,
    }
}

fn is_read(inline: &Inline) -> bool {
    match inline {
        Inline::Text(text) | Inline::Code(text) => !text.trim().is_empty(),
        Inline::Break => false,
        Inline::Strong(content) | Inline::Emphasis(content) | Inline::Strike(content) => {
            content.iter().any(is_read)
        }
        Inline::Link { content, .. } => content.iter().any(is_read),
    }
}

/// What something is that has begun and not ended.
enum Kind {
    Root,
    Quote,
    List(Option<u64>),
    Item,
    Heading(Range<usize>),
    Code(String),
    Strong,
    Emphasis,
    Strike,
    Link(String),
    /// What is only what is in it.
    Plain,
}

/// Something that has begun, and what is in it so far.
struct Frame {
    kind: Kind,
    blocks: Vec<Block>,
    items: Vec<Vec<Block>>,
    inlines: Vec<Inline>,
    code: String,
}

impl Frame {
    fn new(kind: Kind) -> Self {
        Self { kind, blocks: Vec::new(), items: Vec::new(), inlines: Vec::new(), code: String::new() }
    }

    /// Ends the paragraph that its text makes.
    fn end_paragraph(&mut self) {
        let content = std::mem::take(&mut self.inlines);
        if !content.is_empty() {
            self.blocks.push(Block::Paragraph(content));
        }
    }

    fn into_blocks(mut self) -> Vec<Block> {
        self.end_paragraph();
        self.blocks
    }
}

struct Reader<'a> {
    guarded: &'a Guarded<'a>,
    /// What has begun; the root stays.
    stack: Vec<Frame>,
    /// How many things have begun in what is passed over, itself included.
    skipped: usize,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(_) if self.skipped > 0 => self.skipped += 1,
            Event::End(_) if self.skipped > 0 => self.skipped -= 1,
            _ if self.skipped > 0 => {}
            Event::Start(tag) => self.start(tag, range),
            Event::End(_) => self.end(),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(code) => {
                let code = self.guarded.typed(&code);
                self.push(Inline::Code(code));
            }
            Event::SoftBreak | Event::HardBreak => self.push(Inline::Break),
            Event::Rule => self.push_block(Block::Rule),
            // Nothing that is switched on brings these.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text)
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        let (kind, is_block) = match tag {
            Tag::BlockQuote(_) => (Kind::Quote, true),
            Tag::List(start) => (Kind::List(start), true),
            Tag::Item => (Kind::Item, true),
            Tag::Heading { .. } => (Kind::Heading(range.clone()), true),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                let language = info.split([' ', ',', '{']).next().unwrap_or_default();
                (Kind::Code(self.guarded.typed(language)), true)
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => (Kind::Code(String::new()), true),
            Tag::Strong => (Kind::Strong, false),
            Tag::Emphasis => (Kind::Emphasis, false),
            Tag::Strikethrough => (Kind::Strike, false),
            // An image is fetched from wherever its author says, and so tells them who reads it: it is a link here.
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                if self.stack.iter().any(|frame| matches!(frame.kind, Kind::Link(_))) {
                    (Kind::Plain, false)
                } else {
                    match address::href(&self.guarded.typed(&dest_url)) {
                        Some(href) => (Kind::Link(href), false),
                        None => return self.skip(range, false),
                    }
                }
            }
            Tag::Paragraph => {
                self.top().end_paragraph();
                (Kind::Plain, false)
            }
            // A paragraph, or something that is not switched on.
            _ => (Kind::Plain, false),
        };
        if self.stack.len() > MAX_DEPTH && !matches!(kind, Kind::Plain | Kind::Code(_) | Kind::Item) {
            return self.skip(range, is_block);
        }
        if is_block {
            self.top().end_paragraph();
        }
        self.stack.push(Frame::new(kind));
    }

    /// Shows as it was typed what begins here, and passes over what the parser says of it.
    fn skip(&mut self, range: Range<usize>, is_block: bool) {
        self.skipped = 1;
        if is_block {
            self.top().end_paragraph();
        }
        let guarded = self.guarded;
        for (number, line) in guarded.text.get(range).unwrap_or_default().trim_end().lines().enumerate() {
            if number > 0 {
                self.push(Inline::Break);
            }
            self.text(line.trim_start());
        }
        if is_block {
            self.top().end_paragraph();
        }
    }

    fn end(&mut self) {
        // What began is ended: the root is never popped.
        let Some(frame) = (self.stack.len() > 1).then(|| self.stack.pop()).flatten() else { return };
        match frame.kind {
            Kind::Root => {}
            Kind::Quote => self.push_block(Block::Quote(frame.into_blocks())),
            Kind::Item => self.top().items.push(frame.into_blocks()),
            Kind::List(start) => self.push_block(Block::List { start, items: frame.items }),
            Kind::Code(language) => {
                let text = frame.code.strip_suffix('\n').unwrap_or(&frame.code).to_owned();
                self.push_block(Block::Code { language, text });
            }
            Kind::Heading(range) => self.heading(range, frame.inlines),
            Kind::Strong => self.push(Inline::Strong(frame.inlines)),
            Kind::Emphasis => self.push(Inline::Emphasis(frame.inlines)),
            Kind::Strike => self.push(Inline::Strike(frame.inlines)),
            Kind::Link(href) => {
                let mut content = frame.inlines;
                // What reads like one address must not lead to another.
                let read = inline_text(&content);
                if address::misleads(read.trim(), &href) || !content.iter().any(is_read) {
                    content = vec![Inline::Text(href.clone())];
                }
                self.push(Inline::Link { href, content });
            }
            Kind::Plain => frame.inlines.into_iter().for_each(|inline| self.push(inline)),
        }
    }

    /// A line after a `#` is a paragraph in bold. One with a line drawn under it is just that.
    fn heading(&mut self, range: Range<usize>, content: Vec<Inline>) {
        let source = self.guarded.text.get(range).unwrap_or_default();
        if source.trim_start().starts_with('#') {
            self.push_block(Block::Paragraph(vec![Inline::Strong(content)]));
        } else {
            self.push_block(Block::Paragraph(content));
            self.push_block(Block::Rule);
        }
    }

    fn text(&mut self, text: &str) {
        let guarded = self.guarded;
        if let Kind::Code(_) = self.top().kind {
            let typed = guarded.typed(text);
            return self.top().code.push_str(&typed);
        }
        let in_link = self.stack.iter().any(|frame| matches!(frame.kind, Kind::Link(_)));
        for piece in guarded.pieces(text) {
            let link = match piece {
                Piece::Address(text) if !in_link => address::bare_href(text).map(|href| (text, href)),
                _ => None,
            };
            let (Piece::Address(text) | Piece::Text(text)) = piece;
            self.push(match link {
                Some((text, href)) => Inline::Link { href, content: vec![Inline::Text(text.to_owned())] },
                None => Inline::Text(text.to_owned()),
            });
        }
    }

    fn push_block(&mut self, block: Block) {
        let top = self.top();
        top.end_paragraph();
        top.blocks.push(block);
    }

    fn push(&mut self, inline: Inline) {
        let inlines = &mut self.top().inlines;
        match (inlines.last_mut(), inline) {
            // One text, so that what it does to the direction of writing can be looked at as a whole.
            (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
            (_, inline) => inlines.push(inline),
        }
    }

    fn top(&mut self) -> &mut Frame {
        if self.stack.is_empty() {
            self.stack.push(Frame::new(Kind::Root));
        }
        let last = self.stack.len() - 1;
        &mut self.stack[last]
    }

    fn finish(mut self) -> Vec<Block> {
        while self.stack.len() > 1 {
            self.end();
        }
        self.stack.pop().map(Frame::into_blocks).unwrap_or_default()
    }
}
