//! The secret that a webhook is signed with.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Longest secret, in bytes.
const MAX_LENGTH: usize = 1024;

/// A webhook's signing secret: its bytes as they stand, never decoded. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// The text can be no signing secret. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Nothing there.
    #[error("the signing secret is empty")]
    Empty,
    /// White space or a control character: a secret that was cut out badly would match no signature, ever.
    #[error("the signing secret holds white space or control characters: was something else pasted?")]
    Malformed,
    /// Above 1024 bytes.
    #[error("the signing secret is above {MAX_LENGTH} bytes: was something else pasted?")]
    TooLong,
}

impl Key {
    /// Takes a secret as it stands.
    ///
    /// # Errors
    /// When the text can't be one.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            Err(InvalidKey::Empty)
        } else if text.len() > MAX_LENGTH {
            Err(InvalidKey::TooLong)
        } else if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            Err(InvalidKey::Malformed)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The secret itself, for the one place that stores it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The signature of `body` at `timestamp`, in lower-case hex digits.
    pub(super) fn hex(&self, timestamp: i64, body: &[u8]) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else { return String::new() };
        mac.update(format!("{timestamp}.").as_bytes());
        mac.update(body);
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}
