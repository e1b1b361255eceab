//! A delivery as the history holds it, made into what the rest of the program knows.

use std::time::Duration;

use bytes::Bytes;
use muxhook_protocol::Delivery;
use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::mux::signature::{self, Key, Verdict};

use crate::api::events::{Detail, Fate};
use crate::event::Arrival;

/// A delivery of the history, whole.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) detail: Detail,
    pub(super) body: Bytes,
}

impl Stored {
    /// The delivery as it was handed over last; never handed over: as it came.
    pub(super) fn delivery(&self) -> Delivery {
        let row = &self.detail.row;
        let attempts = u32::try_from(row.attempts.len()).unwrap_or(u32::MAX);
        Delivery {
            id: row.delivery,
            seq: row.seq,
            received_at: row.received_at,
            attempt: attempts.max(1),
            method: row.method.as_str().into(),
            path: row.path.as_str().into(),
            query: row.query.as_deref().map(Into::into),
            headers: self.detail.headers.clone(),
            owed: row.fate == Fate::Owed,
            replayed: row.attempts.last().is_some_and(|attempt| attempt.replayed),
            body: self.body.clone(),
        }
    }

    /// The delivery when it is sent once more, at somebody's wish.
    pub(super) fn again(&self) -> Delivery {
        let attempts = u32::try_from(self.detail.row.attempts.len()).unwrap_or(u32::MAX);
        Delivery { attempt: attempts.saturating_add(1), owed: false, replayed: true, ..self.delivery() }
    }

    /// What its signature was worth by `keys` when it arrived; `None`: there is no key to tell by.
    pub(super) fn verdict(&self, keys: &[Key]) -> Option<Verdict> {
        let arrived = Duration::from_millis(self.detail.row.received_at).as_secs();
        let arrived = i64::try_from(arrived).unwrap_or(i64::MAX);
        let verify = || signature::verify_request(&self.detail.headers, &self.body, keys, arrived);
        (!keys.is_empty()).then(verify)
    }

    /// All that is known of it.
    pub(super) fn arrival(&self, keys: &[Key]) -> Arrival {
        let envelope = Envelope::peek(&self.body);
        let event_type = envelope.event_type.as_deref().unwrap_or_default();
        Arrival {
            known_type: catalogue::find(event_type).is_some(),
            delivery: self.delivery(),
            signature: self.verdict(keys),
            duplicate_of: self.detail.row.duplicate_of,
            out_of_order: false,
            envelope,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use muxhook_protocol::{DeliveryId, Headers};

    use super::super::fixture::{attempt, row};
    use super::*;

    /// A delivery with these headers and this body, which an app rejected with 500 after 12 ms.
    pub(in crate::commands::events) fn stored(headers: &[(&str, &[u8])], body: &[u8]) -> Stored {
        let row = row(7, |row| {
            row.delivery = DeliveryId::new(1_767_225_600_000, &[7; 10]);
            row.received_at = 1_767_225_600_000;
            (row.path, row.query) = (String::new(), None);
            (row.fate, row.status, row.size) = (Fate::Rejected, 500, body.len() as u64);
            row.attempts = vec![attempt("replied", Some(500))];
        });
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        let headers: Headers = pairs.collect();
        Stored { detail: Detail { row, headers }, body: body.to_vec().into() }
    }

    #[test]
    fn what_is_sent_again_is_the_next_attempt_and_marked() {
        let stored = stored(&[("x-a", b"1")], b"{}");
        let (before, again) = (stored.delivery(), stored.again());
        assert_eq!((before.attempt, before.replayed, before.owed), (1, false, false));
        assert_eq!((again.attempt, again.replayed, again.owed), (2, true, false));
        assert_eq!((again.id, again.body, again.headers), (before.id, before.body, before.headers));
    }

    #[test]
    fn the_signature_counts_as_of_the_arrival() {
        let keys = [Key::new("secret").unwrap()];
        let value = signature::sign(&keys[0], 1_767_225_590, b"{}");
        let stored = stored(&[("mux-signature", value.as_bytes())], b"{}");
        assert_eq!(stored.verdict(&keys), Some(Verdict::Valid { age: 10, key: 0 }));
        assert_eq!(stored.arrival(&[]).signature, None);
    }
}
