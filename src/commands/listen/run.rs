//! What one run of `listen` has counted, and what it waits for.

use std::collections::{HashSet, VecDeque};
use std::mem::Discriminant;
use std::sync::Arc;

use muxhook_protocol::frame::Owed;
use muxhook_protocol::mux::signature::Verdict;
use muxhook_protocol::{Delivery, DeliveryId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::catchup::Catchup;
use super::reliance::Reliance;
use super::webhook::Farewell;
use crate::event::{Arrival, Ready, Summary};
use crate::forwarder::Target;
use crate::intake::anew::Unsignable;

/// What one run has counted, and what it waits for.
pub(crate) struct Run {
    pub(super) started: Instant,
    pub(super) summary: Summary,
    /// End after so many events.
    pub(super) count: Option<u64>,
    /// Events taken up towards the count, and those of them that are done with.
    pub(super) taken: u64,
    pub(super) done: u64,
    /// Deliveries that wait until output flows again or the user says go on.
    pub(super) held: VecDeque<Box<Delivery>>,
    pub(super) paused: bool,
    /// Deliveries at the app whose senders have their answer.
    pub(super) late: HashSet<DeliveryId>,
    /// The user knows that events wait for the app to have done with others.
    pub(super) queued: bool,
    /// What the user knows to be wrong with signatures.
    pub(super) doubted: HashSet<Discriminant<Verdict>>,
    /// For the key `r`.
    pub(super) last: Option<(Arc<Arrival>, Arc<Target>)>,
    /// The public address, once it is known.
    pub(super) address: Option<String>,
    /// Told once, when the listener is ready.
    pub(super) ready: Option<oneshot::Sender<Ready>>,
    /// No secret was given: those that are kept for the endpoint count.
    pub(super) kept_secrets: bool,
    /// Without any secret it must not go on.
    pub(super) needs_secret: bool,
    /// What does not arrive live.
    pub(super) catchup: Catchup,
    /// What was asked for that a relay may not have.
    pub(super) reliance: Reliance,
    /// The user knows that events are signed anew.
    pub(super) signed_anew: bool,
    /// The user knows why some are not.
    pub(super) unsigned: HashSet<Unsignable>,
    /// To be done when it ends.
    pub(super) farewell: Option<Farewell>,
}

/// What the forwarder gives back with an outcome.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(super) arrival: Arc<Arrival>,
    pub(super) app: Arc<Target>,
    /// It arrived just now: it counts, and its sender may still wait.
    pub(super) live: bool,
    /// Asked for by the user, so nothing that the relay waits for.
    pub(super) replay: bool,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As many events came as were asked for.
    Counted,
    /// The time was up; what was counted by then falls short or not.
    TimeUp {
        /// Events that were taken up towards the count.
        came: u64,
    },
    /// The user or the system asked for it.
    Stopped,
    /// The user asked twice.
    StoppedNow,
    /// The output has no reader.
    Closed,
}

impl Run {
    /// Nothing counted yet; `count` events are waited for.
    pub(crate) fn new(count: Option<u64>, ready: Option<oneshot::Sender<Ready>>) -> Self {
        Self {
            started: Instant::now(),
            summary: Summary::default(),
            count,
            taken: 0,
            done: 0,
            held: VecDeque::new(),
            paused: false,
            late: HashSet::new(),
            queued: false,
            doubted: HashSet::new(),
            last: None,
            address: None,
            ready,
            kept_secrets: false,
            needs_secret: false,
            catchup: Catchup::new(Owed::Deliver, false),
            reliance: Reliance::default(),
            signed_anew: false,
            unsigned: HashSet::new(),
            farewell: None,
        }
    }

    pub(super) fn is_counted(&self) -> bool {
        self.count.is_some_and(|count| self.done >= count)
    }

    /// Whether a further event may be taken up.
    pub(super) fn takes_more(&self) -> bool {
        self.count.is_none_or(|count| self.taken < count)
    }
}
