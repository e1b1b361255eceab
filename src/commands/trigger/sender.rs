//! How an event is sent: straight to an app, or to an address of a relay.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response};
use http_body_util::Full;
use muxhook_protocol::mux::signature;
use muxhook_protocol::{
    ANSWER_HEADER, Delivery, DeliveryId, FailReason, Failure, Headers, MAX_REPLY_BODY, Outcome, POST, Reply,
};
use tokio::time::Instant;

use crate::dial::Dialer;
use crate::exchange::{AGENT, Fault, Limits, exchange};
use crate::forwarder::{Forwarder, Notices, Options, Target};
use crate::relay_url::RelayUrl;

/// How long Mux waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a body is said to be.
pub(crate) const JSON: &str = "application/json";

const TOO_SLOW: &str = "Mux hangs up after 5 s: let the app answer first and work afterwards";

/// Sends events to one place.
pub(crate) enum Sender {
    /// An app.
    App { forwarder: Box<Forwarder<()>>, target: Arc<Target> },
    /// An address of a relay.
    Address { dialer: Dialer, address: Address },
}

/// Where an endpoint's public address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    url: String,
    origin: RelayUrl,
    path: String,
}

/// What came of sending one event.
pub(crate) struct Answer {
    /// [`Outcome::Replied`] or [`Outcome::Failed`].
    pub(crate) outcome: Outcome,
    /// Who answered, as the relay has it: `app`, `skipped`, `none`, `held`, `relay`. `None`: nobody, or no relay.
    pub(crate) by: Option<String>,
    /// From the first byte sent to the answer's end, or to where it was given up.
    pub(crate) latency: Duration,
    /// What the user may try, when that is known.
    pub(crate) hint: Option<String>,
    /// What else the user should know.
    pub(crate) notices: Notices,
}

impl Sender {
    /// To an app.
    pub(crate) fn app(target: Target, skip_verify: bool) -> Self {
        let options = Options { timeout: PATIENCE, max_in_flight: 1, skip_verify, headers: Vec::new() };
        Self::App { forwarder: Box::new(Forwarder::new(options)), target: Arc::new(target) }
    }

    /// To an address, reached by `dialer`.
    pub(crate) fn address(dialer: Dialer, address: Address) -> Self {
        Self::Address { dialer, address }
    }

    /// Where to, as a URL.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::App { target, .. } => target.url(),
            Self::Address { address, .. } => &address.url,
        }
    }

    /// Whether a relay stands between.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self, Self::Address { .. })
    }

    /// Sends `body` with `signature`, and waits for what comes of it. `now`: milliseconds since the Unix epoch.
    pub(crate) async fn send(&mut self, body: Bytes, signature: Option<&str>, now: u64) -> Answer {
        match self {
            Self::App { forwarder, target } => {
                forwarder.start(target, &delivery(body, signature, now), ());
                let done = forwarder.next().await;
                let too_slow = matches!(&done.outcome, Outcome::Failed(failure) if failure.reason == FailReason::Timeout);
                Answer {
                    by: matches!(done.outcome, Outcome::Replied(_)).then(|| "app".to_owned()),
                    outcome: done.outcome,
                    latency: done.latency,
                    hint: if too_slow { Some(TOO_SLOW.to_owned()) } else { done.hint },
                    notices: done.notices,
                }
            }
            Self::Address { dialer, address } => {
                let started = Instant::now();
                let limits = Limits { time: PATIENCE, body: MAX_REPLY_BODY };
                let answer =
                    exchange(dialer, &address.origin, request(address, body, signature), limits).await;
                Answer::of_relay(address, answer, started.elapsed())
            }
        }
    }
}

