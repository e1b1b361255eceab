//! The relay, its token, and its clock beside this machine's.

use bytes::Bytes;
use http::Request;
use http::header::DATE;
use http_body_util::Full;
use jiff::fmt::rfc2822;
use muxhook_link::Now;
use tokio::time::Instant;

use super::super::reach::{self, Reached};
use super::finding::Finding;
use crate::api::{ApiError, Client};
use crate::config::{Listen, RelayChoice, Surroundings};
use crate::dial::Dialer;
use crate::exchange::{self, Limits};

/// How far clocks may be apart without a word, in seconds: an HTTP date has no fractions, and took its time.
const CLOSE: i64 = 5;

/// Asks for a page that says nothing but that the relay lives, and when.
const HEALTH: &str = "/healthz";

pub(super) const LIMITS: Limits = Limits { time: std::time::Duration::from_secs(10), body: 64 * 1024 };

/// What is to be said of the relay and the token, and the relay when it answers to it.
pub(super) async fn examine(
    config: &Listen,
    around: &Surroundings,
    dialer: &Dialer,
) -> (Vec<Finding>, Option<Reached>) {
    let reached = match &config.connection.relay {
        RelayChoice::Configured(relay) => {
            let api = Client::new(dialer, &relay.url, &relay.token);
            Reached { api, source: Some(relay.source.clone()) }
        }
        RelayChoice::Embedded => match reach::living(around, dialer).await {
            Some((relay, _)) => Reached { api: reach::client(dialer, &relay), source: None },
            None => return (vec![nowhere()], None),
        },
    };
    let began = Instant::now();
    let url = reached.api.relay().clone();
    match reached.api.status().await {
        Ok(status) => {
            let millis = began.elapsed().as_millis();
            let of = reached.source.as_ref().map_or("on this machine".to_owned(), ToString::to_string);
            let relay = format!("{url} answers in {millis} ms: {} ({of})", status.server);
            let token = format!("it is that of the account {}", status.account);
            let told = [Finding::fine("relay", relay), Finding::fine("token", token)];
            (told.into_iter().chain(keeping(status.holds, status.history)).collect(), Some(reached))
        }
        Err(error @ ApiError::Token { .. }) => {
            let there = Finding::fine("relay", format!("{url} answers"));
            (vec![there, Finding::of_error("token", &error.into())], None)
        }
        Err(error) => (vec![Finding::of_error("relay", &error.into())], None),
    }
}

/// What the relay does not keep, as far as it says. One that keeps all is no news.
fn keeping(holds: Option<bool>, history: Option<bool>) -> Option<Finding> {
    let (message, cure) = match (holds, history) {
        (Some(false), Some(false)) => (
            "this relay holds nothing (--hold off) and keeps no history (--retention 0s): what comes while nobody listens \
             is only tried again by its sender",
            "run it with --hold on and a --retention such as 24h",
        ),
        (Some(false), _) => (
            "this relay holds nothing (--hold off): what comes while nobody listens is only tried again by its sender",
            "run it with --hold on",
        ),
        (_, Some(false)) => (
            "this relay keeps no history (--retention 0s): `listen --since` and `muxhook events` have nothing to show",
            "run it with a --retention such as 24h",
        ),
        _ => return None,
    };
    Some(Finding::doubt("keeping", message).cure(cure))
}

fn nowhere() -> Finding {
    Finding::doubt(
        "relay",
        "none is configured, and none runs on this machine now: `muxhook listen` starts one",
    )
    .cure("Mux can't reach this machine: `muxhook login https://…` for a relay that it can reach")
}

/// How far this machine's clock is from the relay's: signatures age by the clock.
pub(super) async fn clock(reached: &Reached, dialer: &Dialer, now: Now) -> Finding {
    let Ok(request) = Request::get(HEALTH).body(Full::<Bytes>::default()) else { return no_clock() };
    let Ok(answer) = exchange::exchange(dialer, reached.api.relay(), request, LIMITS).await else {
        return no_clock();
    };
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| rfc2822::parse(date).ok()) else { return no_clock() };
    let ours = i64::try_from(now.unix_millis() / 1000).unwrap_or(i64::MAX);
    match ours - theirs.timestamp().as_second() {
        apart if apart.abs() <= CLOSE => Finding::fine("clock", "this machine's and the relay's agree"),
        apart => {
            let direction = if apart > 0 { "ahead of" } else { "behind" };
            let message = format!("this machine's is {} s {direction} the relay's", apart.abs());
            Finding::doubt("clock", message).cure(
                "set it by the network's time: an app whose clock is 5 min ahead takes every webhook for too old",
            )
        }
    }
}

fn no_clock() -> Finding {
    Finding::untried("clock", "the relay does not say what time it has")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn only_a_relay_that_says_that_it_does_not_keep_is_doubted() {
        for (holds, history) in
            [(None, None), (Some(true), Some(true)), (Some(true), None), (None, Some(true))]
        {
            assert_eq!(keeping(holds, history), None);
        }
        for (holds, history) in [(false, false), (false, true), (true, false)] {
            let finding = keeping(Some(holds), Some(history)).unwrap();
            let told = format!("{finding:?}");
            assert_eq!(finding.verdict, Verdict::Doubt);
            assert_eq!((told.contains("--hold off"), told.contains("--retention 0s")), (!holds, !history));
        }
    }
}
