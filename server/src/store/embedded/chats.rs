//! Chats as their members find them. A deleted chat has no members, so that nobody finds it.

use std::collections::HashMap;

use app::{
    domain::{ChatId, Ordinal, Role, Seq, Timestamp, UserId},
    error::AppResult,
    ports::{ChatRecord, ChatStore, Decide, NewDirectChat, NewGroupChat},
    protocol::{Heads, LogEvent, MemberView, UserView},
};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::{
    EmbeddedStore, changes,
    fault::Fault,
    history, mentions,
    rows::{self, blocks_columns, message_columns, message_joins, mine_columns},
};

pub(super) const ROLE: &str = "SELECT m.role FROM members m WHERE m.chat_id = ?1 AND m.user_id = ?2";
pub(super) const CHAT: &str = concat!(
    "SELECT c.kind, c.name, c.member_count, m.role, c.head_seq, c.head_ordinal, c.created_at, c.id, c.description, c.avatar_id, ",
    mine_columns!(),
    ", ",
    blocks_columns!(),
    " FROM members m CROSS JOIN chats c ON c.id = m.chat_id WHERE m.chat_id = ?1 AND m.user_id = ?2"
);
/// Sorts the viewer's chats: that depends on how many they are in, never on how long these are.
pub(super) const CHATS_OF: &str = concat!(
    "SELECT c.kind, c.name, c.member_count, m.role, c.head_seq, c.head_ordinal, c.created_at, c.id, c.description, c.avatar_id, ",
    mine_columns!(),
    ", ",
    blocks_columns!(),
    " FROM members m CROSS JOIN chats c ON c.id = m.chat_id
     WHERE m.user_id = ?1 ORDER BY c.last_activity_at DESC, c.id DESC LIMIT ?2"
);
/// Of each chat in a JSON array of `[id, ordinal]`, the id in hexadecimal digits.
pub(super) const LAST_MESSAGES: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM json_each(?1) page CROSS JOIN messages m
        ON m.chat_id = unhex(page.value ->> 0) AND m.ordinal = page.value ->> 1",
    message_joins!(),
);
/// The first members of each chat in a JSON array as above: those before the one that is too many.
pub(super) const FIRST_MEMBERS: &str = "SELECT u.id, u.display_name, u.about, m.role, m.joined_at,
    CASE WHEN u.read_receipts THEN m.read_ordinal END, u.avatar_id, m.chat_id, m.position
    FROM json_each(?1) page CROSS JOIN members m ON m.chat_id = unhex(page.value ->> 0)
    CROSS JOIN users u ON u.id = m.user_id
    WHERE m.position < coalesce(
        (SELECT over.position FROM members over WHERE over.chat_id = unhex(page.value ->> 0)
         ORDER BY over.position LIMIT 1 OFFSET ?2),
        9223372036854775807)";
pub(super) const LAST_MESSAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages m",
    message_joins!(),
    " WHERE m.chat_id = ?1 AND m.ordinal = ?2"
);
pub(super) const MEMBERS: &str = "SELECT u.id, u.display_name, u.about, m.role, m.joined_at,
    CASE WHEN u.read_receipts THEN m.read_ordinal END, u.avatar_id
    FROM members m CROSS JOIN users u ON u.id = m.user_id
    WHERE m.chat_id = ?1 ORDER BY m.position LIMIT ?2";
pub(super) const HEADS_OF: &str = "SELECT c.id, c.head_seq
    FROM members m CROSS JOIN chats c ON c.id = m.chat_id WHERE m.user_id = ?1";
pub(super) const HEAD: &str = "SELECT c.head_seq FROM chats c WHERE c.id = ?1";
pub(super) const MEMBER_IDS: &str = "SELECT m.user_id FROM members m WHERE m.chat_id = ?1";
pub(super) const CONTACTS_OF: &str = "SELECT DISTINCT other.user_id
    FROM members m CROSS JOIN chats c ON c.id = m.chat_id
    CROSS JOIN members other ON other.chat_id = m.chat_id
    WHERE m.user_id = ?1 AND c.member_count <= ?2 AND other.user_id <> ?1 LIMIT ?3";
pub(super) const SMALL_CHATS_OF: &str = "SELECT c.id
    FROM members m CROSS JOIN chats c ON c.id = m.chat_id
    WHERE m.user_id = ?1 AND c.member_count <= ?2";

#[async_trait]
impl ChatStore for EmbeddedStore {
    async fn create_direct_chat(&self, chat: NewDirectChat) -> AppResult<(ChatId, bool)> {
        self.write(move |connection| changes::create_direct(connection, &chat)).await
    }

