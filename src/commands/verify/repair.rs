//! What may have happened to a body between its sender and this machine, undone.

use std::borrow::Cow;

use muxhook_protocol::mux::json;

/// The first usual change that explains why `signed` does not take `body`, in words; `None` when none does.
pub(super) fn find(body: &[u8], signed: impl Fn(&[u8]) -> bool) -> Option<&'static str> {
    let undone = |(undo, told): &(Undo, &'static str)| signed(&undo(body)?).then_some(*told);
    CHANGES.iter().find_map(undone)
}

/// The body as it may have been; `None` when this change cannot be in it.
type Undo = fn(&[u8]) -> Option<Cow<'_, [u8]>>;

const CHANGES: [(Undo, &str); 6] = [
    (
        |body| body.strip_suffix(b"\r\n").or_else(|| body.strip_suffix(b"\n")).map(Cow::Borrowed),
        "without the newline at its end it is valid; an editor or `echo` adds one",
    ),
    (
        |body| (!body.ends_with(b"\n")).then(|| [body, b"\n"].concat().into()),
        "with a newline at its end it is valid; a shell's $(…) cuts it off",
    ),
    (
        |body| body.strip_prefix(b"\xef\xbb\xbf").map(Cow::Borrowed),
        "without the byte order mark at its beginning it is valid; some editors and PowerShell add one",
    ),
    (
        |body| unix_lines(body).map(Cow::Owned),
        "with LF for CRLF it is valid; git or an editor changed the line endings",
    ),
    (
        |body| unix_lines(body)?.strip_suffix(b"\n").map(|body| Cow::Owned(body.to_vec())),
        "with LF for CRLF, and without the newline at its end, it is valid; git or an editor changed these",
    ),
    (
        |body| {
            let mut compact = Vec::new();
            json::compact(body, &mut compact).then(|| compact.into())
        },
        "as compact JSON it is valid; it was parsed and written again, or pretty-printed: keep the raw bytes",
    ),
];

fn unix_lines(body: &[u8]) -> Option<Vec<u8>> {
    let crlf = |pair: &[u8]| pair == b"\r\n";
    body.windows(2).any(crlf).then(|| {
        let keep = |(at, byte): (usize, &u8)| (!body[at..].starts_with(b"\r\n")).then_some(*byte);
        body.iter().enumerate().filter_map(keep).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn told(body: &[u8], sent: &[u8], part: &str) {
        let told = find(body, |tried| tried == sent).unwrap_or("nothing");
        assert!(told.contains(part), "{told}");
    }

    #[test]
    fn the_usual_changes_are_undone() {
        told(b"{}\n", b"{}", "without the newline");
        told(b"{}\r\n", b"{}", "without the newline");
        told(b"{}", b"{}\n", "with a newline");
        told(b"\xef\xbb\xbf{}", b"{}", "byte order mark");
        told(b"{\r\n}\r\n", b"{\n}\n", "LF for CRLF it is");
        told(b"{\r\n}\r\n", b"{\n}", "LF for CRLF, and");
        told(b"{ \"b\": 1.0,\n \"a\": 2 }\n", br#"{"b":1.0,"a":2}"#, "as compact JSON it is");
        told(b"{}", b"[]", "nothing");
        told(b"", b"x", "nothing");
        told(b"\r", b"\n", "nothing");
    }
}
