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
    /// Changes that were synced to the disk since the start, and how long each took.
    pub syncs: Syncs,
    /// Deliveries that are missing in the history, since they came faster than they could be written, or the disk was
    /// full.
    pub dropped: u64,
}

/// Upper bounds of how long a sync takes, in seconds.
const SYNC_SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// How long changes took to be synced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syncs {
    /// How many took as long as each of [`SYNC_SECONDS`] at most and longer than the one before; the last: longer.
    counts: [u64; SYNC_SECONDS.len() + 1],
    time: Duration,
}

impl Syncs {
    /// Counts one.
    pub fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = SYNC_SECONDS.iter().take_while(|bound| seconds > **bound).count();
        self.counts[bucket] += 1;
        self.time += took;
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long they took in all.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Upper bounds in seconds, each with how many took that long at most and longer than the one before; the last
    /// bound is infinite.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        SYNC_SECONDS.into_iter().chain([f64::INFINITY]).zip(self.counts)
    }
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
