//! Where a field stands.

use std::fmt;

/// Most parts of a path.
const MAX_PARTS: usize = 16;

/// Longest path, in bytes.
const MAX_LENGTH: usize = 256;

/// Where a field stands in an event: `data.meta.creator_id`, `data.tracks.0.type`. At most 16 parts and 256 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<String>);

/// The text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// There is no text, or a part of it is empty.
    #[error(
        "a part of the path is empty: write keys with one dot between them, none before or behind, like data.passthrough"
    )]
    Empty,
    /// Above 256 bytes.
    #[error("the path is above {MAX_LENGTH} bytes")]
    TooLong,
    /// Above 16 parts.
    #[error("the path has more than {MAX_PARTS} parts")]
    TooDeep,
    /// It begins with `$` as a JSONPath does.
    #[error("a path has no `$`: begin with a key of the event, like data.passthrough")]
    Root,
    /// Brackets, as other languages write places in a list.
    #[error("no brackets in a path: a place in a list is a number behind a dot, like data.tracks.0.type")]
    Brackets,
    /// White space or a control character.
    #[error("white space or a control character in the path: no field of an event has one")]
    Space,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidPath::TooLong);
        }
        if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            return Err(InvalidPath::Space);
        }
        if text == "$" || text.starts_with("$.") || text.starts_with("$[") {
            return Err(InvalidPath::Root);
        }
        if text.contains(['[', ']']) {
            return Err(InvalidPath::Brackets);
        }
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        if parts.iter().any(String::is_empty) {
            Err(InvalidPath::Empty)
        } else if parts.len() > MAX_PARTS {
            Err(InvalidPath::TooDeep)
        } else {
            Ok(Self(parts))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_keys_and_places() {
        let path = Path::parse("data.tracks.0.type").unwrap();
        assert_eq!(path.parts(), ["data", "tracks", "0", "type"]);
        assert_eq!(path.to_string(), "data.tracks.0.type");
        assert!(Path::parse("type").is_ok() && Path::parse("data.größe-1_$").is_ok());
        let longest = format!("{}.{}", "a.".repeat(15).trim_end_matches('.'), "b".repeat(226));
        assert!(longest.len() == 256 && Path::parse(&longest).is_ok());
    }

    #[test]
    fn what_is_no_path_is_told_apart() {
        use InvalidPath as P;
        for (text, error) in [
            ("", P::Empty),
            (".", P::Empty),
            (".data", P::Empty),
            ("data.", P::Empty),
            ("data..id", P::Empty),
            ("$.data.id", P::Root),
            ("data.tracks[0].type", P::Brackets),
            ("data.playback_ids[].policy", P::Brackets),
            ("data.passthrough ", P::Space),
            ("data.\u{1b}[2J", P::Space),
            (&"a.".repeat(200), P::TooLong),
            (&"a".repeat(257), P::TooLong),
            (&"a.".repeat(17)[..33], P::TooDeep),
        ] {
            assert_eq!(Path::parse(text), Err(error), "{text}");
        }
    }
}
