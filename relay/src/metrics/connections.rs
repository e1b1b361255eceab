//! What is counted of public connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Public connections: how many there are, and what went wrong with others.
#[derive(Debug, Default)]
pub struct Connections {
    open: Gauge,
    refused: Family<Reason, Counter>,
    failed: Family<Reason, Counter>,
}

/// Why, as one word out of few.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

impl Connections {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("connections", "Public connections that are open, sessions too", self.open.clone());
        let help = "Public connections closed at once, since there were as many as there may be";
        registry.register("connections_refused", help, self.refused.clone());
        let help = "Public connections ended for what was no TLS or no request, or for being too slow";
        registry.register("connections_failed", help, self.failed.clone());
    }

    /// Counts one that begins.
    pub fn opened(&self) {
        self.open.inc();
    }

    /// Counts one that ends.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// Counts one that was not taken, since there were too many `in_all` or `of_source`.
    pub fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// Counts one that was ended: `tls`, `slow_tls`, `head`, `slow_head`, `slow_reader`.
    pub fn failed(&self, reason: &'static str) {
        self.failed.get_or_create(&Reason { reason }).inc();
    }
}
