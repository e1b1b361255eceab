//! What travels over the WebSocket, and its one canonical layout.
//!
//! A frame is one binary message: a head, a newline, then the body's raw bytes (none for control frames). The
//! head is one compact JSON object whose keys stand in the order of the structs in this module, `frame` first.
//! Unknown keys are skipped and unknown frames decode to [`Frame::Unknown`], so that a newer relay can speak
//! with an older CLI. What these types serialise to is the definition; `canonical` is its fast path.

mod canonical;
mod control;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use canonical::{DeliverHead, encode_deliver, encode_outcome, encode_part};
pub use control::{
    Ack, Backlog, Gap, Hello, Limits, Notice, Owed, Refused, RefusedCode, Restarting, Role, Since, Welcome,
};

use crate::delivery::{Delivery, DeliveryId};
use crate::headers::Headers;
use crate::outcome::{FailReason, Failure, Outcome, Reply};

/// Largest head, in bytes.
pub const MAX_HEAD: usize = 256 * 1024;

/// How much of a body travels in one message, in bytes.
pub const PART_SIZE: usize = 64 * 1024;

/// Largest message, in bytes: a head, its newline and one part of a body.
pub const MAX_MESSAGE: usize = MAX_HEAD + 1 + PART_SIZE;

/// One message between a CLI and a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// CLI → relay, the first: who it is and what it wants.
    Hello(Hello),
    /// Relay → CLI: the session stands.
    Welcome(Welcome),
    /// Relay → CLI: there will be no session; the connection ends.
    Refused(Refused),
    /// Relay → CLI: a delivery, or the beginning of one.
    Deliver {
        /// The delivery; its body is what travelled in this message.
        delivery: Box<Delivery>,
        /// Bytes of the whole body. Above the body's length: [`Frame::Part`]s follow.
        size: u64,
    },
    /// Either way: the next bytes of a delivery's or an outcome's body.
    Part {
        /// Which delivery.
        id: DeliveryId,
        /// Where in the body these bytes stand.
        offset: u64,
        /// Whether they are the body's end.
        last: bool,
        /// The bytes.
        data: Bytes,
    },
    /// CLI → relay: what became of a delivery, or the beginning of it.
    Outcome {
        /// Which delivery.
        id: DeliveryId,
        /// What became of it; a reply's body is what travelled in this message.
        outcome: Outcome,
        /// Bytes of the whole body.
        size: u64,
    },
    /// Relay → CLI: the sender has its answer; an outcome that comes later is late.
    Answered {
        /// Which delivery.
        id: DeliveryId,
    },
    /// Relay → CLI: the relay goes down and wants to be dialled again.
    Restarting(Restarting),
    /// Relay → CLI: something its user should know.
    Notice(Notice),
    /// Relay → CLI: deliveries that it can't be sent any more.
    Gap(Gap),
    /// Relay → CLI: what it asked for of the past by `since` is done with up to this delivery; what follows is left.
    Past {
        /// Its `seq`.
        after: u64,
    },
    /// CLI → relay: the app can be reached again, so that owed deliveries may go on.
    Reachable,
    /// A frame of a kind that this version does not know.
    Unknown,
}

/// Why a message is no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No newline ends the head.
    #[error("a frame without the newline that ends its head")]
    NoHead,
    /// The head is above [`MAX_HEAD`].
    #[error("a frame's head above {MAX_HEAD} bytes")]
    HeadTooLarge,
    /// The head is not the JSON that its kind asks for.
    #[error("a frame's head: {0}")]
    Head(String),
    /// Bytes behind the head of a frame that has no body, or more than the body's size.
    #[error("a frame with more body than its head allows")]
    Excess,
}

