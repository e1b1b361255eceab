//! What the relay counts for its operator, in the text format of OpenMetrics 1.0.
//!
//! A relay has a registry of its own, so that two run side by side in one process. No metric has an endpoint, an account
//! or an address of the network as a label: these are somebody's business, and without a bound.
//!
//! - `connections`: what is counted of public connections.
//! - `standing`: what is told as it stands when somebody asks.

mod connections;
mod standing;

use std::fmt;
use std::time::Duration;

use http::Response;
use muxhook_protocol::ANSWER_HEADER;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use crate::registry::Rate;
pub use connections::Connections;
use standing::Standing;
pub use standing::{Live, Snapshot};

/// What [`Metrics::text`] is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of how long answers take, in seconds. Mux hangs up after 5.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// What is counted.
pub struct Metrics {
    /// Of public connections.
    pub connections: Connections,
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Family<KindLabel, Histogram, Seconds>,
    webhooks: Family<Webhook, Counter>,
    webhook_seconds: Histogram,
    limited: Counter,
    log_left_out: Counter,
    panics: Counter,
    started: Gauge,
    standing: Standing,
    /// Without an entry while nothing is known.
    certificate_expires: Family<[(String, String); 0], Gauge>,
    certificate_failures: Counter,
    /// How many requests come.
    rate: Rate,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A POST at an endpoint.
    Webhook,
    /// Anything else at an endpoint.
    Page,
    /// For a session.
    Connect,
    /// Another question of a CLI's.
    Api,
    /// `/healthz`.
    Health,
    /// At no address of the relay's.
    Other,
}

impl Kind {
    /// As it stands in labels and logs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Page => "page",
            Self::Connect => "connect",
            Self::Api => "api",
            Self::Health => "health",
            Self::Other => "other",
        }
    }
}

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.word().encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    kind: Kind,
    /// As in HTTP.
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: Kind,
}

/// How a webhook was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Webhook {
    /// As in `Muxhook-Answer`.
    answer: &'static str,
    /// As in HTTP.
    status: u16,
}

#[derive(Clone, Copy)]
struct Seconds;

