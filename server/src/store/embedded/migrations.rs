//! The schema's versions. A migration, once released, is never changed: the next one is added below it.

use app::{
    domain::name_key,
    error::{AppError, AppResult},
};
use rusqlite::{Connection, TransactionBehavior};

use super::{Schema, fault::Fault};

/// The version that a database has when this migration has been applied is its place here, from 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_initial.sql"),
    include_str!("migrations/0002_chats_made.sql"),
    include_str!("migrations/0003_attachments.sql"),
    include_str!("migrations/0004_conversation.sql"),
    include_str!("migrations/0005_reading.sql"),
    include_str!("migrations/0006_search.sql"),
    include_str!("migrations/0007_mentions.sql"),
    include_str!("migrations/0008_people.sql"),
    include_str!("migrations/0009_push.sql"),
    include_str!("migrations/0010_avatars.sql"),
    include_str!("migrations/0011_drafts.sql"),
    include_str!("migrations/0012_profiles.sql"),
    include_str!("migrations/0013_notifying.sql"),
];

/// Marks a file as one of ours (`PRAGMA application_id`): "smvd".
const APPLICATION_ID: i32 = 0x736d_7664;

/// The file cannot be used by this program.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("the database has version {found}, this program knows versions up to {known}: use a newer one")]
    Newer { found: i64, known: i64 },
    #[error("the database belongs to another program")]
    Foreign,
}

/// Brings the database to the newest version, in one transaction, so that it has all of it or nothing.
pub(super) fn apply(connection: &mut Connection) -> AppResult<()> {
    migrate(connection).map_err(AppError::from)
}

fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Schema { found, known } = look(&transaction)?;
    for sql in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        transaction.execute_batch(sql)?;
    }
    if found < known {
        write_name_keys(&transaction)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)?;
        tracing::info!(from = found, to = known, "migrated the database");
    }
    transaction.commit()?;
    Ok(())
}

/// Writes what names are found by as this version does: SQLite knows lower case alone, and not all of that.
fn write_name_keys(connection: &Connection) -> Result<(), Fault> {
    let mut read = connection.prepare("SELECT id, display_name, name_key FROM users")?;
    let mut write = connection.prepare("UPDATE users SET name_key = ?2 WHERE id = ?1")?;
    let mut users = read.query([])?;
    let mut outdated: Vec<([u8; 12], String)> = Vec::new();
    while let Some(user) = users.next()? {
        let (name, before): (String, String) = (user.get(1)?, user.get(2)?);
        let key = name_key(&name);
        if key != before {
            outdated.push((user.get(0)?, key));
        }
    }
    for (id, key) in outdated {
        write.execute((id, key))?;
    }
    Ok(())
}

/// Which version a database has. Fails if it cannot be used by this program.
pub(super) fn look(connection: &Connection) -> Result<Schema, Fault> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = found == 0 && application == 0 && tables == 0;
    if application != APPLICATION_ID && !empty {
        return Err(AppError::internal(Unusable::Foreign).into());
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if !(0..=known).contains(&found) {
        return Err(AppError::internal(Unusable::Newer { found, known }).into());
    }
    Ok(Schema { found, known })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A database of the version that the migration which says this comes after.
    fn before_that_which(says: &str) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let before: Vec<_> = MIGRATIONS.iter().take_while(|sql| !sql.contains(says)).collect();
        for sql in &before {
            connection.execute_batch(sql).unwrap();
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", i64::try_from(before.len()).unwrap()).unwrap();
        connection
    }

    #[test]
    fn files_of_before_avatars_stay_as_they_were() {
        let mut connection = before_that_which("avatar_id BLOB");
        connection
            .execute_batch(
                "INSERT INTO users (id, email, display_name, name_key, password_hash, created_at, attached_bytes)
                     VALUES (zeroblob(12), 'a@x.org', 'Ada', 'ada', '$', 0, 7);
                 INSERT INTO chats (id, kind, name, created_at, last_activity_at, head_seq, head_ordinal)
                     VALUES (zeroblob(12), 'group', 'Team', 0, 0, 2, 1);
                 INSERT INTO events (chat_id, seq, at, actor_id, body) VALUES
                     (zeroblob(12), 1, 0, zeroblob(12), '{\"type\":\"new_message\"}'),
                     (zeroblob(12), 2, 0, zeroblob(12), '{\"type\":\"chat_renamed\",\"name\":\"Crew\"}');
                 INSERT INTO messages (chat_id, seq, ordinal, id, sender_id, client_id, body, created_at)
                     VALUES (zeroblob(12), 1, 1, zeroblob(12), zeroblob(12), zeroblob(16), 'hi', 0);
                 INSERT INTO attachments (id, owner_id, state, chat_id, message_seq, bytes, view, collect_at) VALUES
                     (x'000000000000000000000001', zeroblob(12), 'attached', zeroblob(12), 1, 7, '{}', NULL),
                     (x'000000000000000000000002', zeroblob(12), 'arriving', NULL, NULL, NULL, NULL, 5),
                     (x'000000000000000000000003', zeroblob(12), 'claimed', NULL, NULL, NULL, NULL, 6);",
            )
            .unwrap();
        apply(&mut connection).unwrap();
        let rows = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let files = "SELECT state || ' ' || coalesce(message_seq, '-') || ' ' || coalesce(bytes, '-') || ' '
            || coalesce(view, '-') || ' ' || coalesce(collect_at, '-') || ' ' || is_avatar FROM attachments ORDER BY id";
        assert_eq!(rows(files), ["attached 1 7 {} - 0", "arriving - - - 5 0", "claimed - - - 6 0"]);
        let told = "SELECT body ->> '$.name' FROM events INDEXED BY events_of_chat WHERE body ->> '$.type' IN
            ('member_added', 'member_removed', 'role_changed', 'chat_renamed', 'chat_described', 'chat_avatar_changed')";
        assert_eq!(rows(told), ["Crew"]);
        assert_eq!(rows("SELECT \"table\" FROM pragma_foreign_key_check"), Vec::<String>::new());
        assert_eq!(rows("SELECT integrity_check FROM pragma_integrity_check"), ["ok"]);
    }

    #[test]
    fn the_names_of_before_are_found_as_those_of_now() {
        let mut connection = before_that_which("CREATE TABLE mentions");
        for (number, name) in [(1_u8, "Ada"), (2, "Ｒａｖｉ")] {
            let insert = "INSERT INTO users (id, email, display_name, name_key, password_hash, created_at)
                VALUES (?1, ?2, ?3, lower(?3), '$', 0)";
            connection.execute(insert, (vec![number; 12], format!("{number}@x.org"), name)).unwrap();
        }
        apply(&mut connection).unwrap();
        let mut keys = connection.prepare("SELECT name_key FROM users ORDER BY id").unwrap();
        let keys: Vec<String> =
            keys.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(keys, ["ada", "ravi"]);
    }
}
