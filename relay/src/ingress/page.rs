//! The one page that a browser sees on an endpoint's address: the same for every address, so that it tells
//! nobody which exist.

use http::{HeaderValue, Response, header};

use super::Body;

const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
    "<meta name=\"viewport\" content=\"width=device-width\">\n",
    "<meta name=\"robots\" content=\"noindex\">\n<title>muxhook</title>\n",
    "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}</style>\n",
    "<h1>muxhook</h1>\n",
    "<p>This is an address for webhooks. It takes POST requests and carries them to a developer's machine.</p>\n",
);

/// The page, for GET and HEAD.
pub(super) fn response() -> Response<Body> {
    let mut response = Response::new(Body::from(PAGE));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