    async fn create_group_chat(&self, chat: NewGroupChat) -> AppResult<()> {
        self.write(move |connection| changes::create_group(connection, &chat)).await
    }

    async fn change_chat(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        self.write(move |connection| changes::change(connection, chat, actor, at, &decide)).await
    }

    async fn role(&self, chat: ChatId, viewer: UserId) -> AppResult<Option<Role>> {
        self.read(move |connection| {
            let params = params![chat.as_bytes(), viewer.as_bytes()];
            rows::one(connection, ROLE, params, |row| rows::role(row, 0))
        })
        .await
    }

    async fn chat(&self, chat: ChatId, viewer: UserId, members: usize) -> AppResult<Option<ChatRecord>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| record(connection, chat, viewer, members))
        })
        .await
    }

    async fn chats_of(&self, viewer: UserId, limit: usize, members: usize) -> AppResult<Vec<ChatRecord>> {
        self.read(move |connection| {
            rows::snapshot(connection, |connection| list(connection, viewer, limit, members))
        })
        .await
    }

    async fn heads_of(&self, viewer: UserId) -> AppResult<Heads> {
        self.read(move |connection| {
            let head = |row: &rusqlite::Row<'_>| -> Result<(ChatId, Seq), Fault> {
                Ok((rows::chat_id(row, 0)?, rows::seq(row, 1)?))
            };
            let heads = rows::all(connection, HEADS_OF, params![viewer.as_bytes()], head)?;
            Ok(heads.into_iter().collect())
        })
        .await
    }

    async fn heads(&self, chats: &[ChatId]) -> AppResult<Heads> {
        let chats = chats.to_vec();
        self.read(move |connection| {
            let mut heads = Heads::new();
            for chat in chats {
                let head = rows::one(connection, HEAD, params![chat.as_bytes()], |row| rows::seq(row, 0))?;
                heads.extend(head.map(|head| (chat, head)));
            }
            Ok(heads)
        })
        .await
    }

    async fn member_ids(&self, chat: ChatId) -> AppResult<Vec<UserId>> {
        self.read(move |connection| {
            rows::all(connection, MEMBER_IDS, params![chat.as_bytes()], |row| rows::user_id(row, 0))
        })
        .await
    }

    async fn contacts_of(&self, user: UserId, largest: usize, limit: usize) -> AppResult<Vec<UserId>> {
        self.read(move |connection| {
            let params = params![user.as_bytes(), rows::limit(largest), rows::limit(limit)];
            rows::all(connection, CONTACTS_OF, params, |row| rows::user_id(row, 0))
        })
        .await
    }

    async fn small_chats_of(&self, user: UserId, largest: usize) -> AppResult<Vec<ChatId>> {
        self.read(move |connection| {
            let params = params![user.as_bytes(), rows::limit(largest)];
            rows::all(connection, SMALL_CHATS_OF, params, |row| rows::chat_id(row, 0))
        })
        .await
    }
}

/// One chat.
fn record(
    connection: &Connection,
    chat: ChatId,
    viewer: UserId,
    members: usize,
) -> Result<Option<ChatRecord>, Fault> {
    let params = params![chat.as_bytes(), viewer.as_bytes()];
    let Some(mut record) = rows::one(connection, CHAT, params, |row| bare(row, viewer))? else {
        return Ok(None);
    };
    let params = params![chat.as_bytes(), record.head_ordinal.as_i64()];
    record.last_message = rows::one(connection, LAST_MESSAGE, params, rows::message)?;
    history::mark_mine(connection, viewer, record.last_message.as_mut_slice())?;
    let params = params![chat.as_bytes(), rows::limit(members)];
    record.members = rows::all(connection, MEMBERS, params, member)?;
    mentions::mark_unread(connection, viewer, std::slice::from_mut(&mut record))?;
    Ok(Some(record))
}

