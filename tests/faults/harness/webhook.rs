//! Webhooks that are all different, and known by their number: what arrives is compared with what must have been sent.

use std::fmt::Write;

/// Bytes of a body.
pub(crate) const SIZE: usize = 2048;

const BEFORE: &str = r#"{"type":"video.asset.ready","id":""#;
const BETWEEN: &str = r#"","data":{"passthrough":""#;
const BEHIND: &str = r#""}}"#;

/// The body of webhook `number`.
pub(crate) fn body(number: u64) -> Vec<u8> {
    let mut body = format!("{BEFORE}{number:016x}{BETWEEN}");
    let mut state = number;
    while body.len() < SIZE - BEHIND.len() {
        state = mix(state);
        write!(body, "{state:016x}").unwrap();
    }
    body.truncate(SIZE - BEHIND.len());
    body.push_str(BEHIND);
    body.into_bytes()
}

/// The number of the webhook that has exactly this body; `None` when there is none.
pub(crate) fn number(found: &[u8]) -> Option<u64> {
    let digits = found.get(BEFORE.len()..BEFORE.len() + 16)?;
    let number = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (body(number) == found).then_some(number)
}

/// `SplitMix64`.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn a_body_is_known_by_every_byte() {
    let sent = body(77);
    assert_eq!((sent.len(), number(&sent)), (SIZE, Some(77)));
    assert_eq!((0..50).map(body).collect::<std::collections::HashSet<_>>().len(), 50);
    for at in [0, BEFORE.len() + 3, 500, SIZE - 1] {
        let mut other = sent.clone();
        other[at] ^= 1;
        assert_eq!(number(&other), None, "{at}");
    }
}
