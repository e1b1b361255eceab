//! What the relay counts for its operator, in the text format of OpenMetrics 1.0.
//!
//! A relay has a registry of its own, so that two run side by side in one process. No metric has an endpoint, an account
//! or an address of the network as a label: these are somebody's business, and without a bound.

mod connections;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use muxhook_protocol::ANSWER_HEADER;

use crate::journal::Health;
pub use connections::Connections;

/// What [`Metrics::text`] is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of how long answers take, in seconds. Mux hangs up after 5.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// What is counted.
pub struct Metrics {
    /// Of public connections.
    pub connections: Connections,
    registry: Registry,
    webhooks: Family<Webhook, Counter>,
    seconds: Histogram,
    limited: Counter,
    standing: Standing,
    /// Without an entry while nothing is known.
    certificate_expires: Family<[(String, String); 0], Gauge>,
    certificate_failures: Counter,
}

/// What is told as it stands when somebody asks.
#[derive(Default)]
struct Standing {
    sessions: Gauge,
    in_flight: Gauge,
    owed: Gauge,
    owed_seconds: Gauge<f64, AtomicU64>,
    journal_open: Gauge,
    dropped: Counter,
    syncs: Counter,
    sync_seconds: Counter<f64, AtomicU64>,
}

/// How a relay stands. Counts are since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// Listeners and observers that are live.
    pub sessions: usize,
    /// Webhooks that wait for their answers.
    pub in_flight: usize,
    /// Webhooks that are owed, and how long the oldest of them has been.
    pub owed: Option<(u64, Duration)>,
    /// The journal, where there is one.
    pub journal: Option<Health>,
}

impl Standing {
    fn register(&self, registry: &mut Registry) {
        registry.register("sessions", "Listeners and observers that are live", self.sessions.clone());
        registry.register(
            "webhooks_in_flight",
            "Webhooks that wait for their answers",
            self.in_flight.clone(),
        );
        registry.register("owed", "Webhooks that are owed to apps", self.owed.clone());
        let help = "How long the oldest webhook that is owed has been, in seconds";
        registry.register("owed_oldest_seconds", help, self.owed_seconds.clone());
        registry.register(
            "journal_open",
            "1 while the journal takes webhooks, else 0",
            self.journal_open.clone(),
        );
        let help = "Webhooks that are missing in the history";
        registry.register("history_dropped", help, self.dropped.clone());
        registry.register("journal_syncs", "Changes synced to the disk", self.syncs.clone());
        let help = "How long those took in all";
        registry.register("journal_sync_seconds", help, self.sync_seconds.clone());
    }

    fn set(&self, now: Snapshot) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.sessions.set(number(now.sessions));
        self.in_flight.set(number(now.in_flight));
        if let Some((count, oldest)) = now.owed {
            self.owed.set(i64::try_from(count).unwrap_or(i64::MAX));
            self.owed_seconds.set(oldest.as_secs_f64());
        }
        let health = now.journal.unwrap_or_default();
        self.journal_open.set(i64::from(now.journal.is_some() && !health.closed));
        // They only grow, and two that ask at once may count a step twice at most for a moment.
        self.dropped.inc_by(health.dropped.saturating_sub(self.dropped.get()));
        self.syncs.inc_by(health.syncs.saturating_sub(self.syncs.get()));
        self.sync_seconds.inc_by((health.sync_time.as_secs_f64() - self.sync_seconds.get()).max(0.0));
    }
}

/// How a webhook was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Webhook {
    /// As in `Muxhook-Answer`.
    answer: String,
    /// As in HTTP.
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("muxhook");
        let webhooks = Family::default();
        registry.register("webhooks", "Answers to POSTs at endpoints", webhooks.clone());
        let seconds = Histogram::new(SECONDS);
        registry.register("webhook_seconds", "From the end of a head to its answer", seconds.clone());
        let limited = Counter::default();
        let help = "Failing requests and connections that were one too many of their source";
        registry.register("limited", help, limited.clone());
        let connections = Connections::default();
        connections.register(&mut registry);
        let standing = Standing::default();
        standing.register(&mut registry);
        let certificate_expires = Family::default();
        let help = "When the certificate in use expires, in seconds since the Unix epoch";
        registry.register("certificate_expires_seconds", help, certificate_expires.clone());
        let certificate_failures = Counter::default();
        registry.register(
            "certificate_failures",
            "Tries to get a certificate that failed",
            certificate_failures.clone(),
        );
        Self {
            connections,
            registry,
            webhooks,
            seconds,
            limited,
            standing,
            certificate_expires,
            certificate_failures,
        }
    }
}

impl Metrics {
    /// Counts an answer that took so long.
    pub fn answered<B>(&self, response: &Response<B>, took: Duration) {
        let answer =
            response.headers().get(ANSWER_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let webhook = Webhook { answer: answer.to_owned(), status: response.status().as_u16() };
        self.webhooks.get_or_create(&webhook).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Counts a failing request, or connection, that was one too many of its source.
    pub fn limited(&self) {
        self.limited.inc();
    }

    /// Notes when the certificate in use expires, in seconds since the Unix epoch.
    pub fn certificate_expires(&self, unix_seconds: i64) {
        self.certificate_expires.get_or_create(&[]).set(unix_seconds);
    }

    /// Counts a try to get a certificate that failed.
    pub fn certificate_failed(&self) {
        self.certificate_failures.inc();
    }

    /// All that was counted, and how the relay stands now.
    #[must_use]
    pub fn text(&self, now: Snapshot) -> String {
        self.standing.set(now);
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            // A string takes everything.
            Err(fmt::Error) => String::new(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_relay_stands_is_told_as_of_now_and_counts_only_grow() {
        let metrics = Metrics::default();
        let health =
            Health { dropped: 5, syncs: 9, sync_time: Duration::from_millis(1500), ..Health::default() };
        let now = Snapshot {
            sessions: 3,
            in_flight: 2,
            owed: Some((7, Duration::from_millis(2500))),
            journal: Some(health),
        };
        let texts = [metrics.text(now), metrics.text(now)];
        let text = &texts[1];
        for line in [
            "sessions 3",
            "webhooks_in_flight 2",
            "owed 7",
            "owed_oldest_seconds 2.5",
            "journal_open 1",
            "history_dropped_total 5",
            "journal_syncs_total 9",
            "journal_sync_seconds_total 1.5",
            "limited_total 0",
        ] {
            assert!(text.contains(&format!("\nmuxhook_{line}\n")), "{line} in {text}");
        }
        let closed = Health { closed: true, ..health };
        let text = metrics.text(Snapshot { sessions: 0, journal: Some(closed), ..now });
        assert!(
            text.contains("\nmuxhook_sessions 0\n") && text.contains("\nmuxhook_journal_open 0\n"),
            "{text}"
        );
        assert!(metrics.text(Snapshot::default()).contains("\nmuxhook_history_dropped_total 5\n"));
    }
}
