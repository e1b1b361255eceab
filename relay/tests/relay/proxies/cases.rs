//! Requests that two programs could read differently, and what the relay carries of each.

/// What goes over one connection.
pub(super) struct Case {
    pub(super) what: String,
    pub(super) bytes: Vec<u8>,
    /// How many of its requests the relay carries to the app.
    pub(super) carried: usize,
}

/// A request to somebody else, as it stands within the body of another.
const HIDDEN: &str = "POST /h/victim HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: 0\r\n\r\n";

/// Every case. In a text `§` is the beginning of its webhook's head, `~` the hidden request, and `LENGTH` its length.
pub(super) fn cases() -> Vec<Case> {
    let tables = [lengths(), codings(), chunks(), fields(), targets(), versions(), connections()];
    let all = tables.into_iter().flatten().enumerate();
    let case = |(number, (what, text, carried)): (usize, (String, String, usize))| {
        let head = format!("POST /h/shop/{number}/ HTTP/1.1\r\nhost: hooks.example.com\r\n");
        let text = text.replace('§', &head).replace("NUMBER", &number.to_string());
        let text = text.replace('~', HIDDEN).replace("LENGTH", &HIDDEN.len().to_string());
        // Latin-1, so that a text can have any byte.
        Case { what, bytes: text.chars().map(|char| u8::try_from(char).unwrap()).collect(), carried }
    };
    all.map(case).collect()
}

type Rows = Vec<(String, String, usize)>;

fn lengths() -> Rows {
    let mut rows: Rows = vec![
        ("a request in a body".into(), "§content-length: LENGTH\r\n\r\n~".into(), 1),
        ("two requests".into(), "§content-length: 1\r\n\r\na§content-length: 1\r\n\r\nb".into(), 2),
        (
            "the same length twice".into(),
            "§content-length: LENGTH\r\ncontent-length: LENGTH\r\n\r\n~".into(),
            1,
        ),
        ("a list of one length".into(), "§content-length: 1, 1\r\n\r\na".into(), 0),
        ("two lengths".into(), "§content-length: 0\r\ncontent-length: LENGTH\r\n\r\n~".into(), 0),
        (
            "two lengths, turned round".into(),
            "§content-length: LENGTH\r\ncontent-length: 0\r\n\r\n~".into(),
            0,
        ),
        ("white space around a length".into(), "§content-length: \t LENGTH \t\r\n\r\n~".into(), 1),
        ("zeros before a length".into(), "§content-length: 000LENGTH\r\n\r\n~".into(), 1),
        (
            "a body with GET".into(),
            "GET /h/shop/NUMBER/ HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: LENGTH\r\n\r\n~"
                .into(),
            0,
        ),
        (
            "a length and chunks".into(),
            "§content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n".into(),
            1,
        ),
        (
            "chunks and a length".into(),
            "§transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n1\r\na\r\n0\r\n\r\n".into(),
            1,
        ),
        (
            "chunks and no length".into(),
            "§transfer-encoding: chunked\r\ncontent-length: x\r\n\r\n1\r\na\r\n0\r\n\r\n".into(),
            1,
        ),
        (
            "a length that is in the way of chunks".into(),
            "§content-length: 4\r\ntransfer-encoding: chunked\r\n\r\nLENGTH\r\n~\r\n0\r\n\r\n".into(),
            0,
        ),
    ];
    rows.extend(bad_lengths());
    rows
}

fn bad_lengths() -> Rows {
    let mut rows: Rows = Vec::new();
    for length in [
        "+1",
        "-1",
        "0x1",
        "1 1",
        "1,",
        "1;",
        "1.0",
        "",
        "1e0",
        "\u{b9}",
        "18446744073709551617",
        "9".repeat(40).leak(),
    ] {
        rows.push((format!("the length {length:?}"), format!("§content-length: {length}\r\n\r\na~"), 0));
    }
    rows
}

