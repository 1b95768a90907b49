//! The schema's versions. A migration, once released, is never changed: the next one is added below it.

use app::error::{AppError, AppResult};
use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;

/// The version that a database has when this migration has been applied is its place here, from 1.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/0001_initial.sql"), include_str!("migrations/0002_chats_made.sql")];

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
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let empty = version == 0 && application == 0 && tables == 0;
    if application != APPLICATION_ID && !empty {
        return Err(AppError::internal(Unusable::Foreign).into());
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let done = match usize::try_from(version) {
        Ok(done) if version <= known => done,
        _ => return Err(AppError::internal(Unusable::Newer { found: version, known }).into()),
    };
    for sql in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(sql)?;
    }
    if version < known {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)?;
        tracing::info!(from = version, to = known, "migrated the database");
    }
    transaction.commit()?;
    Ok(())
}