/// A head, as serde reads and writes it: the definition of the wire.
#[derive(Serialize, Deserialize)]
#[serde(tag = "frame", rename_all = "snake_case")]
enum Head {
    Hello(Hello),
    Welcome(Welcome),
    Refused(Refused),
    Deliver(WireDeliver),
    Part(WirePart),
    Outcome(WireOutcome),
    Answered {
        id: DeliveryId,
    },
    Restarting(Restarting),
    Notice(Notice),
    Gap(Gap),
    Past {
        after: u64,
    },
    Reachable,
    #[serde(other)]
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct WireDeliver {
    id: DeliveryId,
    seq: u64,
    received_at: u64,
    attempt: u32,
    method: String,
    path: String,
    query: Option<String>,
    headers: Headers,
    #[serde(default)]
    owed: bool,
    #[serde(default)]
    replayed: bool,
    size: u64,
}

#[derive(Serialize, Deserialize)]
struct WirePart {
    id: DeliveryId,
    offset: u64,
    last: bool,
}

#[derive(Serialize, Deserialize)]
struct WireOutcome {
    id: DeliveryId,
    #[serde(flatten)]
    result: WireResult,
    size: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum WireResult {
    Replied { status: u16, headers: Headers, truncated: bool },
    Failed { reason: FailReason, message: String },
    Skipped { filter: String },
    Refused { reason: String },
}

impl Frame {
    /// The frame as one message, its body whole. [`crate::parts::Outgoing`] cuts a large body instead.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Deliver { delivery, size } => {
                encode_deliver(&DeliverHead::of(delivery, *size), delivery.headers.iter(), &delivery.body)
            }
            Self::Outcome { id, outcome, size } => encode_outcome(*id, outcome, *size, body_of(outcome)),
            Self::Part { id, offset, last, data } => encode_part(*id, *offset, *last, data),
            control => serialise(&control.head(), control.body()),
        }
    }

    /// The frame as serde alone writes it: what [`Frame::encode`] must equal to the byte.
    #[must_use]
    pub fn encode_by_definition(&self) -> Bytes {
        serialise(&self.head(), self.body())
    }

    /// Reads one message.
    ///
    /// # Errors
    /// When the message is no frame: see [`DecodeError`].
    pub fn decode(message: Bytes) -> Result<Self, DecodeError> {
        match canonical::decode(&message) {
            Some(frame) => frame.checked(),
            None => Self::decode_by_definition(message),
        }
    }

    /// Reads one message by serde alone: what [`Frame::decode`] must equal.
    ///
    /// # Errors
    /// When the message is no frame: see [`DecodeError`].
    pub fn decode_by_definition(message: Bytes) -> Result<Self, DecodeError> {
        let end = message.iter().take(MAX_HEAD + 1).position(|byte| *byte == b'\n');
        let end = end.ok_or(if message.len() > MAX_HEAD {
            DecodeError::HeadTooLarge
        } else {
            DecodeError::NoHead
        })?;
        let head: Head =
            serde_json::from_slice(&message[..end]).map_err(|error| DecodeError::Head(error.to_string()))?;
        Self::of(head, message.slice(end + 1..)).and_then(Self::checked)
    }

    fn of(head: Head, body: Bytes) -> Result<Self, DecodeError> {
        let frame = match head {
            Head::Deliver(wire) => return Ok(deliver_of(wire, body)),
            Head::Part(WirePart { id, offset, last }) => {
                return Ok(Self::Part { id, offset, last, data: body });
            }
            Head::Outcome(wire) => return outcome_of(wire, body),
            Head::Unknown => return Ok(Self::Unknown),
            Head::Hello(hello) => Self::Hello(hello),
            Head::Welcome(welcome) => Self::Welcome(welcome),
            Head::Refused(refused) => Self::Refused(refused),
            Head::Answered { id } => Self::Answered { id },
            Head::Restarting(restarting) => Self::Restarting(restarting),
            Head::Notice(notice) => Self::Notice(notice),
            Head::Gap(gap) => Self::Gap(gap),
            Head::Past { after } => Self::Past { after },
            Head::Reachable => Self::Reachable,
        };
        if body.is_empty() { Ok(frame) } else { Err(DecodeError::Excess) }
    }

    /// No frame carries more body than it announces.
    fn checked(self) -> Result<Self, DecodeError> {
        let excess = match &self {
            Self::Deliver { delivery, size } => delivery.body.len() as u64 > *size,
            Self::Outcome { outcome: Outcome::Replied(reply), size, .. } => reply.body.len() as u64 > *size,
            Self::Outcome { size, .. } => *size > 0,
            _ => false,
        };
        if excess { Err(DecodeError::Excess) } else { Ok(self) }
    }

    fn head(&self) -> Head {
        match self {
            Self::Hello(hello) => Head::Hello(hello.clone()),
            Self::Welcome(welcome) => Head::Welcome(welcome.clone()),
            Self::Refused(refused) => Head::Refused(refused.clone()),
            Self::Deliver { delivery, size } => Head::Deliver(wire_deliver(delivery, *size)),
            Self::Part { id, offset, last, .. } => {
                Head::Part(WirePart { id: *id, offset: *offset, last: *last })
            }
            Self::Outcome { id, outcome, size } => {
                Head::Outcome(WireOutcome { id: *id, result: wire_result(outcome), size: *size })
            }
            Self::Answered { id } => Head::Answered { id: *id },
            Self::Restarting(restarting) => Head::Restarting(*restarting),
            Self::Notice(notice) => Head::Notice(notice.clone()),
            Self::Gap(gap) => Head::Gap(gap.clone()),
            Self::Past { after } => Head::Past { after: *after },
            Self::Reachable => Head::Reachable,
            Self::Unknown => Head::Unknown,
        }
    }

    fn body(&self) -> &[u8] {
        match self {
            Self::Deliver { delivery, .. } => &delivery.body,
            Self::Part { data, .. } => data,
            Self::Outcome { outcome, .. } => body_of(outcome),
            _ => &[],
        }
    }
}

