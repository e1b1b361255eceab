//! What RFC 9112 has a server refuse and hyper lets through, and what proxies in front read differently. It is asked
//! once, before anything else looks at a request, and sees a head as hyper parsed it: what hyper has put right by then
//! (of `Content-Length` beside chunked, the length is left out) is not seen. docs/wire.md has the table.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version, header};
use muxhook_protocol::headers::connection_tokens;

use super::{Body, response};

/// A request that is refused. The connection ends with the answer: what follows on it can't be trusted to begin where
/// it seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

impl Refused {
    const fn bad(code: &'static str, message: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message }
    }

    /// What the sender is told.
    pub(super) fn response(self) -> Response<Body> {
        let mut response = response::error(self.status, self.code, self.message);
        super::end_connection(&mut response);
        response
    }
}

/// Checks a request's head, and gives a target with an origin its say: the `Host` is that origin's from then on
/// (RFC 9112 §3.2.2).
pub(super) fn check(head: &mut Parts) -> Result<(), Refused> {
    transfer_coding(&head.headers)?;
    connection(&head.headers)?;
    host(head.version, &head.headers)?;
    target(&head.method, &head.uri)?;
    path(head.uri.path())?;
    if let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(header::HOST, host);
    }
    Ok(())
}

/// A body is `chunked`, once, or has a length: of other codings the app would get the bytes, and not their name
/// (RFC 9112 §6.1).
fn transfer_coding(headers: &HeaderMap) -> Result<(), Refused> {
    let mut chunked = 0;
    for coding in headers
        .get_all(header::TRANSFER_ENCODING)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
    {
        if !coding.trim_ascii().eq_ignore_ascii_case(b"chunked") {
            let (status, message) =
                (StatusCode::NOT_IMPLEMENTED, "of the transfer codings the relay knows \"chunked\" alone");
            return Err(Refused { status, code: "unknown_transfer_coding", message });
        }
        chunked += 1;
    }
    if chunked > 1 {
        return Err(Refused::bad("bad_transfer_coding", "a body is chunked once"));
    }
    Ok(())
}

/// `Connection` names options, which are tokens (RFC 9110 §7.6.1). The parser does not look into a value with other
/// bytes: it would miss a `close` there, behind which nothing may be read (RFC 9112 §9.6).
fn connection(headers: &HeaderMap) -> Result<(), Refused> {
    let mut options =
        headers.get_all(header::CONNECTION).iter().flat_map(|value| connection_tokens(value.as_bytes()));
    if options.any(|option| HeaderName::from_bytes(option).is_err()) {
        return Err(Refused::bad("bad_connection", "a Connection is a list of names"));
    }
    Ok(())
}

/// One `Host`, which HTTP/1.0 may leave out (RFC 9112 §3.2).
fn host(version: Version, headers: &HeaderMap) -> Result<(), Refused> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(Refused::bad("bad_host", "the Host is no host")),
        (Some(_), Some(_)) => Err(Refused::bad("bad_host", "a request has one Host")),
        (None, _) if version == Version::HTTP_10 => Ok(()),
        (None, _) => Err(Refused::bad("bad_host", "a request has a Host")),
    }
}

/// Whether a value is `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2). An empty one is.
fn is_host(value: &[u8]) -> bool {
    let is_port = |port: &[u8]| port.iter().all(u8::is_ascii_digit);
    if let Some(literal) = value.strip_prefix(b"[") {
        let Some(end) = literal.iter().position(|byte| *byte == b']') else { return false };
        let (address, rest) = (&literal[..end], &literal[end + 1..]);
        let is_address = !address.is_empty()
            && address.iter().all(|byte| byte.is_ascii_alphanumeric() || b":.-_~".contains(byte));
        return is_address && (rest.is_empty() || rest.strip_prefix(b":").is_some_and(is_port));
    }
    let mut parts = value.splitn(2, |byte| *byte == b':');
    let is_name = |name: &[u8]| {
        name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte))
            && is_encoded(name)
    };
    parts.next().is_none_or(is_name) && parts.next().is_none_or(is_port)
}

/// The form of the target (RFC 9112 §3.2): a path, or an http address without a user; `*` for OPTIONS. The relay is
/// no way to another host: CONNECT, and the form of a target that belongs to it, are refused.
fn target(method: &Method, uri: &Uri) -> Result<(), Refused> {
    let bad = |message| Err(Refused::bad("bad_target", message));
    if method == Method::CONNECT {
        // What follows may be the tunnel's already.
        let (status, message) = (StatusCode::METHOD_NOT_ALLOWED, "the relay is no proxy");
        return Err(Refused { status, code: "method_not_allowed", message });
    }
    match (uri.scheme_str(), uri.authority()) {
        (None, None) if uri.path() == "*" && method != Method::OPTIONS => {
            bad("the target \"*\" is for OPTIONS")
        }
        (None, None) => Ok(()),
        (Some("http" | "https"), Some(authority))
            if !authority.host().is_empty() && is_host(authority.as_str().as_bytes()) =>
        {
            Ok(())
        }
        _ => bad("the target is a path, or an http address"),
    }
}

