//! Answers, ready to send.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::ErrorBody;
use crate::remark::Remark;

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response<Bytes> {
    // Only a map with keys that are no text could fail, and no body has one.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = with_headers(status, body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn no_content() -> Response<Bytes> {
    with_headers(StatusCode::NO_CONTENT, Bytes::new())
}

pub(crate) fn refuse(status: StatusCode, error: &'static str, message: &str) -> Response<Bytes> {
    let mut response = json(status, &ErrorBody { error: error.to_owned(), message: message.to_owned() });
    Remark::error(&mut response, error);
    response
}

/// The log says at what.
pub(super) fn internal() -> Response<Bytes> {
    let message = "the relay failed at something of its own; its log says at what";
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

/// RFC 9110 §11.6.1 wants the scheme named.
pub(super) fn unauthorized(message: &str) -> Response<Bytes> {
    let response = refuse(StatusCode::UNAUTHORIZED, "unauthorized", message);
    with(response, WWW_AUTHENTICATE, "Bearer")
}

/// RFC 9110 §10.2.1 wants the allowed methods named.
pub(super) fn wrong_method(allowed: &'static str) -> Response<Bytes> {
    let message = format!("this path takes {allowed} alone");
    with(refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &message), ALLOW, allowed)
}

/// An account's data is for no cache, and for no browser to guess at.
pub(super) fn with_headers(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    with(with(response, CACHE_CONTROL, "no-store"), X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn with(mut response: Response<Bytes>, name: HeaderName, value: &'static str) -> Response<Bytes> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}
