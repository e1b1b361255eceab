//! What a failure of SQLite means for the journal, and how that is.

use std::time::Duration;

use rusqlite::{Error, ErrorCode, ffi};

/// How the journal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// It failed, and takes nothing until the relay is started anew.
    pub closed: bool,
    /// The disk has no room for more than what must be written: nothing more is held until it has.
    pub full: bool,
    /// Changes that were synced to the disk since the start, and how long that took in all.
    pub syncs: u64,
    /// See `syncs`.
    pub sync_time: Duration,
    /// Deliveries that are missing in the history, since they came faster than they could be written, or the disk was
    /// full.
    pub dropped: u64,
}

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
