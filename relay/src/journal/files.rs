//! Whether the files that the journal is written to are still those in its folder. Somebody may empty them, move them
//! away or put others in their place, and SQLite would go on: what it writes then is gone when the relay ends.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Error, ffi};

use super::tables;

/// The head of the log, and of each page in it, in bytes (<https://sqlite.org/fileformat2.html#walformat>).
const LOG_HEAD: u64 = 32;
const FRAME_HEAD: u64 = 24;

/// What the log begins with, but for its last bit.
const LOG_MAGIC: u32 = 0x377f_0682;

/// The files as they were when the journal was opened. It holds no handle on the database: closing one would drop the
/// locks that SQLite has on it (POSIX `fcntl`), which the log has none of.
pub(super) struct Files {
    database: PathBuf,
    database_was: Metadata,
    /// Bytes that the database can't have become shorter than, since SQLite cuts off what no page of it is in.
    floor: u64,
    log: PathBuf,
    log_was: Metadata,
    /// The log that is written to.
    handle: File,
    /// Bytes of a page.
    page: u64,
}

impl Files {
    /// Of the journal in `dir`, which `connection` has read, so that its log is there.
    pub(super) fn of(dir: &Path, connection: &Connection) -> rusqlite::Result<Self> {
        let database = dir.join(tables::SHAPE.file);
        let log = dir.join(format!("{}-wal", tables::SHAPE.file));
        let page = connection.query_row("PRAGMA page_size", (), |row| row.get(0))?;
        let look = || -> io::Result<Self> {
            let handle = File::open(&log)?;
            let (database_was, log_was) = (fs::metadata(&database)?, handle.metadata()?);
            Ok(Self { database, database_was, floor: 0, log, log_was, handle, page })
        };
        let mut files = look().map_err(|error| damaged(format!("its files can't be looked at: {error}")))?;
        files.stand(connection, 0)?;
        Ok(files)
    }

    /// Looks at them, after each change of them. `log_pages`: how many pages the log has.
    ///
    /// # Errors
    /// One is gone, another one, or shorter than what was written to it: as of a database that is damaged.
    pub(super) fn stand(&mut self, connection: &Connection, log_pages: u64) -> rusqlite::Result<()> {
        let database = same(&self.database, &self.database_was)?.len();
        let log = same(&self.log, &self.log_was)?.len();
        if database < self.floor {
            return Err(cut(&self.database));
        }
        // What follows a log that was emptied makes it as long as it was, but brings no head.
        if log_pages > 0 && (log < LOG_HEAD + log_pages * (FRAME_HEAD + self.page) || !self.has_head()) {
            return Err(cut(&self.log));
        }
        let pages: u64 = connection.prepare_cached("PRAGMA page_count")?.query_row((), |row| row.get(0))?;
        self.floor = database.min(pages * self.page);
        Ok(())
    }

    fn has_head(&self) -> bool {
        let (mut log, mut magic) = (&self.handle, [0; 4]);
        let read = log.rewind().and_then(|()| log.read_exact(&mut magic));
        read.is_ok() && u32::from_be_bytes(magic) & !1 == LOG_MAGIC
    }
}

/// What the folder says of a file that is to be the one it was.
fn same(path: &Path, was: &Metadata) -> rusqlite::Result<Metadata> {
    match fs::metadata(path) {
        Ok(is) if is_same(&is, was) => Ok(is),
        Ok(_) => Err(damaged(format!("{} was replaced while the relay wrote to it", path.display()))),
        Err(error) => Err(damaged(format!("{} was taken away: {error}", path.display()))),
    }
}

#[cfg(unix)]
fn is_same(is: &Metadata, was: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (is.dev(), is.ino()) == (was.dev(), was.ino())
}

/// Elsewhere a file that is open can't be taken away.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn cut(path: &Path) -> Error {
    damaged(format!("{} was cut while the relay wrote to it", path.display()))
}

fn damaged(what: String) -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what))
}
