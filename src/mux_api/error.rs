//! Why Mux's API gave no answer, or not the one that was asked for.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::access::TOKENS;
use crate::error::Error;

/// See the variants. `said` is what Mux said, and text from outside: who prints it, escapes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MuxError {
    /// No connection, or one that broke or fell silent.
    #[error("{reason}")]
    Unreachable {
        /// What happened, in a sentence.
        reason: String,
    },
    /// 401: it does not take the token.
    #[error("Mux doesn't take this access token{}", in_its_words(said))]
    Token {
        /// What Mux said.
        said: String,
    },
    /// 403: the token may not do this.
    #[error("Mux doesn't let this access token {}: it lacks the permission {needs}{}", needs.verb(), in_its_words(said))]
    Forbidden {
        /// What the token lacks.
        needs: Permission,
        /// What Mux said.
        said: String,
    },
    /// 404: there is no such webhook.
    #[error("Mux knows no such webhook{}", in_its_words(said))]
    NotFound {
        /// What Mux said.
        said: String,
    },
    /// 409, or 400 and its like with words to this effect: some webhook has the address.
    #[error("another webhook at Mux has this address already{}", in_its_words(said))]
    Taken {
        /// What Mux said.
        said: String,
    },
    /// Any other 4xx.
    #[error("Mux refused ({status}){}", in_its_words(said))]
    Refused {
        /// The status.
        status: StatusCode,
        /// What Mux said.
        said: String,
    },
    /// 429: too many requests.
    #[error("Mux has had too many requests from this token")]
    TooMany {
        /// How long to wait, when Mux says so.
        wait: Option<Duration>,
    },
    /// 5xx: a fault of Mux's.
    #[error("Mux's API answers {status}: the fault is on its side")]
    Broken {
        /// The status.
        status: StatusCode,
    },
    /// Whatever answers there is no API of Mux's.
    #[error("what answers at {origin} is not Mux's API: {reason}")]
    NotMux {
        /// What was taken for it.
        origin: String,
        /// What gave it away.
        reason: String,
    },
}

/// What an access token may do with webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `system:read`
    Read,
    /// `system:write`
    Write,
}

impl Permission {
    fn verb(self) -> &'static str {
        match self {
            Self::Read => "see webhooks",
            Self::Write => "change webhooks",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "system:read",
            Self::Write => "system:write",
        })
    }
}

/// ` (it says: …)`
fn in_its_words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(" (it says: {said})") }
}

impl MuxError {
    /// What a 4xx with these words is. That an address is taken is told by the words alone: which status Mux gives
    /// it is not documented.
    pub(super) fn of_words(status: StatusCode, said: String) -> Self {
        let lower = said.to_lowercase();
        let taken = ["already", "taken", "unique", "exists"].iter().any(|word| lower.contains(word));
        if taken { Self::Taken { said } } else { Self::Refused { status, said } }
    }
}

impl From<MuxError> for Error {
    fn from(error: MuxError) -> Self {
        let message = error.to_string();
        match error {
            MuxError::Unreachable { .. } => Self::unreachable(message),
            MuxError::Token { .. } => Self::refused(message).with_hint(format!(
                "is MUX_TOKEN_SECRET the one that belongs to MUX_TOKEN_ID? Make a new token at {TOKENS}"
            )),
            MuxError::Forbidden { .. } => Self::refused(message)
                .with_hint(format!("make a token with the permissions System read and write at {TOKENS}")),
            MuxError::Taken { .. } => {
                Self::refused(message).with_hint("run it again: what was made meanwhile is found then")
            }
            MuxError::TooMany { wait } => Self::failed(message).with_hint(match wait {
                Some(wait) => format!("try again in {} s", wait.as_secs().max(1)),
                None => "try again in a minute".to_owned(),
            }),
            MuxError::Broken { .. } => {
                Self::failed(message).with_hint("try again later; https://status.mux.com tells what is known")
            }
            MuxError::NotMux { .. } => Self::refused(message)
                .with_hint("is MUX_BASE_URL right, or does a proxy answer in its place?"),
            MuxError::NotFound { .. } | MuxError::Refused { .. } => Self::refused(message),
        }
    }
}
