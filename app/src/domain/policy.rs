//! Who may do what: facts in, decision out.
//!
//! Each rule is a pure function that the services call with the state a change will be committed on, and
//! that the page calls to show only what may be done. A person who is not in the chat always gets
//! [`ErrorCode::NotFound`]: they may not even know that it exists.

use super::{ChatKind, ChatState, Role, UserId, limits};
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
pub fn delete_message(chat: &ChatState, actor: UserId, sender: UserId) -> AppResult<()> {
    let role = read(chat.role_of(actor))?;
    if may_delete_message(chat.kind, role, actor, sender) { Ok(()) } else { Err(AppError::forbidden()) }
}

/// Admins rename groups.
pub fn rename(chat: &ChatState, actor: UserId) -> AppResult<()> {
    administer(chat, actor)
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
        ChatState { id: ChatId::from_bytes([7; 12]), kind, head: Seq(0), members }
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
    fn an_outsider_finds_nothing_whatever_they_try() {
        let team = team();
        let all = [
            code(rename(&team, OUTSIDER)),
            code(add_members(&team, OUTSIDER, &[OUTSIDER])),
            code(remove_member(&team, OUTSIDER, MEMBER)),
            code(set_role(&team, OUTSIDER, MEMBER, Role::Admin)),
            code(leave(&team, OUTSIDER)),
            code(delete(&team, OUTSIDER)),
            code(read(team.role_of(OUTSIDER))),
        ];
        assert_eq!(all, [Some(ErrorCode::NotFound); 7]);
    }

    #[test]
    fn a_plain_member_may_only_leave() {
        let team = team();
        let all = [
            code(rename(&team, MEMBER)),
            code(add_members(&team, MEMBER, &[OUTSIDER])),
            code(remove_member(&team, MEMBER, OTHER)),
            code(set_role(&team, MEMBER, MEMBER, Role::Admin)),
            code(delete(&team, MEMBER)),
        ];
        assert_eq!(all, [Some(ErrorCode::Forbidden); 5]);
        assert_eq!(leave(&team, MEMBER), Ok(vec![MemberChange::Remove(MEMBER)]));
    }

    #[test]
    fn a_message_is_deleted_by_its_sender_and_by_admins_of_a_group() {
        let team = team();
        assert_eq!(delete_message(&team, MEMBER, MEMBER), Ok(()));
        assert_eq!(delete_message(&team, ADMIN, MEMBER), Ok(()));
        assert_eq!(code(delete_message(&team, OTHER, MEMBER)), Some(ErrorCode::Forbidden));
        assert_eq!(code(delete_message(&team, OUTSIDER, OUTSIDER)), Some(ErrorCode::NotFound));
        let pair = chat(ChatKind::Direct, &[(MEMBER, Role::Member), (OTHER, Role::Member)]);
        assert_eq!(code(delete_message(&pair, OTHER, MEMBER)), Some(ErrorCode::Forbidden));
    }

    #[test]
    fn adding_folds_duplicates_and_those_who_are_in() {
        let added = add_members(&team(), ADMIN, &[OUTSIDER, MEMBER, OUTSIDER]);
        assert_eq!(added, Ok(vec![MemberChange::Add(OUTSIDER)]));
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
