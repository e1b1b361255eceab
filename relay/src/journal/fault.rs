//! What a failure of SQLite means for the journal.

use rusqlite::{Error, ErrorCode, ffi};

/// How far a failure reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It lies in one job or row, and the others go on.
    Own,
    /// The disk is full: it may pass.
    NoSpace,
    /// Somebody else has the file locked: it may pass.
    Busy,
    /// The file or the disk can't be trusted any more. A sync that failed once may seem to go well the next time though
    /// its data is lost, so nothing is tried again.
    Fatal,
}

impl Fault {
    pub(super) fn of(error: &Error) -> Self {
        let Error::SqliteFailure(failure, _) = error else { return Self::of_a_value(error) };
        match failure.code {
            // So SQLite calls a write for which the system had no space (`ENOSPC`), be it to the log or to the file.
            ErrorCode::DiskFull => Self::NoSpace,
            // The log's index, which SQLite makes anew from the log, could not be made longer: so a full disk shows
            // itself there. No delivery is in it.
            ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::NoSpace,
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy,
            ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => Self::Own,
            _ => Self::Fatal,
        }
    }

    /// A value that is not what it should be is one row's.
    fn of_a_value(error: &Error) -> Self {
        match error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
            | Error::ToSqlConversionFailure(..)
            | Error::QueryReturnedNoRows => Self::Own,
            _ => Self::Fatal,
        }
    }
}