/// The body that an outcome carries: a reply's, else none.
pub(crate) fn body_of(outcome: &Outcome) -> &Bytes {
    static NONE: Bytes = Bytes::new();
    if let Outcome::Replied(reply) = outcome { &reply.body } else { &NONE }
}

fn serialise(head: &Head, body: &[u8]) -> Bytes {
    // Our own types have string keys and no fallible serializer, so there is nothing that can fail.
    let mut message = serde_json::to_vec(head).unwrap_or_default();
    message.push(b'\n');
    message.extend_from_slice(body);
    message.into()
}

fn wire_deliver(delivery: &Delivery, size: u64) -> WireDeliver {
    WireDeliver {
        id: delivery.id,
        seq: delivery.seq,
        received_at: delivery.received_at,
        attempt: delivery.attempt,
        method: delivery.method.to_string(),
        path: delivery.path.to_string(),
        query: delivery.query.as_ref().map(ToString::to_string),
        headers: delivery.headers.clone(),
        owed: delivery.owed,
        replayed: delivery.replayed,
        size,
    }
}

fn deliver_of(wire: WireDeliver, body: Bytes) -> Frame {
    let delivery = Delivery {
        id: wire.id,
        seq: wire.seq,
        received_at: wire.received_at,
        attempt: wire.attempt,
        method: wire.method.into(),
        path: wire.path.into(),
        query: wire.query.map(Into::into),
        headers: wire.headers,
        owed: wire.owed,
        replayed: wire.replayed,
        body,
    };
    Frame::Deliver { delivery: Box::new(delivery), size: wire.size }
}

fn wire_result(outcome: &Outcome) -> WireResult {
    match outcome.clone() {
        Outcome::Replied(Reply { status, headers, truncated, .. }) => {
            WireResult::Replied { status, headers, truncated }
        }
        Outcome::Failed(Failure { reason, message }) => WireResult::Failed { reason, message },
        Outcome::Skipped { filter } => WireResult::Skipped { filter },
        Outcome::Refused { reason } => WireResult::Refused { reason },
    }
}

fn outcome_of(wire: WireOutcome, body: Bytes) -> Result<Frame, DecodeError> {
    let outcome = match wire.result {
        WireResult::Replied { status, headers, truncated } => {
            Outcome::Replied(Reply { status, headers, truncated, body })
        }
        _ if !body.is_empty() => return Err(DecodeError::Excess),
        WireResult::Failed { reason, message } => Outcome::Failed(Failure { reason, message }),
        WireResult::Skipped { filter } => Outcome::Skipped { filter },
        WireResult::Refused { reason } => Outcome::Refused { reason },
    };
    Ok(Frame::Outcome { id: wire.id, outcome, size: wire.size })
}
