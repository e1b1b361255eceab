//! A copy of a relay's data, of one moment, made while the relay runs and writes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use muxhook_link::Now;

use crate::accounts;
use crate::database::{OpenError, Shape};
use crate::journal::{self, Journal};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data can't be read.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// SQLite could not copy a file.
    #[error("{} can't be copied: {cause}; `muxhook-relay check` says whether it is damaged", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
    /// The copy can't be written.
    #[error("the copy can't be written: {0}")]
    Write(#[from] io::Error),
}

/// Writes a tar archive with the databases of `dir` to `out`. `room`: an empty folder for copies on their way, with as
/// much space as the data take; they are gone from it afterwards.
///
/// The journal goes first: what is owed belongs to an account and an endpoint, and those are in the accounts' copy,
/// which is later, unless they were deleted meanwhile.
///
/// # Errors
/// See [`BackupError`].
pub fn write(dir: &Path, room: &Path, now: Now, out: impl Write) -> Result<(), BackupError> {
    accounts::SHAPE.require(dir)?;
    let mut archive = tar::Builder::new(out);
    if Journal::is_in(dir) {
        append(&journal::SHAPE, (dir, room), now, &mut archive)?;
    }
    append(&accounts::SHAPE, (dir, room), now, &mut archive)?;
    archive.into_inner()?.flush()?;
    Ok(())
}

/// A copy through SQLite: a copy of the file's bytes could catch a change half done, and would miss what stands in the
/// write-ahead log.
fn append(
    shape: &Shape,
    (dir, room): (&Path, &Path),
    now: Now,
    archive: &mut tar::Builder<impl Write>,
) -> Result<(), BackupError> {
    let source = shape.open_beside(dir)?.connection;
    let copy = room.join(shape.file);
    let copied = match copy.to_str() {
        Some(copy) => source.execute("VACUUM INTO ?1", [copy]),
        None => return Err(io::Error::other(format!("{} is no Unicode", copy.display())).into()),
    };
    copied.map_err(|cause| BackupError::Copy { path: dir.join(shape.file), cause })?;
    let mut file = File::open(&copy)?;
    let mut head = tar::Header::new_gnu();
    head.set_size(file.metadata()?.len());
    head.set_mode(0o600);
    head.set_mtime(now.unix_millis() / 1000);
    archive.append_data(&mut head, shape.file, &mut file)?;
    drop(file);
    Ok(fs::remove_file(&copy)?)
}
