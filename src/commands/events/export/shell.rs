//! Words of a POSIX shell (XCU §2.2), for any bytes. Pure.

use crate::printer::escape;

/// Most bytes of a word that is handed to a program: Linux takes 128 KiB.
pub(super) const MOST: usize = 64 * 1024;

/// `bytes` as text that can stand between quotes, and that neither moves a cursor nor hides from the eye.
pub(super) fn plain(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let harmless = |line: &str| matches!(escape(line), std::borrow::Cow::Borrowed(_));
    text.split(['\n', '\t']).all(harmless).then_some(text)
}

/// `text` between single quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A word of these bytes, of which none is zero and the last no line end: the shell can't hold a zero, and takes line
/// ends from the end of what a command prints.
pub(super) fn word(bytes: &[u8]) -> String {
    match plain(bytes) {
        Some(text) => quoted(text),
        None => format!("\"$({})\"", printf(bytes)),
    }
}

/// A command that prints these bytes. It is the shell's own, so that they may be many.
pub(super) fn printf(bytes: &[u8]) -> String {
    if let Some(text) = plain(bytes) {
        return format!("printf %s {}", quoted(text));
    }
    let mut format = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        match byte {
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str(r"\\"),
            b'\'' => format.push_str(r"'\''"),
            b' '..=b'~' => format.push(char::from(*byte)),
            _ => format.push_str(&format!("\\{byte:03o}")),
        }
    }
    format!("printf '{format}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_stands_between_quotes_and_all_else_is_printed() {
        assert_eq!(word(b"it's $HOME `x` \\n \"q\"\n\t"), "'it'\\''s $HOME `x` \\n \"q\"\n\t'");
        assert_eq!(word("ü".as_bytes()), "'ü'");
        assert_eq!(word(b"100% '\\ \x1b[2J\xff1"), r#""$(printf '100%% '\''\\ \033[2J\3771')""#);
        for hidden in ["\u{202e}", "\r", "\u{9b}", "\0"] {
            assert_eq!(plain(hidden.as_bytes()), None, "{hidden:?}");
        }
    }
}