/// Many chats, in three statements however many they are, and one more where something is unread.
fn list(
    connection: &Connection,
    viewer: UserId,
    limit: usize,
    members: usize,
) -> Result<Vec<ChatRecord>, Fault> {
    let params = params![viewer.as_bytes(), rows::limit(limit)];
    let mut chats = rows::all(connection, CHATS_OF, params, |row| bare(row, viewer))?;
    let page: Vec<_> = chats.iter().map(|chat| (chat.id, chat.head_ordinal)).collect();
    let page = serde_json::to_string(&page).map_err(Fault::unencodable)?;
    let mut last = rows::all(connection, LAST_MESSAGES, params![page], rows::message)?;
    history::mark_mine(connection, viewer, &mut last)?;
    let mut last: HashMap<_, _> = last.into_iter().map(|message| (message.chat_id, message)).collect();
    let first = rows::all(connection, FIRST_MEMBERS, params![page, rows::limit(members)], |row| {
        Ok((rows::chat_id(row, 7)?, row.get::<_, i64>(8)?, member(row)?))
    })?;
    let mut first_members: HashMap<ChatId, Vec<(i64, MemberView)>> = HashMap::with_capacity(chats.len());
    for (chat, position, member) in first {
        first_members.entry(chat).or_default().push((position, member));
    }
    for chat in &mut chats {
        chat.last_message = last.remove(&chat.id);
        let mut members = first_members.remove(&chat.id).unwrap_or_default();
        // They come in this order, but only a sort in SQL, which would hold all of them, would promise it.
        members.sort_unstable_by_key(|(position, _)| *position);
        chat.members = members.into_iter().map(|(_, member)| member).collect();
    }
    mentions::mark_unread(connection, viewer, &mut chats)?;
    Ok(chats)
}

/// The chat in the columns that [`CHAT`] and [`CHATS_OF`] share, without what lies in other tables.
fn bare(row: &Row<'_>, viewer: UserId) -> Result<ChatRecord, Fault> {
    Ok(ChatRecord {
        viewer_id: viewer,
        id: rows::chat_id(row, 7)?,
        kind: rows::kind(row, 0)?,
        name: row.get(1)?,
        description: row.get(8)?,
        avatar: rows::avatar(row, 9)?,
        members: Vec::new(),
        member_count: row.get::<_, i64>(2)?.unsigned_abs(),
        my_role: rows::role(row, 3)?,
        head: rows::seq(row, 4)?,
        head_ordinal: rows::ordinal(row, 5)?,
        last_message: None,
        created_at: rows::time(row, 6)?,
        mine: rows::mine(row, 10)?,
        blocking: rows::blocks(row, 17)?.seen_by(viewer),
        mentioned: Vec::new(),
    })
}

/// The member in the columns that [`MEMBERS`], [`FIRST_MEMBERS`] and the queries of `groups` share.
pub(super) fn member(row: &Row<'_>) -> Result<MemberView, Fault> {
    Ok(MemberView {
        user: UserView {
            id: rows::user_id(row, 0)?,
            display_name: row.get(1)?,
            about: row.get(2)?,
            avatar: rows::avatar(row, 6)?,
        },
        role: rows::role(row, 3)?,
        joined_at: rows::time(row, 4)?,
        read: row.get::<_, Option<i64>>(5)?.map(Ordinal::from_i64),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use app::{
        domain::{DisplayName, Email, GroupName},
        ports::{AccountStore, NewUser},
    };

    use super::*;
    use crate::store::embedded::EmbeddedOptions;

    /// The SQL statements that a list of the viewer's chats takes.
    async fn statements(store: &EmbeddedStore, viewer: UserId) -> (usize, usize) {
        let listed = store.read(move |connection| {
            let before = rows::statements();
            let chats = list(connection, viewer, 1_000, 20)?;
            Ok((chats.len(), rows::statements() - before))
        });
        listed.await.unwrap()
    }

    #[tokio::test]
    async fn a_list_of_many_chats_takes_no_more_statements_than_one_of_few() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            EmbeddedStore::open(&folder.path().join("samvad.db"), EmbeddedOptions::default()).unwrap();
        let ada = UserId::from_bytes([1; 12]);
        let user = NewUser {
            id: ada,
            email: Email::parse("ada@example.org").unwrap(),
            display_name: DisplayName::parse("Ada").unwrap(),
            password_hash: "$argon2id$".into(),
            created_at: Timestamp::from_millis(0),
        };
        store.create_user(user).await.unwrap();
        let mut counted = Vec::new();
        for number in 0..200_u8 {
            let chat = NewGroupChat {
                id: ChatId::from_bytes([number; 12]),
                name: GroupName::parse("Team").unwrap(),
                members: vec![(ada, Role::Admin)],
                created_at: Timestamp::from_millis(0),
            };
            store.create_group_chat(chat).await.unwrap();
            if matches!(number, 0 | 199) {
                counted.push(statements(&store, ada).await);
            }
        }
        assert_eq!(counted, [(1, 3), (200, 3)]);
    }
}
