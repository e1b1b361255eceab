//! What the relay is asked over plain HTTP: who am I, which endpoints are there, make one, delete one, and what
//! became of the deliveries on it.
//!
//! Questions that change nothing share connections. Nothing is followed, and an answer is believed only when it has the
//! shape that a muxhook relay gives it.

mod error;
pub mod events;
mod exchange;
mod history;
mod walk;

use http::{Method, StatusCode};
use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::Backlog;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use error::ApiError;
use exchange::{Answer, Question};
pub use history::MOST_ROWS;
pub use walk::{Summary, Walk};

use crate::dial::Dialer;
use crate::exchange::Kept;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// A relay, and the token to ask it with.
#[derive(Clone, Debug)]
pub struct Client {
    dialer: Dialer,
    relay: RelayUrl,
    token: Secret,
    kept: Kept,
}

/// Who the relay is, and who it takes the token's owner for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// Program and version: `muxhook-relay/0.1.0`.
    pub server: String,
    /// Whose the token is.
    pub account: String,
    /// What the addresses of its endpoints start with.
    pub public_url: String,
    /// How many endpoints the account has.
    pub endpoints: u64,
    /// Whether it holds what no app can take just now; `None`: an older relay, which does not say.
    pub holds: Option<bool>,
    /// Whether it keeps a history; `None`: an older relay, which does not say.
    pub history: Option<bool>,
}

/// An endpoint of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id or name.
    pub endpoint: EndpointId,
    /// Its address, whole.
    pub public_url: String,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Sessions that forward from it now.
    pub listeners: u64,
    /// Sessions that look on now.
    pub observers: u64,
    /// What the relay has acknowledged and no app has accepted yet; `None`: the relay doesn't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Backlog>,
}

#[derive(Deserialize)]
struct Endpoints {
    endpoints: Vec<Endpoint>,
}

impl Client {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(dialer: &Dialer, relay: &RelayUrl, token: &Secret) -> Self {
        Self { dialer: dialer.clone(), relay: relay.clone(), token: token.clone(), kept: Kept::default() }
    }

    /// The relay.
    #[must_use]
    pub fn relay(&self) -> &RelayUrl {
        &self.relay
    }

    /// How connections to it are opened.
    #[must_use]
    pub fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// Whether the relay is there and takes the token, and as whose.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn status(&self) -> Result<Status, ApiError> {
        self.ask(Method::GET, "/_relay/v1/status", None).await?.read(StatusCode::OK)
    }

    /// The account's endpoints.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn endpoints(&self) -> Result<Vec<Endpoint>, ApiError> {
        let answer = self.ask(Method::GET, "/_relay/v1/endpoints", None).await?;
        answer.read::<Endpoints>(StatusCode::OK).map(|list| list.endpoints)
    }

    /// Makes an endpoint, with a name of its own or one that the relay draws. One that the account has already is
    /// answered as it is.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn create(&self, name: Option<&EndpointId>) -> Result<Endpoint, ApiError> {
        let body = json!({ "endpoint": name }).to_string();
        let answer = self.ask(Method::POST, "/_relay/v1/endpoints", Some(body)).await?;
        let expected = if answer.status == StatusCode::OK { StatusCode::OK } else { StatusCode::CREATED };
        answer.read(expected)
    }

    /// Deletes an endpoint of the account.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn delete(&self, endpoint: &EndpointId) -> Result<(), ApiError> {
        let path = format!("/_relay/v1/endpoints/{endpoint}");
        self.ask(Method::DELETE, &path, None).await?.nothing()
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer, ApiError> {
        self.send(Question { method, path, body, limits: exchange::SHORT }).await
    }

    async fn send(&self, question: Question<'_>) -> Result<Answer, ApiError> {
        exchange::exchange(&self.dialer, &self.relay, &self.token, &self.kept, question).await
    }
}

#[cfg(test)]
mod tests;
