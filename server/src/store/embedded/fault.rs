//! What goes wrong inside the store, and what it means outside: the adapter's edge.

use std::fmt;

use app::error::{AppError, ErrorCode as Code};
use rusqlite::{ErrorCode, ffi};

/// Why a piece of work failed. Everything becomes an [`AppError`] at the edge, with the cause attached.
#[derive(Debug)]
pub(super) enum Fault {
    /// A typed refusal or fault, as the caller is to see it.
    Told(AppError),
    /// SQLite's own error, not judged yet.
    Sqlite(rusqlite::Error),
}

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        Self::Told(error)
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self::Told(code.into())
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Fault> for AppError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Told(error) => error,
            Fault::Sqlite(error) => AppError::new(code_of(&error)).because(error),
        }
    }
}

impl Fault {
    /// A stored row does not say what the schema promises.
    pub(super) fn undecodable(what: &'static str) -> Self {
        Self::Told(AppError::internal(Undecodable { what, at: None }))
    }

    /// Stored JSON is not what was once written. Only the place is kept: serde's own text would quote it.
    pub(super) fn undecodable_json(what: &'static str, error: &serde_json::Error) -> Self {
        Self::Told(AppError::internal(Undecodable { what, at: Some((error.line(), error.column())) }))
    }

    /// A value cannot be written as JSON.
    pub(super) fn unencodable(error: serde_json::Error) -> Self {
        Self::Told(AppError::internal(error))
    }

    /// The data is not as an event needs it: a bug, which must not be committed.
    pub(super) fn broken_rule(rule: &'static str) -> Self {
        Self::Told(AppError::internal(rule))
    }

    /// For the insert of a row that refers to a person: a missing one is the caller's mistake.
    pub(super) fn of_member(error: rusqlite::Error) -> Self {
        if extended_code(&error) == Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) {
            return Self::Told(AppError::new(Code::UnknownMember).because(error));
        }
        Self::Sqlite(error)
    }
}

/// A stored value that cannot be read back.
#[derive(Debug)]
struct Undecodable {
    what: &'static str,
    at: Option<(usize, usize)>,
}

impl fmt::Display for Undecodable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the stored {} cannot be decoded", self.what)?;
        match self.at {
            Some((line, column)) => write!(out, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Undecodable {}

fn extended_code(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

fn code_of(error: &rusqlite::Error) -> Code {
    let rusqlite::Error::SqliteFailure(failure, text) = error else { return Code::Internal };
    match failure.code {
        ErrorCode::ConstraintViolation
            if failure.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE
                && text.as_deref().is_some_and(|text| text.ends_with("users.email")) =>
        {
            Code::EmailTaken
        }
        ErrorCode::DiskFull => Code::StorageFull,
        // The index of the write-ahead log could not grow: in practice the disk is full.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Code::StorageFull,
        ErrorCode::SystemIoFailure
        | ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::CannotOpen
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::OperationInterrupted
        | ErrorCode::OutOfMemory
        | ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly => Code::Unavailable,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(extended: i32, text: &str) -> Code {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(extended), Some(text.into()));
        AppError::from(Fault::from(error)).code
    }

    #[test]
    fn sqlite_codes_become_what_the_caller_can_act_on() {
        let unique = ffi::SQLITE_CONSTRAINT_UNIQUE;
        assert_eq!(failure(unique, "UNIQUE constraint failed: users.email"), Code::EmailTaken);
        assert_eq!(failure(unique, "UNIQUE constraint failed: messages.id"), Code::Internal);
        assert_eq!(failure(ffi::SQLITE_FULL, "database or disk is full"), Code::StorageFull);
        assert_eq!(failure(ffi::SQLITE_IOERR_SHMSIZE, "disk I/O error"), Code::StorageFull);
        assert_eq!(failure(ffi::SQLITE_IOERR_FSYNC, "disk I/O error"), Code::Unavailable);
        assert_eq!(failure(ffi::SQLITE_BUSY, "database is locked"), Code::Unavailable);
        assert_eq!(failure(ffi::SQLITE_CANTOPEN, "unable to open"), Code::Unavailable);
        assert_eq!(failure(ffi::SQLITE_CORRUPT, "malformed"), Code::Internal);
    }

    #[test]
    fn the_cause_stays_attached() {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None);
        assert!(AppError::from(Fault::from(error)).chain().contains("locked"));
    }

    #[test]
    fn only_a_missing_person_is_an_unknown_member() {
        let error = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let code = |code| AppError::from(Fault::of_member(error(code))).code;
        assert_eq!(code(ffi::SQLITE_CONSTRAINT_FOREIGNKEY), Code::UnknownMember);
        assert_eq!(code(ffi::SQLITE_CONSTRAINT_CHECK), Code::Internal);
    }
}
