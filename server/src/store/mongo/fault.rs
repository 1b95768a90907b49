//! What goes wrong inside the store, and what it means outside: the adapter's edge.

use std::{error::Error as StdError, fmt, sync::Arc};

use app::error::{AppError, ErrorCode};
use mongodb::error::{
    Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT, WriteFailure,
};

use super::migrations::index;

/// The server's codes that are looked at. <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
mod code {
    pub const MAX_TIME_EXPIRED: i32 = 50;
    pub const WRITE_CONCERN_TIMEOUT: i32 = 64;
    pub const UNSATISFIABLE_WRITE_CONCERN: i32 = 100;
    pub const TIME_LIMIT_EXCEEDED: i32 = 262;
    pub const OVER_QUOTA: i32 = 8_000;
    pub const DUPLICATE_KEY: i32 = 11_000;
    pub const INTERRUPTED: i32 = 11_601;
    pub const OUT_OF_DISK_SPACE: i32 = 14_031;
    /// Another write, or a change of the catalogue, was in the way: a lock was not had in time, two writes
    /// met, a snapshot is not there any longer or not yet.
    pub const CONFLICT: &[i32] = &[24, 112, 239, 246];
    /// The member is no primary, or stops, or was not reached: what passes when there is a primary again.
    pub const NO_PRIMARY: &[i32] = &[6, 7, 89, 91, 189, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436];
}

/// Why a piece of work failed. Everything becomes an [`AppError`] at the edge, with the cause attached.
#[derive(Debug)]
pub(super) enum Fault {
    /// A typed refusal or fault, as the caller is to see it.
    Told(AppError),
    /// The driver's own error, not judged yet.
    Driver(Box<Error>),
    /// Another write came first: the next attempt starts from what it left.
    Lost,
    /// Another server has become the primary before this one answered.
    Replaced,
    /// A commit whose outcome nobody could find out in time.
    Unknown(Box<Error>),
}

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        Self::Told(error)
    }
}

impl From<ErrorCode> for Fault {
    fn from(code: ErrorCode) -> Self {
        Self::Told(code.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Driver(Box::new(error))
    }
}

impl From<Fault> for AppError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Told(error) => error,
            Fault::Driver(error) => AppError::new(code_of(&error)).because(Cause::of(&error)),
            Fault::Lost => AppError::new(ErrorCode::Busy).because("other writes always came first"),
            Fault::Replaced => AppError::unavailable("primaries went away before they answered"),
            Fault::Unknown(error) => AppError::unavailable(Cause::of(&error)),
        }
    }
}

impl Fault {
    /// A stored document does not say what the schema promises.
    pub(super) fn undecodable(what: &'static str) -> Self {
        Self::Told(AppError::internal(format!("the stored {what} cannot be decoded")))
    }

    /// The data is not as an event needs it: a bug, which must not be committed.
    pub(super) fn broken_rule(rule: &'static str) -> Self {
        Self::Told(AppError::internal(rule))
    }

    /// Whether the same work may succeed when it is done anew from its beginning: what another write or a
    /// lost primary got in the way of. A transaction has left nothing then; a write of one document may have
    /// taken place, and recognises its own.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Lost | Self::Replaced => true,
            Self::Driver(error) => {
                error.contains_label(TRANSIENT_TRANSACTION_ERROR)
                    || matches!(*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. })
                    || number(error).is_some_and(|number| {
                        code::CONFLICT.contains(&number)
                            || code::NO_PRIMARY.contains(&number)
                            // Another node took its transaction for abandoned.
                            || number == code::INTERRUPTED
                    })
            }
            Self::Told(_) | Self::Unknown(_) => false,
        }
    }

    /// The unique index that refused the write.
    pub(super) fn duplicate(&self) -> Option<&str> {
        match self {
            Self::Driver(error) => duplicate(error),
            _ => None,
        }
    }
}

/// Whether nobody knows yet whether a commit took place. Committing again tells.
pub(super) fn is_unknown_commit(error: &Error) -> bool {
    error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) || number(error) == Some(code::INTERRUPTED)
}

