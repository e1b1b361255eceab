//! The public side: a webhook in, an answer out. Knows HTTP, limits and addresses; nothing of sessions.

#[cfg(any(test, fuzzing))]
#[path = "../fuzz/checks/forwarded.rs"]
pub(crate) mod fuzz_forwarded;
#[cfg(any(test, fuzzing))]
#[path = "../fuzz/checks/head.rs"]
pub(crate) mod fuzz_head;
mod page;
mod permits;
mod rates;
mod request;
mod response;
mod strict;
mod verify;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use muxhook_link::Now;
use muxhook_protocol::{DeliveryId, EndpointId};
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::config::{Limits, Settings};
use crate::dispatch::{self, Answer, Delivered, Dispatch};
use crate::journal::Address;
use permits::Permits;
use rates::Rates;
use request::{BodyError, BodyLimits, Whole};

/// The body of every response.
pub type Body = http_body_util::Full<Bytes>;

/// Who is on the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Its address.
    pub ip: IpAddr,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// The public side.
#[derive(Debug)]
pub struct Ingress {
    accounts: Arc<Accounts>,
    dispatch: Arc<Dispatch>,
    settings: Arc<Settings>,
    permits: Permits,
    rates: Rates,
    now: Now,
    /// Somebody who is not trusted has said where a request came from, and that was told.
    told_of_forwarded: AtomicBool,
}

impl Ingress {
    /// A public side that hands webhooks to `dispatch`.
    #[must_use]
    pub fn new(accounts: Arc<Accounts>, dispatch: Arc<Dispatch>, settings: Arc<Settings>, now: Now) -> Self {
        let limits = settings.now().limits;
        let permits = Permits::new(limits.in_flight_total, limits.in_flight_bytes);
        let (rates, told_of_forwarded) = (Rates::default(), AtomicBool::new(false));
        Self { accounts, dispatch, settings, permits, rates, now, told_of_forwarded }
    }

