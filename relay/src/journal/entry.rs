//! What is written: deliveries, what their senders were answered, and the attempts at them.

use std::borrow::Cow;

use bytes::Bytes;
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{DeliveryId, Outcome};
use serde::{Deserialize, Serialize};

use crate::accounts::Address;

/// A delivery, and what is known of it when it is written.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it belongs.
    pub address: Address,
    /// Its id.
    pub id: DeliveryId,
    /// Its number.
    pub seq: u64,
    /// Milliseconds since the Unix epoch.
    pub received_at: u64,
    /// The request, as it goes to a listener for the first time.
    pub frame: Outgoing,
    /// What the sender got.
    pub answered: Answered,
    /// How often it was handed to a listener so far.
    pub handed: u32,
    /// What came of that.
    pub attempts: Vec<Attempt>,
}

impl Entry {
    /// Bytes of memory that it holds.
    pub(super) fn weight(&self) -> usize {
        self.frame.weight() + 512
    }

    pub(super) fn head(&self) -> Bytes {
        self.frame.head()
    }

    pub(super) fn body(&self) -> Bytes {
        self.frame.body()
    }
}

/// Who gave the answer, as `Muxhook-Answer` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// The app.
    App,
    /// Every listener's filters.
    Skipped,
    /// Nobody: only observers were there.
    Observers,
    /// The relay, which owes it.
    Held,
    /// The relay, with an error of its own.
    Relay,
}

impl By {
    /// The header's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Skipped => "skipped",
            Self::Observers => "none",
            Self::Held => "held",
            Self::Relay => "relay",
        }
    }
}

/// What the sender got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Who answered.
    pub by: By,
    /// The HTTP status.
    pub status: u16,
}

/// One handing-over of a delivery to a listener, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When its outcome came: milliseconds since the Unix epoch.
    pub at: u64,
    /// How long the listener had it, in milliseconds.
    pub took_ms: u64,
    /// The session's number on this relay.
    pub session: u64,
    /// What came of it.
    pub tried: Tried,
    /// The sender had its answer before.
    pub late: bool,
    /// Somebody had asked for it to be sent again.
    pub replayed: bool,
}

/// What came of one attempt, as far as history keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tried {
    /// The app answered with this status.
    Replied(u16),
    /// The app gave no usable answer: the reason, and a sentence.
    Failed(Cow<'static, str>, String),
    /// A filter left it out.
    Skipped(String),
    /// The listener did not trust it.
    Refused(String),
}

impl From<&Outcome> for Tried {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Replied(reply) => Self::Replied(reply.status),
            Outcome::Failed(failure) => Self::Failed(failure.reason.as_str().into(), failure.message.clone()),
            Outcome::Skipped { filter } => Self::Skipped(filter.clone()),
            Outcome::Refused { reason } => Self::Refused(reason.clone()),
        }
    }
}

/// What became of a delivery that is in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// It was handed to a listener.
    Handed {
        /// Which.
        id: DeliveryId,
    },
    /// An attempt came to its end.
    Attempted {
        /// Which.
        id: DeliveryId,
        /// How.
        attempt: Attempt,
        /// It is owed no more.
        settled: bool,
    },
}

/// Whether a delivery is owed, or was. What became of one that never was stands in its answer and its attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It was answered live, and never owed; or what settled it stands in its attempts.
    Answered = 0,
    /// The relay owes it.
    Owed = 1,
    /// It was owed, and an app accepted it.
    Accepted = 2,
    /// It was owed, and its time ran out.
    Expired = 3,
    /// It was owed, and its owner gave it up.
    Discarded = 4,
    /// It was owed, and the filters of all it was owed to left it out.
    Skipped = 5,
    /// It was owed, and its signature was not trusted.
    Refused = 6,
    /// It was owed, and the disk did not keep it as it was.
    Damaged = 7,
}

impl State {
    const ALL: [Self; 8] = [
        Self::Answered,
        Self::Owed,
        Self::Accepted,
        Self::Expired,
        Self::Discarded,
        Self::Skipped,
        Self::Refused,
        Self::Damaged,
    ];

    /// As the column `state` says it; `None` for what only damage or a newer relay writes there.
    #[must_use]
    pub fn from_column(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|at| Self::ALL.get(at).copied())
    }

    /// The column's value.
    #[must_use]
    pub fn column(self) -> i64 {
        self as i64
    }

    /// What an owed delivery is once `tried` has settled it.
    pub(super) fn settled_by(tried: &Tried) -> Self {
        match tried {
            Tried::Replied(200..=299) => Self::Accepted,
            Tried::Skipped(_) => Self::Skipped,
            Tried::Refused(_) => Self::Refused,
            Tried::Replied(_) | Tried::Failed(..) => Self::Answered,
        }
    }
}

/// Which owed deliveries of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// Those among these that are owed.
    Ids(Vec<DeliveryId>),
}
