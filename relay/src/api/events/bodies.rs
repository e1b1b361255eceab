//! The shapes of history's JSON.

use muxhook_protocol::frame::{Backlog, Gap};
use muxhook_protocol::{DeliveryId, Headers};
use serde::{Deserialize, Serialize};

use crate::journal::history::Row;

/// What `GET …/events` answers: some deliveries of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageBody {
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

/// What `GET …/events/{id}` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailBody {
    /// What a list says of it.
    #[serde(flatten)]
    pub row: Row,
    /// Its header fields: each byte of a value is the code point of the same number.
    pub headers: Headers,
}

/// What `POST …/events/{id}/replay` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayBody {
    /// These replace all fields of their names.
    pub headers: Headers,
}

/// What `POST …/events/{id}/replay` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedBody {
    /// Who answered, as `Muxhook-Answer` says.
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
pub enum DiscardBody {
    /// These deliveries, as far as they are owed.
    Ids(Vec<DeliveryId>),
    /// All that is owed on the endpoint.
    All,
}

/// What `POST …/events/discard` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardedBody {
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

impl TryFrom<Wanted> for DiscardBody {
    type Error = &'static str;

    fn try_from(wanted: Wanted) -> Result<Self, Self::Error> {
        match wanted {
            Wanted { ids: Some(ids), all: false } => Ok(Self::Ids(ids)),
            Wanted { ids: None, all: true } => Ok(Self::All),
            _ => Err("either `ids`, or `all` as true"),
        }
    }
}

impl From<DiscardBody> for Wanted {
    fn from(body: DiscardBody) -> Self {
        match body {
            DiscardBody::Ids(ids) => Self { ids: Some(ids), all: false },
            DiscardBody::All => Self { ids: None, all: true },
        }
    }
}
