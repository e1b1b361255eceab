//! From an answer to an HTTP response.

use std::time::Duration;

use bytes::Bytes;
use http::header::MaxSizeReached;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use muxhook_protocol::{
    ANSWER_HEADER, DELIVERY_HEADER, DeliveryId, EndpointId, Headers, REQUEST_HEADER, Reply, TRUNCATED_HEADER,
};

use super::Body;
use crate::dispatch::Answer;
use crate::journal::HoldError;
use crate::remark::Remark;

/// When a sender that may try again should: seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

const ANSWER: HeaderName = HeaderName::from_static(ANSWER_HEADER);

/// The response that an answer becomes.
pub(super) fn of_answer(answer: Answer) -> Response<Body> {
    match answer {
        Answer::App(reply) => of_reply(reply),
        Answer::AppFailed(failure) => error(
            StatusCode::BAD_GATEWAY,
            "app_unreachable",
            &format!("{} ({})", failure.message, failure.reason),
        ),
        Answer::Refused(reason) => error(StatusCode::UNAUTHORIZED, "signature_refused", &reason),
        Answer::Skipped => taken("skipped"),
        Answer::Observed => taken("none"),
        Answer::TooLate => error(
            StatusCode::GATEWAY_TIMEOUT,
            "app_timeout",
            "the app did not answer in time; it is left to finish",
        ),
        Answer::LinkLost => retry_later(
            "link_lost",
            "the listener's link broke before the app's answer came, and did not come back",
        ),
        Answer::GoingDown => retry_later("going_down", "the relay went down before the app's answer came"),
        Answer::Held => taken("held"),
        Answer::NotHeld(error) => not_held(error),
        Answer::NoListener => retry_later("no_listener", "nobody listens on this endpoint just now"),
        Answer::Busy => retry_later("busy", "the listener has as many deliveries in hand as it may"),
        Answer::UnknownEndpoint => {
            error(StatusCode::NOT_FOUND, "unknown_endpoint", "there is no such endpoint")
        }
        Answer::Internal => {
            error(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the relay failed; its log says at what")
        }
    }
}

/// Says which delivery an answer is about: to the log, and to the sender where the answer is not the app's.
pub(super) fn name(response: &mut Response<Body>, endpoint: &EndpointId, delivery: Option<DeliveryId>) {
    Remark::about(response, endpoint, delivery);
    let is_apps = response.headers().get(&ANSWER).is_some_and(|by| by == "app");
    if let Some(delivery) = delivery.filter(|_| !is_apps)
        && let Ok(id) = HeaderValue::from_str(&delivery.to_string())
    {
        response.headers_mut().insert(HeaderName::from_static(DELIVERY_HEADER), id);
    }
}

/// An error of the relay's own.
pub(super) fn error(status: StatusCode, code: &'static str, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "error": code, "message": message }).to_string();
    let mut response = Response::new(Body::from(body));
    Remark::error(&mut response, code);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ANSWER, HeaderValue::from_static("relay"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// An error of the relay's own that passes by itself.
pub(super) fn retry_later(code: &'static str, message: &str) -> Response<Body> {
    let mut response = error(StatusCode::SERVICE_UNAVAILABLE, code, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// An error of the relay's own for what comes too fast (RFC 6585 §4).
pub(super) fn too_many(code: &'static str, message: &str, retry: Duration) -> Response<Body> {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, code, message);
    // Rounded up: who comes again a moment too early is turned away again.
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry.as_secs() + 1));
    response
}

/// What can't be held is the sender's to try again: 507 (RFC 4918 §11.5) where room must be made first.
fn not_held(why: HoldError) -> Response<Body> {
    let (status, code) = match why {
        HoldError::Full => (StatusCode::INSUFFICIENT_STORAGE, "hold_full"),
        HoldError::NoSpace => (StatusCode::INSUFFICIENT_STORAGE, "disk_full"),
        HoldError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        HoldError::Closed => (StatusCode::SERVICE_UNAVAILABLE, "journal_closed"),
    };
    let message = format!("nobody listens on this endpoint just now, and it can't be held: {why}");
    let mut response = error(status, code, &message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}

/// Taken without the app having been asked.
fn taken(by: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::default());
    response.headers_mut().insert(ANSWER, HeaderValue::from_static(by));
    response
}

/// The app's own answer, without what could turn the relay's origin against a browser.
fn of_reply(reply: Reply) -> Response<Body> {
    let status = StatusCode::from_u16(reply.status).ok().filter(|status| !status.is_informational());
    let Some(status) = status else {
        return error(StatusCode::BAD_GATEWAY, "app_unreachable", "the app's answer had no usable status");
    };
    let Ok(mut headers) = fields(&reply.headers) else {
        return error(
            StatusCode::BAD_GATEWAY,
            "app_unreachable",
            "the app's answer had too many header fields",
        );
    };
    disarm(&mut headers);
    headers.insert(ANSWER, HeaderValue::from_static("app"));
    if reply.truncated {
        headers.insert(HeaderName::from_static(TRUNCATED_HEADER), HeaderValue::from_static("1"));
    }
    let bodyless =
        matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::RESET_CONTENT);
    let mut response = Response::new(Body::from(if bodyless { Bytes::new() } else { reply.body }));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The app's fields that may go to the sender. What is no header field is the app's fault, and lost to nobody: the
/// rest goes on.
fn fields(from: &Headers) -> Result<HeaderMap, MaxSizeReached> {
    // Room for those that the relay adds.
    let mut headers = HeaderMap::try_with_capacity(from.len() + 4)?;
    for (name, value) in from.iter_shared() {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes())
            && let Ok(value) = HeaderValue::from_maybe_shared(value.clone())
            && passes(&name)
        {
            headers.try_append(name, value)?;
        }
    }
    Ok(headers)
}

/// Whether a field of the app's may go to the sender. The relay frames the body itself, holds no cookies, and lets no
/// app speak for its origin as a whole (HSTS, RFC 6797; Alt-Svc, RFC 7838; Clear-Site-Data).
fn passes(name: &HeaderName) -> bool {
    !muxhook_protocol::headers::is_hop_by_hop(name.as_str())
        && !matches!(*name, header::SET_COOKIE | header::CONTENT_LENGTH | header::STRICT_TRANSPORT_SECURITY)
        && !matches!(
            name.as_str(),
            ANSWER_HEADER
                | TRUNCATED_HEADER
                | DELIVERY_HEADER
                | REQUEST_HEADER
                | "alt-svc"
                | "clear-site-data"
        )
}

/// Keeps a browser from running what an app says as if the relay's origin had said it.
fn disarm(headers: &mut HeaderMap) {
    let is_html = headers.get_all(header::CONTENT_TYPE).iter().any(is_html);
    if is_html {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
}

/// Whether a `Content-Type` may be read as HTML: of several, browsers choose differently.
fn is_html(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| b";,".contains(byte)).map(<[u8]>::trim_ascii).any(|kind| {
        kind.eq_ignore_ascii_case(b"text/html") || kind.eq_ignore_ascii_case(b"application/xhtml+xml")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use muxhook_protocol::{FailReason, Failure};

    fn reply(status: u16, headers: &[(&'static str, &'static [u8])]) -> Response<Body> {
        let headers: Headers =
            headers.iter().map(|(name, value)| (*name, Bytes::from_static(value))).collect();
        of_reply(Reply { status, headers, body: "hi".into(), truncated: false })
    }

    #[test]
    fn an_apps_answer_cannot_act_as_the_relays_origin() {
        let response = reply(
            200,
            &[
                ("content-type", b"Text/HTML; charset=x"),
                ("clear-site-data", b"\"*\""),
                ("strict-transport-security", b"max-age=9"),
                ("set-cookie", b"a=b"),
                ("content-security-policy", b"x"),
            ],
        );
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
        assert_eq!(headers["content-security-policy"], "sandbox; default-src 'none'");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        for name in ["set-cookie", "clear-site-data", "strict-transport-security"] {
            assert!(!headers.contains_key(name), "{name}");
        }
        assert_eq!(headers["muxhook-answer"], "app");
    }

    #[test]
    fn an_apps_fields_keep_their_bytes_repeats_and_order() {
        let response =
            reply(418, &[("x-a", b"1"), ("x-b", b"\xff\x80"), ("x-a", b"2"), ("connection", b"close")]);
        assert_eq!(response.status(), 418);
        let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert_eq!(response.headers()["x-b"].as_bytes(), b"\xff\x80");
        assert!(!response.headers().contains_key("connection"));
    }

    #[test]
    fn a_status_or_field_that_is_none_harms_nothing() {
        assert_eq!(reply(42, &[]).status(), 502);
        assert_eq!(reply(101, &[]).status(), 502);
        let response = reply(200, &[("a b", b"x"), ("x-ok", b"1"), ("x-bad", b"a\nb")]);
        assert_eq!(response.headers()["x-ok"], "1");
        assert!(!response.headers().contains_key("x-bad"));
    }

    #[tokio::test]
    async fn the_relays_own_errors_are_json_and_say_so() {
        let failure = Failure { reason: FailReason::Refused, message: "nothing \"there\"".into() };
        let response = of_answer(Answer::AppFailed(failure));
        assert_eq!(
            (response.status().as_u16(), &response.headers()["muxhook-answer"]),
            (502, &"relay".parse().unwrap())
        );
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"], "app_unreachable");
        assert_eq!(body["message"], "nothing \"there\" (refused)");
        assert_eq!(of_answer(Answer::NoListener).headers()["retry-after"], "5");
    }
}
