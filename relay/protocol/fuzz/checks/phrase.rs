//! What an event has to tell.

use muxhook_protocol::mux::phrase::tell;

/// No type and no body panics, and what is told keeps to its bound.
///
/// The input is a type, a line feed, and a body.
pub(crate) fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (event_type, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(event_type) = std::str::from_utf8(event_type) else { return };
    let told = tell(event_type, body);
    assert!(told.phrase.is_none_or(|phrase| !phrase.is_empty() && phrase.chars().count() <= 160));
}
