//! What a CLI may ask about an endpoint's history, below `endpoints/{endpoint}/events`.
//!
//! The shapes of questions and answers are [`muxhook_protocol::history`]'s; `query` is which deliveries are asked for.

mod percent;
mod query;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use muxhook_protocol::history::{Detail, Page, Replay};
use muxhook_protocol::{Delivery, DeliveryId, Headers};

use super::answer::{json, refuse, with_headers, wrong_method};
use super::{Api, Reply, Wish};
use crate::accounts::Scope;
use crate::journal::Address;
use crate::journal::history::{Found, ReadError};

/// Longest id that may be asked for, in bytes: far above a delivery's and Mux's own.
const MAX_ID: usize = 256;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    List,
    One(String),
    Body(String),
    Replay(String),
    Discard,
}

impl Question {
    /// From what follows the endpoint in the path: `events`, and what follows that. `None`: nothing of history.
    pub(super) fn at(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("events")?;
        if rest.is_empty() {
            return Some(Self::List);
        }
        let (id, what) = match rest.strip_prefix('/')?.split_once('/') {
            Some((id, what)) => (id, Some(what)),
            None => (rest.strip_prefix('/')?, None),
        };
        // What is no text is no id either.
        let decoded = percent::decode(id).and_then(|id| String::from_utf8(id).ok()).unwrap_or_default();
        match what {
            None if id == "discard" => Some(Self::Discard),
            None => Some(Self::One(decoded)),
            Some("body") => Some(Self::Body(decoded)),
            Some("replay") => Some(Self::Replay(decoded)),
            Some(_) => None,
        }
    }

    /// What a token must be good for to ask it.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::List | Self::One(_) | Self::Body(_) | Self::Replay(_) => Scope::History,
            Self::Discard => Scope::Admin,
        }
    }

    /// The one method that it takes.
    fn method(&self) -> (Method, &'static str) {
        match self {
            Self::List | Self::One(_) | Self::Body(_) => (Method::GET, "GET"),
            Self::Replay(_) | Self::Discard => (Method::POST, "POST"),
        }
    }
}

/// The refusal of a question that can't be answered as it is.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
pub(super) fn answer(
    api: &Api,
    address: Address,
    question: &Question,
    request: &Request<Bytes>,
) -> Result<Reply, Response<Bytes>> {
    let (method, allowed) = question.method();
    if request.method() != method {
        return Err(wrong_method(allowed));
    }
    match question {
        Question::List => list(api, &address, request.uri().query()),
        Question::One(id) => one(api, &address, id),
        Question::Body(id) => {
            let (delivery, _) = content(api, &address, id)?;
            Ok(Reply::Now(raw(delivery.body)))
        }
        Question::Replay(id) => {
            let Replay { headers } = read(request.body(), r#"{"headers":[["name","value"]]}"#)?;
            check(&headers)?;
            let (delivery, handed) = content(api, &address, id)?;
            Ok(Reply::After(Wish::Replay { address, delivery: Box::new(delivery), handed, headers }))
        }
        Question::Discard => {
            let which = read(request.body(), r#"{"ids":["id"]} or {"all":true}"#)?;
            Ok(Reply::After(Wish::Discard { address, which }))
        }
    }
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn list(api: &Api, address: &Address, query: Option<&str>) -> Result<Reply, Response<Bytes>> {
    let query = query::parse(query.unwrap_or_default())
        .map_err(|error| refuse(StatusCode::BAD_REQUEST, "bad_query", &error.to_string()))?;
    journal(api)?.up_to_date();
    let page = journal(api)?.history().list(address, &query).map_err(|error| unread(&error))?;
    let body = Page {
        events: page.rows,
        next: page.next.map(|seq| seq.to_string()),
        gaps: page.gaps,
        owed: page.owed,
        dropped: journal(api)?.health().dropped,
    };
    Ok(Reply::Now(json(StatusCode::OK, &body)))
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn one(api: &Api, address: &Address, id: &str) -> Result<Reply, Response<Bytes>> {
    let id = find(api, address, id)?;
    let found = journal(api)?.history().detail(address, id).map_err(|error| unread(&error))?;
    let (row, headers) = found.ok_or_else(unknown)?;
    Ok(Reply::Now(json(StatusCode::OK, &Detail { row, headers })))
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn content(api: &Api, address: &Address, id: &str) -> Result<(Delivery, u32), Response<Bytes>> {
    let id = find(api, address, id)?;
    let found = journal(api)?.history().content(address, id).map_err(|error| unread(&error))?;
    found.ok_or_else(unknown)
}

/// From what the user named to the delivery.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn find(api: &Api, address: &Address, id: &str) -> Result<DeliveryId, Response<Bytes>> {
    if id.len() > MAX_ID {
        return Err(unknown());
    }
    journal(api)?.up_to_date();
    match journal(api)?.history().find(address, id).map_err(|error| unread(&error))? {
        Found::One(id) => Ok(id),
        Found::Unknown => Err(unknown()),
        Found::Several(ids) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            let message = format!("several deliveries could be meant: {}", ids.join(", "));
            Err(refuse(StatusCode::CONFLICT, "ambiguous_event", &message))
        }
    }
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn journal(api: &Api) -> Result<&crate::journal::Journal, Response<Bytes>> {
    let message = "this relay keeps no webhooks: it runs with --hold off and --retention 0s";
    api.journal.as_deref().ok_or_else(|| refuse(StatusCode::NOT_FOUND, "no_history", message))
}

fn unknown() -> Response<Bytes> {
    let message = "the history of this endpoint has no such delivery";
    refuse(StatusCode::NOT_FOUND, "unknown_event", message)
}

/// What the database says is the operator's to know.
fn unread(error: &ReadError) -> Response<Bytes> {
    match error {
        ReadError::Damaged => refuse(StatusCode::INTERNAL_SERVER_ERROR, "damaged_event", &error.to_string()),
        ReadError::Sqlite(error) => {
            tracing::error!(%error, "the history could not be read");
            let message = "the relay can't read its history now: try again, and look at its log";
            refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
        }
    }
}

fn raw(body: Bytes) -> Response<Bytes> {
    let mut response = with_headers(StatusCode::OK, body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// The body of a question, which looks like `example`.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn read<T: serde::de::DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Response<Bytes>> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!("the body must be JSON such as {example}: {error}");
        refuse(StatusCode::BAD_REQUEST, "bad_request", &message)
    })
}

/// Header fields that replace others travel to an app: they must be what HTTP allows (RFC 9110 §5).
#[expect(clippy::result_large_err, reason = "the error is the answer itself, and goes out as it is")]
fn check(headers: &Headers) -> Result<(), Response<Bytes>> {
    let is_good = |(name, value): (&str, &[u8])| {
        http::HeaderName::from_lowercase(name.as_bytes()).is_ok() && HeaderValue::from_bytes(value).is_ok()
    };
    if headers.iter().all(is_good) {
        return Ok(());
    }
    let message = "`headers` has a field that HTTP does not allow: names are lower-case tokens";
    Err(refuse(StatusCode::BAD_REQUEST, "bad_request", message))
}
