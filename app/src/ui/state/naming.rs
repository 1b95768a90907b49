//! What chats and the people in them are called, and how a chat's last message reads in a list.

use crate::{
    domain::{AttachmentId, ChatKind, UserId},
    markdown::plain_text,
    protocol::{ChatView, MemberView, MessageView},
    ui::files::words::gist,
};

/// Characters of a message that a list shows at most; the rest would be cut off anyway.
const PREVIEW_CHARS: usize = 120;
/// Characters of a draft that such a line is made of.
const DRAFT_CHARS: usize = 400;

/// The other person of a direct chat.
pub fn partner(chat: &ChatView, me: Option<UserId>) -> Option<&MemberView> {
    let direct = chat.kind == ChatKind::Direct;
    chat.members.iter().find(|member| direct && Some(member.user.id) != me)
}

/// What the chat is called: a group's name, or the other person's.
pub fn chat_title(chat: &ChatView, me: Option<UserId>) -> String {
    match (&chat.name, partner(chat, me)) {
        (Some(name), _) => name.clone(),
        (None, Some(partner)) => partner.user.display_name.clone(),
        (None, None) => "Direct chat".into(),
    }
}

/// The picture that stands for the chat: a group's, or the other person's.
pub fn chat_avatar(chat: &ChatView, me: Option<UserId>) -> Option<AttachmentId> {
    match chat.kind {
        ChatKind::Group => chat.avatar,
        ChatKind::Direct => partner(chat, me)?.user.avatar,
    }
}

/// The last message of a chat on one line, with its author where that is not plain.
pub fn preview(chat: &ChatView, me: Option<UserId>) -> Option<String> {
    let message = chat.last_message.as_ref()?;
    let text = one_line(&gist(message));
    Some(match chat.kind {
        _ if Some(message.sender_id) == me => format!("You: {text}"),
        ChatKind::Group => format!("{}: {text}", author(chat, message)),
        ChatKind::Direct => text,
    })
}

/// What one is writing, on one line, as it would read once it were sent. `None` if nothing of it can be seen.
pub fn draft_line(text: &str) -> Option<String> {
    // A line holds less than this.
    let end = text.char_indices().nth(DRAFT_CHARS).map_or(text.len(), |(end, _)| end);
    let line = one_line(&plain_text(&text[..end]));
    (!line.is_empty()).then_some(line)
}

/// Whether a message, or what is shown of the one that it answers, says of somebody what they were called before, or has
/// the picture that they had.
pub fn is_outdated(message: &MessageView, user: UserId, name: &str, avatar: Option<AttachmentId>) -> bool {
    let is_theirs = message.sender_id == user;
    is_theirs && (message.sender_name != name || message.sender_avatar != avatar)
        || message.reply_to.as_ref().is_some_and(|quote| quote.sender_id == user && quote.sender_name != name)
}

/// Has it say what they are called now.
pub fn name_anew(message: &mut MessageView, user: UserId, name: &str, avatar: Option<AttachmentId>) {
    if message.sender_id == user {
        (message.sender_name, message.sender_avatar) = (name.to_owned(), avatar);
    }
    if let Some(quote) = message.reply_to.as_mut().filter(|quote| quote.sender_id == user) {
        quote.sender_name = name.to_owned();
    }
}

/// What is said aloud about messages that have just arrived: a few one by one, of a burst the number.
pub fn announcement(messages: &[MessageView]) -> String {
    match messages {
        [] => String::new(),
        _ if messages.len() <= 3 => {
            let said: Vec<_> = messages
                .iter()
                .map(|message| format!("{}: {}", message.sender_name, one_line(&gist(message))))
                .collect();
            said.join(". ")
        }
        _ => format!("{} new messages", messages.len()),
    }
}

/// The author as they are called today, or were when they left.
fn author<'a>(chat: &'a ChatView, message: &'a MessageView) -> &'a str {
    chat.members
        .iter()
        .find(|member| member.user.id == message.sender_id)
        .map_or(&message.sender_name, |member| &member.user.display_name)
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > PREVIEW_CHARS {
            line = line.chars().take(PREVIEW_CHARS).chain(['…']).collect();
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{ADA, BEN, direct, group, message};

    #[test]
    fn a_direct_chat_is_called_after_the_other_person() {
        assert_eq!(chat_title(&direct(), Some(ADA)), "Ben");
        assert_eq!(chat_title(&direct(), Some(BEN)), "Ada");
        assert_eq!(chat_title(&group(), Some(ADA)), "Team");
        assert!(partner(&group(), Some(ADA)).is_none());
    }

    #[test]
    fn for_a_direct_chat_stands_the_other_person() {
        let [bens, teams] = [1, 2].map(|byte| AttachmentId::from_bytes([byte; 12]));
        let (mut pair, mut team) = (direct(), group());
        for member in pair.members.iter_mut().chain(&mut team.members) {
            member.user.avatar = (member.user.id == BEN).then_some(bens);
        }
        team.avatar = Some(teams);
        assert_eq!(chat_avatar(&pair, Some(ADA)), Some(bens));
        assert_eq!(chat_avatar(&pair, Some(BEN)), None);
        assert_eq!(chat_avatar(&team, Some(ADA)), Some(teams));
    }

    #[test]
    fn a_preview_names_its_author_where_that_is_not_plain() {
        let mut chat = direct();
        assert_eq!(preview(&chat, Some(ADA)), None);
        chat.last_message = Some(message(1, BEN, "two\n  lines"));
        assert_eq!(preview(&chat, Some(ADA)).as_deref(), Some("two lines"));
        assert_eq!(preview(&chat, Some(BEN)).as_deref(), Some("You: two lines"));
        chat.last_message.iter_mut().for_each(|last| last.delete(last.created_at));
        assert_eq!(preview(&chat, Some(ADA)).as_deref(), Some("Message deleted"));
        let mut chat = group();
        chat.last_message = Some(message(1, BEN, &"word ".repeat(100)));
        let long = preview(&chat, Some(ADA)).unwrap_or_default();
        assert!(long.starts_with("Ben: word") && long.ends_with('…'), "{long}");
    }

    #[test]
    fn a_draft_reads_as_it_would_once_it_were_sent() {
        assert_eq!(draft_line("so **much**\n to do").as_deref(), Some("so much to do"));
        assert_eq!(draft_line(" \n"), None);
        let long = draft_line(&"word ".repeat(1_000)).unwrap_or_default();
        assert!(long.ends_with('…') && long.chars().count() <= PREVIEW_CHARS + 1, "{long}");
    }

    #[test]
    fn of_a_burst_the_number_is_said() {
        let messages: Vec<_> = (1..=4).map(|n| message(n, BEN, "hi")).collect();
        assert_eq!(announcement(&messages[..2]), "Ben: hi. Ben: hi");
        assert_eq!(announcement(&messages), "4 new messages");
    }
}
