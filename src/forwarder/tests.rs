//! The forwarder against real apps on real sockets.

mod app;
mod connections;
mod failures;
mod replaced;
mod requests;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use muxhook_protocol::{Delivery, DeliveryId, FailReason, Failure, Headers, Outcome, Reply};

use super::{Done, Forwarder, HeaderOverride, Options, Target};

fn options() -> Options {
    Options { timeout: Duration::from_secs(30), max_in_flight: 50, skip_verify: false, headers: Vec::new() }
}

fn forwarder() -> Forwarder<u32> {
    Forwarder::new(options())
}

fn target(text: impl AsRef<str>) -> Arc<Target> {
    Arc::new(Target::parse(text.as_ref()).unwrap())
}

fn delivery(body: impl Into<Bytes>) -> Delivery {
    Delivery {
        id: DeliveryId::new(1_767_225_600_000, &[7; 10]),
        seq: 1,
        received_at: 0,
        attempt: 1,
        method: "POST".into(),
        path: "".into(),
        query: None,
        headers: Headers::new(),
        owed: false,
        replayed: false,
        body: body.into(),
    }
}

/// Forwards one delivery and waits for what comes of it.
async fn forward(forwarder: &mut Forwarder<u32>, to: &Arc<Target>, body: impl Into<Bytes>) -> Done<u32> {
    forwarder.start(to, &delivery(body), 0);
    forwarder.next().await
}

fn reply(done: Done<u32>) -> Reply {
    match done.outcome {
        Outcome::Replied(reply) => reply,
        other => panic!("no reply: {other:?}"),
    }
}

/// The failure's reason and words, and the hint.
fn failure(done: Done<u32>) -> (FailReason, String, String) {
    match done.outcome {
        Outcome::Failed(Failure { reason, message }) => (reason, message, done.hint.unwrap_or_default()),
        other => panic!("no failure: {other:?}"),
    }
}
