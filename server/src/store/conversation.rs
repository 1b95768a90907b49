//! What every adapter makes of messages alike: what the log keeps of them, and whose reactions are whose.

use std::borrow::Cow;

use app::{
    domain::UserId,
    protocol::{EventBody, MessageView, ReactionView},
};

/// The event as the log keeps it: of what a message answers only where that is, so that no text stands in the log that
/// the deletion of its message would not find; and without what stands for somebody, which is soon another picture.
pub(super) fn kept(body: &EventBody) -> Cow<'_, EventBody> {
    match body {
        EventBody::NewMessage { message }
            if message.reply_to.is_some() || message.sender_avatar.is_some() =>
        {
            let mut message = message.clone();
            message.reply_to = message.reply_to.map(|quote| quote.reference());
            message.sender_avatar = None;
            Cow::Owned(EventBody::NewMessage { message })
        }
        EventBody::MemberAdded { member } if member.user.avatar.is_some() => {
            let mut member = member.clone();
            member.user.avatar = None;
            Cow::Owned(EventBody::MemberAdded { member })
        }
        body => Cow::Borrowed(body),
    }
}

/// Says which reactions are the viewer's own, as far as the people named with them tell. True if others have reacted
/// besides, among whom the viewer may be.
pub(super) fn mark_named(message: &mut MessageView, viewer: UserId) -> bool {
    let mut are_others = false;
    for reaction in &mut message.reactions {
        reaction.mine = reaction.user_ids.contains(&viewer);
        let named = u64::try_from(reaction.user_ids.len()).unwrap_or(u64::MAX);
        are_others |= !reaction.mine && reaction.count > named;
    }
    are_others
}

/// Reactions as they are stored: nobody's own.
pub(super) fn of_nobody(reactions: &[ReactionView]) -> Vec<ReactionView> {
    reactions.iter().map(|reaction| ReactionView { mine: false, ..reaction.clone() }).collect()
}

/// Says that this reaction is the viewer's own.
pub(super) fn mark(message: &mut MessageView, emoji: &str) {
    for reaction in message.reactions.iter_mut().filter(|reaction| reaction.emoji == emoji) {
        reaction.mine = true;
    }
}
