//! Cases: requests as they should be, and what a rule or chance makes of them.

use fastrand::Rng;

/// What goes over one connection.
pub(super) struct Case {
    pub(super) bytes: Vec<u8>,
    /// Nothing in it was changed: all of it must arrive.
    pub(super) is_whole: bool,
}

/// The case of that seed and number: some requests, and behind them one that is the last. If that one arrives, sender
/// and relay have seen the same beginnings and ends.
pub(super) fn case(seed: u64, number: u64, endpoint: &str) -> Case {
    let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    let is_whole = rng.u8(..) < 50;
    let mut bytes = Vec::new();
    for place in 0..=rng.usize(..3) {
        let mut request = Request::new(&mut rng, endpoint, &format!("{number}-{place}"));
        if !is_whole {
            for _ in 0..rng.usize(..3) {
                request.change(&mut rng, endpoint);
            }
        }
        bytes.extend(request.bytes());
    }
    if !is_whole {
        for _ in 0..rng.usize(..3) {
            by_chance(&mut rng, &mut bytes, endpoint);
        }
    }
    let last = "content-length: 4\r\nconnection: close\r\n\r\nlast";
    bytes.extend(format!("POST /h/{endpoint}/{number}-last HTTP/1.1\r\nhost: x\r\n{last}").bytes());
    Case { bytes, is_whole }
}

/// A request in its parts, each with the bytes that end it.
struct Request {
    line: Vec<u8>,
    fields: Vec<Vec<u8>>,
    end: Vec<u8>,
    body: Vec<u8>,
}

const METHODS: &[&str] =
    &["GET", "HEAD", "PUT", "OPTIONS", "CONNECT", "PRI", "post", "P\0ST", "", "TRACE", "M-SEARCH"];
const VERSIONS: &[&str] = &[
    "HTTP/1.0",
    "HTTP/1.2",
    "HTTP/2.0",
    "HTTP/0.9",
    "http/1.1",
    "HTTP/1.1 ",
    "HTTP/11",
    "",
    "HTTP/1.10",
    "HTTP/1,1",
];
const TARGETS: &[&str] = &[
    "/h/@/../@",
    "//h/@",
    "/h/@/%2e%2e/x",
    "/h/@/%00",
    "/h/@#x",
    "/h/@/\u{fc}?\u{df}",
    "http://x/h/@/a?b",
    "HTTP://X:80/h/@",
    "http:///h/@",
    "https://u@x/h/@",
    "*",
    "x:80",
    "h/@",
    "/h/@ /x",
    "/h/@\t",
    "/",
    "/healthz",
    "/_relay/v1/status",
    "/h/@?",
    "/h/@??#?",
    "/h/@%",
    "ftp://x/h/@",
    "/h/@/\"<>{}|\\^`",
    "http://x?/h/@",
    "/%68/@",
];
const CODINGS: &[&str] = &[
    "chunked",
    "Chunked",
    "xchunked",
    "chunked, identity",
    "identity, chunked",
    "identity",
    "chunked, chunked",
    ", chunked",
    "\tchunked ",
    "\u{b}chunked",
    "chunked\u{c}",
    "chunked;a=b",
    "\"chunked\"",
    "gzip, chunked",
    "",
    "chunked,",
    "chunk ed",
];
const FIELDS: &[&str] = &[
    "host: y",
    "host: ",
    "host : x",
    "Host: a@b",
    "host: a b",
    "connection: close",
    "connection: keep-alive",
    "connection: close, content-length, host",
    "connection: x-a, mux-signature",
    "connection: \"close\"",
    "expect: 100-continue",
    "expect: x",
    "upgrade: h2c",
    "upgrade: websocket",
    "te: trailers",
    "trailer: x-a",
    "keep-alive: 5",
    "x-a : b",
    "x-a",
    ": b",
    "x a: b",
    "x-a: \0",
    "x-a: \u{7f}",
    "x-a: b\rc",
    "x\u{80}: b",
    " x-a: b",
    "x-a: \u{ff}\t\u{80}",
    "transfer_encoding: chunked",
    "x-forwarded-for: 6.6.6.6",
    "content-length : 1",
    "x-a: ",
    "proxy-connection: close",
    "x-a:b",
    "x-a:\t b \t",
    "mux-signature: t=1,v1=00",
    "(x): y",
    "content-encoding: gzip",
];
const ENDS: &[&str] = &["\n", "\r", "\r\r\n", "\n\r", "", "\r\n\r\n", " \r\n", "\0\r\n", "\r\n ", "\r\n\t"];
const EVIL: &[u8] = b"\r\n\0 \t:;,/%#\x0b\x7f\x80\xff0aA{\"";

