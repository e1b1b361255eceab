//! JSON on one line, every token as its sender wrote it.

pub(crate) mod cursor;

use std::ops::Range;

use cursor::Cursor;

/// Appends `body` to `out` without the white space between its tokens, and says whether that could be done:
/// `body` must be UTF-8 and one JSON value (RFC 8259; white space around it is allowed, a byte order mark is
/// not), nested at most 128 deep, without an escape of half a surrogate pair. If it is not, `out` stays as it was.
///
/// Numbers, escapes and repeated keys come out exactly as they stand in `body`. A line break can only be white
/// space or an escape in JSON, so the text is one line.
#[must_use]
pub fn compact(body: &[u8], out: &mut Vec<u8>) -> bool {
    if std::str::from_utf8(body).is_err() {
        return false;
    }
    let before = out.len();
    out.reserve(body.len());
    // What has no white space in between is copied at one go.
    let mut copied = 0;
    let copy = |space: Range<usize>| {
        out.extend_from_slice(&body[copied..space.start]);
        copied = space.end;
    };
    let valid = Cursor::new(body, copy).document().is_some();
    if valid {
        out.extend_from_slice(&body[copied..]);
    } else {
        out.truncate(before);
    }
    valid
}

#[cfg(test)]
mod tests;
