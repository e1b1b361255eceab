//! The outer fields of an event, and what it is about.

use bytes::Bytes;
use muxhook_protocol::mux::envelope::{Envelope, Subject};
use muxhook_protocol::mux::json::compact;
use serde_json::Value;

/// What is found in valid JSON is what a whole parse finds.
///
/// The input is a body.
pub(crate) fn check(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    let (envelope, subject) = (Envelope::peek(&body), Subject::peek(&body));
    let Ok(whole) = serde_json::from_slice::<Value>(&body) else { return };
    // Of a repeated key the other parser keeps the last value: nothing to compare then. Keys are counted by their
    // colons, which must not be escaped for that.
    let mut compacted = Vec::new();
    let unique = compact(&body, &mut compacted)
        && compacted.iter().filter(|byte| **byte == b':').count()
            == whole.to_string().bytes().filter(|byte| *byte == b':').count();
    if !unique || body.windows(6).any(|bytes| bytes.eq_ignore_ascii_case(b"\\u003a")) {
        return;
    }
    let field = |pointer: &str| {
        whole.pointer(pointer).and_then(Value::as_str).filter(|text| text.len() <= 512).map(Into::into)
    };
    let found = Envelope {
        event_type: field("/type"),
        event_id: field("/id"),
        object_type: field("/object/type"),
        object_id: field("/object/id"),
        environment_name: field("/environment/name"),
        environment_id: field("/environment/id"),
    };
    assert_eq!(envelope, found);
    assert_eq!(subject, Subject { id: field("/data/id"), created_at: field("/created_at") });
}
