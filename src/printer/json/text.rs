//! JSON strings that can neither end a line nor act on a terminal.

use std::io::Write as _;

use crate::printer::escape::is_unsafe;

/// Appends a string. What some reader takes for the end of a line (U+0085, U+2028), what may act on a terminal and
/// what can't be seen is written as `\uXXXX`: the value is the same, and the line stays one line.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if is_plain(text.as_bytes()) && !text.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_escaped(out, text);
    }
    out.push(b'"');
}

/// Appends bytes as a string: each as the code point of the same number, so that any byte survives and ASCII reads as
/// it is.
pub(super) fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => push_text(out, text),
        _ => push_text(out, &bytes.iter().map(|byte| char::from(*byte)).collect::<String>()),
    }
}

/// Does to the valid JSON in `out` from `start` on what [`push_text`] does to a string: such characters can only
/// stand in strings.
pub(super) fn escape_from(out: &mut Vec<u8>, start: usize) {
    if !is_plain(&out[start..]) {
        let json = out.split_off(start);
        for chunk in json.utf8_chunks() {
            chunk.valid().chars().for_each(|char| push_char(out, char));
        }
    }
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    for char in text.chars() {
        match char {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            _ => push_char(out, char),
        }
    }
}

fn push_char(out: &mut Vec<u8>, char: char) {
    if is_unsafe(char) {
        for unit in char.encode_utf16(&mut [0; 2]) {
            // Writing to memory never fails.
            let _ = write!(out, "\\u{unit:04x}");
        }
    } else {
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Whether all bytes are printable ASCII. In chunks, so that it compiles to a few wide instructions.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| chunk.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> String {
        let mut out = Vec::new();
        push_text(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn line_ends_and_invisible_characters_are_escapes() {
        assert_eq!(
            text("a\"\\\n\x1b\x7f\u{85}\u{2028}\u{202e}ü"),
            r#""a\"\\\n\u001b\u007f\u0085\u2028\u202eü""#
        );
        assert_eq!(text("\u{e0041}"), r#""\udb40\udc41""#);
    }

    #[test]
    fn json_keeps_its_tokens_and_loses_its_traps() {
        let mut out = "before\u{2028}".as_bytes().to_vec();
        let start = out.len();
        out.extend_from_slice("{\"ü\":\"\u{9b}\\n\",\"n\":1.50e+400}".as_bytes());
        escape_from(&mut out, start);
        assert_eq!(&out[start..], "{\"ü\":\"\\u009b\\n\",\"n\":1.50e+400}".as_bytes());
        assert_eq!(&out[..start], "before\u{2028}".as_bytes());
    }

    proptest! {
        #[test]
        fn the_value_is_the_same(value in any::<String>(), bytes in any::<Vec<u8>>()) {
            let line = text(&value);
            prop_assert!(!line.contains(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);

            let mut out = Vec::new();
            push_bytes(&mut out, &bytes);
            let back: String = serde_json::from_slice(&out).unwrap();
            let back: Vec<u8> = back.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
            prop_assert_eq!(back, bytes);
        }
    }
}
