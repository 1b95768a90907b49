//! What is shown of a message that was found, and the address of a search.

use crate::{domain::ChatId, protocol::SearchResult};

/// Characters of a message that a result shows, about three lines.
const SHOWN_CHARS: usize = 180;
/// Characters before the first mark that are shown at most.
const BEFORE_CHARS: usize = 50;

/// A piece of a message: as it is, or what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether it is what was looked for.
    pub is_mark: bool,
}

/// What is shown of a message: the surroundings of its first mark on one line, in pieces.
pub fn snippet(body: &str, marks: &[(usize, usize)]) -> Vec<Piece> {
    let chars: Vec<char> = body.chars().collect();
    let start = first_shown(&chars, marks.first().map_or(0, |mark| mark.0));
    let end = (start + SHOWN_CHARS).min(chars.len());
    let mut pieces: Vec<Piece> = Vec::new();
    let mut add = |from: usize, upto: usize, is_mark: bool| {
        let (from, upto) = (from.clamp(start, end), upto.clamp(start, end));
        if from < upto {
            let line = |c: &char| if c.is_whitespace() { ' ' } else { *c };
            pieces.push(Piece { text: chars[from..upto].iter().map(line).collect(), is_mark });
        }
    };
    let mut at = start;
    for (from, upto) in marks {
        add(at, *from, false);
        add((*from).max(at), *upto, true);
        at = at.max(*from).max(*upto);
    }
    add(at, end, false);
    let more = || Piece { text: "…".to_owned(), is_mark: false };
    if start > 0 {
        pieces.insert(0, more());
    }
    if end < chars.len() {
        pieces.push(more());
    }
    pieces
}

/// Where a snippet begins: at the beginning, or at that of a word a little before the mark.
fn first_shown(chars: &[char], mark: usize) -> usize {
    let mark = mark.min(chars.len());
    if mark <= BEFORE_CHARS {
        return 0;
    }
    let earliest = mark - BEFORE_CHARS;
    let word = (earliest..mark).find(|place| chars[place - 1].is_whitespace());
    word.unwrap_or(earliest)
}

/// Where a message that was found stands in its conversation.
pub fn result_address(result: &SearchResult) -> String {
    let message = &result.message;
    format!("/c/{}/{}#m{}", message.chat_id, message.seq.0, message.seq.0)
}

/// The address of a search.
pub fn search_address(query: &str, chat: Option<ChatId>, older: Option<&str>) -> String {
    let mut address = String::from("/search?q=");
    for byte in query.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    if let Some(chat) = chat {
        address.push_str(&format!("&chat={chat}"));
    }
    if let Some(older) = older {
        address.push_str("&older=");
        address.extend(older.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-'));
    }
    address
}

/// How many messages were found, in words; `more` if there may be others behind them.
pub fn found_text(count: usize, more: bool) -> String {
    match (count, more) {
        (0, false) => "No messages found.".to_owned(),
        (0, true) => "Nothing found so far. There are older messages to look through.".to_owned(),
        (1, false) => "1 message found.".to_owned(),
        (_, false) => format!("{count} messages found."),
        (_, true) => format!("{count} messages found so far."),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(pieces: &[Piece]) -> String {
        let said =
            |piece: &Piece| if piece.is_mark { format!("[{}]", piece.text) } else { piece.text.clone() };
        pieces.iter().map(said).collect()
    }

    #[test]
    fn a_short_message_is_shown_whole() {
        assert_eq!(said(&snippet("two\nlines here", &[(4, 9)])), "two [lines] here");
        assert_eq!(said(&snippet("中文🎉字", &[(1, 2), (2, 3)])), "中[文][🎉]字");
        assert_eq!(said(&snippet("", &[])), "");
    }

    #[test]
    fn a_long_message_is_shown_around_its_first_mark() {
        let body = format!("{} needle {}", "word ".repeat(100), "after ".repeat(100));
        let at = body.find("needle").unwrap_or_default();
        let shown = said(&snippet(&body, &[(at, at + 6)]));
        assert!(
            shown.starts_with("…word") && shown.contains(" [needle] after") && shown.ends_with('…'),
            "{shown}"
        );
        let unbroken = "x".repeat(400);
        assert!(said(&snippet(&unbroken, &[(300, 303)])).contains("[xxx]"));
    }

    #[test]
    fn an_address_says_what_was_asked() {
        let chat: Option<ChatId> = "68949ca2e36d65cad2b71204".parse().ok();
        assert_eq!(search_address("a b&c=ü", None, None), "/search?q=a%20b%26c%3D%C3%BC");
        assert_eq!(
            search_address("", chat, Some("12-ab&x")),
            "/search?q=&chat=68949ca2e36d65cad2b71204&older=12-abx"
        );
    }

    #[test]
    fn what_was_found_is_counted_in_words() {
        assert_eq!(found_text(1, false), "1 message found.");
        assert_eq!(found_text(30, true), "30 messages found so far.");
        assert!(found_text(0, true).starts_with("Nothing found so far"));
    }

    proptest! {
        #[test]
        fn whatever_the_marks_nothing_breaks(body in ".{0,300}", marks in proptest::collection::vec((0..400_usize, 0..400_usize), 0..5)) {
            let pieces = snippet(&body, &marks);
            let length: usize = pieces.iter().map(|piece| piece.text.chars().count()).sum();
            prop_assert!(length <= SHOWN_CHARS + 2);
        }
    }
}
