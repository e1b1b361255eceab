//! Why a session ends, and why an attempt at one fails.

use std::time::Duration;

use muxhook_link::LinkError;
use muxhook_protocol::frame::{Refused, RefusedCode};

use crate::dial::DialError;
use crate::error::Error;
use crate::relay_url::RelayUrl;

/// Why a session is over for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The relay greeted and refused.
    #[error("the relay refused: {message}")]
    Refused {
        /// Why, for programs.
        code: RefusedCode,
        /// Why, for people.
        message: String,
    },
    /// The relay does not take the token.
    #[error(
        "the relay at {relay} does not take this token ({why}): ask whoever runs it for another, \
         and store it with `muxhook login {relay}`"
    )]
    Unauthorized {
        /// The relay.
        relay: RelayUrl,
        /// What it said.
        why: String,
    },
    /// Whatever answers there, it is no relay.
    #[error("what answers at {relay} is no muxhook relay: {found}")]
    NotARelay {
        /// Where a relay was expected.
        relay: RelayUrl,
        /// What was found.
        found: String,
    },
    /// The relay can't be reached, and it is of no use, or not wished, to try again.
    #[error("{reason}")]
    Unreachable {
        /// Why, in a sentence.
        reason: String,
    },
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Unreachable { .. } => Self::unreachable(ended.to_string()),
            _ => Self::refused(ended.to_string()),
        }
    }
}

/// Why an attempt failed, or a link was lost.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// May mend by itself.
    Transient {
        reason: String,
        /// How long the relay wants to be left alone.
        asked: Option<Duration>,
    },
    /// Does not mend by itself, unless the relay was seen working: then it is the network in between.
    Lasting(Ended),
    /// Does not mend.
    Final(Ended),
}

impl Failure {
    pub(super) fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), asked: None }
    }

    pub(super) fn not_a_relay(relay: &RelayUrl, found: impl Into<String>) -> Self {
        Self::Lasting(Ended::NotARelay { relay: relay.clone(), found: found.into() })
    }

    /// Whether to go on after this: the reason, and the least time to wait. `was_live`: a session stood before.
    pub(super) fn judged(self, was_live: bool, retry: bool) -> Result<(String, Option<Duration>), Ended> {
        match self {
            Self::Final(ended) => Err(ended),
            Self::Lasting(ended) if !(was_live && retry) => Err(ended),
            Self::Lasting(ended) => Ok((ended.to_string(), None)),
            Self::Transient { reason, .. } if !retry => Err(Ended::Unreachable { reason }),
            Self::Transient { reason, asked } => Ok((reason, asked)),
        }
    }
}

impl From<DialError> for Failure {
    fn from(error: DialError) -> Self {
        let reason = error.to_string();
        if error.is_transient() {
            Self::transient(reason)
        } else {
            Self::Lasting(Ended::Unreachable { reason })
        }
    }
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        Self::transient(format!("the link to the relay is lost: {error}"))
    }
}

impl From<Refused> for Failure {
    fn from(Refused { code, message, fatal }: Refused) -> Self {
        let ended = Ended::Refused { code, message };
        if fatal { Self::Final(ended) } else { Self::transient(ended.to_string()) }
    }
}
