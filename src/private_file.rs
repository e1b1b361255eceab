//! Small files that only their owner may read: tokens, and what a machine remembers. And the user's own files, when
//! something of the kind is put into them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Largest file that is read, in bytes.
const MAX_SIZE: u64 = 1024 * 1024;

/// The text of a file; `None` when there is no such file.
///
/// # Errors
/// Not readable, not UTF-8, or above 1 MiB.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A pipe would be waited for, a device read for ever.
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
        Err(error) => return Err(error),
    }
    let file = File::open(path)?;
    let mut text = String::new();
    file.take(MAX_SIZE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    Ok(Some(text))
}

/// The permissions of a file as `chmod` writes them, when others than its owner may read or write it.
///
/// # Errors
/// The file's metadata can't be read.
#[cfg(unix)]
pub fn open_to_others(path: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Folders of the user are private by the system's own rules here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn open_to_others(_path: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Puts `text` into the file in one step: whoever reads it finds the old text or the new one, never a part. Mode
/// 0600; its folder is made (0700) when it is not there. A symbolic link is followed, not replaced.
///
/// # Errors
/// Whatever the file system meets.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    make_folder(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// As [`write()`], but into a file of the user's: one that is there keeps its permissions, a new one gets mode 0600, and
/// no folder is made.
///
/// # Errors
/// Whatever the file system meets; a symbolic link that leads to nothing.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let (path, permissions) = match fs::canonicalize(path) {
        Ok(real) => (real.clone(), Some(fs::metadata(real)?.permissions())),
        Err(_) if path.is_symlink() => {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it is a link to nothing"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (std::path::absolute(path)?, None),
        Err(error) => return Err(error),
    };
    let folder = path.parent().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

/// Makes a folder and those above it, for its owner alone. One that is there stays as it is.
///
/// # Errors
/// Whatever the file system meets.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).map_or(0, |meta| meta.permissions().mode() & 0o777)
    }

    #[test]
    fn what_is_written_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(open_to_others(&path).unwrap(), None);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(open_to_others(&path).unwrap(), Some(0o640));
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, "new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    }

    #[test]
    fn a_file_of_the_users_keeps_its_mode_and_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        replace(&real, "new").unwrap();
        assert_eq!(mode(&real), 0o600);
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink("real", &link).unwrap();
        replace(&link, "newer").unwrap();
        assert_eq!((fs::read_to_string(&real).unwrap().as_str(), mode(&real)), ("newer", 0o644));
        assert!(link.is_symlink());
        fs::remove_file(&real).unwrap();
        assert!(replace(&link, "x").unwrap_err().to_string().contains("a link to nothing"));
        assert!(link.is_symlink());
        assert!(replace(&folder.path().join("no/file"), "x").is_err());
        assert!(!folder.path().join("no").exists());
    }

    #[test]
    fn reading_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        assert_eq!(read(&path).unwrap(), None);
        fs::write(&path, vec![b'x'; 1024 * 1024 + 1]).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(read(&pipe).unwrap_err().to_string(), "it is no regular file");
        assert!(read(&folder.path().join("none")).unwrap().is_none());
    }
}
