//! Mux's signature, checked before anything is forwarded or held, on the endpoints whose operator wants it so.

use http::HeaderMap;
use muxhook_protocol::mux::signature::{self, HEADER, Key, TOLERANCE, Verdict};

/// Whether a request that arrived at `received_at` (milliseconds since the Unix epoch) may go on. Without a key, all may.
///
/// # Errors
/// Why it may not, in a sentence that tells nothing of the secret.
pub(super) fn check(
    key: Option<&Key>,
    headers: &HeaderMap,
    body: &[u8],
    received_at: u64,
) -> Result<(), String> {
    let Some(key) = key else { return Ok(()) };
    let now = i64::try_from(received_at / 1000).unwrap_or(i64::MAX);
    let why = match signature::verify(of(headers).as_deref(), body, std::slice::from_ref(key), now) {
        Verdict::Valid { .. } => return Ok(()),
        Verdict::Stale { age, .. } => {
            format!("its signature was {age} s old on arrival, and may be {TOLERANCE} s")
        }
        Verdict::Invalid(fault) => fault.to_string(),
        Verdict::Missing => format!("there is no {HEADER:?} header"),
    };
    Err(format!("this endpoint takes what Mux has signed alone: {why}"))
}

/// Its signature; several fields joined as [`signature::of`] joins them.
fn of(headers: &HeaderMap) -> Option<Vec<u8>> {
    let values: Vec<_> = headers.get_all(HEADER).iter().map(|value| value.as_bytes()).collect();
    (!values.is_empty()).then(|| values.join(&b", "[..]))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const BODY: &[u8] = br#"{"type":"video.asset.ready"}"#;

    fn checked(fields: &[&str], body: &[u8], at: i64) -> Result<(), String> {
        let key = Key::new("the-secret").unwrap();
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(HEADER, HeaderValue::from_str(field).unwrap());
        }
        check(Some(&key), &headers, body, at.unsigned_abs() * 1000)
    }

    #[test]
    fn what_mux_signed_just_now_goes_on_and_nothing_else() {
        let sign = |secret: &str| signature::sign(&Key::new(secret).unwrap(), 1_700_000_000, BODY);
        let (good, forged) = (sign("the-secret"), sign("another"));
        let at = 1_700_000_000;
        assert_eq!(checked(&[&good], BODY, at), Ok(()));
        assert_eq!(checked(&[&good], BODY, at + TOLERANCE), Ok(()));
        let why = |fields: &[&str], body: &[u8], at| checked(fields, body, at).unwrap_err();
        let stale = why(&[&good], BODY, at + TOLERANCE + 1);
        assert!(stale.ends_with("its signature was 301 s old on arrival, and may be 300 s"), "{stale}");
        assert!(why(&[&forged], BODY, at).contains("no signature in the header matches"));
        assert!(why(&[&good], b"another body", at).contains("no signature in the header matches"));
        assert!(why(&[], BODY, at).ends_with(r#"there is no "mux-signature" header"#));
        assert!(why(&[""], BODY, at).ends_with("header"));
        assert!(why(&["v1=0"], BODY, at).contains("no timestamp"));
        // The first of the parts counts for the time, whatever comes behind it.
        assert_eq!(checked(&[&good, &forged], BODY, at), Ok(()));
        for told in [stale, why(&[], BODY, at)] {
            assert!(!told.contains("the-secret"));
        }
    }

    #[test]
    fn without_a_secret_all_goes_on() {
        assert_eq!(check(None, &HeaderMap::new(), BODY, 0), Ok(()));
    }
}
