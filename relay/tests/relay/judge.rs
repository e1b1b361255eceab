//! RFC 9112 once more, as a judge: which requests are in what a connection brought, and how it ends. Written from the
//! text, not from the relay, and slow and plain on purpose. Where the RFC leaves a choice the judge reads on: the relay
//! may refuse more than it, and may never carry more or other things.

/// A request as the RFC reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    /// Names in lower case, values without the white space around them.
    pub(crate) fields: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Nothing about it may be refused: only what the RFC has servers take as it is was used.
    pub(crate) is_plain: bool,
}

/// How a connection goes on behind its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The next request may come.
    Open,
    /// A request has begun and is not all there.
    Partial,
    /// A request said that it is the last one.
    Closed,
    /// What comes is no request, and may not be read on.
    Refused(&'static str),
    /// The last request may be one, and nothing behind it may be read: two programs that both keep to the RFC could see
    /// its end in two places.
    Doubtful,
}

/// Reads all of a connection.
pub(crate) fn judge(mut bytes: &[u8]) -> (Vec<Request>, End) {
    let mut requests = Vec::new();
    loop {
        // §2.2: empty lines before a request line are none of it.
        while let Some(rest) = bytes.strip_prefix(b"\r\n").or(bytes.strip_prefix(b"\n")) {
            bytes = rest;
        }
        if bytes.is_empty() || bytes == b"\r" {
            return (requests, End::Open);
        }
        match request(&mut bytes) {
            Ok((request, next)) => {
                requests.push(request);
                if next != End::Open {
                    return (requests, next);
                }
            }
            Err(end) => return (requests, end),
        }
    }
}

type Read<T> = Result<T, End>;

const fn refuse<T>(why: &'static str) -> Read<T> {
    Err(End::Refused(why))
}

/// One request, and what comes behind it.
fn request(bytes: &mut &[u8]) -> Read<(Request, End)> {
    let mut is_plain = true;
    let lines = lines(bytes, &mut is_plain)?;
    let (first, fields) = lines.split_first().ok_or(End::Refused("no request line"))?;
    let (method, target, is_1_1) = request_line(first, &mut is_plain)?;
    let fields = fields.iter().map(|line| field(line)).collect::<Read<Vec<_>>>()?;
    host(&fields, is_1_1, &mut is_plain)?;
    let (framing, has_both) = framing(&fields, is_1_1, &mut is_plain)?;
    let mut is_doubtful = false;
    let body = match framing {
        Framing::Length(length) => {
            let length = usize::try_from(length).ok().filter(|length| *length <= bytes.len());
            let (body, rest) = bytes.split_at(length.ok_or(End::Partial)?);
            *bytes = rest;
            body.to_vec()
        }
        Framing::Chunks => chunks(bytes, &mut is_plain, &mut is_doubtful)?,
    };
    let says =
        |word: &str| list(&fields, b"connection").iter().any(|one| one.eq_ignore_ascii_case(word.as_bytes()));
    // §9.3 and §9.6; §6.1 for a length beside chunks.
    let is_last = has_both || says("close") || (!is_1_1 && !says("keep-alive"));
    is_plain &= is_1_1 && method == b"POST" && !has(&fields, b"expect") && !has(&fields, b"upgrade");
    let next = if is_doubtful {
        End::Doubtful
    } else if is_last {
        End::Closed
    } else {
        End::Open
    };
    is_plain &= list(&fields, b"connection").into_iter().all(is_token);
    Ok((Request { method, target, fields, body, is_plain }, next))
}

/// The lines up to an empty one, without their ends. §2.2: a line may end in a bare LF; a CR is nothing in a line.
fn lines<'b>(bytes: &mut &'b [u8], is_plain: &mut bool) -> Read<Vec<&'b [u8]>> {
    let mut lines = Vec::new();
    loop {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(End::Partial)?;
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        *bytes = rest;
        *is_plain &= line.ends_with(b"\r");
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line);
    }
}

/// §3: method, one space, target, one space, version.
fn request_line(line: &[u8], is_plain: &mut bool) -> Read<(Vec<u8>, Vec<u8>, bool)> {
    let parts: Vec<_> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = parts[..] else { return refuse("a request line has three parts") };
    if !is_token(method) {
        return refuse("a method is a token");
    }
    if target.is_empty() || target.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
        return refuse("a target has no white space and no controls");
    }
    let is_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return refuse("another version"),
    };
    // RFC 3986 has fewer bytes; a relay may carry the others or refuse them.
    let is_usual = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/?".contains(byte);
    let is_encoded =
        |at: usize| target.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    *is_plain &=
        target[0] == b'/' && target.iter().all(is_usual) && !target.windows(3).any(|three| three == b"%00");
    *is_plain &= target.iter().enumerate().all(|(at, byte)| *byte != b'%' || is_encoded(at));
    Ok((method.to_vec(), target.to_vec(), is_1_1))
}

