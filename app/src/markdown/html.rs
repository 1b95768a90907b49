//! The one writer of markup. It knows the tags and attributes below and no others; everything else that it writes is
//! escaped text, or an address that [`super::address`] has let through.
//!
//! It escapes as browsers do when they are asked for their markup (HTML, section 13.3), so that what a page holds can
//! be compared with what was written, byte for byte.

use super::{
    Block, Inline, bidi,
    highlight::{Token, highlight, language_name},
    mentions::{self, Mark},
    parse::parse,
};

/// Says of a name behind an `@`, as it was typed, how it is marked, if it is one.
type Named<'a> = &'a dyn Fn(&str) -> Option<Mark>;

/// A message as HTML: a sequence of blocks. A single block takes its direction from what it is put into, which has
/// `dir="auto"`; of several each decides on its own.
///
/// For [`crate::domain::limits::BODY_CHARS`] characters this takes a few milliseconds at most, whatever they are.
pub fn html(typed: &str) -> String {
    html_naming(typed, &|_name| None)
}

/// As [`html`], with the names marked that `named` knows.
pub fn html_naming(typed: &str, named: &dyn Fn(&str) -> Option<Mark>) -> String {
    let blocks = parse(typed);
    let direction = if blocks.len() > 1 { " dir=\"auto\"" } else { "" };
    let mut html = String::with_capacity(typed.len() * 2);
    write_blocks(&mut html, &blocks, direction, named);
    html
}

/// Lines stand between blocks, which browsers do not show, for whoever reads only the text.
fn write_blocks(html: &mut String, blocks: &[Block], direction: &str, named: Named<'_>) {
    for (place, block) in blocks.iter().enumerate() {
        if place > 0 {
            html.push('\n');
        }
        write_block(html, block, direction, named);
    }
}

fn write_block(html: &mut String, block: &Block, direction: &str, named: Named<'_>) {
    match block {
        Block::Paragraph(content) => {
            html.extend(["<p", direction, ">"]);
            write_inlines(html, content, named);
            html.push_str("</p>");
        }
        Block::Quote(blocks) => {
            html.extend(["<blockquote", direction, ">"]);
            write_blocks(html, blocks, "", named);
            html.push_str("</blockquote>");
        }
        Block::List { start, items } => {
            let tag = if start.is_some() { "ol" } else { "ul" };
            html.extend(["<", tag, direction]);
            if let Some(start) = start.filter(|start| *start != 1) {
                html.push_str(&format!(" start=\"{start}\""));
            }
            html.push('>');
            for (place, item) in items.iter().enumerate() {
                html.push_str(if place > 0 { "\n<li>" } else { "<li>" });
                write_blocks(html, item, "", named);
                html.push_str("</li>");
            }
            html.extend(["</", tag, ">"]);
        }
        Block::Code { language, text } => {
            // It may be wider than its place: who uses the keyboard stops at it to scroll.
            let name = language_name(language).map(|name| format!(", {name}")).unwrap_or_default();
            html.extend([
                "<pre dir=\"ltr\" role=\"group\" tabindex=\"0\" aria-label=\"Code",
                &name,
                "\"><code>",
            ]);
            for (token, text) in highlight(language, text) {
                let text = bidi::shown(text);
                match token.map(Token::class) {
                    Some(class) => {
                        html.extend(["<span class=\"", class, "\">"]);
                        write_text(html, &text);
                        html.push_str("</span>");
                    }
                    None => write_text(html, &text),
                }
            }
            html.push_str("</code></pre>");
        }
        Block::Rule => html.push_str("<hr>"),
    }
}

fn write_inlines(html: &mut String, content: &[Inline], named: Named<'_>) {
    for inline in content {
        match inline {
            Inline::Text(text) => write_named(html, text, named),
            Inline::Break => html.push_str("<br>\n"),
            Inline::Strong(content) => write_within(html, "strong", content, named),
            Inline::Emphasis(content) => write_within(html, "em", content, named),
            Inline::Strike(content) => write_within(html, "del", content, named),
            Inline::Code(text) => {
                html.push_str("<code>");
                write_text(html, &bidi::shown(text));
                html.push_str("</code>");
            }
            Inline::Link { href, content } => {
                html.push_str("<a href=\"");
                write_text(html, href);
                html.push_str("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">");
                // A link leads to where it leads, and to nobody.
                write_inlines(html, content, &|_name| None);
                html.push_str("</a>");
            }
        }
    }
}

fn write_within(html: &mut String, tag: &'static str, content: &[Inline], named: Named<'_>) {
    html.extend(["<", tag, ">"]);
    write_inlines(html, content, named);
    html.extend(["</", tag, ">"]);
}

/// A text with its names marked. What turns the direction of writing stays within its piece.
fn write_named(html: &mut String, text: &str, named: Named<'_>) {
    let mut written = 0;
    for (from, to, mark) in mentions::find(text, named) {
        write_text(html, &bidi::contained(&text[written..from]));
        html.push_str(match mark {
            Mark::Other => "<span class=\"mention\">",
            Mark::Reader => "<span class=\"mention\" data-reader=\"true\">",
        });
        write_text(html, &bidi::contained(&text[from..to]));
        html.push_str("</span>");
        written = to;
    }
    write_text(html, &bidi::contained(&text[written..]));
}

/// Quotes stay: text is never written into an attribute, and addresses have theirs encoded.
fn write_text(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\u{a0}' => html.push_str("&nbsp;"),
            '\n' | '\t' => html.push(c),
            // Pages have no room for these; a message has none of them.
            _ if c.is_control() => {}
            _ => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_marked_and_nothing_else_is() {
        let named = |name: &str| match name {
            "Asha Rao" => Some(Mark::Other),
            "all" => Some(Mark::Reader),
            _ => None,
        };
        assert_eq!(
            html_naming("**@Asha Rao** & @all, not @Ben, `@all` or [@all](https://a.org)", &named),
            "<p><strong><span class=\"mention\">@Asha Rao</span></strong> &amp; \
             <span class=\"mention\" data-reader=\"true\">@all</span>, not @Ben, <code>@all</code> or \
             <a href=\"https://a.org\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">@all</a></p>"
        );
        assert_eq!(
            html_naming("@<b>", &|_any| Some(Mark::Other)),
            "<p><span class=\"mention\">@&lt;b&gt;</span></p>"
        );
    }
}