impl MetricConstructor<Histogram> for Seconds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(SECONDS)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            connections: Connections::default(),
            registry: Registry::with_prefix("muxhook"),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(Seconds),
            webhooks: Family::default(),
            webhook_seconds: Histogram::new(SECONDS),
            limited: Counter::default(),
            log_left_out: Counter::default(),
            panics: Counter::default(),
            started: Gauge::default(),
            standing: Standing::default(),
            certificate_expires: Family::default(),
            certificate_failures: Counter::default(),
            rate: Rate::from(Instant::now()),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program", build);
        let help = "When the relay started, in seconds since the Unix epoch";
        registry.register("start_time_seconds", help, self.started.clone());
        registry.register("requests", "Answers to all public requests", self.requests.clone());
        let help = "From the end of a head to its answer, of what is no webhook";
        registry.register("request_seconds", help, self.request_seconds.clone());
        registry.register("webhooks", "Answers to POSTs at endpoints", self.webhooks.clone());
        let help = "From the end of a head to its answer";
        registry.register("webhook_seconds", help, self.webhook_seconds.clone());
        let help = "Failing requests and connections that were one too many of their source";
        registry.register("limited", help, self.limited.clone());
        self.connections.register(registry);
        let help = "Lines on failing requests that were left out of the log";
        registry.register("log_left_out", help, self.log_left_out.clone());
        registry.register("panics", "Tasks that ended by a defect of the program", self.panics.clone());
        self.standing.register(registry);
        let help = "When the certificate in use expires, in seconds since the Unix epoch";
        registry.register("certificate_expires_seconds", help, self.certificate_expires.clone());
        let help = "Tries to get a certificate that failed";
        registry.register("certificate_failures", help, self.certificate_failures.clone());
        self
    }

    /// Notes when the relay started: seconds since the Unix epoch.
    pub fn started(&self, unix_seconds: i64) {
        self.started.set(unix_seconds);
    }

    /// Counts an answer that took so long.
    pub fn answered<B>(&self, kind: Kind, response: &Response<B>, took: Duration) {
        let status = response.status().as_u16();
        self.requests.get_or_create(&Request { kind, status }).inc();
        let seconds = took.as_secs_f64();
        if kind == Kind::Webhook {
            self.webhooks.get_or_create(&Webhook { answer: answer(response), status }).inc();
            self.webhook_seconds.observe(seconds);
        } else {
            self.request_seconds.get_or_create(&KindLabel { kind }).observe(seconds);
        }
    }

    /// Counts a request that came.
    pub fn came(&self, at: Instant) {
        self.rate.count(at);
    }

    /// How many requests come in a second, over the last 5 to 10 s.
    #[must_use]
    pub fn requests_per_second(&self) -> f64 {
        self.rate.per_second(Instant::now())
    }

    /// Counts a failing request, or connection, that was one too many of its source.
    pub fn limited(&self) {
        self.limited.inc();
    }

    /// Counts a line that was left out of the log.
    pub fn log_left_out(&self) {
        self.log_left_out.inc();
    }

    /// Counts a panic. For whoever installs a hook, which is the program and never this library.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// Notes when the certificate in use expires, in seconds since the Unix epoch.
    pub fn certificate_expires(&self, unix_seconds: i64) {
        self.certificate_expires.get_or_create(&[]).set(unix_seconds);
    }

    /// When the certificate in use expires, in seconds since the Unix epoch, as far as that is known.
    #[must_use]
    pub fn certificate_expiry(&self) -> Option<i64> {
        self.certificate_expires.get(&[]).map(|expires| expires.get())
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

/// Who gave an answer. Nothing that an app or a sender says becomes a label.
fn answer<B>(response: &Response<B>) -> &'static str {
    match response.headers().get(ANSWER_HEADER).map(|by| by.as_bytes()) {
        Some(b"app") => "app",
        Some(b"skipped") => "skipped",
        Some(b"none") => "none",
        Some(b"held") => "held",
        _ => "relay",
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
    use crate::journal::{Health, Syncs};

    #[test]
    fn how_a_relay_stands_is_told_as_of_now_and_counts_only_grow() {
        let metrics = Metrics::default();
        let mut syncs = Syncs::default();
        [0, 3, 3, 9_000].into_iter().for_each(|millis| syncs.add(Duration::from_millis(millis)));
        let health = Health { dropped: 5, syncs, ..Health::default() };
        let now = Snapshot {
            live: Live { listeners: 3, observers: 1, greeting: 0, in_flight: 2 },
            owed: Some((7, Duration::from_millis(2500))),
            journal: Some(health),
        };
        let texts = [metrics.text(now), metrics.text(now)];
        let text = &texts[1];
        for line in [
            concat!("build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "sessions{role=\"listener\"} 3",
            "sessions{role=\"observer\"} 1",
            "sessions{role=\"greeting\"} 0",
            "webhooks_in_flight 2",
            "owed 7",
            "owed_oldest_seconds 2.5",
            "journal_open 1",
            "history_dropped_total 5",
            "journal_sync_seconds_bucket{le=\"0.0005\"} 1",
            "journal_sync_seconds_bucket{le=\"0.005\"} 3",
            "journal_sync_seconds_bucket{le=\"+Inf\"} 4",
            "journal_sync_seconds_count 4",
            "journal_sync_seconds_sum 9.006",
            "panics_total 0",
            "limited_total 0",
        ] {
            assert!(text.contains(&format!("\nmuxhook_{line}\n")), "{line} in {text}");
        }
        let closed = Health { closed: true, ..health };
        let text = metrics.text(Snapshot { live: Live::default(), journal: Some(closed), ..now });
        assert!(
            text.contains("\nmuxhook_sessions{role=\"listener\"} 0\n")
                && text.contains("\nmuxhook_journal_open 0\n"),
            "{text}"
        );
        assert!(metrics.text(Snapshot::default()).contains("\nmuxhook_history_dropped_total 5\n"));
    }

    #[test]
    fn requests_are_counted_by_kind_and_status_and_nothing_foreign_is_a_label() {
        let metrics = Metrics::default();
        let answer = |status: u16, by: &str| {
            Response::builder().status(status).header(ANSWER_HEADER, by).body(()).unwrap()
        };
        let took = Duration::from_millis(3);
        metrics.answered(Kind::Webhook, &answer(200, "app"), took);
        metrics.answered(Kind::Webhook, &answer(404, "relay"), took);
        metrics.answered(Kind::Webhook, &answer(200, "forged\"} 1"), took);
        metrics.answered(Kind::Connect, &answer(101, ""), took);
        let text = metrics.text(Snapshot::default());
        for line in [
            "requests_total{kind=\"webhook\",status=\"200\"} 2",
            "requests_total{kind=\"connect\",status=\"101\"} 1",
            "webhooks_total{answer=\"app\",status=\"200\"} 1",
            "webhooks_total{answer=\"relay\",status=\"404\"} 1",
            "webhook_seconds_count 3",
            "request_seconds_count{kind=\"connect\"} 1",
        ] {
            assert!(text.contains(&format!("\nmuxhook_{line}\n")), "{line} in {text}");
        }
        assert!(!text.contains("forged"), "{text}");
    }
}
