//! Makes text from outside harmless to a terminal, a log and a reader's eyes.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `untrusted` with everything that could move a cursor, break a line or hide from the eye as a visible escape:
/// control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls, zero-width and other
/// invisible characters, tags and private use. `\n`, `\r`, `\t`, `\x1b` and `\u{202e}` are the forms.
#[must_use]
pub fn escape(untrusted: &str) -> Cow<'_, str> {
    if untrusted.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !untrusted.contains(is_unsafe) {
        return Cow::Borrowed(untrusted);
    }
    let mut safe = String::with_capacity(untrusted.len() + 16);
    push_escaped(&mut safe, untrusted);
    Cow::Owned(safe)
}

/// As [`escape`], for bytes that need not be UTF-8: a byte that is not becomes `\xNN`.
#[must_use]
pub fn escape_bytes(untrusted: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(untrusted) {
        return escape(text);
    }
    let mut safe = String::with_capacity(untrusted.len() + 16);
    for chunk in untrusted.utf8_chunks() {
        push_escaped(&mut safe, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(safe, "\\x{byte:02x}");
        }
    }
    Cow::Owned(safe)
}

fn push_escaped(safe: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            _ if !is_unsafe(char) => safe.push(char),
            '\0'..='\x7f' => {
                let _ = write!(safe, "\\x{:02x}", u32::from(char));
            }
            _ => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(char));
            }
        }
    }
}

/// Whether a terminal may act on `char`, or a reader not see it (Unicode's Cc, Cf, Zl, Zp, Co, and what is blank
/// or ignorable by default beside them). Variation selectors 1 to 16 stay: emoji carry them.
pub(super) fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}' | '\u{891}' | '\u{8e2}'
            | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1345f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_that_is_harmless_stays_as_it_is() {
        for text in ["video.asset.ready", "Grüße, 世界 🎬", "C:\\x1b"] {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_moves_hides_or_breaks_becomes_visible() {
        assert_eq!(escape("a\x1b[2J\r\n\tb\0\x7f"), "a\\x1b[2J\\r\\n\\tb\\x00\\x7f");
        assert_eq!(escape("\u{9b}31m\u{85}"), "\\u{9b}31m\\u{85}");
        let hidden = "\u{61c}\u{200b}\u{200f}\u{2028}\u{202e}\u{2060}\u{2066}\u{2069}\u{feff}\u{e0041}\u{e000}\u{3164}";
        assert!(escape(hidden).is_ascii(), "{}", escape(hidden));
        assert_eq!(escape("\u{202e}"), "\\u{202e}");
    }

    #[test]
    fn bytes_that_are_no_text_show_their_number() {
        assert_eq!(escape_bytes(b"ok\xff\xc3(\x9b\x1b"), "ok\\xff\\xc3(\\x9b\\x1b");
        assert_eq!(escape_bytes("ü".as_bytes()), "ü");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
            for safe in [escape_bytes(&bytes), escape(&text)] {
                prop_assert!(!safe.contains(is_unsafe), "{safe:?}");
            }
        }
    }
}
