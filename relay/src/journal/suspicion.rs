//! What a run leaves to the next one when it came upon damage: a file beside the journal. The next start then looks
//! through all of the journal before it takes anything in, which is too slow for every start.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, ffi};

use super::tables;
use crate::database::OpenError;

fn file(dir: &Path) -> PathBuf {
    dir.join("journal.suspect")
}

/// Leaves word when `error` is one of damage.
pub(super) fn leave(dir: &Path, error: &rusqlite::Error) {
    if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
        && let Err(error) = fs::write(file(dir), "")
    {
        tracing::warn!(%error, "the next start can't be told to look for damage");
    }
}

/// Looks through the journal when the last run came upon damage.
///
/// # Errors
/// It is damaged.
pub(super) fn clear_up(dir: &Path, journal: &Connection) -> Result<(), OpenError> {
    if !file(dir).exists() {
        return Ok(());
    }
    let path = dir.join(tables::SHAPE.file);
    let found = journal.query_row("PRAGMA integrity_check(1)", (), |row| row.get::<_, String>(0));
    match found {
        Ok(found) if found == "ok" => {
            let removed = fs::remove_file(file(dir));
            removed.map_err(|cause| OpenError::Folder { path: file(dir), cause })
        }
        Ok(found) => {
            let cause = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(found));
            Err(OpenError::Sqlite { path, cause })
        }
        Err(cause) => Err(OpenError::Sqlite { path, cause }),
    }
}
