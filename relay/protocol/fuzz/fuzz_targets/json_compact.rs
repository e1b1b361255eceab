#![no_main]

use libfuzzer_sys::fuzz_target;
use muxhook_protocol::mux::json::compact;
use serde_json::Value;
use serde_json::value::RawValue;

fuzz_target!(|body: &[u8]| {
    let mut out = Vec::new();
    let accepted = compact(body, &mut out);
    let other = serde_json::from_slice::<&RawValue>(body).is_ok();
    // The other parser knows neither a bound of depth nor halves of pairs.
    let stricter = body.iter().filter(|byte| matches!(byte, b'[' | b'{')).count() > 128
        || body.windows(3).any(|bytes| bytes.eq_ignore_ascii_case(b"\\ud"));
    assert!(accepted == other || (stricter && !accepted));
    if !accepted {
        assert!(out.is_empty());
        return;
    }
    assert_eq!(serde_json::from_slice::<Value>(body).ok(), serde_json::from_slice::<Value>(&out).ok());
    assert!(!out.contains(&b'\n') && out.len() <= body.len());
    let mut again = Vec::new();
    assert!(compact(&out, &mut again));
    assert_eq!(again, out);
});
