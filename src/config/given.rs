//! A value, and who gave it.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Where a value comes from, as an error or `muxhook status` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flag or an argument, by its name.
    Flag(&'static str),
    /// A file that a flag named: all of it.
    FlagFile(&'static str, PathBuf),
    /// An environment variable.
    Env(&'static str),
    /// A key of a file.
    File(PathBuf, String),
}

impl Source {
    pub(super) fn file(path: &Path, key: impl Into<String>) -> Self {
        Self::File(path.to_owned(), key.into())
    }

    /// A mistake in what this source gave.
    pub(super) fn error(&self, what: impl fmt::Display) -> Error {
        Error::usage(format!("{self}: {what}"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Env(name) => f.write_str(name),
            Self::FlagFile(name, path) => write!(f, "{name} {}", path.display()),
            Self::File(path, key) => write!(f, "`{key}` in {}", path.display()),
        }
    }
}

/// A value, and who gave it.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) source: Source,
}

impl<T> Given<T> {
    pub(super) fn flag(value: T, name: &'static str) -> Self {
        Self { value, source: Source::Flag(name) }
    }

    /// Reads the value, and names its source when that fails.
    pub(super) fn read<U, E: fmt::Display>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<U, Error> {
        read(self.value).map_err(|error| self.source.error(error))
    }
}

impl Given<String> {
    /// What was typed, else what the environment says, else what a file does. The environment is only blamed when it
    /// counts.
    pub(super) fn first(
        typed: Option<&String>,
        flag: &'static str,
        env: Result<Option<Self>, Error>,
        file: Option<Self>,
    ) -> Result<Option<Self>, Error> {
        match typed {
            Some(typed) => Ok(Some(Self::flag(typed.clone(), flag))),
            None => Ok(env?.or(file)),
        }
    }
}
