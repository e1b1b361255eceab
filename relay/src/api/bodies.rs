//! The shapes of the API's JSON.

use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::Backlog;
use serde::{Deserialize, Serialize};

/// What `GET /_relay/v1/status` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusBody {
    /// The relay's name and version: `muxhook-relay/0.1.0`.
    pub server: String,
    /// Whom the token acts for.
    pub account: String,
    /// The origin that senders reach.
    pub public_url: String,
    /// How many endpoints the account has.
    pub endpoints: u64,
    /// Whether the relay holds what no app can take just now.
    pub holds: bool,
    /// Whether it keeps a history.
    pub history: bool,
}

/// What `GET /_relay/v1/endpoints` answers: the account's endpoints by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointsBody {
    /// Each of them.
    pub endpoints: Vec<EndpointBody>,
}

/// One endpoint; also what `POST /_relay/v1/endpoints` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointBody {
    /// Its id or name.
    pub endpoint: EndpointId,
    /// Its public address.
    pub public_url: String,
    /// When it was first claimed: milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Sessions that forward what arrives, now.
    pub listeners: usize,
    /// Sessions that only look, now.
    pub observers: usize,
    /// What the relay has acknowledged and no app has accepted yet; `None`: the relay keeps nothing, or can't tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Backlog>,
}

/// What `POST /_relay/v1/endpoints` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEndpointBody {
    /// The name; `None`: the relay makes an id.
    pub endpoint: Option<String>,
}

/// What every refusal carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// For programs: lower-case words joined by `_`.
    pub error: String,
    /// For people: what happened, and what to do.
    pub message: String,
}
