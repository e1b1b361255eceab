//! Mux's signature of a webhook: `Mux-Signature: t=<unix seconds>,v1=<64 lower-case hex digits>`, where `v1` is the
//! HMAC-SHA256 (RFC 2104) of `<t>.<raw body>` under the webhook's signing secret.
//!
//! What passes here is what passes in Mux's own Node SDK (`webhooks.verifySignature`), and what does not, does not:
//! see [`Header::parse`].

mod header;
mod key;

use std::borrow::Cow;

use crate::Headers;

pub use header::{Header, Malformed};
pub use key::{InvalidKey, Key};

/// The header's name.
pub const HEADER: &str = "mux-signature";

/// How old a timestamp may be, in seconds. One from the future passes, as in Mux's SDKs.
pub const TOLERANCE: i64 = 300;

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
    /// There is no such header, or it is empty.
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

/// The signature that a request carries: the value of its `mux-signature` field. Several such fields are joined by
/// `, ` as Node and `fetch` join them (RFC 9110 §5.3), and so of the second one on, the first part begins with a
/// space and does not count.
#[must_use]
pub fn of(headers: &Headers) -> Option<Cow<'_, [u8]>> {
    let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(HEADER));
    let (_, first) = values.next()?;
    Some(values.fold(Cow::Borrowed(first), |mut joined, (_, value)| {
        joined.to_mut().extend_from_slice(b", ");
        joined.to_mut().extend_from_slice(value);
        joined
    }))
}

/// What the signature of a request with these `headers` and this `body` is worth at `now` (seconds since the Unix
/// epoch): [`of`] and [`verify`] in one.
#[must_use]
pub fn verify_request(headers: &Headers, body: &[u8], keys: &[Key], now: i64) -> Verdict {
    verify(of(headers).as_deref(), body, keys, now)
}

/// What the header's value is worth for `body` at `now` (seconds since the Unix epoch). As in Mux's SDKs, the
/// signature comes before the age.
#[must_use]
pub fn verify(header: Option<&[u8]>, body: &[u8], keys: &[Key], now: i64) -> Verdict {
    let Some(value) = header.filter(|value| !value.is_empty()) else { return Verdict::Missing };
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
    format!("t={timestamp},v1={}", key.hex(timestamp, body))
}

#[cfg(test)]
mod tests;
