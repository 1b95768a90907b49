//! Groups: finding their members, and the invitations to them.

use app::{
    domain::{ChatId, InviteId, Role, Timestamp, UserId, limits},
    error::{AppError, AppResult, ErrorCode},
    ports::{Decide, GroupStore, InvitedTo, NewInvite},
    protocol::{InviteView, LogEvent, MemberView, MembersPage},
};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::{
    EmbeddedStore, changes,
    chats::{self, member},
    fault::Fault,
    rows,
};

/// Walks the members, of whom there is a bounded number, and looks each word up for each of them.
pub(super) const SEARCH_MEMBERS: &str =
    "SELECT u.id, u.display_name, u.about, m.role, m.joined_at, NULL, u.avatar_id
    FROM members m CROSS JOIN users u ON u.id = m.user_id
    WHERE m.chat_id = ?1 AND NOT EXISTS (
        SELECT 1 FROM json_each(?2) other WHERE NOT EXISTS (
            SELECT 1 FROM user_words w
            WHERE w.user_id = m.user_id AND w.word >= other.value
                AND w.word < other.value || char(1114111)))
    ORDER BY u.name_key, u.id LIMIT ?3";
pub(super) const MEMBERS_FROM: &str =
    "SELECT u.id, u.display_name, u.about, m.role, m.joined_at, NULL, u.avatar_id, m.position
    FROM members m CROSS JOIN users u ON u.id = m.user_id
    WHERE m.chat_id = ?1 AND m.position >= ?2 ORDER BY m.position LIMIT ?3";
