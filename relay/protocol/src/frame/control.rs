//! The frames that greet, refuse and inform. None has a body.

use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryId;
use crate::endpoint::EndpointId;

/// The CLI's greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Program and version, for the relay's log: `muxhook/0.1.0`.
    pub agent: String,
    /// The endpoint asked for by name; made for the account when nobody has it. `None`: one of `prefer`, else a
    /// new one.
    pub endpoint: Option<EndpointId>,
    /// Endpoints that this machine remembers having had at this relay, the latest first: the first that the
    /// account owns is taken.
    #[serde(default)]
    pub prefer: Vec<EndpointId>,
    /// Who listens: random, the same over the reconnects of one process.
    pub listener: String,
    /// What it is there for.
    pub role: Role,
    /// Who answers the sender while this listener is live.
    #[serde(default)]
    pub ack: Ack,
    /// What becomes of the deliveries that the relay owes already.
    #[serde(default)]
    pub owed: Owed,
    /// What the relay's history is to deliver again, before anything else.
    #[serde(default)]
    pub since: Option<Since>,
    /// Deliveries that this listener has in hand or has an outcome for: not to be sent again.
    #[serde(default)]
    pub resume: Vec<DeliveryId>,
}

/// Who answers the sender while a listener is live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// The app, through the listener.
    #[default]
    App,
    /// The relay, as soon as the delivery is safe on its disk. It is owed from then on.
    Relay,
}

/// What becomes of owed deliveries when a listener comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owed {
    /// They are delivered, in order of arrival.
    #[default]
    Deliver,
    /// They stay owed, and this session is sent none of them.
    Later,
    /// They are owed no more.
    Discard,
}

/// Which part of the history is to be delivered again: what meets all three bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Received then or later: milliseconds since the Unix epoch. 0: whenever.
    pub at: u64,
    /// Of a `seq` above this one. 0: any.
    pub after: u64,
    /// Of no `seq` above this one; `None`: what the relay has when the greeting comes.
    pub until: Option<u64>,
}

/// What a session is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Forwards to an app: its outcomes answer the sender.
    Listener,
    /// Looks on: gets copies, settles nothing.
    Observer,
}

/// The relay's word that the session stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The endpoint that this session is on.
    pub endpoint: EndpointId,
    /// Its public address, whole.
    pub public_url: String,
    /// The account that owns it.
    pub account: String,
    /// This session's number on the relay, for its log.
    pub session: u64,
    /// Program and version of the relay.
    pub server: String,
    /// What the relay will and won't carry.
    pub limits: Limits,
    /// Other listeners that are live on the endpoint: each gets every delivery.
    #[serde(default)]
    pub others: u32,
    /// What the relay owes on this endpoint.
    #[serde(default)]
    pub owed: Backlog,
    /// The `seq` of the latest delivery that the relay has numbered.
    #[serde(default)]
    pub seq: u64,
    /// Whether the relay holds what no app can take just now. `None`: an older relay, which does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// Whether the relay keeps a history. `None`: an older relay, which does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<bool>,
}

/// Deliveries that the relay has acknowledged itself and no app has accepted yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backlog {
    /// How many.
    pub count: u64,
    /// When the first of them was received: milliseconds since the Unix epoch. `None`: there is none.
    pub oldest_at: Option<u64>,
}

/// Deliveries that the relay had and holds no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The `seq` of the first of them.
    pub from_seq: u64,
    /// The `seq` of the last of them. What lies between the two need not all be gone, nor be of this endpoint.
    pub to_seq: u64,
    /// How many are gone.
    pub count: u64,
    /// Why, in words.
    pub why: String,
}

/// What the relay will and won't carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most deliveries without an outcome that one session is sent.
    pub in_flight: u32,
    /// Largest body of a delivery, in bytes.
    pub max_body: u64,
}

/// The relay's word that there will be no session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why, for programs.
    pub code: RefusedCode,
    /// Why, for people.
    pub message: String,
    /// Whether dialling again is of no use.
    pub fatal: bool,
}

/// Why a session was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedCode {
    /// The endpoint belongs to another account.
    EndpointTaken,
    /// The relay, or the endpoint, has as many sessions as it allows.
    TooManySessions,
    /// The relay failed at something of its own; dialling again may help.
    Internal,
    /// The token, or the endpoint, is not good for it, or no more: the token lacks a scope, was revoked or has
    /// expired; the endpoint was deleted or switched off, or its account was. It may end a session that stands, too.
    Forbidden,
    /// The greeting was not one; also any code that a newer relay knows and this CLI does not.
    #[serde(other)]
    Protocol,
}

/// The relay goes down and wants to be dialled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restarting {
    /// How long to wait before dialling, in milliseconds: spread, so that not all come at once.
    pub reconnect_in_ms: u64,
}

/// Something that the CLI's user should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What about, for programs: lower-case words joined by `_`.
    pub code: String,
    /// What, for people.
    pub message: String,
}
