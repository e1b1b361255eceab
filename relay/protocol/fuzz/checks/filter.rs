//! Filters on fields.

use std::collections::HashMap;

use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::glob::Glob;
use muxhook_protocol::mux::json::compact;
use serde_json::Value;
use serde_json::value::RawValue;

/// Longest value that a filter looks at.
const MAX_VALUE: usize = 64 * 1024;

/// No filter and no body panics; a filter is written as it was read; in valid JSON it holds when it does by a whole
/// parse, and in all else never.
///
/// The input is a filter, a line feed, and a body.
pub(crate) fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (text, body) = (&input[..end], input.get(end + 1..).unwrap_or_default());
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(filter) = Match::parse(text) else { return };
    assert_eq!(filter.to_string(), text);
    let holds = filter.holds(body);
    if !compact(body, &mut Vec::new()) {
        assert!(!holds);
        return;
    }
    // The other parser refuses numbers above what fits into a double, and the deepest nesting.
    if serde_json::from_slice::<Value>(body).is_err() {
        return;
    }
    let Some((path, glob)) = text.split_once('=') else { return };
    let (Ok(glob), Ok(whole)) = (Glob::for_value(glob), serde_json::from_slice::<&RawValue>(body)) else {
        return;
    };
    let parts: Vec<&str> = path.split('.').collect();
    assert_eq!(holds, found(whole.get(), &parts, &glob));
}

/// What a filter means, said by another parser; its maps keep the last of a repeated key as well.
fn found(value: &str, parts: &[&str], glob: &Glob) -> bool {
    let value = value.trim();
    match value.as_bytes().first() {
        Some(b'{') => {
            let members: HashMap<String, &RawValue> = serde_json::from_str(value).unwrap_or_default();
            let Some((part, rest)) = parts.split_first() else { return false };
            members.get(*part).is_some_and(|member| found(member.get(), rest, glob))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(value).unwrap_or_default();
            match parts.split_first().and_then(|(part, rest)| Some((place(part)?, rest))) {
                Some((place, rest)) => items.get(place).is_some_and(|item| found(item.get(), rest, glob)),
                None => items.iter().any(|item| found(item.get(), parts, glob)),
            }
        }
        Some(b'"') => {
            let text: String = serde_json::from_str(value).unwrap_or_default();
            parts.is_empty() && text.len() <= MAX_VALUE && glob.matches(&text)
        }
        _ => parts.is_empty() && value.len() <= MAX_VALUE && glob.matches(value),
    }
}

fn place(part: &str) -> Option<usize> {
    part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
}
