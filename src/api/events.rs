//! What a relay's history says of deliveries: shapes of the questions and answers.

use muxhook_protocol::DeliveryId;
use muxhook_protocol::frame::{Backlog, Gap};
use serde::{Deserialize, Serialize};

/// Which deliveries of an endpoint are asked for: those that meet every bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Received then or later: milliseconds since the Unix epoch.
    pub since: Option<u64>,
    /// Received before then.
    pub until: Option<u64>,
    /// Of a `seq` above this one.
    pub after: Option<u64>,
    /// Of one of these types, as globs; empty: of any, and of none.
    pub types: Vec<String>,
    /// Not of these.
    pub exclude: Vec<String>,
    /// Whose fields are as these say (`PATH=GLOB`), each of them.
    pub matches: Vec<String>,
    /// Of one of these fates; empty: of any.
    pub fates: Vec<Fate>,
    /// Whose body has this text somewhere.
    pub contains: Option<String>,
    /// The oldest first; else the latest first.
    pub ascending: bool,
    /// At most so many.
    pub limit: usize,
}

/// Some deliveries of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The deliveries.
    pub events: Vec<Row>,
    /// Where the next page begins; `None`: there is none. A page may be short, even empty, and have a next.
    pub next: Option<String>,
    /// What the history had and holds no longer, within the bounds of time.
    pub gaps: Vec<Gap>,
    /// What is owed on the endpoint.
    pub owed: Backlog,
    /// Deliveries that are missing, since they came too fast or the disk was full: in all, since the relay
    /// started.
    pub dropped: u64,
}

/// One delivery in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its id.
    pub delivery: DeliveryId,
    /// Its number.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub received_at: u64,
    /// The request's method.
    pub method: String,
    /// What followed the endpoint in the path.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// Bytes of the body.
    pub size: u64,
    /// The event's id.
    pub event_id: Option<String>,
    /// The event's type.
    pub event_type: Option<String>,
    /// The event's `object.type`.
    pub object_type: Option<String>,
    /// The event's `object.id`.
    pub object_id: Option<String>,
    /// The event's `environment.name`.
    pub environment: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// Who answered the sender: `app`, `skipped`, `none`, `held` or `relay`.
    pub answered_by: String,
    /// The status that the sender got.
    pub status: u16,
    /// The delivery that first carried the same event.
    pub duplicate_of: Option<DeliveryId>,
    /// What came of each handing-over, in order.
    pub attempts: Vec<Attempt>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The app answered 2xx, at once or later.
    Accepted,
    /// The app answered something else.
    Rejected,
    /// The app gave no usable answer.
    Failed,
    /// The sender had no answer in time, and the app accepted it not later either.
    Late,
    /// The relay owes it.
    Owed,
    /// It was owed, and its time ran out.
    Expired,
    /// It was owed, and its owner gave it up.
    Discarded,
    /// Every listener's filters left it out.
    Skipped,
    /// Its signature was not trusted.
    Refused,
    /// Only observers were there.
    Observed,
    /// The relay answered with an error of its own: the link was lost, or had no room.
    Lost,
    /// A fate that a newer relay knows.
    #[serde(other)]
    Unknown,
}

/// One handing-over of a delivery, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When its outcome came: milliseconds since the Unix epoch.
    pub at: u64,
    /// How long the listener had it, in milliseconds.
    pub took_ms: u64,
    /// The session's number on the relay.
    pub session: u64,
    /// `replied`, `skipped`, `signature`, or the reason of a failure: `refused`, `timeout`, `reset`, `tls`,
    /// `too_large`, `protocol`.
    pub result: String,
    /// The app's status, when it replied.
    pub status: Option<u16>,
    /// Why, when it did not.
    pub message: Option<String>,
    /// The sender had its answer before.
    pub late: bool,
    /// Somebody had asked for it to be sent again.
    pub replayed: bool,
}

/// One delivery with its headers. The body is asked for apart: see [`super::Client::body`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What a list says of it.
    #[serde(flatten)]
    pub row: Row,
    /// Its header fields: each byte of a value is the code point of the same number, as on the wire.
    pub headers: muxhook_protocol::Headers,
}

/// What came of a replay through the listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Who answered: `app`, `skipped`, `none` or `relay`.
    pub answered_by: String,
    /// The status that a sender would have got.
    pub status: u16,
    /// The relay's own words, when it answered itself.
    pub message: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}
