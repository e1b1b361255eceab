//! One frame of every kind and shape.

use bytes::Bytes;
use muxhook_protocol::frame::{
    Ack, Backlog, Gap, Hello, Limits, Notice, Owed, Refused, RefusedCode, Restarting, Role, Since, Welcome,
};
use muxhook_protocol::outcome::{FailReason, Failure};
use muxhook_protocol::{Delivery, DeliveryId, Frame, Headers, Outcome, Reply};

pub(crate) fn id() -> DeliveryId {
    DeliveryId::new(1_763_900_000_000, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
}

/// A usual delivery, and its body's size.
pub(crate) fn delivery() -> (Delivery, u64) {
    let body = Bytes::from_static(b"{ \"type\": \"video.asset.ready\" }\r\n");
    let size = body.len() as u64;
    let headers = [("content-type", "application/json"), ("mux-signature", "t=1763900000,v1=00ff")];
    let delivery = Delivery {
        id: id(),
        seq: 7,
        received_at: 1_763_900_000_123,
        attempt: 1,
        method: "POST".into(),
        path: "/suffix".into(),
        query: Some("a=1&b=%20".into()),
        headers: Headers::from_iter(headers),
        owed: false,
        replayed: false,
        body,
    };
    (delivery, size)
}

/// The usual delivery's message, with `old` in it replaced by `new`.
pub(crate) fn deliver_with(old: &str, new: &str) -> Vec<u8> {
    let (delivery, size) = delivery();
    let message = Frame::Deliver { delivery: delivery.into(), size }.encode();
    let message = std::str::from_utf8(&message).unwrap();
    assert!(message.contains(old), "{old} is not in {message}");
    message.replacen(old, new, 1).into_bytes()
}

fn deliver(change: impl FnOnce(&mut Delivery)) -> Frame {
    let (mut delivery, _) = delivery();
    change(&mut delivery);
    let size = delivery.body.len() as u64;
    Frame::Deliver { delivery: delivery.into(), size }
}

fn outcome(outcome: Outcome) -> Frame {
    let size = if let Outcome::Replied(reply) = &outcome { reply.body.len() as u64 } else { 0 };
    Frame::Outcome { id: id(), outcome, size }
}

fn replied(change: impl FnOnce(&mut Reply)) -> Frame {
    let headers = Headers::from_iter([("content-type", "text/plain"), ("x-request-id", "1")]);
    let mut reply = Reply { status: 200, headers, body: Bytes::from_static(b"thank you"), truncated: false };
    change(&mut reply);
    outcome(Outcome::Replied(reply))
}

/// A text of every kind of character that JSON must or may escape, and of some that it does not.
const ESCAPES: &str =
    "quote \" reverse \\ solidus / \u{8}\t\n\u{c}\r\0\u{1b}\u{1f} del \u{7f} é \u{85} \u{2028} 😀";

fn every_byte() -> Bytes {
    (0..=255).collect::<Vec<u8>>().into()
}

/// Every sample with its file's name.
pub(crate) fn all() -> Vec<(&'static str, Frame)> {
    [deliveries(), outcomes(), parts(), greetings(), rest()].concat()
}

fn deliveries() -> Vec<(&'static str, Frame)> {
    vec![
        ("deliver", deliver(|_| {})),
        ("deliver-query-none", deliver(|delivery| delivery.query = None)),
        ("deliver-query-empty", deliver(|delivery| delivery.query = Some("".into()))),
        ("deliver-path-empty", deliver(|delivery| delivery.path = "".into())),
        ("deliver-body-empty", deliver(|delivery| delivery.body = Bytes::new())),
        ("deliver-body-every-byte", deliver(|delivery| delivery.body = every_byte())),
        ("deliver-headers-none", deliver(|delivery| delivery.headers = Headers::new())),
        (
            "deliver-headers-repeated",
            deliver(|delivery| {
                delivery.headers = Headers::from_iter([("x", "1"), ("y", ""), ("x", "2")]);
            }),
        ),
        (
            "deliver-header-every-byte",
            deliver(|delivery| {
                delivery.headers = Headers::from_iter([("x-every-byte", every_byte())]);
            }),
        ),
        (
            "deliver-header-latin-1",
            deliver(|delivery| {
                delivery.headers = Headers::from_iter([("x-name", Bytes::from_static(b"Andr\xe9"))]);
            }),
        ),
        (
            "deliver-header-utf-8",
            deliver(|delivery| {
                delivery.headers = Headers::from_iter([("x-name", "André")]);
            }),
        ),
        (
            "deliver-escapes",
            deliver(|delivery| {
                delivery.path = format!("/{ESCAPES}").into();
                delivery.query = Some(ESCAPES.into());
            }),
        ),
        (
            "deliver-owed-replayed",
            deliver(|delivery| {
                (delivery.owed, delivery.replayed, delivery.attempt) = (true, true, 3);
            }),
        ),
        (
            "deliver-largest-numbers",
            deliver(|delivery| {
                (delivery.seq, delivery.received_at, delivery.attempt) = (u64::MAX, u64::MAX, u32::MAX);
            }),
        ),
        ("deliver-first-part", {
            let (delivery, _) = delivery();
            Frame::Deliver { delivery: delivery.into(), size: 70_000 }
        }),
    ]
}

fn outcomes() -> Vec<(&'static str, Frame)> {
    let failed =
        |reason, message: &str| outcome(Outcome::Failed(Failure { reason, message: message.into() }));
    vec![
        ("outcome-replied", replied(|_| {})),
        (
            "outcome-replied-empty",
            replied(|reply| {
                (reply.status, reply.headers, reply.body) = (204, Headers::new(), Bytes::new());
            }),
        ),
        (
            "outcome-replied-every-byte",
            replied(|reply| {
                (reply.headers, reply.body) =
                    (Headers::from_iter([("x-every-byte", every_byte())]), every_byte());
            }),
        ),
        ("outcome-replied-truncated", replied(|reply| (reply.truncated, reply.body) = (true, Bytes::new()))),
        (
            "outcome-replied-first-part",
            match replied(|_| {}) {
                Frame::Outcome { id, outcome, .. } => Frame::Outcome { id, outcome, size: 70_000 },
                other => other,
            },
        ),
        ("outcome-failed-refused", failed(FailReason::Refused, "nothing listens on localhost:3000")),
        ("outcome-failed-timeout", failed(FailReason::Timeout, "no answer within 30 s")),
        ("outcome-failed-reset", failed(FailReason::Reset, "")),
        ("outcome-failed-tls", failed(FailReason::Tls, ESCAPES)),
        ("outcome-failed-too-large", failed(FailReason::TooLarge, "a head above 64 KiB")),
        ("outcome-failed-protocol", failed(FailReason::Protocol, "not HTTP")),
        ("outcome-skipped", outcome(Outcome::Skipped { filter: "--events video.asset.*".into() })),
        ("outcome-refused", outcome(Outcome::Refused { reason: "there is no mux-signature header".into() })),
        ("outcome-refused-escapes", outcome(Outcome::Refused { reason: ESCAPES.into() })),
    ]
}

fn parts() -> Vec<(&'static str, Frame)> {
    let part = |offset, last, data| Frame::Part { id: id(), offset, last, data };
    vec![
        ("part", part(65_536, false, Bytes::from_static(b"in between"))),
        ("part-last", part(131_072, true, every_byte())),
    ]
}

fn greetings() -> Vec<(&'static str, Frame)> {
    let full = Hello {
        agent: "muxhook/0.1.0".into(),
        endpoint: Some("my-app".parse().unwrap()),
        prefer: vec!["older".parse().unwrap(), "abcdefghijklmnopqrstuvwxyz".parse().unwrap()],
        listener: "k3v9".into(),
        role: Role::Listener,
        ack: Ack::Relay,
        owed: Owed::Later,
        since: Some(Since { at: 1_763_900_000_000, after: 6, until: Some(12) }),
        resume: vec![id(), DeliveryId::new(0, &[0; 10])],
    };
    let bare = Hello {
        endpoint: None,
        prefer: Vec::new(),
        role: Role::Observer,
        ack: Ack::App,
        owed: Owed::Deliver,
        since: None,
        resume: Vec::new(),
        ..full.clone()
    };
    let welcome = Welcome {
        endpoint: "my-app".parse().unwrap(),
        public_url: "https://hooks.example.com/h/my-app".into(),
        account: "default".into(),
        session: 12,
        server: "muxhook-relay/0.1.0".into(),
        limits: Limits { in_flight: 256, max_body: 5 * 1024 * 1024 },
        others: 1,
        owed: Backlog { count: 7, oldest_at: Some(1_763_900_000_123) },
        seq: 1_763_900_000_200,
        holds: Some(true),
        history: Some(false),
    };
    let older = Welcome { holds: None, history: None, ..welcome.clone() };
    vec![
        ("hello", Frame::Hello(full)),
        ("hello-bare", Frame::Hello(bare)),
        ("welcome", Frame::Welcome(welcome)),
        ("welcome-older", Frame::Welcome(older)),
    ]
}

fn rest() -> Vec<(&'static str, Frame)> {
    let refused =
        |code, message: &str, fatal| Frame::Refused(Refused { code, message: message.into(), fatal });
    let gap = Gap { from_seq: 3, to_seq: 9, count: 5, why: "24 h have passed".into() };
    let notice = Notice { code: "too_large".into(), message: "a body of 6 MiB was refused (\"413\")".into() };
    vec![
        (
            "refused-endpoint-taken",
            refused(RefusedCode::EndpointTaken, "my-app belongs to another account", true),
        ),
        ("refused-too-many-sessions", refused(RefusedCode::TooManySessions, "16 listeners are there", false)),
        ("refused-internal", refused(RefusedCode::Internal, "", false)),
        ("refused-forbidden", refused(RefusedCode::Forbidden, "the endpoint shop was deleted", true)),
        ("refused-protocol", refused(RefusedCode::Protocol, "no greeting", true)),
        ("answered", Frame::Answered { id: id() }),
        ("restarting", Frame::Restarting(Restarting { reconnect_in_ms: 1500 })),
        ("notice", Frame::Notice(notice)),
        ("gap", Frame::Gap(gap)),
        ("past", Frame::Past { after: 9 }),
        ("reachable", Frame::Reachable),
        ("unknown", Frame::Unknown),
    ]
}
