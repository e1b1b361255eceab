//! `backup`: the relay's data in one file.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use muxhook_link::Now;
use tempfile::TempDir;

use super::failure::Failure;
use super::say;
use crate::backup;
use crate::config::Place;
use crate::database;

/// What can be said to it.
#[derive(clap::Args)]
pub(super) struct Words {
    /// File to make; `-` writes to stdout
    file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(words: Words, out: &mut impl Write) -> Result<(), Failure> {
    let data_dir = super::data_dir(words.place)?;
    if words.file.as_os_str() == OsStr::new("-") {
        if io::stdout().is_terminal() {
            return Err(Failure::Usage("error: a terminal is no place for a backup: give a file".to_owned()));
        }
        // Beside the data, since that is where there is room of their size.
        let room = room(&data_dir)?;
        return Ok(backup::write(&data_dir, room.path(), Now::system(), out)?);
    }
    let bytes = to_file(&data_dir, &words.file, words.force)?;
    say(&format!("{} holds the relay's data ({bytes} bytes).", words.file.display()));
    Ok(())
}

/// Makes the file whole or not at all: it gets its name when it is safe on the disk.
fn to_file(data_dir: &Path, file: &Path, force: bool) -> Result<u64, Failure> {
    let there =
        || Failure::failed(format!("{} is there already: give --force to replace it", file.display()));
    let unwritable =
        |error: io::Error| Failure::failed(format!("{} can't be written: {error}", file.display()));
    // Told now rather than after the work; who makes the file meanwhile is told below.
    if !force && file.symlink_metadata().is_ok() {
        return Err(there());
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let room = room(folder)?;
    // With mode 0600, which is the crate's own for files: tokens' hashes and webhooks are nobody else's business.
    let mut made = tempfile::NamedTempFile::new_in(room.path()).map_err(unwritable)?;
    backup::write(data_dir, room.path(), Now::system(), io::BufWriter::new(&mut made))?;
    made.as_file().sync_all().map_err(unwritable)?;
    let bytes = made.as_file().metadata().map_err(unwritable)?.len();
    let kept = if force { made.persist(file) } else { made.persist_noclobber(file) };
    match kept {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Err(there()),
        Err(error) => return Err(unwritable(error.error)),
    }
    database::sync_name(file).map_err(unwritable)?;
    Ok(bytes)
}

/// A folder for this user alone, gone with the value.
fn room(beside: &Path) -> Result<TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".muxhook-backup-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder
        .tempdir_in(beside)
        .map_err(|error| Failure::failed(format!("{} can't be written: {error}", beside.display())))
}
