//! What stands in the header.

use subtle::{Choice, ConstantTimeEq};

use super::Key;

/// Largest number of seconds, either way: above it JavaScript's numbers are no longer exact.
const MAX_TIMESTAMP: i64 = (1 << 53) - 1;

/// What the header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// When it was signed, in seconds since the Unix epoch.
    pub timestamp: i64,
    /// Every `v1` as it stands.
    signatures: Vec<&'a [u8]>,
}

/// Why a header is no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No `t` that begins with a number of seconds.
    #[error("the mux-signature header has no timestamp (t=<unix seconds>)")]
    NoTimestamp,
    /// No `v1`.
    #[error("the mux-signature header has no signature (v1=<hex digits>)")]
    NoSignature,
}

impl<'a> Header<'a> {
    /// Reads the header's value as Mux's Node SDK does. Parts stand between commas, in any order, white space
    /// belongs to them; a part's name is what stands before its first `=`, its value what stands between that and
    /// the next one, if any. Names other than `t` and `v1` are passed over. Of a repeated `t` the last counts; its
    /// value is what JavaScript's `parseInt(value, 10)` makes of it (`01`, `1.5` and `1x` are 1), and that number
    /// is what was signed. Every `v1` is a candidate; one that is not 64 lower-case hex digits just never matches.
    ///
    /// # Errors
    /// What it lacks. A `t` of -1, of no number, or beyond 2⁵³ either way is none. (In the SDK, the last two go on
    /// to fail as a signature that does not match.)
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let (mut timestamp, mut signatures) = (None, Vec::new());
        for part in value.split(|byte| *byte == b',') {
            let mut halves = part.split(|byte| *byte == b'=');
            match (halves.next(), halves.next()) {
                (Some(b"t"), text) => timestamp = text.and_then(parse_int),
                (Some(b"v1"), Some(signature)) => signatures.push(signature),
                _ => {}
            }
        }
        let timestamp = timestamp.filter(|seconds| *seconds != -1).ok_or(Malformed::NoTimestamp)?;
        if signatures.is_empty() { Err(Malformed::NoSignature) } else { Ok(Self { timestamp, signatures }) }
    }

    /// The first of `keys` that signed `body`, by its place. Takes the same time whichever it is.
    #[must_use]
    pub fn signer(&self, body: &[u8], keys: &[Key]) -> Option<usize> {
        let mut found = None;
        for (place, key) in keys.iter().enumerate() {
            let expected = key.hex(self.timestamp, body);
            let matches = |signature: &&[u8]| signature.ct_eq(expected.as_bytes());
            let signed = self.signatures.iter().map(matches).fold(Choice::from(0), |a, b| a | b);
            if bool::from(signed) {
                found = found.or(Some(place));
            }
        }
        found
    }
}

/// JavaScript's `parseInt(text, 10)` (ECMA-262 §19.2.5) of a header's value, where each byte is one character:
/// white space, a sign, digits, and whatever else behind them. `None` when there is no digit, or too many.
fn parse_int(text: &[u8]) -> Option<i64> {
    let space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ' | 0xa0);
    let begin = text.iter().position(|byte| !space(byte))?;
    let (negative, text) = match &text[begin..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    let number = digits.clone().try_fold(0_i64, |number, digit| {
        let number = number * 10 + i64::from(digit - b'0');
        (number <= MAX_TIMESTAMP).then_some(number)
    });
    digits.clone().next()?;
    number.map(|number| if negative { -number } else { number })
}
