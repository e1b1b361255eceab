//! Mux's signature of a webhook: `Mux-Signature: t=<unix seconds>,v1=<64 lower-case hex digits>`, where `v1` is the
//! HMAC-SHA256 (RFC 2104) of `<t>.<raw body>` under the webhook's signing secret.
//!
//! Read as Mux's own SDKs read it: any one of several `v1` may match, other versions are passed over, of a repeated
//! `t` the last counts, and white space or upper-case digits make a part unknown.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The header's name.
pub const HEADER: &str = "mux-signature";

/// How old a timestamp may be, in seconds. One from the future passes, as in Mux's SDKs.
pub const TOLERANCE: i64 = 300;

/// Longest secret, in bytes.
const MAX_KEY: usize = 1024;

/// A webhook's signing secret: its bytes as they stand, never decoded. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

/// The text can be no signing secret. Does not repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Nothing there.
    #[error("the signing secret is empty")]
    Empty,
    /// White space or a control character, or far too many characters.
    #[error("the signing secret holds white space or control characters: was something else pasted?")]
    Malformed,
}

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// When it was signed, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// `t` as it stands, which is what was signed.
    raw_timestamp: &'a str,
    /// Every `v1` as it stands.
    signatures: Vec<&'a str>,
}

/// Why a header is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No `t` that is a number of seconds.
    #[error("the mux-signature header has no timestamp (t=<unix seconds>)")]
    NoTimestamp,
    /// No `v1`.
    #[error("the mux-signature header has no signature (v1=<hex digits>)")]
    NoSignature,
}

/// What a signature is worth at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One of the keys signed this body, not long ago.
    Valid {
        /// How long ago, in seconds; below zero when the sender's clock is ahead.
        age: i64,
        /// Which key, by its place.
        key: usize,
    },
    /// One of the keys signed this body, but above [`TOLERANCE`] seconds ago.
    Stale {
        /// How long ago, in seconds.
        age: i64,
        /// Which key, by its place.
        key: usize,
    },
    /// None of the keys signed this body.
    Invalid(Fault),
    /// There is no such header.
    Missing,
}

/// Why a signature is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The header can't be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It was made with another secret, or over another body.
    #[error(
        "no signature in the header matches: another secret signed it, or the body was changed on its way"
    )]
    NoMatch,
}

impl Key {
    /// Takes a secret as it stands.
    ///
    /// # Errors
    /// When the text can't be one.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        if text.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if text.len() > MAX_KEY || text.contains(|char: char| char.is_whitespace() || char.is_control()) {
            return Err(InvalidKey::Malformed);
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself, for the one place that stores it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn hex(&self, timestamp: &str, body: &[u8]) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else { return String::new() };
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(body);
        HEXLOWER.encode(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl<'a> Header<'a> {
    /// Reads the header's value.
    ///
    /// # Errors
    /// What it lacks.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let value = std::str::from_utf8(value).map_err(|_| Malformed::NoTimestamp)?;
        let (mut time, mut signatures) = (None, Vec::new());
        for part in value.split(',') {
            match part.split_once('=') {
                Some(("t", text)) => time = Some(text),
                Some(("v1", text)) => signatures.push(text),
                _ => {}
            }
        }
        let raw_timestamp = time.ok_or(Malformed::NoTimestamp)?;
        let timestamp = raw_timestamp.parse().map_err(|_| Malformed::NoTimestamp)?;
        if signatures.is_empty() {
            return Err(Malformed::NoSignature);
        }
        Ok(Self { timestamp, raw_timestamp, signatures })
    }

    /// The first of `keys` that signed `body`, by its place. Takes the same time whichever it is.
    #[must_use]
    pub fn signer(&self, body: &[u8], keys: &[Key]) -> Option<usize> {
        let mut found = None;
        for (place, key) in keys.iter().enumerate() {
            let expected = key.hex(self.raw_timestamp, body);
            let matches = |signature: &&str| signature.as_bytes().ct_eq(expected.as_bytes());
            let signed = self.signatures.iter().map(matches).fold(Choice::from(0), |a, b| a | b);
            if bool::from(signed) {
                found = found.or(Some(place));
            }
        }
        found
    }
}

/// What the header's value is worth for `body` at `now` (seconds since the Unix epoch). As in Mux's SDKs, the
/// signature comes before the age.
#[must_use]
pub fn verify(header: Option<&[u8]>, body: &[u8], keys: &[Key], now: i64) -> Verdict {
    let Some(value) = header else { return Verdict::Missing };
    let header = match Header::parse(value) {
        Ok(header) => header,
        Err(malformed) => return Verdict::Invalid(malformed.into()),
    };
    let age = now.saturating_sub(header.timestamp);
    match header.signer(body, keys) {
        None => Verdict::Invalid(Fault::NoMatch),
        Some(key) if age > TOLERANCE => Verdict::Stale { age, key },
        Some(key) => Verdict::Valid { age, key },
    }
}

/// The header's value for `body`, signed at `timestamp` (seconds since the Unix epoch).
#[must_use]
pub fn sign(key: &Key, timestamp: i64, body: &[u8]) -> String {
    let timestamp = timestamp.to_string();
    format!("t={timestamp},v1={}", key.hex(&timestamp, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_verifies() {
        let key = Key::new("SuperSecret123").unwrap();
        let header = sign(&key, 1_565_125_718, br#"{"test":"body"}"#);
        assert_eq!(
            header,
            "t=1565125718,v1=854ece4c22acef7c66b57d4e504153bc512595e8e9c772ece2a68150548c19a7"
        );
        let verdict = verify(Some(header.as_bytes()), br#"{"test":"body"}"#, &[key], 1_565_125_719);
        assert_eq!(verdict, Verdict::Valid { age: 1, key: 0 });
    }
}