fn codings() -> Rows {
    let mut rows: Rows = Vec::new();
    for (coding, carried) in [
        ("chunked", 1),
        ("Chunked", 1),
        (" \t chunked\t", 1),
        ("xchunked", 0),
        ("chunked, identity", 0),
        ("identity, chunked", 0),
        ("chunked, chunked", 0),
        ("chunked\r\ntransfer-encoding: identity", 0),
        ("identity\r\ntransfer-encoding: chunked", 0),
        ("chunked;q=1", 0),
        ("\"chunked\"", 0),
        ("chunked chunked", 0),
        ("\u{b}chunked", 0),
        ("chunked\u{b}", 0),
        ("chunked\u{c}", 0),
        ("chunked\0", 0),
        ("\u{a0}chunked", 0),
        ("chunke", 0),
        ("", 0),
        ("\r\n chunked", 0),
    ] {
        rows.push((
            format!("the coding {coding:?}"),
            format!("§transfer-encoding: {coding}\r\n\r\n1\r\na\r\n0\r\n\r\n"),
            carried,
        ));
        // For whoever does not see the coding the body is the hidden request.
        rows.push((format!("the coding {coding:?} before a hidden request"),
            format!("§content-length: 4\r\ntransfer-encoding: {coding}\r\n\r\n4f\r\nPOST /h/victim HTTP/1.1\r\nhost: a\r\nx: "),
            0,
        ));
    }
    rows.push(("a name with white space".into(), "§transfer-encoding : chunked\r\n\r\n0\r\n\r\n~".into(), 0));
    rows.push((
        "another name".into(),
        "§transfer_encoding: chunked\r\ncontent-length: LENGTH\r\n\r\n~".into(),
        1,
    ));
    rows.push(("by HTTP/1.0".into(), "POST /h/shop/NUMBER/ HTTP/1.0\r\nhost: hooks.example.com\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n~".into(), 0));
    rows
}

fn chunks() -> Rows {
    let chunked = |rest: &str| format!("§transfer-encoding: chunked\r\n\r\n{rest}");
    let mut rows: Rows = Vec::new();
    for (what, rest, carried) in [
        ("chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", 1),
        ("zeros before a size", "0000000000000000000001\r\na\r\n000\r\n\r\n", 1),
        ("an extension", "1;a=b;c=\"d\"\r\na\r\n0;e\r\n\r\n", 1),
        ("white space behind a size", "1 \t\r\na\r\n0\r\n\r\n", 1),
        ("white space before a size", " 1\r\na\r\n0\r\n\r\n", 0),
        ("no size", "\r\na\r\n0\r\n\r\n~", 0),
        ("a size with a sign", "+1\r\na\r\n0\r\n\r\n~", 0),
        ("a negative size", "-1\r\na\r\n0\r\n\r\n~", 0),
        ("a size with a prefix", "0x1\r\na\r\n0\r\n\r\n~", 0),
        ("the largest size", "ffffffffffffffff\r\na\r\n0\r\n\r\n~", 0),
        ("a size beyond numbers", "10000000000000001\r\na\r\n0\r\n\r\n~", 0),
        ("a chunk longer than said", "1\r\nab\r\n0\r\n\r\n~", 0),
        ("a chunk shorter than said", "5\r\na\r\n0\r\n\r\n", 0),
        ("a size that ends in LF", "1\na\r\n0\r\n\r\n~", 0),
        ("a chunk that ends in LF", "1\r\na\n0\r\n\r\n~", 0),
        ("an extension that ends in LF", "1;x\na\r\n0\r\n\r\n~", 0),
        ("an extension with a CR", "1;x\ry\r\na\r\n0\r\n\r\n~", 0),
        ("an extension with a line in quotes", "1;x=\"\r\n0\r\n\r\n~\"\r\na\r\n0\r\n\r\n", 0),
        (
            "trailers",
            "1\r\na\r\n0\r\nx-a: b\r\ncontent-length: 7\r\ntransfer-encoding: gzip\r\nhost: y\r\n\r\n",
            1,
        ),
        ("a trailer that is none", "1\r\na\r\n0\r\nx a: b\r\n\r\n~", 0),
        ("a folded trailer", "1\r\na\r\n0\r\nx-a: b\r\n c\r\n\r\n~", 0),
        ("no end", "1\r\na\r\n", 0),
    ] {
        rows.push((what.into(), chunked(rest), carried));
    }
    rows.push((
        "a huge extension".into(),
        chunked(&format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(20_000))),
        0,
    ));
    rows.push(("an endless extension".into(), chunked(&format!("1;{}", "x".repeat(20_000))), 0));
    rows.push((
        "many extensions".into(),
        chunked(&format!("{}0\r\n\r\n", "1;xxxxxxxxxx\r\na\r\n".repeat(2000))),
        0,
    ));
    // What ends the body for one ends nothing for the other: it may be carried, and nothing behind it.
    for trailers in ["\n", "x-a: b\n\r\n", "x-a: b\n\n", "x-a: b\r\n\n"] {
        let behind = "POST /h/victim/ HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: LENGTH\r\n\r\n~";
        rows.push((
            format!("the trailers {trailers:?}"),
            chunked(&format!("1\r\na\r\n0\r\n{trailers}{behind}")),
            1,
        ));
    }
    rows
}

