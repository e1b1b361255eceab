//! What became of handing a delivery to the app. Data, not an error: every outcome travels back to the relay.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::headers::Headers;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The app answered.
    Replied(Reply),
    /// The app gave no usable answer.
    Failed(Failure),
    /// The listener's owner did not want it.
    Skipped {
        /// The filter that said so, as the owner wrote it.
        filter: String,
    },
    /// The listener's owner does not trust it: it never reached the app.
    Refused {
        /// Why, in words that the sender may read.
        reason: String,
    },
}

impl Outcome {
    /// Whether the app accepted the delivery: it answered 2xx.
    #[must_use]
    pub fn accepted(&self) -> bool {
        matches!(self, Self::Replied(reply) if (200..300).contains(&reply.status))
    }
}

/// The app's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status, 200 to 999 (RFC 9110 §15).
    pub status: u16,
    /// The end-to-end header fields.
    pub headers: Headers,
    /// The body; empty when `truncated`.
    pub body: Bytes,
    /// The body was above [`crate::MAX_REPLY_BODY`] and was left out.
    pub truncated: bool,
}

/// Why the app gave no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The kind of failure.
    pub reason: FailReason,
    /// One line for a person, naming the target and the cause.
    pub message: String,
}

/// The kinds of failure that scripts may tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// Nothing listens there, or its name does not resolve.
    Refused,
    /// The app did not answer within the listener's `--timeout`.
    Timeout,
    /// The connection ended before a whole answer.
    Reset,
    /// The TLS handshake with the app failed.
    Tls,
    /// The answer's head is above what muxhook reads.
    TooLarge,
    /// What came back is not HTTP/1.x; also any reason that a newer peer knows and this one does not.
    #[serde(other)]
    Protocol,
}

impl FailReason {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Refused, Self::Timeout, Self::Reset, Self::Tls, Self::TooLarge, Self::Protocol];

    /// The name it has on the wire and in NDJSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Tls => "tls",
            Self::TooLarge => "too_large",
            Self::Protocol => "protocol",
        }
    }
}

impl fmt::Display for FailReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
