//! What the box offers while a name or an emoji is typed: where such a word begins, what fits, and what is written in
//! its place. Pure.

use crate::{
    domain::{AttachmentId, ChatKind, UserId, limits},
    markdown::ALL,
    protocol::{ChatView, EmojiList, MemberView},
};

/// Offered at once, at most: as many as fit above the box on a small screen without being scrolled.
pub(super) const OFFERED: usize = 6;
/// Letters of an emoji's name from which on some are offered: beside `:` there are other uses for a colon.
const EMOJI_LETTERS: usize = 2;

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Somebody's name, behind an `@`.
    Name,
    /// An emoji's name, behind a `:`.
    Emoji,
}

/// A word that something may be offered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub kind: Kind,
    /// Where its sign stands in the text, in bytes.
    pub start: usize,
    /// What stands between the sign and the caret.
    pub typed: String,
}

/// One thing that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// What is written.
    pub written: String,
    /// What stands before its name, if anything does: an emoji.
    pub picture: Option<String>,
    /// What it is called.
    pub name: String,
    /// What is said beside it.
    pub beside: &'static str,
    /// Whose colour its picture has, if it is somebody.
    pub user: Option<UserId>,
    /// The picture that stands for them.
    pub avatar: Option<AttachmentId>,
}

/// The word that ends where the caret is, if it is one that something is offered for.
pub(super) fn query(before: &str) -> Option<Query> {
    if is_in_code(before) {
        return None;
    }
    // A name may have spaces, so the sign need not be near.
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let (start, sign) = before[line..].char_indices().rev().find(|(_, c)| matches!(c, '@' | ':'))?;
    let start = line + start;
    let typed = &before[start + 1..];
    let begins = before[..start]
        .chars()
        .next_back()
        .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '“' | '"' | '*' | '_' | '~'));
    let kind = if sign == '@' { Kind::Name } else { Kind::Emoji };
    let fits = match kind {
        Kind::Name => {
            typed.chars().count() <= limits::DISPLAY_NAME_CHARS && !typed.starts_with(char::is_whitespace)
        }
        Kind::Emoji => typed.len() >= EMOJI_LETTERS && typed.bytes().all(is_of_shortcode),
    };
    (begins && fits).then(|| Query { kind, start, typed: typed.to_owned() })
}

fn is_of_shortcode(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-')
}

/// Whether what is typed next stands in code: behind an odd number of fences, or of backticks in its line.
fn is_in_code(before: &str) -> bool {
    let fences = before.lines().filter(|line| line.trim_start().starts_with("```")).count();
    let line = before.rsplit('\n').next().unwrap_or_default();
    fences % 2 == 1 || line.matches('`').count() % 2 == 1
}

/// The members whose name, or a word of it, begins like what is typed, and everybody in a group. Nobody who is typed
/// in full already, for there is nothing to complete.
///
/// Of a large group the page may know its first members only: [`ChatView::is_whole`] says so. Then those whom the server
/// has `found` by what is typed, or by the beginning of it, are offered as well.
pub(super) fn members(chat: &ChatView, found: &[MemberView], me: Option<UserId>, typed: &str) -> Vec<Choice> {
    let wanted = typed.to_lowercase();
    let rank = |name: &str| {
        let name = name.to_lowercase();
        let begins = name
            .split(|c: char| c.is_whitespace() || c.is_ascii_punctuation())
            .any(|word| word.starts_with(&wanted));
        if name.starts_with(&wanted) { Some(0) } else { begins.then_some(1) }
    };
    let is_known = |id: UserId| chat.members.iter().any(|member| member.user.id == id);
    let further = found.iter().filter(|member| !is_known(member.user.id));
    let people = chat.members.iter().chain(further).filter(|member| Some(member.user.id) != me);
    let mut fitting: Vec<_> =
        people.filter_map(|member| Some((rank(&member.user.display_name)?, &member.user))).collect();
    fitting.sort_by_cached_key(|(rank, user)| (*rank, user.display_name.to_lowercase(), user.id));
    fitting.truncate(OFFERED);
    let mut choices: Vec<Choice> = fitting
        .into_iter()
        .map(|(_, user)| Choice {
            written: format!("@{} ", as_text(&user.display_name)),
            picture: None,
            name: user.display_name.clone(),
            beside: "",
            user: Some(user.id),
            avatar: user.avatar,
        })
        .collect();
    if chat.kind == ChatKind::Group && rank(ALL).is_some() {
        choices.truncate(OFFERED - 1);
        choices.push(Choice {
            written: format!("@{ALL} "),
            picture: None,
            name: ALL.to_owned(),
            beside: "Everybody in the group",
            user: None,
            avatar: chat.avatar,
        });
    }
    let is_typed = |choice: &Choice| choice.name.to_lowercase() == wanted;
    if choices.len() == 1 && choices.iter().all(is_typed) { Vec::new() } else { choices }
}

