//! What a token is good for.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One thing that a token may be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Sessions, and claiming endpoints.
    Listen,
    /// Reading the history, and replaying it.
    History,
    /// Deleting endpoints, and giving up what they are owed.
    Admin,
}

/// Some of the scopes, at least one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

/// The text names no scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token's scopes are one or more of listen, history and admin, with commas between them")]
pub struct InvalidScopes;

impl Scope {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Listen, Self::History, Self::Admin];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::History => "history",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Scopes {
    /// Whether `scope` is among them.
    #[must_use]
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope)).map(Scope::as_str)
    }
}

impl Default for Scopes {
    /// All of them.
    fn default() -> Self {
        Self(Scope::ALL.iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl FromStr for Scopes {
    type Err = InvalidScopes;

    fn from_str(text: &str) -> Result<Self, InvalidScopes> {
        text.split(',').try_fold(Self(0), |scopes, name| {
            let scope = Scope::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or(InvalidScopes)?;
            Ok(Self(scopes.0 | scope.bit()))
        })
    }
}

/// As [`Scopes::from_str`] reads it.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.names().collect::<Vec<_>>().join(","))
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_as_they_are_read() {
        assert_eq!(Scopes::default().to_string(), "listen,history,admin");
        let some: Scopes = "admin,listen,admin".parse().unwrap();
        assert_eq!(some.to_string(), "listen,admin");
        assert!(some.has(Scope::Listen) && some.has(Scope::Admin) && !some.has(Scope::History));
        assert_eq!(serde_json::to_string(&some).unwrap(), r#"["listen","admin"]"#);
        for wrong in ["", ",", "listen,", "Listen", "listen admin", "all"] {
            assert_eq!(wrong.parse::<Scopes>(), Err(InvalidScopes), "{wrong:?}");
        }
    }
}
