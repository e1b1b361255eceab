//! SQLite files in the data folder: where they are, who may read them, and which shape their tables have.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, ffi};

/// Held while a file is made or migrated, so that two processes that start together take turns. A file of
/// its own: to close any handle on a database would drop the locks that SQLite has on it (POSIX `fcntl`).
const LOCK_FILE: &str = "relay.lock";

/// How long a change waits for another process's change to the same file. Such changes take milliseconds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// The oldest SQLite without the defect that could corrupt a write-ahead log on its reset: 3.51.3.
const OLDEST_SQLITE: i32 = 3_051_003;

/// One kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Its name in the data folder.
    pub(crate) file: &'static str,
    /// In its head (`PRAGMA application_id`), so that no other program's file is taken for it.
    pub(crate) application_id: i32,
    /// What is set before the first table is made, and can't be changed later.
    pub(crate) before: &'static str,
    /// What leads from one version of the tables (`PRAGMA user_version`) to the next. Only ever added to.
    pub(crate) migrations: &'static [&'static str],
}

/// A file that is open to be read alone.
pub(crate) struct ToRead {
    /// It.
    pub(crate) connection: Connection,
    /// The version of its tables; 0: it has none yet.
    pub(crate) version: i64,
    /// Whether that is the version that this program knows.
    pub(crate) is_current: bool,
}

/// Why the data folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder can't be made or written.
    #[error("the data folder {} can't be used: {cause}; give one that this user may write", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// No relay ever kept its data there.
    #[error("there is no relay's data in {}: give the running relay's data folder", .0.display())]
    Missing(PathBuf),
    /// The file is something else.
    #[error(
        "{} is not a muxhook relay's database, or its beginning is damaged: give another data folder, restore a backup, \
         or move that file away", .0.display()
    )]
    Foreign(PathBuf),
    /// The file may only be read.
    #[error("{} may only be read by this user, and the relay must write it: mend its owner or mode", .0.display())]
    ReadOnly(PathBuf),
    /// A newer relay made the file.
    #[error(
        "{} was written by a newer muxhook-relay (its tables have version {found}, this program knows {known}): \
         use the newer program, or another data folder", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The program was built with a SQLite that may lose data.
    #[error("this program was built with SQLite {0}, which can lose data: build it with 3.51.3 or newer")]
    OldSqlite(&'static str),
    /// SQLite failed.
    #[error("{} can't be opened: {cause}{}", path.display(), cure(cause))]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
}

/// Makes the folder for its owner alone. The mode of one that exists is its owner's business.
pub(crate) fn make_folder(dir: &Path) -> Result<(), OpenError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|cause| OpenError::Folder { path: dir.to_owned(), cause })
}

/// What to do when SQLite can't open a file.
pub(crate) fn cure(cause: &rusqlite::Error) -> &'static str {
    match cause.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => {
            "; it is damaged: restore a backup, or move it and the -wal and -shm beside it away"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "; run this as the user that the data belong to, who may write their folder"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "; another process is busy with it: try again"
        }
        _ => "",
    }
}

impl OpenError {
    /// Whether what the disk gives back is not what a relay wrote.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Foreign(_) => true,
            Self::Sqlite { cause, .. } => cause.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt),
            _ => false,
        }
    }
}

impl Shape {
    /// # Errors
    /// [`OpenError::Missing`] when there is no such file in `dir`.
    pub(crate) fn require(&self, dir: &Path) -> Result<(), OpenError> {
        match fs::metadata(dir.join(self.file)) {
            Ok(_) => Ok(()),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Err(OpenError::Missing(dir.to_owned())),
            Err(cause) => Err(OpenError::Folder { path: dir.join(self.file), cause }),
        }
    }

