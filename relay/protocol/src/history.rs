//! What a relay's history says of deliveries: the JSON of its API, below `/_relay/v1/endpoints/{endpoint}/events`.
//!
//! Both sides write and read these shapes, and `tests/golden/history` fixes them to the byte. A reader skips keys that
//! it does not know, and takes a fate that it does not know for [`Fate::Unknown`]: the other side may be newer.

mod fate;

use serde::{Deserialize, Serialize};

use crate::delivery::DeliveryId;
use crate::frame::{Backlog, Gap};
use crate::headers::Headers;

pub use fate::{Fate, UnknownFate};

/// What `GET …/events` answers: some deliveries of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The deliveries.
    pub events: Vec<Row>,
    /// What to ask for as `page` next; `None`: there is no more. A page may be short, even empty, and have a next.
    pub next: Option<String>,
    /// On the first page: what was there within the bounds of time and is no longer.
    pub gaps: Vec<Gap>,
    /// What is owed on the endpoint.
    pub owed: Backlog,
    /// Deliveries that are missing, since they came too fast or the disk was full: of all endpoints, since the
    /// relay started.
    pub dropped: u64,
}

/// What is told of one delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its id.
    pub delivery: DeliveryId,
    /// Its number.
    pub seq: u64,
    /// When the relay had read the request's head: milliseconds since the Unix epoch.
    pub received_at: u64,
    /// The request's method; empty when the delivery is damaged.
    pub method: String,
    /// What followed the endpoint in the path.
    pub path: String,
    /// The query, without its `?`; `None` when there was no `?`.
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
    /// Who answered the sender, as [`crate::ANSWER_HEADER`] says.
    pub answered_by: String,
    /// The status that the sender got.
    pub status: u16,
    /// The delivery that first carried the same event.
    pub duplicate_of: Option<DeliveryId>,
    /// What came of each handing-over, in order.
    pub attempts: Vec<Attempt>,
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
    /// `replied`, `skipped`, `signature`, or the reason of a failure: see [`crate::FailReason`].
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

impl Attempt {
    /// Whether the app said 2xx.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// What `GET …/events/{id}` answers. The body is asked for apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What a list says of it.
    #[serde(flatten)]
    pub row: Row,
    /// Its header fields: each byte of a value is the code point of the same number, as in a frame.
    pub headers: Headers,
}

/// What `POST …/events/{id}/replay` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// These replace all fields of their names.
    pub headers: Headers,
}

/// What `POST …/events/{id}/replay` answers.
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

/// What `POST …/events/discard` takes: one of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wanted", into = "Wanted")]
pub enum Discard {
    /// These deliveries, as far as they are owed.
    Ids(Vec<DeliveryId>),
    /// All that is owed on the endpoint.
    All,
}

/// What `POST …/events/discard` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discarded {
    /// How many deliveries are owed no more.
    pub discarded: u64,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Wanted {
    #[serde(skip_serializing_if = "Option::is_none")]
    ids: Option<Vec<DeliveryId>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    all: bool,
}

impl TryFrom<Wanted> for Discard {
    type Error = &'static str;

    fn try_from(wanted: Wanted) -> Result<Self, Self::Error> {
        match wanted {
            Wanted { ids: Some(ids), all: false } => Ok(Self::Ids(ids)),
            Wanted { ids: None, all: true } => Ok(Self::All),
            _ => Err("either `ids`, or `all` as true"),
        }
    }
}

impl From<Discard> for Wanted {
    fn from(wish: Discard) -> Self {
        match wish {
            Discard::Ids(ids) => Self { ids: Some(ids), all: false },
            Discard::All => Self { ids: None, all: true },
        }
    }
}
