//! What is told as it stands when somebody asks.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::journal::{Health, Syncs};

/// How a relay stands. Counts are since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Snapshot {
    /// Who is there.
    pub live: Live,
    /// Webhooks that are owed, and how long the oldest of them has been.
    pub owed: Option<(u64, Duration)>,
    /// The journal, where there is one.
    pub journal: Option<Health>,
}

/// Who is there, and how much waits for its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Sessions that forward.
    pub listeners: usize,
    /// Sessions that look on.
    pub observers: usize,
    /// Sessions that have not greeted yet, or have said goodbye.
    pub greeting: usize,
    /// Webhooks that wait for their answers.
    pub in_flight: usize,
}

#[derive(Default)]
pub(super) struct Standing {
    sessions: Family<Role, Gauge>,
    in_flight: Gauge,
    owed: Gauge,
    owed_seconds: Gauge<f64, AtomicU64>,
    journal_open: Gauge,
    dropped: Counter,
    syncs: SyncSeconds,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Role {
    role: &'static str,
}

/// A histogram that somebody else has counted.
#[derive(Clone, Debug, Default)]
struct SyncSeconds(Arc<Mutex<Syncs>>);

impl EncodeMetric for SyncSeconds {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let syncs = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let buckets: Vec<_> = syncs.buckets().collect();
        encoder.encode_histogram::<NoLabelSet>(syncs.time().as_secs_f64(), syncs.count(), &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

impl Standing {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("sessions", "Sessions of CLIs", self.sessions.clone());
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
        let help = "How long changes took to be synced to the disk";
        registry.register("journal_sync_seconds", help, self.syncs.clone());
    }

    pub(super) fn set(&self, now: Snapshot) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let Live { listeners, observers, greeting, in_flight } = now.live;
        for (role, count) in [("listener", listeners), ("observer", observers), ("greeting", greeting)] {
            self.sessions.get_or_create(&Role { role }).set(number(count));
        }
        self.in_flight.set(number(in_flight));
        if let Some((count, oldest)) = now.owed {
            self.owed.set(i64::try_from(count).unwrap_or(i64::MAX));
            self.owed_seconds.set(oldest.as_secs_f64());
        }
        let Some(health) = now.journal else {
            self.journal_open.set(0);
            return;
        };
        self.journal_open.set(i64::from(!health.closed));
        // It only grows, and two that ask at once may count a step twice at most for a moment.
        self.dropped.inc_by(health.dropped.saturating_sub(self.dropped.get()));
        *self.syncs.0.lock().unwrap_or_else(PoisonError::into_inner) = health.syncs;
    }
}
