//! The questions about an endpoint's history.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use muxhook_protocol::history::{Discard, Discarded, Replay};
use muxhook_protocol::{DeliveryId, EndpointId, Headers};
use serde::Serialize;

use super::error::ApiError;
use super::events::{Detail, Page, Query, Replayed};
use super::exchange::Question;
use super::{Client, Walk};
use crate::exchange::Limits;

/// Most rows that a relay gives at once.
pub const MOST_ROWS: usize = 500;

/// Ids in one question: a relay reads at most 64 KiB.
const MOST_IDS: usize = 1000;

/// A page's attempts and texts make it longer than other answers; the relay may have to look through many bodies.
const PAGE: Limits = Limits { time: Duration::from_secs(30), body: 32 << 20 };

/// The largest body that a relay takes from a sender is below this; a slow line needs its time.
const BODY: Limits = Limits { time: Duration::from_secs(300), body: 65 << 20 };

/// The relay waits for the app, at most for its reply deadline.
const REPLAY: Limits = Limits { time: Duration::from_secs(120), body: 1 << 20 };

impl Client {
    /// Some deliveries of `endpoint`: the first page, or the one where `page` (the [`Page::next`] of the page
    /// before, asked with the same `query`) says. A [`Query::limit`] of 0 leaves the number to the relay, and one
    /// above [`MOST_ROWS`] means so many. To go through several pages, see [`Client::walk`].
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn events(
        &self,
        endpoint: &EndpointId,
        query: &Query,
        page: Option<&str>,
    ) -> Result<Page, ApiError> {
        let path = format!("{}{}", path(endpoint, ""), parameters(query, page));
        self.history(Method::GET, &path, None, PAGE).await?.read(StatusCode::OK)
    }

    /// Goes through the deliveries of `endpoint` page by page, up to [`Query::limit`] of them in all (0: to the end).
    #[must_use]
    pub fn walk(&self, endpoint: &EndpointId, query: Query) -> Walk<'_> {
        Walk::new(self, endpoint.clone(), query)
    }

    /// One delivery, with its headers. `id`: a delivery's, a beginning or an end of one, or an event's.
    ///
    /// # Errors
    /// See [`ApiError`]; refused as `unknown_event` or `ambiguous_event`.
    pub async fn event(&self, endpoint: &EndpointId, id: &str) -> Result<Detail, ApiError> {
        let path = path(endpoint, &format!("/{}", encode(id)));
        self.history(Method::GET, &path, None, PAGE).await?.read(StatusCode::OK)
    }

    /// The body of one delivery, byte for byte.
    ///
    /// # Errors
    /// As [`Client::event`]; refused as `damaged_event` when the relay's disk gives other bytes than it was given.
    pub async fn body(&self, endpoint: &EndpointId, id: &str) -> Result<Bytes, ApiError> {
        let path = path(endpoint, &format!("/{}/body", encode(id)));
        self.history(Method::GET, &path, None, BODY).await?.bytes()
    }

    /// Sends one delivery again through whoever listens, and waits for the app's answer. `headers` replace all fields
    /// of their names.
    ///
    /// # Errors
    /// As [`Client::body`]; refused as `no_listener` or `in_flight`.
    pub async fn replay(
        &self,
        endpoint: &EndpointId,
        id: &str,
        headers: &Headers,
    ) -> Result<Replayed, ApiError> {
        let path = path(endpoint, &format!("/{}/replay", encode(id)));
        let body = written(&Replay { headers: headers.clone() });
        self.history(Method::POST, &path, Some(body), REPLAY).await?.read(StatusCode::OK)
    }

    /// Gives up these deliveries, as far as they are owed. How many were.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn discard(&self, endpoint: &EndpointId, ids: &[DeliveryId]) -> Result<u64, ApiError> {
        let mut discarded = 0;
        for some in ids.chunks(MOST_IDS) {
            discarded += self.give_up(endpoint, Discard::Ids(some.to_vec())).await?;
        }
        Ok(discarded)
    }

    /// Gives up all that is owed on an endpoint. How many deliveries were.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn discard_all(&self, endpoint: &EndpointId) -> Result<u64, ApiError> {
        self.give_up(endpoint, Discard::All).await
    }

    async fn give_up(&self, endpoint: &EndpointId, which: Discard) -> Result<u64, ApiError> {
        let answer =
            self.history(Method::POST, &path(endpoint, "/discard"), Some(written(&which)), PAGE).await?;
        answer.read::<Discarded>(StatusCode::OK).map(|Discarded { discarded }| discarded)
    }

    async fn history(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        limits: Limits,
    ) -> Result<super::Answer, ApiError> {
        self.send(Question { method, path, body, limits }).await
    }
}

/// A question's body. What can't be written as JSON is not among them.
fn written(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

fn path(endpoint: &EndpointId, rest: &str) -> String {
    format!("/_relay/v1/endpoints/{endpoint}/events{rest}")
}

/// The query as the relay reads it: from its `?` on, or nothing.
fn parameters(query: &Query, page: Option<&str>) -> String {
    let mut text = String::new();
    let mut add = |name: &str, value: &str| {
        let mark = if text.is_empty() { '?' } else { '&' };
        text.extend([mark.to_string().as_str(), name, "=", &encode(value)]);
    };
    for (name, number) in [("since", query.since), ("until", query.until), ("after", query.after)] {
        if let Some(number) = number {
            add(name, &number.to_string());
        }
    }
    for (name, values) in [("type", &query.types), ("exclude", &query.exclude), ("match", &query.matches)] {
        values.iter().for_each(|value| add(name, value));
    }
    query.fates.iter().for_each(|fate| add("fate", fate.as_str()));
    if let Some(part) = &query.contains {
        add("contains", part);
    }
    if query.ascending {
        add("order", "asc");
    }
    if query.limit > 0 {
        add("limit", &query.limit.min(MOST_ROWS).to_string());
    }
    if let Some(page) = page {
        add("page", page);
    }
    text
}

/// All but the unreserved characters of RFC 3986 §2.3 percent-encoded.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string never fails.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
