//! What is counted and logged of each request: one line for each that failed, by an id that its sender has too.
//!
//! Whoever sends bad requests must not fill the operator's disk: of each kind of failure so many lines are written and no
//! more, and what is left out is counted. At the level `debug` there is a line for every request, and none is left out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode};
use muxhook_protocol::REQUEST_HEADER;
use tokio::time::{Instant, sleep};

use crate::metrics::{Kind, Metrics};
use crate::remark::Remark;

/// Lines that one kind of failure may write at once, and after how long it may write one more.
const BURST: u32 = 50;
const EACH: Duration = Duration::from_secs(1);

/// How often it is told what was left out, when nothing of that kind follows.
const TELL: Duration = Duration::from_secs(60);

/// What is known of a request before it is answered.
pub(super) struct Asked {
    pub(super) kind: Kind,
    /// Whom it comes from, as far as that is known.
    pub(super) source: Option<IpAddr>,
    /// When its head had come.
    pub(super) began: Instant,
}

/// Counts and logs.
#[derive(Debug)]
pub(super) struct Requests {
    metrics: Arc<Metrics>,
    /// Ids of this run begin with it.
    prefix: u32,
    failures: AtomicU64,
    quotas: Mutex<HashMap<&'static str, Quota>>,
}

impl Requests {
    /// `random` makes the ids of this run differ from every other's.
    pub(super) fn new(metrics: Arc<Metrics>, random: [u8; 8]) -> Self {
        let [.., a, b, c, d] = random;
        let prefix = u32::from_be_bytes([a, b, c, d]);
        Self { metrics, prefix, failures: AtomicU64::new(0), quotas: Mutex::default() }
    }

    /// Counts and logs a request, and gives its sender the id of what failed.
    pub(super) fn answered<B>(&self, asked: &Asked, response: &mut Response<B>) {
        let took = asked.began.elapsed();
        self.metrics.answered(asked.kind, response, took);
        let remark = response.extensions_mut().remove::<Remark>().unwrap_or_default();
        let status = response.status();
        match remark.code {
            Some(code) => {
                let id = self.id();
                if let Ok(id) = HeaderValue::from_str(&id) {
                    response.headers_mut().insert(HeaderName::from_static(REQUEST_HEADER), id);
                }
                self.failed(asked, &remark, (&id, code, status), took);
            }
            None => tracing::debug!(
                kind = asked.kind.word(),
                status = status.as_u16(),
                source = asked.source.map(display),
                endpoint = remark.endpoint.as_ref().map(display),
                delivery = remark.delivery.map(display),
                took_us = micros(took),
                "request answered"
            ),
        }
    }

    fn failed(
        &self,
        asked: &Asked,
        remark: &Remark,
        (request, code, status): (&str, &str, StatusCode),
        took: Duration,
    ) {
        // A macro's level is fixed where it stands.
        macro_rules! line {
            ($level:ident, $left_out:expr) => {
                tracing::$level!(
                    request,
                    kind = asked.kind.word(),
                    status = status.as_u16(),
                    code,
                    source = asked.source.map(display),
                    endpoint = remark.endpoint.as_ref().map(display),
                    delivery = remark.delivery.map(display),
                    took_us = micros(took),
                    left_out = $left_out,
                    "request failed"
                )
            };
        }
        match self.may_log(remark.code.unwrap_or_default(), Instant::now()) {
            Some(left_out) if is_the_relays_fault(status) => line!(warn, left_out),
            Some(left_out) => line!(info, left_out),
            None => {
                self.metrics.log_left_out();
                line!(debug, None::<u64>);
            }
        }
    }

    /// Whether a line of this kind may be written; how many were left out since the last one, if any were.
    fn may_log(&self, code: &'static str, now: Instant) -> Option<Option<u64>> {
        let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
        let quota = quotas.entry(code).or_insert(Quota { clear_at: now, left_out: 0 });
        quota.take(now).then(|| quota.told())
    }

    /// Tells what was left out where nothing of its kind has followed. Never ends.
    pub(super) async fn tell_left_out(&self) {
        loop {
            sleep(TELL).await;
            let mut quotas = self.quotas.lock().unwrap_or_else(PoisonError::into_inner);
            for (code, quota) in quotas.iter_mut() {
                if let Some(left_out) = quota.told() {
                    tracing::info!(code, left_out, "requests failed without a line of their own");
                }
            }
        }
    }

    fn id(&self) -> String {
        format!("{:08x}-{}", self.prefix, self.failures.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// What the relay failed at itself; else it is the sender, the app or the listener.
fn is_the_relays_fault(status: StatusCode) -> bool {
    matches!(status, StatusCode::INTERNAL_SERVER_ERROR | StatusCode::INSUFFICIENT_STORAGE)
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// The lines of one kind of failure.
#[derive(Debug)]
struct Quota {
    /// When all lines written are forgotten.
    clear_at: Instant,
    left_out: u64,
}

impl Quota {
    /// Takes a line, or counts it as left out.
    fn take(&mut self, now: Instant) -> bool {
        let next = self.clear_at.max(now) + EACH;
        let may = next.saturating_duration_since(now) <= EACH * BURST;
        if may {
            self.clear_at = next;
        } else {
            self.left_out += 1;
        }
        may
    }

    /// How many were left out since this was last asked, if any were.
    fn told(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.left_out)).filter(|left_out| *left_out > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests() -> Requests {
        Requests::new(Arc::default(), [0, 0, 0, 0, 0xab, 0xcd, 0, 1])
    }

    #[test]
    fn each_kind_of_failure_has_its_lines_and_what_is_left_out_is_told() {
        let (requests, now) = (requests(), Instant::now());
        for _ in 0..BURST {
            assert_eq!(requests.may_log("one", now), Some(None));
        }
        for _ in 0..3 {
            assert_eq!(requests.may_log("one", now), None);
        }
        assert_eq!(requests.may_log("other", now), Some(None), "another kind has its own");
        assert_eq!(requests.may_log("one", now + EACH), Some(Some(3)));
        assert_eq!(requests.may_log("one", now + EACH), None);
        assert_eq!(requests.may_log("one", now + EACH * 2), Some(Some(1)));
        assert_eq!(requests.may_log("one", now + EACH * 3), Some(None));
    }

    #[test]
    fn what_fails_has_an_id_that_its_sender_gets_and_the_rest_has_none() {
        let requests = requests();
        let asked = Asked { kind: Kind::Webhook, source: None, began: Instant::now() };
        let id = |response: &Response<()>| {
            response.headers().get(REQUEST_HEADER).map(|id| id.to_str().unwrap().to_owned())
        };
        let mut ids = Vec::new();
        for _ in 0..2 {
            let mut response = Response::new(());
            Remark::error(&mut response, "busy");
            requests.answered(&asked, &mut response);
            ids.extend(id(&response));
            assert!(response.extensions().get::<Remark>().is_none(), "the log's alone");
        }
        assert_eq!(ids, ["abcd0001-1", "abcd0001-2"]);
        let mut well = Response::new(());
        requests.answered(&asked, &mut well);
        assert_eq!(id(&well), None);
    }
}
