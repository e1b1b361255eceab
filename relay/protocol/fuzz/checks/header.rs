//! A signature's header, as it arrives.

use muxhook_protocol::mux::signature::{Header, Key, TOLERANCE, Verdict, sign, verify};

/// No header panics, and none verifies that was not made with the key; what `sign` makes, verifies.
///
/// The input is a header's value, a zero byte, and a body.
pub(crate) fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == 0).unwrap_or(input.len());
    let (value, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(key) = Key::new("fuzz") else { return };
    let keys = [key];
    let verdict = verify(Some(value), body, &keys, 0);
    let signed = Header::parse(value).is_ok_and(|header| header.signer(body, &keys).is_some());
    assert_eq!(signed, matches!(verdict, Verdict::Valid { .. } | Verdict::Stale { .. }));
    let Ok(header) = Header::parse(value) else { return };
    let made = sign(&keys[0], header.timestamp, body);
    // A signature cannot be guessed: it stands there only when it was put there.
    let v1 = made.split_once(",v1=").map_or("", |(_, v1)| v1);
    assert!(!signed || value.windows(v1.len()).any(|part| part == v1.as_bytes()));
    for age in [0, TOLERANCE] {
        let now = header.timestamp + age;
        assert_eq!(verify(Some(made.as_bytes()), body, &keys, now), Verdict::Valid { age, key: 0 });
    }
    let both = [value, b",", made.as_bytes()].concat();
    assert!(Header::parse(&both).is_ok_and(|header| header.signer(body, &keys) == Some(0)));
}