/// A name as a text that Markdown leaves as it is.
fn as_text(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if matches!(c, '\\' | '*' | '_' | '~' | '`' | '[' | ']') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// The emoji whose name begins like what is typed, and then those that have a word which does.
pub(super) fn emoji(list: &EmojiList, typed: &str) -> Vec<Choice> {
    let wanted = typed.to_ascii_lowercase();
    let mut fitting: Vec<(usize, usize, &str, &str)> = Vec::new();
    for one in list.groups.iter().flat_map(|group| &group.emoji) {
        let rank = |code: &str| match code {
            _ if code == wanted => Some(0),
            _ if code.starts_with(&wanted) => Some(1),
            _ => code.split(['_', '-']).any(|word| word.starts_with(&wanted)).then_some(2),
        };
        let codes = one.shortcodes.iter().filter_map(|code| Some((rank(code)?, code.as_str())));
        fitting.extend(codes.min().map(|(rank, code)| (rank, code.len(), code, one.emoji.as_str())));
    }
    fitting.sort_by_key(|(rank, length, _, _)| (*rank, *length));
    fitting.truncate(OFFERED);
    let choice = |(_, _, code, emoji): (usize, usize, &str, &str)| Choice {
        written: format!("{emoji} "),
        picture: Some(emoji.to_owned()),
        name: format!(":{code}:"),
        beside: "",
        user: None,
        avatar: None,
    };
    fitting.into_iter().map(choice).collect()
}

/// The emoji that a name between colons stands for which has just been closed, with where it begins in the text.
pub(super) fn closed(before: &str, list: &EmojiList) -> Option<(usize, String)> {
    let named = before.strip_suffix(':')?;
    let Query { kind: Kind::Emoji, start, typed } = query(named)? else { return None };
    let wanted = typed.to_ascii_lowercase();
    let mut all = list.groups.iter().flat_map(|group| &group.emoji);
    let found = all.find(|one| one.shortcodes.contains(&wanted))?;
    Some((start, found.emoji.clone()))
}

/// A place in a text that a browser counts in units of UTF-16, in bytes.
pub(super) fn byte_of(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    for (place, c) in text.char_indices() {
        if left == 0 {
            return place;
        }
        left = left.saturating_sub(c.len_utf16());
    }
    text.len()
}

/// The other way round.
pub(super) fn units_of(text: &str, byte: usize) -> u32 {
    let units = text.get(..byte).unwrap_or(text).encode_utf16().count();
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Role,
        protocol::{EmojiGroup, EmojiView, MemberView},
        ui::state::testing::{ADA, BEN, CY, direct, group, member},
    };

    fn typed(before: &str) -> Option<(Kind, usize, String)> {
        query(before).map(|query| (query.kind, query.start, query.typed))
    }

    #[test]
    fn a_word_behind_a_sign_is_being_completed() {
        let name = |start, typed: &str| Some((Kind::Name, start, typed.to_owned()));
        assert_eq!(typed("hi @As"), name(3, "As"));
        assert_eq!(typed("hi\n@Asha R"), name(3, "Asha R"));
        assert_eq!(typed("(@आ"), name(1, "आ"));
        assert_eq!(typed("@"), name(0, ""));
        assert_eq!(typed("so :tad"), Some((Kind::Emoji, 3, "tad".into())));
        for nothing in
            ["a@b", "@ a", "@a\n", "at 10:30", ":t", "x:tada", "`@As", "```\n@As", "http://ab", ": tada", ""]
        {
            assert_eq!(typed(nothing), None, "{nothing}");
        }
        assert_eq!(typed("`code` @As"), name(7, "As"));
    }

    fn called(user: UserId, name: &str) -> MemberView {
        let mut member = member(user, Role::Member);
        member.user.display_name = name.into();
        member
    }

    #[test]
    fn members_are_offered_by_any_word_of_their_name_and_all_in_groups() {
        let members_of = |typed: &str| {
            let members = vec![called(ADA, "Ada"), called(BEN, "Asha Rao"), called(CY, "Ravi *Al*")];
            let chat = ChatView { members, ..group() };
            super::members(&chat, &[], Some(ADA), typed)
                .into_iter()
                .map(|choice| choice.written)
                .collect::<Vec<_>>()
        };
        assert_eq!(members_of(""), ["@Asha Rao ", "@Ravi \\*Al\\* ", "@all "]);
        assert_eq!(members_of("RA"), ["@Ravi \\*Al\\* ", "@Asha Rao "]);
        assert_eq!(members_of("asha r"), ["@Asha Rao "]);
        assert_eq!(members_of("asha rao"), Vec::<String>::new(), "it is complete");
        assert_eq!(members_of("al"), ["@Ravi \\*Al\\* ", "@all "]);
        assert_eq!(members_of("ada"), Vec::<String>::new(), "nobody mentions themselves");
        let first = ChatView { members: vec![called(ADA, "Ada"), called(BEN, "Asha Rao")], ..group() };
        let found = [called(BEN, "Asha Rao"), called(CY, "Ashok")];
        let offered = super::members(&first, &found, Some(ADA), "ash");
        assert_eq!(offered.iter().map(|choice| &*choice.name).collect::<Vec<_>>(), ["Asha Rao", "Ashok"]);
        let pair = ChatView { members: vec![called(ADA, "Ada"), called(BEN, "Ben")], ..direct() };
        assert!(members(&pair, &[], Some(ADA), "al").is_empty());
    }

    fn list() -> EmojiList {
        let one = |emoji: &str, codes: &[&str]| EmojiView {
            emoji: emoji.into(),
            name: codes[0].into(),
            shortcodes: codes.iter().map(|code| (*code).to_owned()).collect(),
            tones: Vec::new(),
        };
        let emoji = vec![
            one("🍪", &["cookie"]),
            one("🎉", &["tada", "party"]),
            one("🧑‍🍳", &["cook"]),
            one("👍", &["+1", "thumbs_up"]),
        ];
        EmojiList { groups: vec![EmojiGroup { name: "All".into(), emoji }] }
    }

    #[test]
    fn emoji_are_offered_by_their_names_the_nearest_first() {
        let offered = |typed: &str| -> Vec<String> {
            emoji(&list(), typed).into_iter().map(|choice| choice.name).collect()
        };
        assert_eq!(offered("cook"), [":cook:", ":cookie:"]);
        assert_eq!(offered("UP"), [":thumbs_up:"]);
        assert_eq!(offered("xx"), Vec::<String>::new());
    }

    #[test]
    fn a_name_that_is_closed_becomes_its_emoji() {
        let found = |before: &str| closed(before, &list());
        assert_eq!(found("hi :tada:"), Some((3, "🎉".into())));
        assert_eq!(found(":+1:"), Some((0, "👍".into())));
        for nothing in ["`:tada:", "a:tada:", ":nothing:", ":tada", "::", "10:30:"] {
            assert_eq!(found(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_caret_is_counted_as_browsers_count() {
        let text = "a🎉é";
        for (units, byte) in [(0, 0), (1, 1), (3, 5), (4, 7), (9, 7)] {
            assert_eq!(byte_of(text, units), byte);
            assert_eq!(units_of(text, byte), units.min(4));
        }
    }
}