/// §5: a token, a colon without white space before it, a value without controls (RFC 9110 §5.5).
fn field(line: &[u8]) -> Read<(Vec<u8>, Vec<u8>)> {
    if matches!(line[0], b' ' | b'\t') {
        return refuse("a folded line");
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return refuse("a field without a colon");
    };
    let (name, value) = (&line[..colon], trim(&line[colon + 1..]));
    if !is_token(name) {
        return refuse("a name is a token");
    }
    if value.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
        return refuse("a control in a value");
    }
    Ok((name.to_ascii_lowercase(), value.to_vec()))
}

/// §3.2.
fn host(fields: &[(Vec<u8>, Vec<u8>)], is_1_1: bool, is_plain: &mut bool) -> Read<()> {
    let hosts: Vec<_> = fields.iter().filter(|(name, _)| name == b"host").collect();
    match hosts[..] {
        [] if is_1_1 => refuse("no Host"),
        [] => Ok(()),
        [(_, host)] => {
            let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte);
            *is_plain &= host.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
            if host.iter().all(is_host) { Ok(()) } else { refuse("the Host is none") }
        }
        _ => refuse("several Hosts"),
    }
}

enum Framing {
    Length(u64),
    Chunks,
}

/// §6.3; and whether both lengths are there, after which a connection ends (§6.1).
fn framing(fields: &[(Vec<u8>, Vec<u8>)], is_1_1: bool, is_plain: &mut bool) -> Read<(Framing, bool)> {
    let has_length = has(fields, b"content-length");
    if has(fields, b"transfer-encoding") {
        let codings = list(fields, b"transfer-encoding");
        let is_chunked = codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked");
        if !is_chunked || !is_1_1 {
            return refuse("a transfer coding other than chunked, once, by HTTP/1.1");
        }
        let lines: Vec<_> = fields.iter().filter(|(name, _)| name == b"transfer-encoding").collect();
        *is_plain &= !has_length && lines.len() == 1 && lines[0].1.eq_ignore_ascii_case(b"chunked");
        return Ok((Framing::Chunks, has_length));
    }
    let all: Vec<_> = fields.iter().filter(|(name, _)| name == b"content-length").collect();
    let lengths: Vec<_> =
        all.iter().flat_map(|(_, value)| value.split(|byte| *byte == b',')).map(trim).collect();
    *is_plain &= lengths.len() <= 1;
    let Some(first) = lengths.first() else { return Ok((Framing::Length(0), false)) };
    let number = |text: &[u8]| -> Option<u64> {
        let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
    };
    match number(first) {
        Some(length) if lengths.iter().all(|other| number(other) == Some(length)) => {
            Ok((Framing::Length(length), false))
        }
        _ => refuse("a length that is none"),
    }
}

/// §7.1. What stands in an extension is ignored (§7.1.1), its line ends as any other chunk's does.
///
/// A bare LF among the trailers may end a line or be a fault in it (§2.2).
fn chunks(bytes: &mut &[u8], is_plain: &mut bool, is_doubtful: &mut bool) -> Read<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = chunk_size(bytes, is_plain)?;
        if size == 0 {
            let mut is_sure = true;
            let trailers = lines(bytes, &mut is_sure)?;
            *is_doubtful = !is_sure;
            *is_plain &= is_sure;
            trailers.iter().try_for_each(|line| field(line).map(drop))?;
            return Ok(body);
        }
        let size = usize::try_from(size).ok().filter(|size| *size <= bytes.len()).ok_or(End::Partial)?;
        body.extend(&bytes[..size]);
        *bytes = &bytes[size..];
        crlf(bytes)?;
    }
}

fn chunk_size(bytes: &mut &[u8], is_plain: &mut bool) -> Read<u64> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 {
        return if bytes.is_empty() { Err(End::Partial) } else { refuse("a chunk without a size") };
    }
    let text: String = bytes[..digits].iter().map(|byte| char::from(*byte)).collect();
    let Ok(size) = u64::from_str_radix(&text, 16) else { return refuse("a chunk larger than numbers") };
    *bytes = &bytes[digits..];
    if !matches!(bytes.first(), Some(b'\r') | None) {
        *is_plain = false;
        // White space alone is let pass; else an extension begins.
        let blank = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        *bytes = &bytes[blank..];
        if let Some(b';') = bytes.first() {
            let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).ok_or(End::Partial)?;
            *bytes = &bytes[end..];
        }
    }
    crlf(bytes)?;
    Ok(size)
}

