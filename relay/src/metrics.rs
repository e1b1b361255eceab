//! What the relay counts for its operator, in the text format of OpenMetrics 1.0.
//!
//! A relay has a registry of its own, so that two run side by side in one process. No metric has an endpoint, an account
//! or an address of the network as a label: these are somebody's business, and without a bound.

use std::fmt;
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

/// What [`Metrics::text`] is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of how long answers take, in seconds. Mux hangs up after 5.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// What is counted.
pub struct Metrics {
    registry: Registry,
    webhooks: Family<Webhook, Counter>,
    seconds: Histogram,
    limited: Counter,
    /// Without an entry while nothing is known.
    certificate_expires: Family<[(String, String); 0], Gauge>,
    certificate_failures: Counter,
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
        registry.register("limited", "Failing requests answered with 429", limited.clone());
        let certificate_expires = Family::default();
        let help = "When the certificate had by ACME expires, in seconds since the Unix epoch";
        registry.register("certificate_expires_seconds", help, certificate_expires.clone());
        let certificate_failures = Counter::default();
        registry.register(
            "certificate_failures",
            "Tries to get a certificate that failed",
            certificate_failures.clone(),
        );
        Self { registry, webhooks, seconds, limited, certificate_expires, certificate_failures }
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

    /// Counts a failing request that was one too many of its source.
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

    /// All that was counted.
    #[must_use]
    pub fn text(&self) -> String {
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
