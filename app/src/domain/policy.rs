//! Who may do what: facts in, decision out.
//!
//! Each rule is a pure function that the services call with the state a change will be committed on, and
//! that the page calls to show only what may be done. A person who is not in the chat always gets
//! [`ErrorCode::NotFound`]: they may not even know that it exists.

use super::{AttachmentId, Blocking, ChatKind, ChatState, Role, UserId, limits};
use crate::error::{AppError, AppResult, ErrorCode};

/// What a rule decided should happen to the membership of a chat, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// The person joins as a plain member.
    Add(UserId),
    /// The person is a member no longer.
    Remove(UserId),
    /// The person's role changes.
    SetRole(UserId, Role),
    /// The chat ends.
    Delete,
}

/// A direct chat needs two people.
pub fn open_direct_chat(actor: UserId, other: UserId) -> AppResult<()> {
    if actor == other { Err(ErrorCode::CannotChatWithSelf.into()) } else { Ok(()) }
}

/// Nobody blocks themselves.
pub fn block(actor: UserId, other: UserId) -> AppResult<()> {
    if actor == other { Err(ErrorCode::InvalidRequest.into()) } else { Ok(()) }
}

/// In a direct chat nobody writes to whom they have blocked, nor to who has blocked them. In a group everybody does.
pub fn write_to(blocking: Blocking) -> AppResult<()> {
    blocking.refusal().map_or(Ok(()), |code| Err(code.into()))
}

/// Members read; everybody else finds nothing.
pub fn read(role: Option<Role>) -> AppResult<Role> {
    role.ok_or_else(AppError::not_found)
}

/// Whether a member of that role may rename, add, remove, promote and delete.
pub fn may_administer(kind: ChatKind, role: Role) -> bool {
    kind == ChatKind::Group && role == Role::Admin
}

/// Whether a member may leave.
pub fn may_leave(kind: ChatKind) -> bool {
    kind == ChatKind::Group
}

/// Whether a member of that role may delete a message: their own anybody, of a group all of them its admins.
pub fn may_delete_message(kind: ChatKind, role: Role, actor: UserId, sender: UserId) -> bool {
    actor == sender || may_administer(kind, role)
}

/// A message is deleted by who sent it, and in a group by its admins.
pub fn delete_message(kind: ChatKind, role: Role, actor: UserId, sender: UserId) -> AppResult<()> {
    if may_delete_message(kind, role, actor, sender) { Ok(()) } else { Err(AppError::forbidden()) }
}

/// Whether somebody may change a message's text, and see those that it had before: who wrote it.
pub fn may_edit_message(actor: UserId, sender: UserId) -> bool {
    actor == sender
}

/// A message's text is changed, and its earlier texts are seen, by who wrote it, while it is there.
pub fn edit_message(actor: UserId, sender: UserId, is_deleted: bool) -> AppResult<()> {
    if !may_edit_message(actor, sender) {
        return Err(AppError::forbidden());
    }
    undeleted(is_deleted)
}

/// A text is changed a bounded number of times: `edits` of them have been.
pub fn one_more_edit(edits: usize) -> AppResult<()> {
    if edits < limits::EDITS_PER_MESSAGE { Ok(()) } else { Err(ErrorCode::TooManyEdits.into()) }
}

/// Whether something can be put under a message, or it can be pinned: any member may, while it is there.
pub fn may_mark_message(is_deleted: bool) -> bool {
    !is_deleted
}

/// Members put emoji under a message, and take their own away. Where a new one comes, `different` are there already.
pub fn react(is_deleted: bool, is_new: bool, different: usize) -> AppResult<()> {
    undeleted(is_deleted)?;
    if is_new && different >= limits::REACTIONS_PER_MESSAGE {
        return Err(ErrorCode::TooManyReactions.into());
    }
    Ok(())
}

/// Members pin messages and take them down. Where one more comes, `pinned` are up already.
pub fn pin_message(is_deleted: bool, is_new: bool, pinned: usize) -> AppResult<()> {
    undeleted(is_deleted)?;
    if is_new && pinned >= limits::PINS_PER_CHAT { Err(ErrorCode::TooManyPins.into()) } else { Ok(()) }
}

fn undeleted(is_deleted: bool) -> AppResult<()> {
    if may_mark_message(is_deleted) { Ok(()) } else { Err(ErrorCode::MessageDeleted.into()) }
}

