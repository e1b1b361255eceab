//! Deliveries of a history, for tests.

use muxhook_protocol::DeliveryId;

use crate::api::events::{Attempt, Fate, Row};

/// 2026-09-21T14:13:20.123Z.
pub(super) const AT: u64 = 1_790_000_000_123;

/// The `nth` delivery's id.
pub(super) fn id(nth: u8) -> DeliveryId {
    DeliveryId::new(AT, &[nth; 10])
}

/// The `nth` delivery, which an app accepted, changed by `change`.
pub(super) fn row(nth: u8, change: impl FnOnce(&mut Row)) -> Row {
    let mut row = Row {
        delivery: id(nth),
        seq: u64::from(nth),
        received_at: AT,
        method: "POST".to_owned(),
        path: "/hook".to_owned(),
        query: Some("a=1".to_owned()),
        size: 2_048,
        event_id: Some("5f6a8e2c-0d1b-4a0e-9c3f-1a2b3c4d5e6f".to_owned()),
        event_type: Some("video.asset.ready".to_owned()),
        object_type: Some("asset".to_owned()),
        object_id: Some("ng02vOhRq7ABCDEFGHIJdY00".to_owned()),
        environment: Some("Production".to_owned()),
        fate: Fate::Accepted,
        answered_by: "app".to_owned(),
        status: 200,
        duplicate_of: None,
        attempts: vec![attempt("replied", Some(200))],
    };
    change(&mut row);
    row
}

/// A handing-over that took 12 ms.
pub(super) fn attempt(result: &str, status: Option<u16>) -> Attempt {
    Attempt {
        at: AT + 12,
        took_ms: 12,
        session: 3,
        result: result.to_owned(),
        status,
        message: None,
        late: false,
        replayed: false,
    }
}
