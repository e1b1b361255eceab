//! How deliveries are sent again: through whoever listens, or straight to an app.

use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::{Delivery, DeliveryId, Headers, Outcome, Reply};
use serde_json::json;

use super::super::place::{self, Place};
use crate::api::ApiError;
use crate::api::events::Replayed;
use crate::args::EventsReplay;
use crate::commands::trigger::sender::Answer;
use crate::error::Error;
use crate::forwarder::{Forwarder, Notices, Options, Target};

/// How long an app may take when nothing stands between: as long as `listen` gives it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where deliveries go.
pub(super) enum Way {
    /// Through whoever listens on the endpoint.
    Listeners,
    /// To an app.
    Straight(Box<Straight>),
}

/// To an app, and nobody between.
pub(super) struct Straight {
    forwarder: Forwarder<()>,
    target: Arc<Target>,
}

impl Way {
    /// What was typed.
    pub(super) fn of(args: &EventsReplay) -> Result<Self, Error> {
        let Some(text) = &args.forward_to else { return Ok(Self::Listeners) };
        let target = Target::parse(text);
        let target = target.map_err(|error| Error::usage(format!("--forward-to {text}: {error}")))?;
        let options = Options {
            timeout: PATIENCE,
            max_in_flight: 1,
            skip_verify: args.skip_verify,
            headers: Vec::new(),
        };
        let straight = Straight { forwarder: Forwarder::new(options), target: Arc::new(target) };
        Ok(Self::Straight(Box::new(straight)))
    }

    /// Whether no relay stands between.
    pub(super) fn is_straight(&self) -> bool {
        matches!(self, Self::Straight(_))
    }

    /// The app's URL, where that is known.
    pub(super) fn target(&self) -> Option<&str> {
        match self {
            Self::Listeners => None,
            Self::Straight(straight) => Some(straight.url()),
        }
    }
}

/// Sends one through whoever listens, with `headers` in place of those of their names.
///
/// # Errors
/// Nobody listens, or the relay can't be asked: there is no point in going on.
pub(super) async fn through(place: &Place, id: DeliveryId, headers: &Headers) -> Result<Answer, Error> {
    match place.api().replay(&place.endpoint, &id.to_string(), headers).await {
        Ok(replayed) => Ok(of_replayed(&replayed)),
        Err(ApiError::Refused { code, .. }) if code == "no_listener" => {
            Err(Error::unmet(format!("nobody listens on {}", place.endpoint)).with_hint(
                "start `muxhook listen --forward-to …` there, or send straight to the app with --forward-to",
            ))
        }
        Err(error) => of_error(error),
    }
}

impl Straight {
    /// The app's URL.
    pub(super) fn url(&self) -> &str {
        self.target.url()
    }

    /// Sends one, and waits for what comes of it.
    pub(super) async fn send(&mut self, delivery: &Delivery) -> Answer {
        self.forwarder.start(&self.target, delivery, ());
        let done = self.forwarder.next().await;
        Answer {
            by: matches!(done.outcome, Outcome::Replied(_)).then(|| "app".to_owned()),
            outcome: done.outcome,
            latency: done.latency,
            hint: done.hint,
            notices: done.notices,
        }
    }
}

fn of_replayed(replayed: &Replayed) -> Answer {
    // As the relay's errors are called when a sender gets them.
    let code = match replayed.status {
        401 => "signature_refused",
        502 => "app_unreachable",
        504 => "app_timeout",
        _ => "",
    };
    let message = replayed.message.as_deref();
    let latency = Duration::from_millis(replayed.took_ms);
    answer(&replayed.answered_by, replayed.status, code, message, latency)
}

/// What the relay said of one delivery.
///
/// # Errors
/// It did not speak of this one: there is no point in going on.
pub(super) fn of_error(error: ApiError) -> Result<Answer, Error> {
    match error {
        ApiError::Refused { status, code, message, .. }
            if status.is_server_error() || code == "in_flight" || code.ends_with("_event") =>
        {
            Ok(answer("relay", status.as_u16(), &code, Some(&message), Duration::ZERO))
        }
        other => Err(place::refused(other)),
    }
}

fn answer(by: &str, status: u16, code: &str, message: Option<&str>, latency: Duration) -> Answer {
    let body = json!({ "error": code, "message": message }).to_string();
    let reply = Reply { status, headers: Headers::new(), body: body.into(), truncated: false };
    let by = Some(by.to_owned());
    Answer { outcome: Outcome::Replied(reply), by, latency, hint: None, notices: Notices::new() }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::commands::trigger::verdict::judge;
    use crate::relay_url::RelayUrl;

    fn replayed(by: &str, status: u16, message: Option<&str>) -> Answer {
        let (answered_by, message) = (by.to_owned(), message.map(str::to_owned));
        of_replayed(&Replayed { answered_by, status, message, took_ms: 12 })
    }

    #[test]
    fn only_the_apps_own_2xx_counts() {
        assert!(judge(&replayed("app", 204, None), false).is_ok());
        let why = |answer: &Answer| judge(answer, false).unwrap_err();
        assert_eq!(why(&replayed("app", 500, None)).why, "the app answered 500");
        assert!(why(&replayed("none", 200, None)).why.contains("only looked at"));
        assert!(why(&replayed("skipped", 200, None)).why.contains("a filter"));
        let refusal = why(&replayed("relay", 502, Some("nothing listens on localhost:3000")));
        assert_eq!(refusal.why, "nothing listens on localhost:3000");
        assert!(refusal.hint.unwrap().contains("is the app running"));
    }

    #[test]
    fn what_the_relay_says_of_one_does_not_end_it() {
        let refused = |status, code: &str| {
            let (code, message) = (code.to_owned(), "no".to_owned());
            ApiError::Refused {
                relay: RelayUrl::parse("https://h.example", false).unwrap(),
                status,
                code,
                message,
            }
        };
        for (status, code) in [
            (StatusCode::CONFLICT, "in_flight"),
            (StatusCode::NOT_FOUND, "unknown_event"),
            (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        ] {
            let answer = of_error(refused(status, code)).unwrap();
            assert_eq!(judge(&answer, false).unwrap_err().why, "no", "{code}");
        }
        assert!(of_error(refused(StatusCode::NOT_FOUND, "unknown_endpoint")).is_err());
        assert!(of_error(ApiError::Unreachable { reason: "gone".to_owned() }).is_err());
    }
}
