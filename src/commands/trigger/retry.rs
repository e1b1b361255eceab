//! How Mux goes on about an event that was not accepted: tried again for a day, later and later, each failed attempt
//! listed in the event's `attempts`.

use std::time::Duration;

use muxhook_protocol::mux::sample::Attempt;
use muxhook_protocol::{Outcome, Reply};

/// The wait before the second try, doubled before each further one, and the longest. Mux's own are not published:
/// with these, 30 tries fill the day that it says it takes.
const FIRST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(3600);

/// The wait after try number `number`, which is 1 for the first.
pub(super) fn wait_after(number: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(number.saturating_sub(1));
    FIRST.saturating_mul(doubled).min(LONGEST)
}

/// The attempt at `address` that came to this; `at` in milliseconds since the Unix epoch.
pub(super) fn attempt(outcome: &Outcome, address: &str, at: u64) -> Attempt {
    let reply = match outcome {
        Outcome::Replied(reply) => Some(reply),
        _ => None,
    };
    Attempt {
        at,
        address: address.to_owned(),
        status: reply.map(|reply| reply.status),
        headers: reply.map(headers).unwrap_or_default(),
        body: reply.and_then(body),
    }
}

/// Those that are text.
fn headers(reply: &Reply) -> Vec<(String, String)> {
    let text = |(name, value): (&str, &[u8])| Some((name.to_owned(), str::from_utf8(value).ok()?.to_owned()));
    reply.headers.iter().filter_map(text).collect()
}

fn body(reply: &Reply) -> Option<String> {
    str::from_utf8(&reply.body).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use muxhook_protocol::mux::sample::MAX_ATTEMPTS;
    use muxhook_protocol::{FailReason, Failure, Headers};

    use super::*;

    #[test]
    fn tries_come_later_and_later_and_fit_a_day() {
        let waits: Vec<_> = (1..MAX_ATTEMPTS).map(wait_after).collect();
        assert_eq!(waits[..3], [10, 20, 40].map(Duration::from_secs));
        assert!(waits.is_sorted());
        let day = Duration::from_secs(24 * 3600);
        let all: Duration = waits.into_iter().sum();
        assert!(day / 2 < all && all < day, "{all:?}");
        assert_eq!(wait_after(u32::MAX), LONGEST);
    }

    #[test]
    fn an_attempt_repeats_what_the_app_said_as_far_as_it_is_text() {
        let reply = |body: Vec<u8>| {
            let headers: Headers = [("x", &b"y"[..]), ("z", b"\xff")].into_iter().collect();
            Outcome::Replied(Reply { status: 500, headers, body: Bytes::from(body), truncated: false })
        };
        let told = attempt(&reply("é".repeat(5000).into()), "http://a", 7);
        assert_eq!((told.status, told.at, told.address.as_str()), (Some(500), 7, "http://a"));
        assert_eq!(told.headers, [("x".to_owned(), "y".to_owned())]);
        assert_eq!(told.body, Some("é".repeat(5000)));
        assert_eq!(attempt(&reply(b"\xff".to_vec()), "http://a", 7).body, None);
        let failed = Failure { reason: FailReason::Refused, message: String::new() };
        assert_eq!(attempt(&Outcome::Failed(failed), "http://a", 7).status, None);
    }
}
