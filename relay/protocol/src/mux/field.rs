//! Fields of an event by their path, and filters on them.

mod path;
mod reader;

use std::fmt;

use super::glob::{Glob, InvalidGlob};

pub use path::{InvalidPath, Path};

/// Longest value that a filter looks at, in bytes: far above any field of Mux's.
const MAX_VALUE: usize = 64 * 1024;

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
    #[error("it has no `=`: write PATH=GLOB, like data.passthrough=alice*")]
    NoGlob,
    /// What stands before the `=`.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// What stands behind it.
    #[error(transparent)]
    Glob(#[from] InvalidGlob),
}

impl Match {
    /// Reads `PATH=GLOB`: what stands behind the first `=` is the glob, white space and commas with it.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidMatch> {
        let (path, glob) = text.split_once('=').ok_or(InvalidMatch::NoGlob)?;
        Ok(Self { path: Path::parse(path)?, glob: Glob::for_value(glob)? })
    }

    /// Whether the field is there in `body`, a JSON text, and the glob stands for its value.
    ///
    /// A string counts by its meaning; numbers, `true`, `false` and `null` as they are written (`1.0` is not `1`);
    /// objects never match. A number in the path is a place in a list, from 0, or a key of an object. A list that
    /// no place is given for matches when any of its items does. A value above 64 KiB never matches.
    ///
    /// The body is read to its end, and nothing in it counts unless all of it is JSON in the sense of
    /// [`compact`](super::json::compact). Of a repeated key the last one counts, as in JavaScript's `JSON.parse`:
    /// the filter decides by what the app would see. ([`Envelope::peek`](super::envelope::Envelope::peek) takes
    /// the first, since it stops reading there.)
    #[must_use]
    pub fn holds(&self, body: &[u8]) -> bool {
        std::str::from_utf8(body).is_ok()
            && reader::any(body, self.path.parts(), MAX_VALUE, |value| self.glob.matches(value))
                .unwrap_or_default()
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.glob)
    }
}

#[cfg(test)]
mod tests;