/// Admins rename groups.
pub fn rename(chat: &ChatState, actor: UserId) -> AppResult<()> {
    administer(chat, actor)
}

/// Admins say what a group is about.
pub fn describe(chat: &ChatState, actor: UserId) -> AppResult<()> {
    administer(chat, actor)
}

/// Admins choose the picture that stands for a group.
pub fn set_avatar(kind: ChatKind, role: Role) -> AppResult<()> {
    administer_as(kind, role)
}

/// Admins have a picture stand for a group, or none. True if that is otherwise than before.
pub fn change_avatar(chat: &ChatState, actor: UserId, avatar: Option<AttachmentId>) -> AppResult<bool> {
    administer(chat, actor)?;
    Ok(chat.avatar != avatar)
}

/// Admins invite people to a group.
pub fn invite(kind: ChatKind, role: Role) -> AppResult<()> {
    administer_as(kind, role)
}

fn administer_as(kind: ChatKind, role: Role) -> AppResult<()> {
    if kind != ChatKind::Group {
        return Err(ErrorCode::NotAGroup.into());
    }
    if may_administer(kind, role) { Ok(()) } else { Err(AppError::forbidden()) }
}

/// Who is invited to a group joins it. Who is in it already stays as they are.
pub fn join(chat: &ChatState, actor: UserId) -> AppResult<Vec<MemberChange>> {
    group(chat)?;
    if chat.role_of(actor).is_some() {
        return Ok(Vec::new());
    }
    if chat.members.len() >= limits::GROUP_MEMBERS {
        return Err(ErrorCode::GroupFull.into());
    }
    Ok(vec![MemberChange::Add(actor)])
}

/// Admins add people. Who is in the group already stays as they are; the rest join in the order given.
pub fn add_members(chat: &ChatState, actor: UserId, users: &[UserId]) -> AppResult<Vec<MemberChange>> {
    administer(chat, actor)?;
    let mut added: Vec<UserId> = Vec::new();
    for user in users {
        if chat.role_of(*user).is_none() && !added.contains(user) {
            added.push(*user);
        }
    }
    if chat.members.len() + added.len() > limits::GROUP_MEMBERS {
        return Err(ErrorCode::GroupFull.into());
    }
    Ok(added.into_iter().map(MemberChange::Add).collect())
}

/// Admins remove other members; oneself one [leaves](leave).
pub fn remove_member(chat: &ChatState, actor: UserId, user: UserId) -> AppResult<Vec<MemberChange>> {
    if actor == user {
        return leave(chat, actor);
    }
    administer(chat, actor)?;
    chat.role_of(user).ok_or_else(AppError::not_found)?;
    Ok(vec![MemberChange::Remove(user)])
}

/// Admins give and take roles. The last admin stays one, as the group would have none.
pub fn set_role(chat: &ChatState, actor: UserId, user: UserId, role: Role) -> AppResult<Vec<MemberChange>> {
    administer(chat, actor)?;
    let current = chat.role_of(user).ok_or_else(AppError::not_found)?;
    if current == role {
        return Ok(Vec::new());
    }
    let another_admin =
        chat.members.iter().any(|member| member.role == Role::Admin && member.user_id != user);
    if role == Role::Member && !another_admin {
        return Err(ErrorCode::LastAdmin.into());
    }
    Ok(vec![MemberChange::SetRole(user, role)])
}

/// Anybody leaves a group. The last admin hands over to the longest-standing member; with the last
/// member the group ends.
pub fn leave(chat: &ChatState, actor: UserId) -> AppResult<Vec<MemberChange>> {
    read(chat.role_of(actor))?;
    group(chat)?;
    let mut others = chat.members.iter().filter(|member| member.user_id != actor);
    let Some(longest_standing) = others.clone().next() else { return Ok(vec![MemberChange::Delete]) };
    let mut changes = Vec::new();
    if !others.any(|member| member.role == Role::Admin) {
        changes.push(MemberChange::SetRole(longest_standing.user_id, Role::Admin));
    }
    changes.push(MemberChange::Remove(actor));
    Ok(changes)
}

/// Admins delete groups.
pub fn delete(chat: &ChatState, actor: UserId) -> AppResult<Vec<MemberChange>> {
    administer(chat, actor)?;
    Ok(vec![MemberChange::Delete])
}

fn group(chat: &ChatState) -> AppResult<()> {
    if chat.kind == ChatKind::Group { Ok(()) } else { Err(ErrorCode::NotAGroup.into()) }
}

