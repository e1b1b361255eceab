//! Text that must not be shown.

use std::fmt;

/// Longest token, in bytes: far above what a relay hands out, far below what a header can carry.
const MAX_TOKEN: usize = 512;

/// A token, or some other text that grants something. Its `Debug` hides it and it has no `Display`: who needs the
/// text says so with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The text cannot be a token. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Nothing there.
    #[error("the token is empty")]
    Empty,
    /// White space, control or non-ASCII characters, or far too many of them.
    #[error("the token holds characters that no token has: was something else pasted?")]
    Malformed,
}

impl Secret {
    /// Hides `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A bearer token (RFC 6750 §2.1) as pasted: white space around it does not count.
    ///
    /// # Errors
    /// When the text can't be a token, and so could not be sent in a header either.
    pub fn token(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidToken::Empty);
        }
        if text.len() > MAX_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken::Malformed);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text itself, for the one place that sends or stores it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_token_fits_in_a_header() {
        assert_eq!(Secret::token(" abc-1_2\r\n").unwrap().expose(), "abc-1_2");
        assert_eq!(Secret::token(" \n"), Err(InvalidToken::Empty));
        for text in ["a b", "a\r\nx: y", "tökén", &"x".repeat(513)] {
            assert_eq!(Secret::token(text), Err(InvalidToken::Malformed), "{text}");
        }
    }
}