/// A text of a list as bytes, its `@` the endpoint. Latin-1, so that a text can have any byte.
fn pick(rng: &mut Rng, from: &[&str], endpoint: &str) -> Vec<u8> {
    let text = from[rng.usize(..from.len())].replace('@', endpoint);
    text.chars().map(|char| u8::try_from(char).unwrap_or(b'?')).collect()
}

/// A length, or what somebody could take for one.
fn length(rng: &mut Rng, of: usize) -> String {
    match rng.u8(..18) {
        0 => String::new(),
        1 => format!("+{of}"),
        2 => format!("-{of}"),
        3 => format!("0x{of:x}"),
        4 => format!("{of}, {of}"),
        5 => format!("{of} {of}"),
        6 => format!("000{of}"),
        7 => format!("\t {of} "),
        8 => (u128::from(u64::MAX) + 1 + of as u128).to_string(),
        9 => u64::MAX.to_string(),
        10 => (1_u64 << 32).to_string(),
        11 => (of + 1).to_string(),
        12 => of.saturating_sub(1).to_string(),
        13 => "0".to_owned(),
        14 => format!("{of}.0"),
        15 => "9".repeat(rng.usize(1..60)),
        16 => format!("{of};"),
        _ => of.to_string(),
    }
}

fn data(rng: &mut Rng) -> Vec<u8> {
    let length = if rng.u8(..) < 5 { rng.usize(..100_000) } else { rng.usize(..60) };
    // What looks like the lines of a request is likelier than by chance.
    (0..length).map(|_| if rng.bool() { EVIL[rng.usize(..EVIL.len())] } else { rng.u8(..) }).collect()
}

/// A body in chunks.
fn chunked(rng: &mut Rng, data: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(rng.usize(1..=rest.len()));
        body.extend(format!("{:x}", chunk.len()).bytes());
        if rng.u8(..8) == 0 {
            body.extend(b";name=\"value\"");
        }
        body.extend([b"\r\n", chunk, b"\r\n"].concat());
        rest = behind;
    }
    body.extend(b"0\r\n\r\n");
    body
}

