//! What a chat is to each of its members alone: columns of the membership, which go with it.

use app::{
    domain::{ChatId, Ordinal, UserId, limits},
    error::AppResult,
    ports::{DecideMine, MineChange, Place, Places, ReadingStore},
};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{
    EmbeddedStore,
    fault::Fault,
    rows::{self, blocks_columns, mine_columns},
};

pub(super) const MINE: &str = concat!(
    "SELECT c.head_ordinal, c.member_count, u.read_receipts, ",
    mine_columns!(),
    ", ",
    blocks_columns!(),
    " FROM members m CROSS JOIN chats c ON c.id = m.chat_id CROSS JOIN users u ON u.id = m.user_id
     WHERE m.chat_id = ?1 AND m.user_id = ?2"
);
pub(super) const SET_MINE: &str = "UPDATE members SET read_ordinal = ?3, unread_from = ?4, muted_until = ?5,
    mentions_only = ?6, archived = ?7, my_revision = my_revision + 1 WHERE chat_id = ?1 AND user_id = ?2";
pub(super) const NOTE_SENT: &str =
    "UPDATE members SET read_ordinal = max(read_ordinal, ?3), unread_from = NULL
    WHERE chat_id = ?1 AND user_id = ?2";
pub(super) const PLACES_OF: &str = concat!(
    "SELECT c.id, c.head_seq, c.member_count, ",
    mine_columns!(),
    " FROM members m CROSS JOIN chats c ON c.id = m.chat_id WHERE m.user_id = ?1"
);
const SET_READ_RECEIPTS: &str = "UPDATE users SET read_receipts = ?2 WHERE id = ?1";

#[async_trait]
impl ReadingStore for EmbeddedStore {
    async fn change_mine(
        &self,
        chat: ChatId,
        member: UserId,
        decide: DecideMine,
    ) -> AppResult<Option<MineChange>> {
        self.write(move |connection| change(connection, chat, member, &decide)).await
    }

    async fn places_of(&self, person: UserId) -> AppResult<Places> {
        self.read(move |connection| {
            let places = rows::all(connection, PLACES_OF, params![person.as_bytes()], |row| {
                let place = Place {
                    head: rows::seq(row, 1)?,
                    member_count: row.get::<_, i64>(2)?.unsigned_abs(),
                    mine: rows::mine(row, 3)?,
                };
                Ok((rows::chat_id(row, 0)?, place))
            })?;
            Ok(places.into_iter().collect())
        })
        .await
    }

    async fn set_read_receipts(&self, person: UserId, on: bool) -> AppResult<bool> {
        self.write(move |connection| {
            Ok(rows::execute(connection, SET_READ_RECEIPTS, params![person.as_bytes(), on])? == 1)
        })
        .await
    }
}

fn change(
    connection: &Connection,
    chat: ChatId,
    member: UserId,
    decide: &DecideMine,
) -> Result<Option<MineChange>, Fault> {
    let found = rows::one(connection, MINE, params![chat.as_bytes(), member.as_bytes()], |row| {
        let has_few = row.get::<_, i64>(1)? <= rows::limit(limits::RECEIPT_MEMBERS);
        let is_hidden = rows::blocks(row, 10)?.seen_by(member).by_me;
        Ok((rows::ordinal(row, 0)?, has_few && !is_hidden && row.get(2)?, rows::mine(row, 3)?))
    })?;
    let Some((head, is_shown, before)) = found else { return Ok(None) };
    let mut after = decide(&before, head);
    after.revision = before.revision;
    if after != before {
        after.revision += 1;
        let params = params![
            chat.as_bytes(),
            member.as_bytes(),
            after.read.as_i64(),
            after.unread_from.map(Ordinal::as_i64),
            after.muted_until.map(|until| until.as_millis()),
            after.mentions_only,
            after.archived,
        ];
        rows::execute(connection, SET_MINE, params)?;
    }
    Ok(Some(MineChange { before, after, is_shown }))
}

/// Somebody has sent this message: they have read up to it.
pub(super) fn note_sent(
    connection: &Connection,
    chat: ChatId,
    sender: UserId,
    last: Ordinal,
) -> Result<(), Fault> {
    rows::execute(connection, NOTE_SENT, params![chat.as_bytes(), sender.as_bytes(), last.as_i64()])?;
    Ok(())
}