fn code_of(error: &Error) -> ErrorCode {
    if let Some(name) = duplicate(error) {
        return if name == index::USERS_BY_EMAIL { ErrorCode::EmailTaken } else { ErrorCode::Internal };
    }
    match &*error.kind {
        ErrorKind::ServerSelection { .. }
        | ErrorKind::Io(_)
        | ErrorKind::ConnectionPoolCleared { .. }
        | ErrorKind::DnsResolve { .. }
        | ErrorKind::Authentication { .. }
        | ErrorKind::Shutdown => return ErrorCode::Unavailable,
        _ => {}
    }
    match number(error) {
        Some(code::OUT_OF_DISK_SPACE | code::OVER_QUOTA) => ErrorCode::StorageFull,
        Some(
            code::MAX_TIME_EXPIRED
            | code::TIME_LIMIT_EXCEEDED
            | code::WRITE_CONCERN_TIMEOUT
            | code::INTERRUPTED
            | code::UNSATISFIABLE_WRITE_CONCERN,
        ) => ErrorCode::Unavailable,
        Some(number) if code::CONFLICT.contains(&number) || code::NO_PRIMARY.contains(&number) => {
            ErrorCode::Unavailable
        }
        _ if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => ErrorCode::Unavailable,
        _ => ErrorCode::Internal,
    }
}

/// The server's number for the error, and its message, which may quote what was written.
fn answer(error: &Error) -> Option<(i32, &str, &str)> {
    match &*error.kind {
        ErrorKind::Command(error) => Some((error.code, &error.code_name, &error.message)),
        ErrorKind::Write(WriteFailure::WriteError(error)) => {
            Some((error.code, error.code_name.as_deref().unwrap_or_default(), &error.message))
        }
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            Some((error.code, &error.code_name, &error.message))
        }
        ErrorKind::InsertMany(error) => {
            let write = error.write_errors.iter().flatten().next();
            let write = write
                .map(|error| (error.code, error.code_name.as_deref().unwrap_or_default(), &*error.message));
            let concern = error.write_concern_error.as_ref();
            write.or(concern.map(|error| (error.code, &*error.code_name, &*error.message)))
        }
        _ => None,
    }
}

fn number(error: &Error) -> Option<i32> {
    answer(error).map(|(number, _, _)| number)
}

/// `E11000 duplicate key error collection: samvad.users index: users_by_email dup key: { … }`
fn duplicate(error: &Error) -> Option<&str> {
    let (number, _, message) = answer(error)?;
    if number != code::DUPLICATE_KEY {
        return None;
    }
    message.split_once(" index: ")?.1.split_whitespace().next()
}

/// The driver's error without what the server quotes in its messages: text and addresses of people.
#[derive(Debug)]
pub(super) struct Cause {
    said: String,
    source: Option<Arc<std::io::Error>>,
}

impl Cause {
    pub(super) fn of(error: &Error) -> Self {
        let said = match (duplicate(error), answer(error), &*error.kind) {
            (Some(index), _, _) => format!("MongoDB: there is one already in {index}"),
            (None, Some((number, name, _)), _) => format!("MongoDB: error {number} {name}"),
            (None, None, ErrorKind::Bson(_)) => "MongoDB: a document cannot be read or written".into(),
            (None, None, ErrorKind::Io(_)) => "MongoDB: the connection broke".into(),
            (None, None, kind) => format!("MongoDB: {kind}"),
        };
        let source = match &*error.kind {
            ErrorKind::Io(error) => Some(Arc::clone(error)),
            _ => None,
        };
        Self { said, source }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.said)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|error| error as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: Error) -> AppError {
        Fault::from(error).into()
    }

    fn io() -> Error {
        std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
    }

    #[test]
    fn a_broken_connection_is_unavailable_and_keeps_its_cause() {
        let error = told(io());
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert_eq!(error.retry_after, Some(2));
        assert!(error.chain().contains("reset"), "{}", error.chain());
    }

    #[test]
    fn who_always_comes_second_is_told_to_come_again() {
        assert_eq!(AppError::from(Fault::Lost).code, ErrorCode::Busy);
        assert_eq!(AppError::from(Fault::Unknown(Box::new(io()))).code, ErrorCode::Unavailable);
        assert!(Fault::Lost.is_passing() && !Fault::Unknown(Box::new(io())).is_passing());
    }
}
