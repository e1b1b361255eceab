//! Ids and numbers for deliveries, both growing.

use std::sync::{Mutex, PoisonError};

use muxhook_protocol::DeliveryId;

/// Hands out ids and sequence numbers. Ids sort by arrival, also within one millisecond and when the wall clock
/// steps back: the time in them never does, and their tail counts up.
#[derive(Debug)]
pub(super) struct Ids(Mutex<Last>);

#[derive(Debug)]
struct Last {
    millis: u64,
    /// Counts within one run, from a random start: ids of two runs don't meet.
    tail: u64,
    seq: u64,
}

impl Ids {
    /// Starts behind `seq`; `random` is the run's random start.
    pub(super) fn new(random: [u8; 8], seq: u64) -> Self {
        // A UUID takes the top two of these 64 bits for its variant; one more stays free to count into.
        let tail = u64::from_be_bytes(random) >> 3;
        Self(Mutex::new(Last { millis: 0, tail, seq }))
    }

    /// The latest number.
    pub(super) fn latest(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seq
    }

    /// The next id and number, for a delivery of `unix_millis`.
    pub(super) fn next(&self, unix_millis: u64) -> (DeliveryId, u64) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.millis = last.millis.max(unix_millis);
        last.tail += 1;
        last.seq += 1;
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&last.tail.to_be_bytes());
        (DeliveryId::new(last.millis, &tail), last.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let ids = Ids::new([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0], 0);
        let list: Vec<_> = [5, 5, 4, 6, 1].iter().cycle().take(100).map(|millis| ids.next(*millis)).collect();
        assert!(list.is_sorted_by(|one, other| one.0 < other.0 && one.1 < other.1), "{list:?}");
    }
}