/// A path with an encoded NUL ends early at some hops (RFC 3986 §7.3). A percent sign that is no encoding is the app's
/// to judge: nothing here decodes it.
fn path(path: &str) -> Result<(), Refused> {
    if path.contains("%00") {
        return Err(Refused::bad("bad_target", "the path has an encoded NUL in it"));
    }
    Ok(())
}

/// Whether each percent sign begins an encoding (RFC 3986 §2.1).
fn is_encoded(text: &[u8]) -> bool {
    let mut signs = text.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    signs.all(|(at, _)| {
        text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn checked(
        method: &str,
        target: &str,
        version: Version,
        fields: &[(&str, &str)],
    ) -> Result<HeaderMap, u16> {
        let mut request = Request::builder().method(method).uri(target).version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        check(&mut head).map_err(|refused| refused.status.as_u16())?;
        Ok(head.headers)
    }

    #[test]
    fn a_request_has_one_host_that_is_one() {
        for host in ["", "x", "hooks.example.com:81", "127.0.0.1", "[::1]:80", "[::1]", "a%2Db", "x:"] {
            assert!(checked("POST", "/h/a", Version::HTTP_11, &[("host", host)]).is_ok(), "{host}");
        }
        for host in [
            "a b", "a@b", "a/b", "a:b", "a:1:2", "[::1", "[]", "[::1]x", "a%2", "a%zz", "http://x", "a?b",
            "a#b", "\u{e9}",
        ] {
            assert_eq!(checked("POST", "/h/a", Version::HTTP_11, &[("host", host)]), Err(400), "{host}");
        }
        assert_eq!(checked("POST", "/h/a", Version::HTTP_11, &[]), Err(400));
        assert!(checked("POST", "/h/a", Version::HTTP_10, &[]).is_ok());
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert_eq!(checked("POST", "/h/a", version, &[("host", "x"), ("host", "x")]), Err(400));
        }
    }

    #[test]
    fn a_body_is_chunked_once_or_not_at_all() {
        for (codings, expected) in [
            (&["chunked"][..], None),
            (&["CHUNKED"], None),
            (&["gzip, chunked"], Some(501)),
            (&["identity", "chunked"], Some(501)),
            (&["xchunked"], Some(501)),
            (&["chunked, chunked"], Some(400)),
            (&["chunked", "chunked"], Some(400)),
            (&[", chunked"], Some(501)),
            (&[""], Some(501)),
        ] {
            let fields: Vec<_> =
                codings.iter().map(|coding| ("transfer-encoding", *coding)).chain([("host", "x")]).collect();
            assert_eq!(checked("POST", "/h/a", Version::HTTP_11, &fields).err(), expected, "{codings:?}");
        }
    }

    #[test]
    fn a_connection_is_a_list_of_names() {
        for (connection, expected) in [
            ("close", None),
            ("keep-alive, Upgrade", None),
            (" , close,, x-a", None),
            ("", None),
            ("close, hos\u{f4}", Some(400)),
            ("\"close\"", Some(400)),
            ("close x", Some(400)),
        ] {
            let fields = [("host", "x"), ("connection", connection)];
            let checked = checked("POST", "/h/a", Version::HTTP_11, &fields);
            assert_eq!(checked.err(), expected, "{connection:?}");
        }
    }

    #[test]
    fn a_target_is_a_path_or_an_address_of_http() {
        let host = |target, method| {
            let headers = checked(method, target, Version::HTTP_11, &[("host", "x")])?;
            Ok::<_, u16>(headers["host"].to_str().unwrap().to_owned())
        };
        assert_eq!(host("/h/a", "POST"), Ok("x".to_owned()));
        assert_eq!(host("http://other.example:81/h/a?b", "POST"), Ok("other.example:81".to_owned()));
        assert_eq!(host("HTTPS://other.example", "POST"), Ok("other.example".to_owned()));
        assert_eq!(host("*", "OPTIONS"), Ok("x".to_owned()));
        for target in ["*", "other.example:80", "ftp://x/h/a", "http://user@x/h/a", "/h/a/%00"] {
            assert_eq!(host(target, "POST"), Err(400), "{target}");
        }
        for target in ["other.example:80", "/h/a"] {
            assert_eq!(host(target, "CONNECT"), Err(405), "{target}");
        }
        for target in ["/h/a/%2e%2E/..//%2f;a=b", "/h/a?%zz%00", "/h/a%", "/h/a%4", "/h/a%zz"] {
            assert_eq!(host(target, "POST"), Ok("x".to_owned()), "{target}");
        }
    }
}
