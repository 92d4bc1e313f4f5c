//! What can go wrong in the store, in terms that a caller can act on.

use diesel::result::{DatabaseErrorKind, Error};

use super::deadline::OUT_OF_TIME;
use crate::store::constraint::Constraint;

/// A failure of the store. The core passes it on unchanged; each surface answers it once.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or is too busy: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A unique index said no.
    #[error("conflict on {0:?}")]
    Conflict(Constraint),
    /// A row cannot become the type it stands for, or is not there although it was just read.
    #[error("inconsistent row: {0}")]
    Inconsistent(&'static str),
    /// Anything else that the database said.
    #[error("the database failed: {0}")]
    Internal(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                match Constraint::of(info.constraint_name(), info.message()) {
                    Some(constraint) => Self::Conflict(constraint),
                    None => Self::Internal(format!("unique violation of an unknown index: {}", info.message())),
                }
            }
            Error::DatabaseError(
                DatabaseErrorKind::SerializationFailure
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::ReadOnlyTransaction,
                info,
            ) => Self::Unavailable(info.message().to_owned()),
            Error::DatabaseError(_, info) => Self::from_message(info.message()),
            Error::BrokenTransactionManager => Self::Unavailable("the connection was lost".to_owned()),
            Error::DeserializationError(_) => Self::Inconsistent("a column does not fit its type"),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl StoreError {
    /// Sorts what has no kind of its own by the engines' wording, which is English ([`crate::store::connection`] sees to it).
    fn from_message(message: &str) -> Self {
        const LOST: [&str; 17] = [
            OUT_OF_TIME,
            "deadlock detected",
            "canceling statement due to",
            "database is locked",
            "server closed the connection",
            "terminating connection",
            "no connection to the server",
            "connection to server",
            "the database system is",
            "disk I/O error",
            "database or disk is full",
            // PostgreSQL's class 53, resources that are not there for now.
            "No space left on device",
            "could not extend file",
            "Disk quota exceeded",
            "out of shared memory",
            "too many clients already",
            "remaining connection slots are reserved",
        ];
        if LOST.iter().any(|text| message.contains(text)) {
            return Self::Unavailable(message.to_owned());
        }
        Self::Internal(message.to_owned())
    }
}

/// Refuses unless a statement has met the one row of `table` that it was about.
pub(in crate::store) fn require_one(rows: usize, table: &'static str) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Inconsistent(table)) }
}

#[cfg(test)]
mod tests {
    use super::StoreError;

    #[test]
    fn what_passes_by_itself_is_unavailable_and_the_rest_is_internal() {
        for passing in [
            "server closed the connection unexpectedly",
            "deadlock detected",
            "database is locked",
            "could not extend file \"base/16384/16412\": No space left on device",
            "could not write to file \"pg_wal/xlogtemp.42\": No space left on device",
            "sorry, too many clients already",
        ] {
            assert!(matches!(StoreError::from_message(passing), StoreError::Unavailable(_)), "{passing}");
        }
        assert!(matches!(StoreError::from_message("syntax error"), StoreError::Internal(_)));
    }
}