    /// Whom a request comes from: the peer, or whom a trusted proxy names. `None`: a trusted proxy names nobody.
    #[must_use]
    pub fn source(&self, peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
        let proxies = &self.settings.now().trusted_proxies;
        if proxies.contains(peer.ip) {
            return request::forwarded_for(headers, |address| proxies.contains(address));
        }
        if request::has_forwarded(headers) && !self.told_of_forwarded.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                peer = %peer.ip,
                "a request says by X-Forwarded-* or Forwarded where it came from, which is not believed of this peer; if it \
                 is a proxy of yours, start the relay with --trusted-proxy {} (told once)",
                peer.ip.to_canonical()
            );
        }
        Some(peer.ip)
    }

    /// Answers a request to `/h/…`.
    pub async fn answer(&self, peer: Peer, request: Request<&mut Incoming>) -> Response<Body> {
        match *request.method() {
            Method::POST => self.webhook(peer, request).await,
            Method::GET | Method::HEAD => page::response(),
            _ => method_not_allowed("GET, HEAD, POST"),
        }
    }

    async fn webhook(&self, peer: Peer, request: Request<&mut Incoming>) -> Response<Body> {
        let at = (self.now.unix_millis(), Instant::now());
        let Some((name, suffix)) = request::split_address(request.uri().path()) else {
            return response::of_answer(Answer::UnknownEndpoint);
        };
        let address = match self.find(name) {
            Ok(address) => address,
            Err(answer) => return response::of_answer(answer),
        };
        let suffix = suffix.to_owned();
        let Told { mut response, delivery } = self.take(peer, &address, suffix, at, request).await;
        response::name(&mut response, &address.endpoint, delivery);
        response
    }

    /// Takes a webhook to an endpoint that is there.
    async fn take(
        &self,
        peer: Peer,
        address: &Address,
        path: String,
        (received_at, arrived): (u64, Instant),
        request: Request<&mut Incoming>,
    ) -> Told {
        let live = self.settings.now();
        let (head, body) = request.into_parts();
        // Before its body is read; it counts when it turns out to be one that the account is to have.
        if let Err(refused) = self.keep_rate(address, Rates::look) {
            return (*refused).into();
        }
        let Some(mut permit) = self.permits.take() else {
            let message = "the relay has as many webhooks in flight as it may";
            return self.turned_away(&address.endpoint, "busy", message).into();
        };
        let read = request::read_body(body, body_limits(&live.limits), |bytes| permit.add_bytes(bytes)).await;
        let Whole { bytes: body, has_trailers } = match read {
            Ok(whole) => whole,
            Err(error) => return self.body_refused(&address.endpoint, error).into(),
        };
        let request = dispatch::Request {
            path,
            query: head.uri.query().map(str::to_owned),
            method: head.method,
            headers: head.headers,
            body,
            received_at,
            arrived,
            deadline: arrived + live.limits.reply_deadline,
        };
        let mut told = self.whole(peer, address, request).await;
        if has_trailers {
            end_connection(&mut told.response);
        }
        told
    }

    /// Answers a webhook that is all there.
    async fn whole(&self, peer: Peer, address: &Address, mut request: dispatch::Request) -> Told {
        let endpoint = &address.endpoint;
        if request.deadline <= Instant::now() {
            // The sender has given up, or is about to: what the app said would reach nobody.
            return self.body_refused(endpoint, BodyError::TooSlow).into();
        }
        let key = self.accounts.key(address);
        if let Err(why) = verify::check(key.as_deref(), &request.headers, &request.body, request.received_at)
        {
            return self.signature_refused(endpoint, why).into();
        }
        if let Err(refused) = self.keep_rate(address, Rates::take) {
            return (*refused).into();
        }
        request::keep_end_to_end(&mut request.headers);
        if !self.settings.now().trusted_proxies.contains(peer.ip) {
            let proto = if peer.tls { "https" } else { "http" };
            request::set_forwarded(&mut request.headers, peer.ip, proto);
        }
        let Delivered { id: delivery, answer } = self.dispatch.deliver(address, request).await;
        let response = match answer {
            Answer::Busy => {
                let message = "the listener has as many deliveries in hand as it may";
                self.turned_away(endpoint, "busy", message)
            }
            answer => response::of_answer(answer),
        };
        Told { response, delivery }
    }

    /// The endpoint of that name. One that is live is known without a look at the disk.
    fn find(&self, name: &str) -> Result<Address, Answer> {
        let endpoint: EndpointId = name.parse().map_err(|_| Answer::UnknownEndpoint)?;
        if let Some(account) = self.dispatch.owner(&endpoint) {
            return Ok(Address { account, endpoint });
        }
        match self.accounts.open_endpoint(&endpoint) {
            Ok(Some(account)) => Ok(Address { account, endpoint }),
            Ok(None) => Err(Answer::UnknownEndpoint),
            Err(error) => {
                tracing::error!(%error, "an endpoint could not be looked up");
                Err(Answer::Internal)
            }
        }
    }

    fn body_refused(&self, endpoint: &EndpointId, error: BodyError) -> Response<Body> {
        match error {
            BodyError::TooLarge => {
                let max_body = self.settings.now().limits.max_body;
                let message = format!("the body is above the relay's {max_body} bytes");
                self.dispatch.notify(
                    endpoint,
                    "body_too_large",
                    &format!("a webhook was turned away: {message}"),
                );
                response::error(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", &message)
            }
            BodyError::NoRoom => {
                self.turned_away(endpoint, "busy", "the relay holds as many bytes of webhooks as it may")
            }
            BodyError::TooSlow => {
                response::error(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body came too slowly")
            }
            BodyError::Broken => {
                response::error(StatusCode::BAD_REQUEST, "body_broken", "the body was cut off")
            }
        }
    }

    fn signature_refused(&self, endpoint: &EndpointId, why: String) -> Response<Body> {
        let message = format!("a webhook was turned away with 401: {why}");
        self.dispatch.notify(endpoint, "signature_refused", &message);
        response::of_answer(Answer::Refused(why))
    }

    /// Asks whether the account may have a webhook now; the answer if not.
    fn keep_rate(&self, address: &Address, ask: rates::Ask) -> Result<(), Box<Response<Body>>> {
        let usual = || self.settings.now().limits.rate;
        let Some(rate) = self.accounts.rate(&address.account).or_else(usual) else { return Ok(()) };
        ask(&self.rates, &address.account, rate, Instant::now()).map_err(|retry| {
            let message = format!("the account gets {rate} webhooks a second, and no more");
            let told = format!("a webhook was turned away with 429: {message}");
            self.dispatch.notify(&address.endpoint, "rate_limited", &told);
            Box::new(response::too_many("rate_limited", &message, retry))
        })
    }

    fn turned_away(&self, endpoint: &EndpointId, code: &'static str, message: &str) -> Response<Body> {
        self.dispatch.notify(endpoint, code, &format!("a webhook was turned away with 503: {message}"));
        response::retry_later(code, message)
    }
}

/// What the sender of a webhook is told.
struct Told {
    response: Response<Body>,
    /// What the webhook was called, if it came to that.
    delivery: Option<DeliveryId>,
}

impl From<Response<Body>> for Told {
    fn from(response: Response<Body>) -> Self {
        Self { response, delivery: None }
    }
}

fn body_limits(limits: &Limits) -> BodyLimits {
    // What comes later than the answer must would reach nobody.
    let total = limits.body_total.min(limits.reply_deadline);
    BodyLimits { size: limits.max_body, idle: limits.body_idle, total }
}

/// Whether a request is one by RFC 9112 where the parser is laxer; the answer to one that is none.
///
/// # Errors
/// The answer, which ends the connection.
pub fn check(head: &mut http::request::Parts) -> Result<(), Box<Response<Body>>> {
    strict::check(head).map_err(|refused| Box::new(refused.response()))
}

/// Has the connection end with this answer: what follows on it may not begin where it seems to (RFC 9112 §9.6).
pub fn end_connection(response: &mut Response<Body>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// 429 for somebody whose requests fail again and again. The connection ends.
#[must_use]
pub fn too_many_failures(retry: Duration) -> Response<Body> {
    let message = "too many requests from this address failed, by an unknown endpoint, a wrong token or what is no request: \
                   try again later";
    let mut response = response::too_many("too_many_failures", message, retry);
    end_connection(&mut response);
    response
}

/// 404 for what is no address of the relay's.
#[must_use]
pub fn not_found() -> Response<Body> {
    response::error(StatusCode::NOT_FOUND, "not_found", "there is nothing at this address")
}

/// 500 for what the relay failed at.
#[must_use]
pub fn internal() -> Response<Body> {
    response::of_answer(Answer::Internal)
}

/// 405, naming what is allowed.
#[must_use]
pub fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let message = format!("this address takes {allow}");
    let mut response = response::error(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &message);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    response
}
