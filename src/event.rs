//! What a user may be told. Commands emit these; the printer renders them; nobody else writes to a terminal.

use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::frame::Gap;
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::mux::signature::Verdict;
use muxhook_protocol::{Delivery, DeliveryId, Failure, Reply};

/// Something that happened, worth a line.
#[derive(Clone, Debug)]
pub enum Event {
    /// The relay has confirmed the subscription.
    Ready(Ready),
    /// A delivery arrived.
    Received(Received),
    /// The app answered it.
    Forwarded(Forwarded),
    /// The app gave no usable answer.
    Failed(Failed),
    /// A filter kept it from the app.
    Skipped(Skipped),
    /// Its signature kept it from the app. Its sender was refused, unless it had its answer before (owed, replayed).
    Refused(Refused),
    /// The link to the relay is lost.
    Disconnected(Disconnected),
    /// The link stands again.
    Reconnected(Reconnected),
    /// Deliveries that the relay had and holds no longer.
    Gap(Gap),
    /// Anything else that the user should know.
    Notice(Notice),
    /// The end: the counts of the whole run.
    Summary(Summary),
}

/// See [`Event::Ready`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The address to give to Mux.
    pub public_url: String,
    /// The endpoint's id or name.
    pub endpoint: String,
    /// Where deliveries go, as a URL; `None`: they are only shown.
    pub forward_to: Option<String>,
    /// The relay's origin, as a URL.
    pub relay: String,
    /// Whether the relay runs on this machine, where Mux can't reach it.
    pub embedded: bool,
}

/// See [`Event::Received`].
#[derive(Clone, Debug)]
pub struct Received {
    /// What arrived.
    pub arrival: Arc<Arrival>,
    /// Whether a [`Event::Forwarded`], [`Event::Failed`], [`Event::Skipped`] or [`Event::Refused`] follows. When not,
    /// the delivery is only shown.
    pub awaited: bool,
}

/// A delivery, and what is known of it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The delivery.
    pub delivery: Delivery,
    /// What its body says of itself.
    pub envelope: Envelope,
    /// What its signature was worth when it arrived; `None`: no secret was at hand to check it with.
    pub signature: Option<Verdict>,
    /// Its type is one that muxhook knows. What is no event has none.
    pub known_type: bool,
    /// The first delivery seen in this run that carried the same event.
    pub duplicate_of: Option<DeliveryId>,
    /// An event was seen before it that comes after it in their object's life.
    pub out_of_order: bool,
}

/// See [`Event::Forwarded`].
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// What was forwarded.
    pub arrival: Arc<Arrival>,
    /// The URL it went to.
    pub target: Arc<str>,
    /// The app's answer.
    pub reply: Reply,
    /// From handing it over to the answer's end.
    pub latency: Duration,
    /// The sender had its answer before.
    pub late: bool,
    /// What the user may try, when the answer is no 2xx and its cause is known, or when it came too late.
    pub hint: Option<String>,
}

/// See [`Event::Failed`].
#[derive(Clone, Debug)]
pub struct Failed {
    /// What was to be forwarded.
    pub arrival: Arc<Arrival>,
    /// The URL it was to go to.
    pub target: Arc<str>,
    /// What went wrong.
    pub failure: Failure,
    /// What the user may try, when that is known.
    pub hint: Option<String>,
}

/// See [`Event::Skipped`].
#[derive(Clone, Debug)]
pub struct Skipped {
    /// What was skipped.
    pub arrival: Arc<Arrival>,
    /// The filter that said so, as the user wrote it.
    pub filter: String,
}

/// See [`Event::Refused`].
#[derive(Clone, Debug)]
pub struct Refused {
    /// What was refused.
    pub arrival: Arc<Arrival>,
    /// What is wrong with its signature. A sender that was refused was told the same.
    pub message: String,
    /// What the user may do about it.
    pub hint: Option<String>,
}

/// See [`Event::Disconnected`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnected {
    /// Why, in words.
    pub reason: String,
    /// Until the next attempt.
    pub retry_in: Duration,
}

/// See [`Event::Reconnected`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnected {
    /// How long the link was down.
    pub down: Duration,
    /// Deliveries that the relay owes, from meanwhile or from before; `None` for one who only looks on.
    pub missed: Option<u64>,
}

/// See [`Event::Notice`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// What about, for programs: lower-case words joined by `_`.
    pub code: String,
    /// What, for people: one sentence or a few.
    pub message: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is not as it should be.
    Warning,
}

/// See [`Event::Summary`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Deliveries that arrived.
    pub events: u64,
    /// Those that the app answered.
    pub forwarded: u64,
    /// Of these, those that it did not answer with a 2xx.
    pub rejected: u64,
    /// Those that the app gave no usable answer to.
    pub failed: u64,
    /// Those that a filter kept from the app.
    pub skipped: u64,
    /// Those whose signature kept them from the app.
    pub refused: u64,
    /// Those that carried an event seen before.
    pub duplicates: u64,
    /// How long the run was.
    pub uptime: Duration,
}