fn administer(chat: &ChatState, actor: UserId) -> AppResult<()> {
    let role = read(chat.role_of(actor))?;
    group(chat)?;
    if may_administer(chat.kind, role) { Ok(()) } else { Err(AppError::forbidden()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChatId, Membership, Seq, Timestamp};

    const ADMIN: UserId = UserId::from_bytes([1; 12]);
    const MEMBER: UserId = UserId::from_bytes([2; 12]);
    const OTHER: UserId = UserId::from_bytes([3; 12]);
    const OUTSIDER: UserId = UserId::from_bytes([9; 12]);

    fn chat(kind: ChatKind, members: &[(UserId, Role)]) -> ChatState {
        let members = members
            .iter()
            .map(|(user_id, role)| Membership {
                user_id: *user_id,
                role: *role,
                joined_at: Timestamp::default(),
            })
            .collect();
        ChatState { id: ChatId::from_bytes([7; 12]), kind, head: Seq(0), avatar: None, members }
    }

    fn team() -> ChatState {
        chat(ChatKind::Group, &[(MEMBER, Role::Member), (ADMIN, Role::Admin), (OTHER, Role::Member)])
    }

    fn code<T>(result: AppResult<T>) -> Option<ErrorCode> {
        result.err().map(|error| error.code)
    }

    #[test]
    fn nobody_chats_with_themselves() {
        assert_eq!(code(open_direct_chat(MEMBER, MEMBER)), Some(ErrorCode::CannotChatWithSelf));
        assert_eq!(open_direct_chat(MEMBER, OTHER), Ok(()));
    }

    #[test]
    fn nobody_blocks_themselves_or_writes_past_a_block() {
        assert_eq!(code(block(MEMBER, MEMBER)), Some(ErrorCode::InvalidRequest));
        assert_eq!(block(MEMBER, OTHER), Ok(()));
        assert_eq!(write_to(Blocking::default()), Ok(()));
        let blocked = Blocking { by_them: true, ..Blocking::default() };
        assert_eq!(code(write_to(blocked)), Some(ErrorCode::CannotMessage));
    }

    #[test]
    fn an_outsider_finds_nothing_whatever_they_try() {
        let team = team();
        let all = [
            code(rename(&team, OUTSIDER)),
            code(describe(&team, OUTSIDER)),
            code(add_members(&team, OUTSIDER, &[OUTSIDER])),
            code(remove_member(&team, OUTSIDER, MEMBER)),
            code(set_role(&team, OUTSIDER, MEMBER, Role::Admin)),
            code(leave(&team, OUTSIDER)),
            code(delete(&team, OUTSIDER)),
            code(read(team.role_of(OUTSIDER))),
        ];
        assert_eq!(all, [Some(ErrorCode::NotFound); 8]);
    }

    #[test]
    fn a_plain_member_may_only_leave() {
        let team = team();
        let all = [
            code(rename(&team, MEMBER)),
            code(describe(&team, MEMBER)),
            code(add_members(&team, MEMBER, &[OUTSIDER])),
            code(remove_member(&team, MEMBER, OTHER)),
            code(set_role(&team, MEMBER, MEMBER, Role::Admin)),
            code(delete(&team, MEMBER)),
        ];
        assert_eq!(all, [Some(ErrorCode::Forbidden); 6]);
        assert_eq!(leave(&team, MEMBER), Ok(vec![MemberChange::Remove(MEMBER)]));
    }

    #[test]
    fn a_message_is_deleted_by_its_sender_and_by_admins_of_a_group() {
        let group = ChatKind::Group;
        assert_eq!(delete_message(group, Role::Member, MEMBER, MEMBER), Ok(()));
        assert_eq!(delete_message(group, Role::Admin, ADMIN, MEMBER), Ok(()));
        let other = delete_message(group, Role::Member, OTHER, MEMBER);
        assert_eq!(code(other), Some(ErrorCode::Forbidden));
        let other = delete_message(ChatKind::Direct, Role::Member, OTHER, MEMBER);
        assert_eq!(code(other), Some(ErrorCode::Forbidden));
    }

    #[test]
    fn a_text_is_changed_by_its_writer_while_it_is_there() {
        assert_eq!(edit_message(MEMBER, MEMBER, false), Ok(()));
        assert_eq!(code(edit_message(MEMBER, MEMBER, true)), Some(ErrorCode::MessageDeleted));
        for is_deleted in [false, true] {
            assert_eq!(code(edit_message(ADMIN, MEMBER, is_deleted)), Some(ErrorCode::Forbidden));
        }
        assert_eq!(one_more_edit(limits::EDITS_PER_MESSAGE - 1), Ok(()));
        assert_eq!(code(one_more_edit(limits::EDITS_PER_MESSAGE)), Some(ErrorCode::TooManyEdits));
    }

    #[test]
    fn only_what_is_new_finds_a_message_or_a_chat_full() {
        let most = limits::REACTIONS_PER_MESSAGE;
        assert_eq!((react(false, true, most - 1), react(false, false, most)), (Ok(()), Ok(())));
        assert_eq!(code(react(false, true, most)), Some(ErrorCode::TooManyReactions));
        assert_eq!(code(react(true, false, 0)), Some(ErrorCode::MessageDeleted));
        let most = limits::PINS_PER_CHAT;
        assert_eq!((pin_message(false, true, most - 1), pin_message(false, false, most)), (Ok(()), Ok(())));
        assert_eq!(code(pin_message(false, true, most)), Some(ErrorCode::TooManyPins));
        assert_eq!(code(pin_message(true, false, 0)), Some(ErrorCode::MessageDeleted));
    }

    #[test]
    fn adding_folds_duplicates_and_those_who_are_in() {
        let added = add_members(&team(), ADMIN, &[OUTSIDER, MEMBER, OUTSIDER]);
        assert_eq!(added, Ok(vec![MemberChange::Add(OUTSIDER)]));
    }

    #[test]
    fn who_is_invited_joins_once() {
        assert_eq!(join(&team(), OUTSIDER), Ok(vec![MemberChange::Add(OUTSIDER)]));
        assert_eq!(join(&team(), MEMBER), Ok(Vec::new()));
        let many: Vec<_> = (0..limits::GROUP_MEMBERS).map(|_| (OTHER, Role::Member)).collect();
        let mut full = chat(ChatKind::Group, &many);
        assert_eq!(code(join(&full, OUTSIDER)), Some(ErrorCode::GroupFull));
        assert_eq!(join(&full, OTHER), Ok(Vec::new()));
        full.kind = ChatKind::Direct;
        assert_eq!(code(join(&full, OUTSIDER)), Some(ErrorCode::NotAGroup));
        assert_eq!(invite(ChatKind::Group, Role::Admin), Ok(()));
        assert_eq!(code(invite(ChatKind::Group, Role::Member)), Some(ErrorCode::Forbidden));
        assert_eq!(code(invite(ChatKind::Direct, Role::Member)), Some(ErrorCode::NotAGroup));
    }

    #[test]
    fn the_last_admin_hands_over_to_the_longest_standing_member() {
        let changes = leave(&team(), ADMIN);
        assert_eq!(
            changes,
            Ok(vec![MemberChange::SetRole(MEMBER, Role::Admin), MemberChange::Remove(ADMIN)])
        );
    }

    #[test]
    fn an_admin_who_is_not_the_last_just_leaves() {
        let team = chat(ChatKind::Group, &[(MEMBER, Role::Admin), (ADMIN, Role::Admin)]);
        assert_eq!(leave(&team, ADMIN), Ok(vec![MemberChange::Remove(ADMIN)]));
    }

    #[test]
    fn the_last_member_ends_the_group() {
        let team = chat(ChatKind::Group, &[(ADMIN, Role::Admin)]);
        assert_eq!(leave(&team, ADMIN), Ok(vec![MemberChange::Delete]));
    }

    #[test]
    fn the_last_admin_cannot_step_down() {
        assert_eq!(code(set_role(&team(), ADMIN, ADMIN, Role::Member)), Some(ErrorCode::LastAdmin));
        assert_eq!(set_role(&team(), ADMIN, ADMIN, Role::Admin), Ok(vec![]));
    }

    #[test]
    fn a_direct_chat_has_no_administration() {
        let pair = chat(ChatKind::Direct, &[(MEMBER, Role::Member), (OTHER, Role::Member)]);
        let all = [code(rename(&pair, MEMBER)), code(leave(&pair, MEMBER)), code(delete(&pair, MEMBER))];
        assert_eq!(all, [Some(ErrorCode::NotAGroup); 3]);
        assert!(!may_administer(ChatKind::Direct, Role::Admin));
    }
}
