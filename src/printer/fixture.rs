//! One of each event, for tests.

use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::frame::Gap;
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::mux::signature::Verdict;
use muxhook_protocol::{Delivery, DeliveryId, FailReason, Failure, Headers, Reply};

use crate::cure::{self, Exchange};
use crate::event::*;

/// 2026-09-21T14:13:20.123Z.
pub(super) const AT: u64 = 1_790_000_000_123;

pub(super) const BODY: &str = r#"{
  "type": "video.live_stream.created",
  "id": "5f6a8e2c-0d1b-4a0e-9c3f-1a2b3c4d5e6f",
  "object": { "type": "live", "id": "VcnSfKxBnW01abcdefQ8Tz02" },
  "environment": { "name": "Production", "id": "env9f" },
  "data": { "stream_key": "super-secret", "srt_passphrase": "hush", "max": 1.0e+30, "max": 12345678901234567890 }
}"#;

/// The `nth` delivery's id.
pub(super) fn id(nth: u8) -> DeliveryId {
    DeliveryId::new(AT, &[nth; 10])
}

/// A delivery of [`BODY`], changed by `change`.
pub(super) fn arrival(change: impl FnOnce(&mut Arrival)) -> Arc<Arrival> {
    let mut arrival = Arrival {
        delivery: Delivery {
            id: id(1),
            seq: 7,
            received_at: AT - 61_000,
            attempt: 1,
            method: "POST".into(),
            path: "/hook".into(),
            query: Some("a=1&b".into()),
            headers: [
                ("content-type", &b"application/json"[..]),
                ("mux-signature", b"t=1790000000,v1=aa"),
                ("authorization", b"Bearer tok"),
                ("x-name", b"caf\xe9\x1b"),
            ]
            .into_iter()
            .collect(),
            owed: false,
            replayed: false,
            body: BODY.into(),
        },
        envelope: Envelope {
            event_type: Some("video.live_stream.created".into()),
            event_id: Some("5f6a8e2c-0d1b-4a0e-9c3f-1a2b3c4d5e6f".into()),
            object_type: Some("live".into()),
            object_id: Some("VcnSfKxBnW01abcdefQ8Tz02".into()),
            environment_name: Some("Production".into()),
            environment_id: Some("env9f".into()),
        },
        signature: None,
        known_type: true,
        duplicate_of: None,
        out_of_order: false,
    };
    change(&mut arrival);
    Arc::new(arrival)
}

/// Where everything goes.
const TARGET: &str = "http://localhost:3000/hook";

pub(super) fn reply(status: u16, content_type: &'static str, body: &'static str) -> Reply {
    let headers: Headers = [("content-type", content_type), ("set-cookie", "sid=1")].into_iter().collect();
    Reply { status, headers, body: body.into(), truncated: false }
}

pub(super) fn forwarded(arrival: Arc<Arrival>, reply: Reply, latency: Duration) -> Event {
    answered(arrival, reply, latency, false)
}

fn answered(arrival: Arc<Arrival>, reply: Reply, latency: Duration, late: bool) -> Event {
    let verdict = arrival.signature;
    let hint = cure::cure(Exchange { target: Some(TARGET), reply: &reply, signed: true, verdict, late });
    Event::Forwarded(Forwarded { arrival, target: TARGET.into(), reply, latency, late, hint })
}

pub(super) fn failed(arrival: Arc<Arrival>, reason: FailReason) -> Event {
    Event::Failed(Failed {
        arrival,
        target: TARGET.into(),
        failure: Failure { reason, message: "nothing listens on localhost:3000".into() },
        hint: Some("start the app, or give its port with --forward-to".into()),
    })
}

pub(super) fn refused(verdict: Verdict, message: &str, hint: &str) -> Event {
    let arrival = arrival(|it| it.signature = Some(verdict));
    Event::Refused(Refused { arrival, message: message.to_owned(), hint: Some(hint.to_owned()) })
}

pub(super) fn ready() -> Ready {
    Ready {
        public_url: "https://hooks.example.com/h/q5n2zj7c4kq3x7m2w5v6b3t4ya".into(),
        endpoint: "q5n2zj7c4kq3x7m2w5v6b3t4ya".into(),
        forward_to: Some("http://ann:pw@localhost:3000/api/webhooks/mux".into()),
        relay: "https://hooks.example.com".into(),
        embedded: false,
    }
}

pub(super) fn notice(level: Level) -> Event {
    Event::Notice(Notice {
        level,
        code: "body_too_large".into(),
        message: "a request of 6 MiB was refused: the relay takes 5 MiB".into(),
    })
}

/// One of each, in the order of a session.
pub(super) fn session() -> Vec<Event> {
    let plain = || arrival(|_| {});
    let marked = arrival(|it| {
        it.duplicate_of = Some(id(2));
        it.out_of_order = true;
        it.delivery.attempt = 3;
        it.delivery.owed = true;
        it.delivery.replayed = true;
    });
    let received = |awaited| Event::Received(Received { arrival: plain(), awaited });
    vec![
        Event::Ready(ready()),
        received(true),
        forwarded(plain(), reply(200, "text/plain", "ok"), Duration::from_micros(12_345)),
        forwarded(
            marked,
            reply(500, "text/plain", "TypeError: x is undefined\n\n  at app.js:1"),
            Duration::from_micros(800),
        ),
        answered(plain(), reply(200, "text/plain", "ok"), Duration::from_millis(6_120), true),
        failed(plain(), FailReason::Refused),
        failed(plain(), FailReason::TooLarge),
        Event::Skipped(Skipped { arrival: plain(), filter: "--events video.asset.*".into() }),
        refused(
            Verdict::Missing,
            "the webhook has no mux-signature header",
            "Mux signs every webhook: somebody else sent it",
        ),
        received(false),
        Event::Disconnected(Disconnected {
            reason: "the link to the relay is lost: no answer for 15 s".into(),
            retry_in: Duration::from_millis(400),
        }),
        Event::Reconnected(Reconnected { down: Duration::from_millis(3_210), missed: Some(4) }),
        Event::Gap(Gap { from_seq: 3, to_seq: 40, count: 12, why: "older than 24 h".into() }),
        notice(Level::Info),
        notice(Level::Warning),
        Event::Summary(Summary {
            events: 1_204,
            forwarded: 1_200,
            rejected: 1,
            failed: 3,
            skipped: 1,
            refused: 2,
            duplicates: 2,
            uptime: Duration::from_millis(192_500),
        }),
    ]
}