    /// Opens the file in `dir`, made where it is missing and brought to the newest version.
    pub(crate) fn open(&self, dir: &Path) -> Result<Connection, OpenError> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            return Err(OpenError::OldSqlite(rusqlite::version()));
        }
        let path = dir.join(self.file);
        let _turn = take_turn(dir)?;
        make_file(&path)?;
        let failed = |cause| self.failure(&path, cause);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let found =
            self.identify(&connection).map_err(failed)?.ok_or_else(|| OpenError::Foreign(path.clone()))?;
        if connection.is_readonly("main").map_err(failed)? {
            return Err(OpenError::ReadOnly(path));
        }
        let Some(missing) = usize::try_from(found).ok().and_then(|found| self.migrations.get(found..)) else {
            return Err(OpenError::Newer { path, found, known: self.version() });
        };
        self.compare(&connection, found).map_err(failed)?;
        if found > 0 && !missing.is_empty() {
            keep_copy(&connection, &dir.join(format!("{}.v{found}", self.file)))?;
        }
        self.prepare(&mut connection, missing, found == 0).map_err(failed)?;
        Ok(connection)
    }

    /// Opens the file in `dir` to be read alone, beside a running relay too; `version` tells whether its tables are
    /// those that this program knows. Nothing in it is made, migrated or mended. SQLite may leave its own files beside
    /// it (`-shm`, and an empty `-wal`), as it does for every reader.
    pub(crate) fn open_beside(&self, dir: &Path) -> Result<ToRead, OpenError> {
        self.require(dir)?;
        let path = dir.join(self.file);
        let failed = |cause| self.failure(&path, cause);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let found =
            self.identify(&connection).map_err(failed)?.ok_or_else(|| OpenError::Foreign(path.clone()))?;
        let known = self.version();
        if found > known {
            return Err(OpenError::Newer { path, found, known });
        }
        self.compare(&connection, found).map_err(failed)?;
        Ok(ToRead { connection, version: found, is_current: found == known })
    }

    fn failure(&self, path: &Path, cause: rusqlite::Error) -> OpenError {
        match cause {
            rusqlite::Error::SqliteFailure(error, _) if error.code == ErrorCode::NotADatabase => {
                OpenError::Foreign(path.to_owned())
            }
            cause => OpenError::Sqlite { path: path.to_owned(), cause },
        }
    }

    /// Opens the file in `dir`, which [`Shape::open`] has opened before, for reading alone.
    pub(crate) fn open_to_read(&self, dir: &Path) -> Result<Connection, OpenError> {
        let path = dir.join(self.file);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(&path, flags)
            .and_then(|connection| connection.busy_timeout(BUSY_TIMEOUT).map(|()| connection))
            .map_err(|cause| OpenError::Sqlite { path, cause })
    }

    /// The version of the tables that this program works with.
    fn version(&self) -> i64 {
        self.migrations.len() as i64
    }

    /// The version of the tables; `None` when the file is not of this kind.
    fn identify(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let number = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
        let application = number("PRAGMA application_id")?;
        let version = number("PRAGMA user_version")?;
        let is_new = application == 0 && version == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0;
        Ok((is_new || application == i64::from(self.application_id)).then_some(version))
    }

    /// Whether the tables are those that a relay made. SQLite takes the text that describes them as it finds it: a bit
    /// that has turned there would come to light as a column that is missing, much later.
    fn compare(&self, connection: &Connection, found: i64) -> rusqlite::Result<()> {
        let made = Connection::open_in_memory()?;
        made.execute_batch(self.before)?;
        for migration in self.migrations.iter().take(found.try_into().unwrap_or_default()) {
            made.execute_batch(migration)?;
        }
        if tables(connection)? == tables(&made)? {
            return Ok(());
        }
        let why = "the description of its tables is damaged".to_owned();
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(why)))
    }

    fn prepare(&self, connection: &mut Connection, missing: &[&str], is_new: bool) -> rusqlite::Result<()> {
        if is_new {
            connection.execute_batch(self.before)?;
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        if missing.is_empty() {
            return Ok(());
        }
        let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for migration in missing {
            change.execute_batch(migration)?;
        }
        change.pragma_update(None, "application_id", self.application_id)?;
        change.pragma_update(None, "user_version", self.version())?;
        change.commit()
    }
}

