//! The reactions under a message. Pressing one adds one's own, or takes it away.

use leptos::{prelude::*, task::spawn_local};

use super::attachments::Reach;
use crate::{
    domain::{ChatId, MessageId, UserId},
    protocol::ReactionView,
    ui::state::{Store, use_store},
};

/// People who are named with a reaction; of the others there is the number.
const NAMED: usize = 8;

/// Puts an emoji under a message, or takes it away, and says why if that is refused.
pub(super) fn react(store: Store, chat_id: ChatId, message_id: MessageId, emoji: &str, on: bool) {
    let emoji = emoji.to_owned();
    spawn_local(async move {
        if let Err(error) = store.react(chat_id, message_id, emoji, on).await {
            store.fail(&error);
        }
    });
}

/// The reactions of one message.
#[component]
pub(super) fn Reactions(
    /// In which chat.
    chat_id: ChatId,
    /// Which message, and what stands under it.
    reactions: Memo<Option<(MessageId, Vec<ReactionView>)>>,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chat = store.shared_chat(chat_id);
    let emoji = Memo::new(move |_| {
        let of =
            |(_, all): &(MessageId, Vec<ReactionView>)| all.iter().map(|one| one.emoji.clone()).collect();
        reactions.with(|reactions| reactions.as_ref().map(of).unwrap_or_else(Vec::new))
    });
    let chip = move |emoji: String| {
        let which = emoji.clone();
        let one = Memo::new(move |before: Option<&Option<(MessageId, ReactionView)>>| {
            let now = reactions.with(|reactions| {
                let (id, all) = reactions.as_ref()?;
                Some((*id, all.iter().find(|one| one.emoji == which)?.clone()))
            });
            // One that has just gone is shown as it was last.
            now.or_else(|| before.cloned().flatten())
        });
        let mine = move || one.with(|one| one.as_ref().is_some_and(|(_, one)| one.mine));
        let count = move || one.with(|one| one.as_ref().map_or(0, |(_, one)| one.count));
        let label = move || {
            let name_of = |user: UserId| {
                chat.with(|chat| {
                    let members = chat.as_deref().map_or(&[][..], |chat| &chat.members);
                    let member = members.iter().find(|member| member.user.id == user)?;
                    Some(member.user.display_name.clone())
                })
            };
            one.with(|one| one.as_ref().map(|(_, one)| said(one, me, name_of)).unwrap_or_default())
        };
        let press = move |_| {
            if let Some((id, one)) = one.get_untracked() {
                react(store, chat_id, id, &one.emoji, !one.mine);
            }
        };
        view! {
            <button
                type="button"
                class="reaction"
                aria-pressed=move || mine().to_string()
                aria-label=label
                title=label
                tabindex=reach
                on:click=press
            >
                <span class="reaction__emoji">{emoji}</span>
                <span class="reaction__count">{count}</span>
            </button>
        }
        .into_any()
    };
    let any = Memo::new(move |_| emoji.with(|emoji| !emoji.is_empty()));
    view! {
        <Show when=move || any.get()>
            <div class="reactions">
                <For each=move || emoji.get() key=Clone::clone children=chip/>
            </div>
        </Show>
    }
    .into_any()
}

/// What is said of a reaction: `👍 3: Ada, Ben and you`.
fn said(reaction: &ReactionView, me: Option<UserId>, name_of: impl Fn(UserId) -> Option<String>) -> String {
    let others = reaction.user_ids.iter().filter(|user| Some(**user) != me);
    let mut names: Vec<_> = others.filter_map(|user| name_of(*user)).take(NAMED).collect();
    if reaction.mine {
        names.push("you".into());
    }
    let rest = reaction.count.saturating_sub(names.len() as u64);
    match rest {
        0 => {}
        _ if names.is_empty() => return format!("{} {}", reaction.emoji, reaction.count),
        1 => names.push("1 other".into()),
        _ => names.push(format!("{rest} others")),
    }
    let last = names.pop().unwrap_or_default();
    let named = if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) };
    format!("{} {}: {named}", reaction.emoji, reaction.count)
}

/// The reactions in short, as they are read aloud with the message; empty if there are none.
pub(super) fn in_short(reactions: &[ReactionView]) -> String {
    let each: Vec<_> = reactions.iter().map(|one| format!("{} {}", one.emoji, one.count)).collect();
    if each.is_empty() { String::new() } else { format!("reactions: {}", each.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{ADA, BEN, CY, name};

    #[test]
    fn a_reaction_names_who_is_known_and_counts_the_rest() {
        let of = |count: u64, user_ids: &[UserId], mine: bool| {
            let reaction = ReactionView { emoji: "👍".into(), count, user_ids: user_ids.to_vec(), mine };
            said(&reaction, Some(ADA), |user| (user != CY).then(|| name(user).to_owned()))
        };
        assert_eq!(of(1, &[ADA], true), "👍 1: you");
        assert_eq!(of(2, &[ADA, BEN], true), "👍 2: Ben and you");
        assert_eq!(of(3, &[ADA, BEN, CY], true), "👍 3: Ben, you and 1 other");
        assert_eq!(of(30, &[BEN], false), "👍 30: Ben and 29 others");
        assert_eq!(of(2, &[CY], false), "👍 2");
    }
}
