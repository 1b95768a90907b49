//! Making chats, and changing them through their log. Everything here runs on the writer.

use app::{
    domain::{Blocking, ChatId, ChatState, Membership, Role, Seq, Timestamp, UserId, limits},
    error::ErrorCode,
    ports::{Decide, NewDirectChat, NewGroupChat},
    protocol::{EventBody, LogEvent},
};
use rusqlite::{Connection, params};

use super::{avatars, fault::Fault, history, messages, people, rows};

pub(super) const PAIR: &str = "SELECT c.id FROM chats c WHERE c.pair_low = ?1 AND c.pair_high = ?2";
pub(super) const STATE: &str =
    "SELECT c.kind, c.head_seq, c.avatar_id FROM chats c WHERE c.id = ?1 AND c.deleted_at IS NULL";
pub(super) const STATE_MEMBERS: &str = "SELECT m.user_id, m.role, m.joined_at
    FROM members m WHERE m.chat_id = ?1 ORDER BY m.position";
/// Who made a chat is its first member, and nobody else ever gets that position.
pub(super) const COUNT_MADE: &str = "SELECT count(*) FROM members m WHERE m.user_id = ?1 AND m.position = 1";
const INSERT_DIRECT: &str = "INSERT INTO chats (id, kind, pair_low, pair_high, created_at, last_activity_at)
    VALUES (?1, 'direct', ?2, ?3, ?4, ?4)";
const INSERT_GROUP: &str = "INSERT INTO chats (id, kind, name, created_at, last_activity_at)
    VALUES (?1, 'group', ?2, ?3, ?3)";
/// Gives the next position; told to the member that takes it, with the last message, up to which they count as having
/// read.
const COUNT_MEMBER: &str =
    "UPDATE chats SET member_count = member_count + 1, last_position = last_position + 1
    WHERE id = ?1 RETURNING last_position, head_ordinal";
const INSERT_MEMBER: &str = "INSERT INTO members (chat_id, user_id, role, joined_at, position, read_ordinal)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const DELETE_MEMBER: &str = "DELETE FROM members WHERE chat_id = ?1 AND user_id = ?2";
const UNCOUNT_MEMBER: &str = "UPDATE chats SET member_count = member_count - 1 WHERE id = ?1";
const SET_ROLE: &str = "UPDATE members SET role = ?3 WHERE chat_id = ?1 AND user_id = ?2";
const RENAME: &str = "UPDATE chats SET name = ?2 WHERE id = ?1 AND kind = 'group'";
const DESCRIBE: &str = "UPDATE chats SET description = ?2 WHERE id = ?1 AND kind = 'group'";
const DELETE_MEMBERS: &str = "DELETE FROM members WHERE chat_id = ?1";
const DELETE: &str = "UPDATE chats SET deleted_at = ?2, member_count = 0, pair_low = NULL, pair_high = NULL
    WHERE id = ?1";
const SET_HEAD: &str = "UPDATE chats SET head_seq = ?2 WHERE id = ?1";

pub(super) fn create_direct(connection: &Connection, chat: &NewDirectChat) -> Result<(ChatId, bool), Fault> {
    let [one, other] = chat.pair;
    if one == other {
        return Err(ErrorCode::CannotChatWithSelf.into());
    }
    let (low, high) = (one.min(other), one.max(other));
    let pair = params![low.as_bytes(), high.as_bytes()];
    if let Some(existing) = rows::one(connection, PAIR, pair, |row| rows::chat_id(row, 0))? {
        return Ok((existing, false));
    }
    let blocking = Blocking {
        by_me: people::has_blocked(connection, one, other)?,
        by_them: people::has_blocked(connection, other, one)?,
    };
    if let Some(code) = blocking.refusal() {
        return Err(code.into());
    }
    may_make(connection, one)?;
    let at = chat.created_at;
    let params = params![chat.id.as_bytes(), low.as_bytes(), high.as_bytes(), at.as_millis()];
    rows::execute(connection, INSERT_DIRECT, params).map_err(Fault::of_member)?;
    for user in chat.pair {
        add_member(connection, chat.id, user, Role::Member, at)?;
    }
    Ok((chat.id, true))
}

pub(super) fn create_group(connection: &Connection, chat: &NewGroupChat) -> Result<(), Fault> {
    if let Some((maker, _)) = chat.members.first() {
        may_make(connection, *maker)?;
    }
    let at = chat.created_at;
    let params = params![chat.id.as_bytes(), chat.name.as_str(), at.as_millis()];
    rows::execute(connection, INSERT_GROUP, params)?;
    for (user, role) in &chat.members {
        add_member(connection, chat.id, *user, *role, at)?;
    }
    Ok(())
}