fn delivery(body: Bytes, signature: Option<&str>, now: u64) -> Delivery {
    let mut tail = [0; 10];
    // Without entropy the ids of one millisecond are alike, which hurts nobody.
    let _ = getrandom::fill(&mut tail);
    let mut headers = Headers::new();
    headers.push("content-type", JSON);
    headers.push("user-agent", AGENT);
    if let Some(signature) = signature {
        headers.push(signature::HEADER, signature.to_owned());
    }
    Delivery {
        id: DeliveryId::new(now, &tail),
        seq: 0,
        received_at: now,
        attempt: 1,
        method: POST.into(),
        path: "".into(),
        query: None,
        headers,
        owed: false,
        replayed: false,
        body,
    }
}

fn request(address: &Address, body: Bytes, signature: Option<&str>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    // It was a URI's path when the address was read.
    if let Ok(path) = address.path.parse() {
        *request.uri_mut() = path;
    }
    request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(JSON));
    if let Some(Ok(value)) = signature.map(http::HeaderValue::from_str) {
        request.headers_mut().insert(signature::HEADER, value);
    }
    request
}

impl Answer {
    fn of_relay(address: &Address, answer: Result<Response<Bytes>, Fault>, latency: Duration) -> Self {
        let (outcome, by) = match answer {
            Ok(answer) => {
                let by = answer
                    .headers()
                    .get(ANSWER_HEADER)
                    .map(|by| String::from_utf8_lossy(by.as_bytes()).into_owned());
                (Outcome::Replied(reply(answer)), by)
            }
            Err(fault) => (Outcome::Failed(failure(&address.origin, &fault)), None),
        };
        Self { outcome, by, latency, hint: None, notices: Notices::new() }
    }

    /// The relay holds it until somebody listens.
    pub(crate) fn is_held(&self) -> bool {
        self.by.as_deref() == Some("held") && self.outcome.accepted()
    }

    /// Nobody was there to take the event.
    pub(crate) fn is_unreached(&self) -> bool {
        matches!(&self.outcome, Outcome::Failed(failure) if failure.reason == FailReason::Refused)
    }
}

fn reply(answer: Response<Bytes>) -> Reply {
    let (head, body) = answer.into_parts();
    let fields = head.headers.iter();
    let headers =
        fields.map(|(name, value)| (name.as_str(), Bytes::copy_from_slice(value.as_bytes()))).collect();
    Reply { status: head.status.as_u16(), headers, body, truncated: false }
}

fn failure(relay: &RelayUrl, fault: &Fault) -> Failure {
    let reason = match fault {
        Fault::Unreachable(_) => FailReason::Refused,
        Fault::Silent(_) => FailReason::Timeout,
        Fault::Broken(_) => FailReason::Reset,
        Fault::NotHttp => FailReason::Protocol,
        Fault::TooLarge(_) => FailReason::TooLarge,
    };
    Failure { reason, message: format!("{relay}: {fault}") }
}

impl Address {
    /// Reads an endpoint's public address. It may be at `http://`, which the relay's owner has chosen: no token goes
    /// there. `None`: it is no address.
    pub(crate) fn parse(url: &str) -> Option<Self> {
        let host = url.find("://")? + 3;
        let path = host + url[host..].find('/')?;
        let origin = RelayUrl::parse(&url[..path], true).ok()?;
        url[path..].parse::<http::uri::PathAndQuery>().ok()?;
        Some(Self { url: url.to_owned(), origin, path: url[path..].to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin_and_a_path() {
        let address = Address::parse("http://10.0.0.7:8080/h/alice").unwrap();
        assert_eq!((address.origin.origin(), &*address.path), ("http://10.0.0.7:8080", "/h/alice"));
        assert_eq!(Address::parse("https://h.example/h/a").unwrap().origin.port(), 443);
        for wrong in
            ["", "h.example/h/a", "https://h.example", "ftp://h.example/h/a", "https://h.example/h/a b"]
        {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_relay_that_is_not_there_is_told_from_one_that_fails() {
        let address = Address::parse("https://h.example/h/a").unwrap();
        let of = |fault| Answer::of_relay(&address, Err(fault), Duration::ZERO);
        assert!(of(Fault::Unreachable("no route".into())).is_unreached());
        assert!(!of(Fault::Silent(PATIENCE)).is_unreached());
    }
}
