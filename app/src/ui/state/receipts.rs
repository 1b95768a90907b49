//! How far others have read a chat, as far as they let it be seen: pure.

use crate::{
    domain::{ChatKind, Ordinal, UserId, limits},
    protocol::{ChatView, MemberView},
};

/// What is said under a message of one's own; nothing where nobody is told how far others have read.
pub fn words(chat: &ChatView, me: Option<UserId>, ordinal: Ordinal) -> Option<String> {
    if chat.member_count > limits::RECEIPT_MEMBERS as u64 {
        return None;
    }
    let (read, all) = (who_read(chat, me, ordinal).count() as u64, chat.member_count.saturating_sub(1));
    Some(match (chat.kind, read) {
        (_, 0) => "Sent".into(),
        (ChatKind::Direct, _) => "Read".into(),
        (ChatKind::Group, read) if read >= all => "Read by everybody".into(),
        (ChatKind::Group, read) => format!("Read by {read}"),
    })
}

/// Who has read a message, by name.
pub fn readers(chat: &ChatView, me: Option<UserId>, ordinal: Ordinal) -> Vec<String> {
    who_read(chat, me, ordinal).map(|member| member.user.display_name.clone()).collect()
}

fn who_read(chat: &ChatView, me: Option<UserId>, ordinal: Ordinal) -> impl Iterator<Item = &MemberView> {
    let others = chat.members.iter().filter(move |member| Some(member.user.id) != me);
    others.filter(move |member| member.read >= Some(ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::Role,
        ui::state::testing::{ADA, BEN, CY, direct, group, member},
    };

    fn read(mut chat: ChatView, by: &[(UserId, u64)]) -> ChatView {
        for (user, ordinal) in by {
            let member = chat.members.iter_mut().find(|member| member.user.id == *user);
            member.into_iter().for_each(|member| member.read = Some(Ordinal(*ordinal)));
        }
        chat
    }

    #[test]
    fn in_a_direct_chat_it_is_sent_or_read() {
        let said = |chat: &ChatView, ordinal| words(chat, Some(ADA), Ordinal(ordinal));
        let chat = read(direct(), &[(ADA, 9), (BEN, 3)]);
        assert_eq!(said(&chat, 3).as_deref(), Some("Read"));
        assert_eq!(said(&chat, 4).as_deref(), Some("Sent"));
        assert_eq!(said(&direct(), 1).as_deref(), Some("Sent"), "they do not let it be seen");
    }

    #[test]
    fn in_a_group_it_is_said_by_how_many() {
        let mut chat = group();
        chat.members.push(member(CY, Role::Member));
        chat.member_count = 3;
        let one = read(chat.clone(), &[(BEN, 3)]);
        assert_eq!(words(&one, Some(ADA), Ordinal(3)).as_deref(), Some("Read by 1"));
        assert_eq!(readers(&one, Some(ADA), Ordinal(3)), ["Ben"]);
        let all = read(one, &[(CY, 4)]);
        assert_eq!(words(&all, Some(ADA), Ordinal(3)).as_deref(), Some("Read by everybody"));
        chat.member_count = 101;
        assert_eq!(words(&chat, Some(ADA), Ordinal(3)), None, "nobody is told");
    }
}
