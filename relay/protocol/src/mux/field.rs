//! Fields of an event by their path, and filters on them.

use std::fmt;

use super::glob::{Glob, InvalidGlob};

/// Where a field stands in an event: `data.meta.creator_id`, `data.tracks.0.type`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// The text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// A part of it is empty.
    #[error("a part of the path is empty: write it like data.passthrough")]
    Empty,
}

/// A filter on a field: `PATH=GLOB`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    path: Path,
    glob: Glob,
}

/// The text is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMatch {
    /// No `=` in it.
    #[error("write PATH=GLOB, like data.passthrough=alice*")]
    NoGlob,
    /// What stands before the `=`.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// What stands behind it.
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        if parts.iter().any(String::is_empty) { Err(InvalidPath::Empty) } else { Ok(Self(parts)) }
    }

    /// Its parts: keys, and places in lists.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl Match {
    /// Reads `PATH=GLOB`.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidMatch> {
        let (path, glob) = text.split_once('=').ok_or(InvalidMatch::NoGlob)?;
        Ok(Self { path: Path::parse(path)?, glob: Glob::parse(glob)? })
    }

    /// Whether the field is there in `body`, a JSON text, and the glob stands for its value.
    #[must_use]
    pub fn holds(&self, body: &[u8]) -> bool {
        let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
        for part in self.path.parts() {
            let Some(inner) = value.get_mut(part) else { return false };
            value = inner.take();
        }
        self.glob.matches(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.glob)
    }
}