/// Whether an invitation `i` is good for everybody at `?2`.
macro_rules! is_good {
    () => {
        "(i.expires_at IS NULL OR i.expires_at > ?2) AND (i.max_uses IS NULL OR i.uses < i.max_uses)"
    };
}
pub(super) const INVITE: &str = concat!(
    "SELECT c.id, c.name, c.description, c.member_count, m.user_id IS NOT NULL, i.id, c.avatar_id
     FROM invites i CROSS JOIN chats c ON c.id = i.chat_id
     LEFT JOIN members m ON m.chat_id = i.chat_id AND m.user_id = ?3
     WHERE i.token_hash = ?1 AND c.deleted_at IS NULL AND (m.user_id IS NOT NULL OR ",
    is_good!(),
    ")"
);
pub(super) const INVITES: &str = concat!(
    "SELECT i.id, i.created_by, u.display_name, i.created_at, i.expires_at, i.max_uses, i.uses
     FROM invites i CROSS JOIN users u ON u.id = i.created_by WHERE i.chat_id = ?1 AND ",
    is_good!()
);
pub(super) const COUNT_INVITES: &str =
    concat!("SELECT count(*) FROM invites i WHERE i.chat_id = ?1 AND ", is_good!());
pub(super) const REMOVE_OLD_INVITES: &str =
    concat!("DELETE FROM invites AS i WHERE i.chat_id = ?1 AND NOT (", is_good!(), ")");
pub(super) const REVOKE_INVITE: &str = "DELETE FROM invites WHERE id = ?2 AND chat_id = ?1";
pub(super) const USE_INVITE: &str = "UPDATE invites SET uses = uses + 1 WHERE id = ?1";
pub(super) const INVITES_OF_CHAT: &str = "DELETE FROM invites WHERE chat_id = ?1";
const INSERT_INVITE: &str =
    "INSERT INTO invites (id, chat_id, token_hash, created_by, created_at, expires_at, max_uses)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

#[async_trait]
impl GroupStore for EmbeddedStore {
    async fn search_members(
        &self,
        chat: ChatId,
        words: &[String],
        limit: usize,
    ) -> AppResult<Vec<MemberView>> {
        let words = words.to_vec();
        self.read(move |connection| {
            let words = serde_json::to_string(&words).map_err(Fault::unencodable)?;
            rows::all(connection, SEARCH_MEMBERS, params![chat.as_bytes(), words, rows::limit(limit)], member)
        })
        .await
    }

    async fn members_from(&self, chat: ChatId, from: u64, limit: usize) -> AppResult<MembersPage> {
        self.read(move |connection| {
            // One more than is wanted tells whether there are others, and where they begin.
            let from = i64::try_from(from).unwrap_or(i64::MAX);
            let params = params![chat.as_bytes(), from, rows::limit(limit.saturating_add(1))];
            let mut found = rows::all(connection, MEMBERS_FROM, params, |row| {
                Ok((row.get::<_, i64>(7)?.unsigned_abs(), member(row)?))
            })?;
            let next = found.get(limit).map(|(position, _)| *position);
            found.truncate(limit);
            Ok(MembersPage { members: found.into_iter().map(|(_, member)| member).collect(), next })
        })
        .await
    }

    async fn create_invite(&self, invite: NewInvite) -> AppResult<()> {
        self.write(move |connection| create(connection, &invite)).await
    }

    async fn invites(&self, chat: ChatId, now: Timestamp) -> AppResult<Vec<InviteView>> {
        self.read(move |connection| {
            let params = params![chat.as_bytes(), now.as_millis()];
            let mut invites = rows::all(connection, INVITES, params, view)?;
            invites.sort_unstable_by_key(|invite| std::cmp::Reverse((invite.created_at, invite.id)));
            Ok(invites)
        })
        .await
    }

    async fn revoke_invite(&self, chat: ChatId, invite: InviteId) -> AppResult<bool> {
        self.write(move |connection| {
            let params = params![chat.as_bytes(), invite.as_bytes()];
            Ok(rows::execute(connection, REVOKE_INVITE, params)? == 1)
        })
        .await
    }

    async fn invite(
        &self,
        token_hash: &[u8; 32],
        viewer: UserId,
        now: Timestamp,
    ) -> AppResult<Option<InvitedTo>> {
        let hash = *token_hash;
        self.read(move |connection| Ok(good(connection, &hash, viewer, now)?.map(|(_, to)| to))).await
    }

    async fn join_by_invite(
        &self,
        chat: ChatId,
        token_hash: [u8; 32],
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        self.write(move |connection| {
            let found = good(connection, &token_hash, actor, at)?;
            let Some((invite, _)) = found.filter(|(_, to)| to.chat_id == chat) else { return Ok(None) };
            let events = changes::change(connection, chat, actor, at, &decide)?;
            if events.as_ref().is_some_and(|events| !events.is_empty()) {
                rows::execute(connection, USE_INVITE, params![invite.as_bytes()])?;
            }
            Ok(events)
        })
        .await
    }
}

fn create(connection: &Connection, invite: &NewInvite) -> Result<(), Fault> {
    let (chat, now) = (invite.chat_id.as_bytes(), invite.created_at.as_millis());
    if rows::one(connection, changes::STATE, params![chat], |_row| Ok(()))?.is_none() {
        return Err(AppError::not_found().into());
    }
    // Nobody sees those that are not good any more. There are never more than may be good at once.
    rows::execute(connection, REMOVE_OLD_INVITES, params![chat, now])?;
    let count = rows::one(connection, COUNT_INVITES, params![chat, now], |row| Ok(row.get::<_, i64>(0)?))?;
    if count.is_some_and(|count| count >= rows::limit(limits::INVITES_PER_CHAT)) {
        return Err(ErrorCode::TooManyInvites.into());
    }
    let params = params![
        invite.id.as_bytes(),
        chat,
        invite.token_hash,
        invite.created_by.as_bytes(),
        now,
        invite.expires_at.map(Timestamp::as_millis),
        invite.max_uses,
    ];
    rows::execute(connection, INSERT_INVITE, params).map_err(Fault::of_member)?;
    // Who was an admin when they asked may be none by now. What was written is taken back then.
    let maker = params![chat, invite.created_by.as_bytes()];
    let role = rows::one(connection, chats::ROLE, maker, |row| rows::role(row, 0))?;
    if role == Some(Role::Admin) { Ok(()) } else { Err(AppError::forbidden().into()) }
}

/// The invitation with this hash and what it is to, if it is good for the viewer.
fn good(
    connection: &Connection,
    token_hash: &[u8; 32],
    viewer: UserId,
    now: Timestamp,
) -> Result<Option<(InviteId, InvitedTo)>, Fault> {
    let params = params![token_hash, now.as_millis(), viewer.as_bytes()];
    rows::one(connection, INVITE, params, |row| {
        let to = InvitedTo {
            chat_id: rows::chat_id(row, 0)?,
            name: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            description: row.get(2)?,
            avatar: rows::avatar(row, 6)?,
            member_count: row.get::<_, i64>(3)?.unsigned_abs(),
            is_member: row.get(4)?,
        };
        Ok((InviteId::from_bytes(row.get(5)?), to))
    })
}

fn view(row: &Row<'_>) -> Result<InviteView, Fault> {
    Ok(InviteView {
        id: InviteId::from_bytes(row.get(0)?),
        created_by: rows::user_id(row, 1)?,
        created_by_name: row.get(2)?,
        created_at: rows::time(row, 3)?,
        expires_at: row.get::<_, Option<i64>>(4)?.map(Timestamp::from_millis),
        max_uses: row.get(5)?,
        uses: row.get(6)?,
    })
}