fn crlf(bytes: &mut &[u8]) -> Read<()> {
    match bytes {
        [b'\r', b'\n', rest @ ..] => {
            *bytes = rest;
            Ok(())
        }
        [] | [b'\r'] => Err(End::Partial),
        _ => refuse("a chunk's line ends in CRLF"),
    }
}

/// The elements of a list, empty ones left out (RFC 9110 §5.6.1).
fn list<'f>(fields: &'f [(Vec<u8>, Vec<u8>)], name: &[u8]) -> Vec<&'f [u8]> {
    let values = fields.iter().filter(|(other, _)| other == name);
    let elements = values.flat_map(|(_, value)| value.split(|byte| *byte == b',')).map(trim);
    elements.filter(|element| !element.is_empty()).collect()
}

fn has(fields: &[(Vec<u8>, Vec<u8>)], name: &[u8]) -> bool {
    fields.iter().any(|(other, _)| other == name)
}

/// RFC 9110 §5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Without optional white space (RFC 9110 §5.6.3), which is less than what Rust calls white.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// What of a request an app must get, and nothing else may come to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Essence {
    method: Vec<u8>,
    /// Behind the endpoint, with the query.
    target: Vec<u8>,
    /// Sorted by name; values of one name in their order.
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
}

/// Fields that are a hop's (RFC 9110 §7.6.1), or that the relay or a proxy in front sets.
const NOT_ESSENTIAL: [&[u8]; 15] = [
    b"connection",
    b"content-length",
    b"expect",
    b"host",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"x-forwarded-for",
    b"x-forwarded-host",
    b"x-forwarded-proto",
];

/// Fields that no `Connection` takes off (docs/wire.md).
fn is_for_the_app(name: &[u8]) -> bool {
    matches!(name, b"content-type" | b"forwarded")
        || name.starts_with(b"x-forwarded-")
        || name.starts_with(b"mux-")
}

impl Request {
    /// What an app at that endpoint must get of it; `None`: it is for somebody else.
    pub(crate) fn essence(&self, endpoint: &str) -> Option<Essence> {
        let target = self.target.split(|byte| *byte == b'#').next()?;
        let lower = target.to_ascii_lowercase();
        let scheme = [&b"http://"[..], b"https://"].into_iter().find(|scheme| lower.starts_with(scheme));
        let path = match scheme {
            Some(scheme) => {
                let rest = &target[scheme.len()..];
                &rest[rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len())..]
            }
            None => target,
        };
        let target = path.strip_prefix(format!("/h/{endpoint}").as_bytes())?;
        if !matches!(target.first(), None | Some(b'/' | b'?')) {
            return None;
        }
        let named = self.named();
        let fields =
            self.fields.iter().filter(|(name, _)| !named.contains(name) || is_for_the_app(name)).cloned();
        Some(essence(&self.method, target.to_vec(), fields.collect(), self.body.clone()))
    }
}

impl Request {
    /// The fields that `Connection` names, in lower case.
    pub(crate) fn named(&self) -> Vec<Vec<u8>> {
        list(&self.fields, b"connection").into_iter().map(<[u8]>::to_ascii_lowercase).collect()
    }
}

impl Essence {
    /// Itself without those fields.
    pub(crate) fn without(mut self, names: &[Vec<u8>]) -> Self {
        self.fields.retain(|(name, _)| !names.contains(name));
        self
    }
}

/// What of a delivery came from its sender.
pub(crate) fn delivered(delivery: &muxhook_protocol::Delivery) -> Essence {
    let query = delivery.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}{query}", &*delivery.path).into_bytes();
    let fields = delivery.headers.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
    essence(delivery.method.as_bytes(), target, fields.collect(), delivery.body.to_vec())
}

fn essence(method: &[u8], target: Vec<u8>, mut fields: Vec<(Vec<u8>, Vec<u8>)>, body: Vec<u8>) -> Essence {
    fields.retain(|(name, _)| !NOT_ESSENTIAL.contains(&&**name));
    // By name alone, and stable: the order of one name's values counts.
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    Essence { method: method.to_vec(), target, fields, body }
}
