//! The project's `.env` file that gets the signing secret.

use std::path::{Path, PathBuf};

use muxhook_protocol::mux::signature::Key;

use crate::config::SECRET_VARIABLE;
use crate::env_file;
use crate::error::Error;
use crate::private_file;

/// A file as it was before anything at Mux was touched: one that can't be used had better be known by then.
pub(super) struct EnvFile {
    path: PathBuf,
    text: String,
}

/// What became of it.
pub(super) struct Written {
    pub(super) path: PathBuf,
    /// It did not have the secret before.
    pub(super) changed: bool,
}

impl EnvFile {
    pub(super) fn read(path: &str) -> Result<Self, Error> {
        let path = PathBuf::from(path);
        let unusable =
            |why: &dyn std::fmt::Display| Error::usage(format!("--write-env {}: {why}", path.display()));
        if path.file_name().is_none() && !path.exists() {
            return Err(unusable(&"that is no name of a file"));
        }
        let text = private_file::read(&path).map_err(|error| unusable(&error))?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(unusable(&"there is no such folder"));
        }
        Ok(Self { path, text: text.unwrap_or_default() })
    }

    /// Sets the secret; a file that has it already stays untouched.
    pub(super) fn put(self, secret: &Key) -> Result<Written, Error> {
        let text = env_file::set(&self.text, SECRET_VARIABLE, secret.expose());
        let changed = text != self.text;
        if changed {
            private_file::replace(&self.path, &text).map_err(|error| {
                Error::failed(format!("{} cannot be written: {error}", self.path.display())).with_hint(
                    "the webhook is there and its secret is kept: mend the file, and run the same again",
                )
            })?;
        }
        Ok(Written { path: self.path, changed })
    }
}
