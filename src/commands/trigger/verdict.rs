//! Whether the app accepted an event, and if not, why. Pure.

use muxhook_protocol::{Outcome, Reply};
use serde_json::Value;

use super::sender::Answer;

/// Why an event was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What happened, in a sentence. May hold text from outside.
    pub(crate) why: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

const LISTEN: &str =
    "start `muxhook listen --forward-to …` first, or send straight to the app with --forward-to";

const HELD: &str =
    "start `muxhook listen --forward-to …`, and it is delivered; --accept-held takes it for accepted";

/// Whether the app accepted it: only a 2xx that the app itself gave counts; with `accept_held` also that the relay
/// holds it.
///
/// # Errors
/// Why not.
pub(crate) fn judge(answer: &Answer, accept_held: bool) -> Result<(), Refusal> {
    let reply = match &answer.outcome {
        Outcome::Replied(reply) => reply,
        Outcome::Failed(failure) => return Err(refusal(&failure.message, answer.hint.clone())),
        Outcome::Skipped { filter: why } | Outcome::Refused { reason: why } => {
            return Err(refusal(why, None::<String>));
        }
    };
    match answer.by.as_deref() {
        Some("app") if answer.outcome.accepted() => Ok(()),
        Some("app") => Err(refusal(&format!("the app answered {}", reply.status), answer.hint.clone())),
        Some("none") => Err(refusal("nobody forwards it to an app: it was only looked at", Some(LISTEN))),
        Some("skipped") => Err(refusal(
            "a filter of the listener left it out",
            Some("look at its --events, --exclude and --match, and at muxhook.toml"),
        )),
        Some("held") if accept_held && answer.outcome.accepted() => Ok(()),
        Some("held") => Err(refusal("nobody listens: the relay holds it until somebody does", Some(HELD))),
        Some("relay") => Err(of_relay(reply)),
        _ => Err(refusal(
            &format!("what answered {} there is no muxhook relay", reply.status),
            Some("does a proxy stand before the relay, and is its --public-url right?"),
        )),
    }
}

pub(crate) fn refusal(why: &str, hint: Option<impl Into<String>>) -> Refusal {
    Refusal { why: why.to_owned(), hint: hint.map(Into::into) }
}

/// The relay's own errors are `{"error": code, "message": …}`.
fn of_relay(reply: &Reply) -> Refusal {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let why = match body["message"].as_str() {
        Some(message) => message.to_owned(),
        None => format!("the relay answered {}", reply.status),
    };
    let hint = match body["error"].as_str() {
        Some("no_listener") => Some(LISTEN),
        Some("signature_refused") => Some(
            "the listener has --require-signature: only what is signed now, with its secret, reaches the app (MUX_WEBHOOK_SECRET, --secret-file, --env-file)",
        ),
        Some("app_unreachable") => {
            Some("is the app running, where `muxhook listen` forwards to? What that prints says more")
        }
        Some("in_flight") => Some("try again once the app has answered"),
        Some("app_timeout") => {
            Some("Mux gets no answer after 4.5 s either: let the app answer first and work afterwards")
        }
        _ => None,
    };
    refusal(&why, hint)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use muxhook_protocol::{FailReason, Failure, Headers};

    use super::*;

    fn answer(by: Option<&str>, status: u16, body: &'static str) -> Answer {
        let reply = Reply { status, headers: Headers::new(), body: body.into(), truncated: false };
        Answer {
            outcome: Outcome::Replied(reply),
            by: by.map(str::to_owned),
            latency: Duration::ZERO,
            hint: None,
            notices: Vec::new(),
        }
    }

    #[test]
    fn only_the_apps_own_2xx_counts() {
        assert_eq!(judge(&answer(Some("app"), 204, ""), false), Ok(()));
        for (by, status, body, why) in [
            (Some("app"), 500, "", "the app answered 500"),
            (Some("app"), 302, "", "the app answered 302"),
            (Some("none"), 200, "", "only looked at"),
            (Some("skipped"), 200, "", "a filter"),
            (Some("held"), 200, "", "nobody listens"),
            (Some("relay"), 503, r#"{"error":"no_listener","message":"nobody here"}"#, "nobody here"),
            (Some("relay"), 500, "[", "the relay answered 500"),
            (Some("new"), 200, "", "no muxhook relay"),
            (None, 200, "", "no muxhook relay"),
        ] {
            let refusal = judge(&answer(by, status, body), by != Some("held")).unwrap_err();
            assert!(refusal.why.contains(why), "{by:?} {status}: {refusal:?}");
        }
    }

    #[test]
    fn what_is_held_counts_for_who_takes_it_so() {
        let held = answer(Some("held"), 200, "");
        assert_eq!(judge(&held, true), Ok(()));
        let hint = judge(&held, false).unwrap_err().hint.unwrap();
        assert!(hint.contains("it is delivered") && hint.contains("--accept-held"), "{hint}");
        assert!(judge(&answer(Some("held"), 503, ""), true).is_err());
    }

    #[test]
    fn a_refused_signature_has_its_cure() {
        let body = r#"{"error":"signature_refused","message":"the webhook has no mux-signature header"}"#;
        let refusal = judge(&answer(Some("relay"), 401, body), false).unwrap_err();
        assert!(refusal.hint.unwrap().contains("--require-signature"));
    }

    #[test]
    fn a_failure_tells_itself() {
        let failure = Failure { reason: FailReason::Refused, message: "nothing listens".to_owned() };
        let failed = Answer {
            outcome: Outcome::Failed(failure),
            hint: Some("start it".to_owned()),
            ..answer(None, 200, "")
        };
        let told = Refusal { why: "nothing listens".to_owned(), hint: Some("start it".to_owned()) };
        assert_eq!(judge(&failed, true), Err(told));
    }
}