/// A body whose chunks lie.
fn lying_chunks(rng: &mut Rng, data: &[u8], endpoint: &str) -> Vec<u8> {
    let size = data.len();
    let sizes = [
        format!("{size:x}"),
        format!("{:x}", size + 1),
        format!("{:x}", size.saturating_sub(1)),
        format!("0x{size:x}"),
        format!("+{size:x}"),
        format!("-{size:x}"),
        format!(" {size:x}"),
        format!("{size:x} "),
        format!("0000000000000000000{size:x}"),
        "ffffffffffffffff".to_owned(),
        "10000000000000000".to_owned(),
        format!("1{:016x}", size),
        String::new(),
        "g".to_owned(),
    ];
    let mut body = sizes[rng.usize(..sizes.len())].clone().into_bytes();
    let extensions = ["", ";", ";a=b", " ; a", "\t", ";a=\"\r\n\"", ";\0", ";a\n", "a", ";a\rb"];
    body.extend(pick(rng, &extensions, endpoint));
    if rng.u8(..20) == 0 {
        body.extend([b";", &*b"x".repeat(rng.usize(..40_000))].concat());
    }
    body.extend(pick(rng, &["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", ""], endpoint));
    body.extend(data);
    body.extend(pick(rng, &["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "", "x\r\n"], endpoint));
    let trailers = [
        "",
        "",
        "x-a: b\r\n",
        "x-a: b\n",
        "\n",
        "x a: b\r\n",
        "host: y\r\n",
        "content-length: 9\r\n",
        " x\r\n",
        "transfer-encoding: x\r\n",
    ];
    body.extend(pick(rng, &["0\r\n", "0\r\n", "00\r\n", "0;a\r\n", "0\n", "0", ""], endpoint));
    body.extend(pick(rng, &trailers, endpoint));
    body.extend(pick(rng, &["\r\n", "\r\n", "\r\n", "\n", "\r", ""], endpoint));
    body
}

impl Request {
    /// One as it should be.
    fn new(rng: &mut Rng, endpoint: &str, id: &str) -> Self {
        let tails = ["", "/", "?a=b", "/%2F/..//;x?", "/a?%zz"];
        let tail = tails[rng.usize(..tails.len())];
        let mut fields =
            vec![b"Host: hooks.example.com\r\n".to_vec(), format!("X-Id: {id}\r\n").into_bytes()];
        for number in 0..rng.usize(..4) {
            let value: Vec<u8> = (0..rng.usize(..20)).map(|_| rng.u8(0x21..=0x7e)).collect();
            fields.push([format!("x-{number}: ").as_bytes(), &value, b"\r\n"].concat());
        }
        let data = data(rng);
        let body = match rng.u8(..3) {
            0 => Vec::new(),
            1 => {
                fields.push(format!("Content-Length: {}\r\n", data.len()).into_bytes());
                data
            }
            _ => {
                fields.push(b"Transfer-Encoding: chunked\r\n".to_vec());
                chunked(rng, &data)
            }
        };
        rng.shuffle(&mut fields);
        let line = format!("POST /h/{endpoint}/{id}{tail} HTTP/1.1\r\n").into_bytes();
        Self { line, fields, end: b"\r\n".to_vec(), body }
    }

    fn bytes(self) -> Vec<u8> {
        [self.line, self.fields.concat(), self.end, self.body].concat()
    }

    /// Breaks it, or bends it, by a rule.
    fn change(&mut self, rng: &mut Rng, endpoint: &str) {
        let place = rng.usize(..=self.fields.len());
        match rng.u8(..14) {
            0 | 1 => self.fields.insert(place, [pick(rng, FIELDS, endpoint), b"\r\n".to_vec()].concat()),
            2 => {
                let field = format!("content-length: {}\r\n", length(rng, self.body.len()));
                self.fields.insert(place, field.into_bytes());
            }
            3 => {
                let coding = pick(rng, CODINGS, endpoint);
                self.fields.insert(place, [b"transfer-encoding: ", &*coding, b"\r\n"].concat());
            }
            4 if place < self.fields.len() => self.fields.insert(place, self.fields[place].clone()),
            5 if place < self.fields.len() => drop(self.fields.remove(place)),
            6 if place < self.fields.len() => {
                let line = &mut self.fields[place];
                line.truncate(line.len().saturating_sub(2));
                line.extend(pick(rng, ENDS, endpoint));
            }
            7 => self.end = pick(rng, ENDS, endpoint),
            8 => self.change_line(rng, endpoint),
            9 => self.lie(rng, endpoint),
            10 => self.body.truncate(rng.usize(..=self.body.len())),
            11 => self.body.extend(data(rng)),
            12 => self.hide(rng, endpoint),
            _ => self.fields.insert(place, [b"x-long: ", &*b"l".repeat(rng.usize(..3000)), b"\r\n"].concat()),
        }
    }

    fn change_line(&mut self, rng: &mut Rng, endpoint: &str) {
        let line = std::mem::take(&mut self.line);
        let mut parts: Vec<Vec<u8>> = line.splitn(3, |byte| *byte == b' ').map(<[u8]>::to_vec).collect();
        let space = pick(rng, &[" ", " ", " ", " ", " ", "  ", "\t", ""], endpoint);
        if let [method, target, version] = &mut parts[..] {
            match rng.u8(..4) {
                0 => *method = pick(rng, METHODS, endpoint),
                1 => *version = [pick(rng, VERSIONS, endpoint), b"\r\n".to_vec()].concat(),
                _ => *target = pick(rng, TARGETS, endpoint),
            }
        }
        self.line = parts.join(&*space);
    }

    /// Gives it chunks that lie.
    fn lie(&mut self, rng: &mut Rng, endpoint: &str) {
        self.fields.retain(|field| {
            !field.starts_with(b"Content-Length") && !field.starts_with(b"Transfer-Encoding")
        });
        self.fields.push(b"Transfer-Encoding: chunked\r\n".to_vec());
        let data = data(rng);
        self.body = lying_chunks(rng, &data, endpoint);
    }

    /// Puts another request into its body.
    fn hide(&mut self, rng: &mut Rng, endpoint: &str) {
        self.fields.retain(|field| {
            !field.starts_with(b"Content-Length") && !field.starts_with(b"Transfer-Encoding")
        });
        let hidden = Self::new(rng, endpoint, "hidden").bytes();
        if rng.bool() {
            self.fields.push(format!("Content-Length: {}\r\n", length(rng, hidden.len())).into_bytes());
            self.body = hidden;
        } else {
            self.fields.push(b"Transfer-Encoding: chunked\r\n".to_vec());
            self.body = chunked(rng, &hidden);
        }
    }
}

/// Changes some bytes, whatever they are.
fn by_chance(rng: &mut Rng, bytes: &mut Vec<u8>, endpoint: &str) {
    // Heads are where most can go wrong, and a large body would take all.
    let at = if bytes.is_empty() { 0 } else { rng.usize(..bytes.len().min(2000)) };
    let until = (at + rng.usize(1..40)).min(bytes.len());
    match rng.u8(..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
        1 if at < bytes.len() => bytes[at] = EVIL[rng.usize(..EVIL.len())],
        2 => bytes.insert(at, EVIL[rng.usize(..EVIL.len())]),
        3 => drop(bytes.drain(at..until)),
        4 => {
            let again = bytes[at..until].to_vec();
            bytes.splice(at..at, again);
        }
        5 => {
            let other = Request::new(rng, endpoint, "spliced").bytes();
            let from = rng.usize(..other.len());
            bytes.splice(at..until, other[from..].iter().take(60).copied());
        }
        _ => bytes.truncate(bytes.len() - rng.usize(..=bytes.len().min(50))),
    }
}
