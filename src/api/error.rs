//! Why the relay gave no answer, or not the one that was asked for.

use http::StatusCode;

use crate::error::Error;
use crate::relay_url::RelayUrl;

/// See the variants. The relay's own words are text from outside: who prints them, escapes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No connection, or one that broke or fell silent.
    #[error("{reason}")]
    Unreachable {
        /// What happened to which relay, in a sentence.
        reason: String,
    },
    /// It does not take the token.
    #[error("{relay} does not know this token")]
    Token {
        /// Which relay.
        relay: RelayUrl,
    },
    /// Whatever answers there is no relay of ours.
    #[error("{relay} is no muxhook relay: {reason}")]
    NotMuxhook {
        /// What was taken for one.
        relay: RelayUrl,
        /// What gave it away.
        reason: String,
    },
    /// The relay said no.
    #[error("{relay} refused: {message}")]
    Refused {
        /// Which relay.
        relay: RelayUrl,
        /// Its HTTP status.
        status: StatusCode,
        /// Why, for programs: `endpoint_taken`, …
        code: String,
        /// Why, for people.
        message: String,
    },
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let message = error.to_string();
        match error {
            ApiError::Unreachable { .. } => Self::unreachable(message),
            ApiError::Token { relay } => Self::refused(message).with_hint(format!(
                "`muxhook login {relay}` with a token of that relay; whoever runs it makes one with `token create`"
            )),
            ApiError::NotMuxhook { .. } => {
                Self::refused(message).with_hint("check the URL: `muxhook-relay serve` prints the right one")
            }
            ApiError::Refused { ref code, message: ref said, .. }
                if let Some(error) = in_history(code, &message, said) =>
            {
                error
            }
            ApiError::Refused { status, .. } if status.is_server_error() => Self::failed(message),
            ApiError::Refused { .. } => Self::refused(message),
        }
    }
}

/// What the relay says no to when it is asked about its history, with what to do. `said`: the relay's own words,
/// `message`: with who said them.
fn in_history(code: &str, message: &str, said: &str) -> Option<Error> {
    Some(match code {
        "unknown_event" => Error::usage(format!("not found: {said}"))
            .with_hint("`muxhook events list` shows what the relay has"),
        "ambiguous_event" => Error::usage(message).with_hint("give more of the id"),
        "damaged_event" => {
            Error::failed(message).with_hint("whoever runs the relay should look at its disk, and at its log")
        }
        "no_listener" => Error::failed(message)
            .with_hint("start `muxhook listen`, or send it straight to your app with --forward-to"),
        "in_flight" => Error::failed(message).with_hint("try again once your app has answered"),
        "unknown_endpoint" => Error::refused(message).with_hint("`muxhook endpoints list` shows yours"),
        "bad_query" => Error::usage(message),
        _ => return None,
    })
}