fn fields() -> Rows {
    let mut rows: Rows = Vec::new();
    for (what, field, carried) in [
        ("a field that ends in LF", "x-a: b\ncontent-length: 1", 1),
        ("a bare CR", "x-a: b\rcontent-length: 1", 0),
        ("a folded line", "x-a: b\r\n content-length: 9", 0),
        ("a folded line by a tab", "x-a: b\r\n\tcontent-length: 9", 0),
        ("NUL in a value", "x-a: \0", 0),
        ("a control in a value", "x-a: \u{1}", 0),
        ("DEL in a value", "x-a: \u{7f}", 0),
        ("any other byte in a value", "x-a: \u{80}\u{ff}\t\"", 1),
        ("a name with a high byte", "x\u{80}a: b", 0),
        ("a name with a space", "x a: b", 0),
        ("a name with a tab", "x\ta: b", 0),
        ("a name with a bracket", "x(a): b", 0),
        ("a name with NUL", "x\0a: b", 0),
        ("no name", ": b", 0),
        ("no colon", "x-a", 0),
        ("a second host", "host: hooks.example.com", 0),
        ("another second host", "Host: victim", 0),
        ("a host behind a space", "host : victim", 0),
        ("a folded host", "x-a: b\r\n host: victim", 0),
    ] {
        rows.push((what.into(), format!("§{field}\r\ncontent-length: 1\r\n\r\na"), carried));
    }
    for host in ["hooks.example.com, victim", "a b", "a@b", "a/b", "[::1", "a\tb"] {
        let head = format!("POST /h/shop/NUMBER/ HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1\r\n\r\nX");
        rows.push((format!("the host {host:?}"), head, 0));
    }
    rows.push(("no host".into(), "POST /h/shop/NUMBER/ HTTP/1.1\r\ncontent-length: 1\r\n\r\na".into(), 0));
    rows.push((
        "space before the first field".into(),
        "POST /h/shop/NUMBER/ HTTP/1.1\r\n x-a: b\r\nhost: hooks.example.com\r\n\r\n".into(),
        0,
    ));
    rows
}

fn targets() -> Rows {
    let mut rows: Rows = Vec::new();
    for (target, carried) in [
        ("/h/shop/NUMBER/../../victim", 1),
        ("/h/shop/NUMBER/%2e%2e/%2E%2e/victim", 1),
        ("/h/shop/NUMBER/..%2f..%2fvictim", 1),
        ("/h/shop/NUMBER//..//h/victim", 1),
        ("/h/shop/NUMBER/;/../victim?a=/../", 1),
        ("//h/shop/NUMBER/", 0),
        ("/./h/shop/NUMBER/", 0),
        ("/x/../h/shop/NUMBER/", 0),
        ("/%68/shop/NUMBER/", 0),
        ("/h/shop%2fNUMBER/", 0),
        ("http://hooks.example.com/h/shop/NUMBER/", 1),
        ("http://hooks.example.com/h/shop/NUMBER/?http://victim/", 1),
        ("ftp://hooks.example.com/h/shop/NUMBER/", 0),
        ("http://a:b@hooks.example.com/h/shop/NUMBER/", 0),
        ("hooks.example.com:80", 0),
        ("h/shop/NUMBER/", 0),
        ("*", 0),
        ("/h/shop/NUMBER/%00", 0),
        ("/h/shop/NUMBER/ /x", 0),
        ("/h/shop/NUMBER/\t", 0),
        ("/h/shop/NUMBER/\0", 0),
    ] {
        let text = format!("POST {target} HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: 1\r\n\r\na");
        rows.push((format!("the target {target:?}"), text, carried));
    }
    rows
}