/// What the file says of its tables. As bytes: what is damaged need not be text.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<Vec<u8>>> {
    let sql =
        "SELECT CAST(concat_ws(char(0), type, name, tbl_name, sql) AS BLOB) FROM sqlite_schema ORDER BY 1";
    connection.prepare(sql)?.query_map((), |row| row.get(0))?.collect()
}

/// Keeps the file as it is before it is brought to a newer version, for whoever must go back to the older program. By
/// SQLite, since part of it may stand in its log.
fn keep_copy(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |cause| OpenError::Folder { path: path.to_owned(), cause };
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
        _ => make_file(path)?,
    }
    let copied = connection.execute("VACUUM INTO ?1", [path.to_string_lossy()]);
    copied.map_err(|cause| OpenError::Sqlite { path: path.to_owned(), cause })?;
    File::open(path).and_then(|file| file.sync_all()).map_err(failed)
}

/// Waits until no other process opens a file there; the turn ends when the handle is dropped.
fn take_turn(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK_FILE);
    let lock = || -> io::Result<File> {
        let file = private().create(true).truncate(false).open(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|cause| OpenError::Folder { path: path.clone(), cause })
}

/// SQLite gives the files beside it (`-wal`, `-shm`) the same mode.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let made = match private().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(cause) => Err(cause),
    };
    made.map_err(|cause| OpenError::Folder { path: path.to_owned(), cause })
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE things (name TEXT) STRICT";
    const SECOND: &str = "ALTER TABLE things ADD COLUMN size INTEGER";

    fn shape(migrations: &'static [&'static str]) -> Shape {
        Shape { file: "things.db", application_id: 7, before: "", migrations }
    }

    fn names(connection: &Connection) -> Vec<String> {
        let mut query = connection.prepare("SELECT name FROM things").unwrap();
        query.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_newer_version_goes_on_from_the_older_ones_data_and_keeps_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let old = shape(&[FIRST]).open(dir.path()).unwrap();
        old.execute("INSERT INTO things VALUES ('a')", ()).unwrap();
        // Open all the while, so that the row stands in the log alone.
        let new = shape(&[FIRST, SECOND]).open(dir.path()).unwrap();
        new.execute("UPDATE things SET size = 1", ()).unwrap();
        assert_eq!(names(&new), ["a"]);
        let copy = Connection::open(dir.path().join("things.db.v1")).unwrap();
        assert_eq!(names(&copy), ["a"]);
        assert!(copy.prepare("SELECT size FROM things").is_err(), "it is as it was before");
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::MetadataExt::mode(&fs::metadata(dir.path().join("things.db.v1")).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        drop((old, new));
        shape(&[FIRST, SECOND]).open(dir.path()).unwrap();
        let older = shape(&[FIRST]).open(dir.path());
        assert!(matches!(older, Err(OpenError::Newer { found: 2, known: 1, .. })));
        assert!(!dir.path().join("things.db.v2").exists(), "nothing was to be done");
    }

    #[test]
    fn a_description_of_the_tables_that_is_damaged_is_noticed() {
        let (dir, shape) = (tempfile::tempdir().unwrap(), shape(&[FIRST]));
        let connection = shape.open(dir.path()).unwrap();
        connection.pragma_update(None, "writable_schema", true).unwrap();
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'name', 'oame')", ()).unwrap();
        drop(connection);
        for refused in [shape.open(dir.path()).err(), shape.open_beside(dir.path()).err()] {
            let refused = refused.unwrap();
            assert!(refused.is_damage() && refused.to_string().contains("restore a backup"), "{refused}");
        }
    }

    #[test]
    fn a_version_that_fails_leaves_the_data_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        shape(&[FIRST]).open(dir.path()).unwrap().execute("INSERT INTO things VALUES ('a')", ()).unwrap();
        assert!(shape(&[FIRST, SECOND, "no such statement"]).open(dir.path()).is_err());
        assert_eq!(names(&shape(&[FIRST]).open(dir.path()).unwrap()), ["a"]);
    }
}
