//! JSON without white space.

use muxhook_protocol::mux::json::compact;
use serde_json::Value;
use serde_json::value::RawValue;

/// Accepts what another parser accepts, and what it writes means the same and has no white space left.
///
/// The input is a body.
pub(crate) fn check(input: &[u8]) {
    let mut out = Vec::new();
    let accepted = compact(input, &mut out);
    let other = serde_json::from_slice::<&RawValue>(input).is_ok();
    // The other parser knows neither a bound of depth nor halves of pairs.
    let stricter = input.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 128
        || input.windows(3).any(|bytes| bytes.eq_ignore_ascii_case(b"\\ud"));
    assert!(accepted == other || (stricter && !accepted));
    if !accepted {
        assert!(out.is_empty());
        return;
    }
    assert_eq!(serde_json::from_slice::<Value>(input).ok(), serde_json::from_slice::<Value>(&out).ok());
    assert!(!out.contains(&b'\n') && out.len() <= input.len());
    let mut again = Vec::new();
    assert!(compact(&out, &mut again));
    assert_eq!(again, out);
}