fn versions() -> Rows {
    let mut rows: Rows = Vec::new();
    for (line, carried) in [
        ("POST /h/shop/NUMBER/ HTTP/1.0", 1),
        ("POST /h/shop/NUMBER/ HTTP/1.2", 0),
        ("POST /h/shop/NUMBER/ HTTP/2.0", 0),
        ("POST /h/shop/NUMBER/ HTTP/0.9", 0),
        ("POST /h/shop/NUMBER/ http/1.1", 0),
        ("POST /h/shop/NUMBER/ HTTP/1.1 ", 0),
        ("POST  /h/shop/NUMBER/ HTTP/1.1", 0),
        ("POST\t/h/shop/NUMBER/ HTTP/1.1", 0),
        ("POST /h/shop/NUMBER/", 0),
        ("P\u{d6}ST /h/shop/NUMBER/ HTTP/1.1", 0),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", 0),
        ("\r\n\r\nPOST /h/shop/NUMBER/ HTTP/1.1", 1),
        (" POST /h/shop/NUMBER/ HTTP/1.1", 0),
    ] {
        rows.push((
            format!("the line {line:?}"),
            format!("{line}\r\nhost: hooks.example.com\r\ncontent-length: 1\r\n\r\na"),
            carried,
        ));
    }
    rows
}

fn connections() -> Rows {
    let mut rows: Rows = Vec::new();
    for named in [
        "close, content-length",
        "close, host",
        "close, transfer-encoding",
        "close, x-forwarded-for, mux-signature",
        "close, x-a",
        "keep-alive, x-a\r\nconnection: close",
        "upgrade, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA",
    ] {
        let fields = format!("connection: {named}\r\nx-a: b\r\nmux-signature: t=1\r\n");
        rows.push((
            format!("the connection {named:?}"),
            format!("§{fields}content-length: LENGTH\r\n\r\n~"),
            1,
        ));
    }
    rows.push((
        "a close among what is no name".into(),
        "§connection: close, hos\u{f4}\r\ncontent-length: 1\r\n\r\na~".into(),
        0,
    ));
    rows.push((
        "behind the last request".into(),
        "§connection: close\r\ncontent-length: 1\r\n\r\na~".into(),
        1,
    ));
    rows
}

/// What programs read that the relay refuses, and pass on as a request in good form. What it said is theirs to judge;
/// that the relay sees the same requests as they do, is what counts.
const PUT_RIGHT: [(&str, &[&str]); 4] = [
    (
        "",
        &[
            "a size that ends in LF",
            "an extension that ends in LF",
            "a folded trailer",
            "many extensions",
            "a close among what is no name",
            "the trailers \"\\n\"",
            "the trailers \"x-a: b\\n\\r\\n\"",
            "the trailers \"x-a: b\\n\\n\"",
            "the trailers \"x-a: b\\r\\n\\n\"",
            "the line \"POST /h/shop/NUMBER/ HTTP/1.2\"",
        ],
    ),
    (
        "nginx",
        &[
            "a chunk that ends in LF",
            "a trailer that is none",
            "a huge extension",
            "no colon",
            "the target \"ftp://hooks.example.com/h/shop/NUMBER/\"",
            "the line \"POST /h/shop/NUMBER/ HTTP/1.1 \"",
            "the line \"POST  /h/shop/NUMBER/ HTTP/1.1\"",
        ],
    ),
    (
        "caddy",
        &[
            "the length \"\"",
            "the coding \"\\r\\n chunked\"",
            "by HTTP/1.0",
            "an extension with a CR",
            "a trailer that is none",
            "a folded line",
            "a folded line by a tab",
            "no name",
            "a folded host",
            "the target \"http://a:b@hooks.example.com/h/shop/NUMBER/\"",
            "the target \"ftp://hooks.example.com/h/shop/NUMBER/\"",
        ],
    ),
    (
        "haproxy",
        &[
            "a list of one length",
            "the length \"18446744073709551617\"",
            "the coding \"\\r\\n chunked\"",
            "a chunk that ends in LF",
            "a folded line",
            "a folded line by a tab",
            "a second host",
            "a folded host",
            "the target \"/h/shop/NUMBER/\\t\"",
            "the line \"POST /h/shop/NUMBER/ HTTP/2.0\"",
            "the line \"POST  /h/shop/NUMBER/ HTTP/1.1\"",
            "the line \"POST\\t/h/shop/NUMBER/ HTTP/1.1\"",
        ],
    ),
];

/// Whether that proxy is one that does so.
pub(super) fn puts_right(proxy: &str, what: &str) -> bool {
    PUT_RIGHT.iter().any(|(name, all)| (name.is_empty() || *name == proxy) && all.contains(&what))
}
