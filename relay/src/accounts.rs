//! Who may listen, and whose an endpoint is: accounts, their tokens and their endpoints, in one SQLite file.
//!
//! Several processes may hold the file at once (`token create` beside a running relay), so nothing is cached but what
//! `watch` keeps fresh: each question goes to the database. A read takes microseconds and may run on the caller's thread; a write
//! waits for the disk, and for another process's write for at most [`BUSY_TIMEOUT`](crate::database::BUSY_TIMEOUT): not on a thread that carries
//! webhooks.
//!
//! - `tables`: the shape of the file.
//! - `token`: the secrets and their hashes.
//! - `tokens`, `endpoints`, `holders`: what is asked and changed.
//! - `rights`, `scopes`: who may do what.
//! - `watch`: what changed, in whichever process.

mod endpoints;
mod holders;
mod name;
mod rights;
mod scopes;
mod tables;
mod token;
mod tokens;
mod watch;

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use muxhook_link::Now;
use muxhook_protocol::EndpointId;
use rusqlite::{Connection, Row};

use crate::database::{self, OpenError};

pub(crate) use tables::SHAPE;

pub use endpoints::{Address, Claimed, Deleted, Endpoint, MAX_ENDPOINTS};
pub use holders::{AccountRecord, NewQuotas, Quotas};
pub use name::{AccountName, InvalidAccount};
pub use rights::{NoRight, Pass};
pub use scopes::{InvalidScopes, Scope, Scopes};
pub use token::{Token, UnfitToken};
pub use tokens::{NewToken, TokenRecord, TokenWish};
pub use watch::Change;

/// The relay's accounts. Share it behind an [`std::sync::Arc`]. A question waits for no change.
pub struct Accounts {
    questions: Mutex<Connection>,
    changes: Mutex<Connection>,
    watch: watch::Watch,
    now: Now,
}

/// Why a question or a change failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name belongs to another account.
    #[error("the endpoint {0} belongs to another account: choose another name")]
    Taken(EndpointId),
    /// No token was ever made for this account.
    #[error("there is no account {0}: `token create --account {0}` makes it")]
    UnknownAccount(AccountName),
    /// No token has this id.
    #[error("there is no token with the id {0:?}: `token list` shows the ids")]
    UnknownToken(String),
    /// The token was revoked earlier, and stays so.
    #[error("the token {0} is revoked, and a revoked token never comes back: use another")]
    Revoked(String),
    /// The token's time was over earlier.
    #[error("the token {0} has expired, and an expired token never comes back: use another")]
    Expired(String),
    /// Nobody has this endpoint.
    #[error("there is no endpoint {0}: `endpoint list` shows them all")]
    UnknownEndpoint(EndpointId),
    /// Somebody may not do it.
    #[error(transparent)]
    NoRight(#[from] NoRight),
    /// The secret is in use for another account.
    #[error("the token is in use already, by the account {0}: give each account a token of its own")]
    InUse(AccountName),
    /// The label can't be shown in one line.
    #[error("a token's label has at most 64 characters, and no control characters")]
    BadLabel,
    /// The account has as many endpoints as it may have.
    #[error("the account {0} has {1} endpoints, as many as it may have: delete some")]
    TooMany(AccountName, u64),
    /// The question was not answered any more.
    #[error("the relay is going down")]
    GoingDown,
    /// The system gave no random bytes.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The file can't be read or written.
    #[error("the relay's database can't be used: {0}")]
    Database(#[from] rusqlite::Error),
}

impl Accounts {
    /// Opens the database in the folder `dir`; makes the folder and the file where they are missing.
    ///
    /// # Errors
    /// The folder or the file can't be used, is no relay's, or is a newer relay's.
    pub fn open(dir: &Path, now: Now) -> Result<Self, OpenError> {
        database::make_folder(dir)?;
        Self::connect(dir, now)
    }

    /// As [`Accounts::open`], for a relay that must have been there before: makes nothing.
    ///
    /// # Errors
    /// As [`Accounts::open`], and [`OpenError::Missing`] where no relay ever kept its data.
    pub fn open_existing(dir: &Path, now: Now) -> Result<Self, OpenError> {
        tables::SHAPE.require(dir)?;
        Self::connect(dir, now)
    }

    fn connect(dir: &Path, now: Now) -> Result<Self, OpenError> {
        let connection = || Ok(Mutex::new(tables::SHAPE.open(dir)?));
        let (questions, changes) = (connection()?, connection()?);
        let watch = watch::Watch::new(tables::SHAPE.open_to_read(dir)?);
        Ok(Self { questions, changes, watch, now })
    }

    /// For whoever only asks, or won't wait.
    fn questions(&self) -> MutexGuard<'_, Connection> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For changes, one at a time. A panic elsewhere leaves none half done: SQLite rolls it back.
    fn changes(&self) -> MutexGuard<'_, Connection> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// SQLite's integers have a sign.
    fn unix_millis(&self) -> i64 {
        i64::try_from(self.now.unix_millis()).unwrap_or(i64::MAX)
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Accounts")
    }
}

/// Reads a column of text as what it stands for.
fn parsed<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: String = row.get(column)?;
    let kind = rusqlite::types::Type::Text;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error)))
}

/// Reads a column of milliseconds.
fn millis(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.try_into().unwrap_or_default())
}

/// Reads a column of milliseconds, or of another number, that may be empty.
fn optional_millis(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(|number| number.try_into().unwrap_or_default()))
}

#[cfg(test)]
mod tests;
