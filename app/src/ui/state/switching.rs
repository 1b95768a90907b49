//! Which chats and people are meant by what is typed into the switcher.

use std::sync::Arc;

use super::naming::{chat_avatar, chat_title, partner};
use crate::{
    domain::{AttachmentId, ChatId, UserId},
    protocol::{ChatView, UserView},
};

/// Rows that the switcher shows at most.
const ROWS: usize = 12;

/// Where the switcher leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One of one's chats.
    Chat {
        /// Which.
        id: ChatId,
        /// What it is called.
        title: String,
        /// The other person of a direct chat.
        other: Option<UserId>,
        /// The picture that stands for it.
        avatar: Option<AttachmentId>,
    },
    /// Somebody with whom there is no direct chat yet.
    Person(UserView),
}

/// How well a name fits, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// It begins with what was typed.
    Begins,
    /// Each word that was typed begins one of its words.
    Words,
    /// Each word that was typed stands somewhere in it.
    Within,
}

/// The rows for what was typed: one's chats, those that fit best first and of those the last active ones, then the people
/// that were found. Without anything typed, the last active chats.
pub fn targets(typed: &str, chats: &[Arc<ChatView>], people: &[UserView], me: Option<UserId>) -> Vec<Target> {
    let typed = typed.trim().trim_start_matches(['@', '#']).to_lowercase();
    let mut fitting: Vec<(Fit, &ChatView, String)> = chats
        .iter()
        .filter_map(|chat| {
            let title = chat_title(chat, me);
            Some((fit(&typed, &title)?, &**chat, title))
        })
        .collect();
    // The chats come last active first, and a sort that is stable keeps that.
    fitting.sort_by_key(|(fit, _, _)| *fit);
    let chat = |(_, chat, title): (Fit, &ChatView, String)| Target::Chat {
        id: chat.id,
        title,
        other: partner(chat, me).map(|other| other.user.id),
        avatar: chat_avatar(chat, me),
    };
    let mut rows: Vec<Target> = fitting.into_iter().map(chat).take(ROWS).collect();
    if !typed.is_empty() {
        let has_chat = |user: &UserView| {
            chats.iter().any(|chat| partner(chat, me).is_some_and(|p| p.user.id == user.id))
        };
        let others = people.iter().filter(|user| Some(user.id) != me && !has_chat(user));
        rows.extend(others.take(ROWS).cloned().map(Target::Person));
    }
    rows
}

/// How well a name fits what was typed, which is in lower case; `None` if not at all.
fn fit(typed: &str, name: &str) -> Option<Fit> {
    let name = name.to_lowercase();
    if name.starts_with(typed) {
        return Some(Fit::Begins);
    }
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let mut asked = typed.split_whitespace();
    if asked.clone().all(|asked| words.iter().any(|word| word.starts_with(asked))) {
        return Some(Fit::Words);
    }
    asked.all(|asked| name.contains(asked)).then_some(Fit::Within)
}

/// The row after or before another one, round and round.
pub fn next_row(at: usize, rows: usize, forward: bool) -> usize {
    match (rows, forward) {
        (0, _) => 0,
        (_, true) => (at + 1) % rows,
        (_, false) => (at + rows - 1) % rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{ADA, BEN, direct, group};

    fn named(name: &str, number: u8) -> Arc<ChatView> {
        let mut chat = group();
        (chat.id, chat.name) = (ChatId::from_bytes([number; 12]), Some(name.to_owned()));
        Arc::new(chat)
    }

    fn titles(typed: &str, chats: &[Arc<ChatView>], people: &[UserView]) -> Vec<String> {
        let title = |target| match target {
            Target::Chat { title, .. } => title,
            Target::Person(user) => format!("({})", user.display_name),
        };
        targets(typed, chats, people, Some(ADA)).into_iter().map(title).collect()
    }

    #[test]
    fn what_fits_best_is_first_and_among_equals_the_last_active() {
        let chats = ["Weekly plan", "Airplanes", "Planning", "Planets", "Lunch"];
        let chats: Vec<_> = chats.iter().zip(10..).map(|(name, number)| named(name, number)).collect();
        assert_eq!(titles("PLAN", &chats, &[]), ["Planning", "Planets", "Weekly plan", "Airplanes"]);
        assert_eq!(titles("pl we", &chats, &[]), ["Weekly plan"]);
        assert_eq!(titles("", &chats, &[]).len(), 5);
        assert!(titles("zebra", &chats, &[]).is_empty());
    }

    #[test]
    fn people_come_after_chats_unless_there_is_a_chat_with_them() {
        let user = |id, name: &str| UserView { id, display_name: name.into(), ..UserView::default() };
        let carol = user(UserId::from_bytes([9; 12]), "Benedict");
        let people = [user(BEN, "Ben"), carol, user(ADA, "Ada")];
        assert_eq!(titles("ben", &[Arc::new(direct())], &people), ["Ben", "(Benedict)"]);
        assert_eq!(titles("", &[Arc::new(direct())], &people), ["Ben"]);
    }

    #[test]
    fn rows_go_round() {
        assert_eq!((next_row(2, 3, true), next_row(0, 3, false), next_row(0, 0, true)), (0, 2, 0));
    }
}
