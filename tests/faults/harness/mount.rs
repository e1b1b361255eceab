//! Disks of a test's own.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::say;

/// Something mounted. Unmounted when dropped: whoever uses it must have ended before.
pub(crate) struct Mount {
    at: TempDir,
}

impl Mount {
    /// A tmpfs of `size` bytes; `None`, said aloud, where this user may not mount.
    pub(crate) fn tmpfs(size: usize) -> Option<Self> {
        let options = format!("size={size}");
        let mounted = Self::try_new(&[
            "-t".as_ref(),
            "tmpfs".as_ref(),
            "-o".as_ref(),
            options.as_ref(),
            "tmpfs".as_ref(),
        ]);
        mounted.inspect_err(|why| say(&format!("skipped: no tmpfs can be mounted here: {why}"))).ok()
    }

    fn try_new(args: &[&OsStr]) -> Result<Self, String> {
        let at = tempfile::tempdir().unwrap();
        run(Command::new("mount").args(args).arg(at.path()))?;
        Ok(Self { at })
    }

    pub(crate) fn path(&self) -> &Path {
        self.at.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a failed test may leave a process that is about to end.
        let _ = run(Command::new("umount").arg("-l").arg(self.at.path()));
    }
}

/// A disk in a file in memory.
pub(crate) struct Image {
    file: PathBuf,
    _folder: TempDir,
}

impl Image {
    /// An empty ext4 of `size` bytes.
    pub(crate) fn ext4(size: u64) -> Result<Self, String> {
        let image = Self::empty()?;
        File::create(&image.file).and_then(|file| file.set_len(size)).map_err(|error| error.to_string())?;
        run(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image.file))?;
        Ok(image)
    }

    /// What the device has taken so far.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::empty().unwrap();
        run(Command::new("cp").arg("--sparse=always").arg(&self.file).arg(&copy.file)).unwrap();
        copy
    }

    /// Mounted. What is written and not synced stays in memory for longer than any test takes.
    pub(crate) fn mount(&self) -> Result<Mount, String> {
        Mount::try_new(&["-o".as_ref(), "loop,commit=900".as_ref(), self.file.as_ref()])
    }

    fn empty() -> Result<Self, String> {
        let folder = tempfile::tempdir_in("/dev/shm").map_err(|error| error.to_string())?;
        Ok(Self { file: folder.path().join("image"), _folder: folder })
    }
}

/// Writes zeros to `path` until nothing more fits.
pub(crate) fn fill(path: &Path) {
    use std::io::Write;
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 1 << 16, 1 << 12, 1 << 8, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    assert!(fs::metadata(path).unwrap().len() > 0);
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}