pub(super) fn change(
    connection: &Connection,
    chat: ChatId,
    actor: UserId,
    at: Timestamp,
    decide: &Decide,
) -> Result<Option<Vec<LogEvent>>, Fault> {
    let Some(state) = state(connection, chat)? else { return Ok(None) };
    let bodies = decide(&state)?;
    let mut seq = state.head;
    let mut events = Vec::with_capacity(bodies.len());
    for body in bodies {
        seq = seq.next();
        let event = LogEvent { chat_id: chat, seq, at, actor_id: actor, named: Default::default(), body };
        messages::insert_event(connection, &event)?;
        // What counts is committed with the event that it follows from, or not at all.
        apply(connection, &event)?;
        events.push(event);
    }
    if seq > state.head {
        set_head(connection, chat, seq)?;
    }
    history::name_all(connection, &mut events)?;
    Ok(Some(events))
}

/// The chat's log goes up to here from now on.
pub(super) fn set_head(connection: &Connection, chat: ChatId, seq: Seq) -> Result<(), Fault> {
    rows::execute(connection, SET_HEAD, params![chat.as_bytes(), seq.as_i64()])?;
    Ok(())
}

fn state(connection: &Connection, chat: ChatId) -> Result<Option<ChatState>, Fault> {
    let found = rows::one(connection, STATE, params![chat.as_bytes()], |row| {
        Ok((rows::kind(row, 0)?, rows::seq(row, 1)?, rows::avatar(row, 2)?))
    })?;
    let Some((kind, head, avatar)) = found else { return Ok(None) };
    let members = rows::all(connection, STATE_MEMBERS, params![chat.as_bytes()], |row| {
        Ok(Membership {
            user_id: rows::user_id(row, 0)?,
            role: rows::role(row, 1)?,
            joined_at: rows::time(row, 2)?,
        })
    })?;
    Ok(Some(ChatState { id: chat, kind, head, avatar, members }))
}

/// Brings members, roles, name and avatar to where the event says they are.
fn apply(connection: &Connection, event: &LogEvent) -> Result<(), Fault> {
    let id = event.chat_id.as_bytes();
    match &event.body {
        EventBody::MemberAdded { member } => {
            add_member(connection, event.chat_id, member.user.id, member.role, member.joined_at)
        }
        EventBody::MemberRemoved { user_id } => {
            let removed = rows::execute(connection, DELETE_MEMBER, params![id, user_id.as_bytes()])?;
            exactly_one(removed, "an event removes somebody who is not a member")?;
            exactly_one(
                rows::execute(connection, UNCOUNT_MEMBER, params![id])?,
                "a member was removed from no chat",
            )
        }
        EventBody::RoleChanged { user_id, role } => {
            let params = params![id, user_id.as_bytes(), rows::role_text(*role)];
            let changed = rows::execute(connection, SET_ROLE, params)?;
            exactly_one(changed, "an event gives a role to somebody who is not a member")
        }
        EventBody::ChatRenamed { name } => {
            let renamed = rows::execute(connection, RENAME, params![id, name])?;
            exactly_one(renamed, "an event renames what is not a group")
        }
        EventBody::ChatDescribed { description } => {
            let described = rows::execute(connection, DESCRIBE, params![id, description])?;
            exactly_one(described, "an event describes what is not a group")
        }
        EventBody::ChatAvatarChanged { avatar } => {
            avatars::set_of_chat(connection, event.chat_id, event.actor_id, *avatar, event.at)
        }
        EventBody::ChatDeleted {} => {
            avatars::set_of_chat(connection, event.chat_id, event.actor_id, None, event.at)?;
            rows::execute(connection, DELETE_MEMBERS, params![id])?;
            let deleted = rows::execute(connection, DELETE, params![id, event.at.as_millis()])?;
            exactly_one(deleted, "an event deletes no chat")
        }
        EventBody::NewMessage { .. }
        | EventBody::MessageEdited { .. }
        | EventBody::ReactionChanged { .. }
        | EventBody::PinChanged { .. }
        | EventBody::MessageDeleted { .. } => Err(Fault::broken_rule("messages have ways of their own")),
        EventBody::Unknown(_) => Err(Fault::broken_rule("nobody decides what this version does not know")),
    }
}

/// Whether somebody may make one more chat.
fn may_make(connection: &Connection, maker: UserId) -> Result<(), Fault> {
    let made = rows::one(connection, COUNT_MADE, params![maker.as_bytes()], |row| Ok(row.get::<_, i64>(0)?))?;
    if made.is_some_and(|made| made >= rows::limit(limits::CHATS_MADE_PER_USER)) {
        return Err(ErrorCode::TooManyChats.into());
    }
    Ok(())
}

fn add_member(
    connection: &Connection,
    chat: ChatId,
    user: UserId,
    role: Role,
    at: Timestamp,
) -> Result<(), Fault> {
    let counted = rows::one(connection, COUNT_MEMBER, params![chat.as_bytes()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    let (position, read) = counted.ok_or_else(|| Fault::broken_rule("somebody was added to no chat"))?;
    let role = rows::role_text(role);
    let params = params![chat.as_bytes(), user.as_bytes(), role, at.as_millis(), position, read];
    rows::execute(connection, INSERT_MEMBER, params).map_err(Fault::of_member)?;
    Ok(())
}

pub(super) fn exactly_one(changed: usize, otherwise: &'static str) -> Result<(), Fault> {
    if changed == 1 { Ok(()) } else { Err(Fault::broken_rule(otherwise)) }
}
