//! How much may be in flight on the public side at once.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts webhooks and the bytes of their bodies.
#[derive(Debug)]
pub(super) struct Permits {
    webhooks: Gauge,
    bytes: Gauge,
}

#[derive(Debug)]
struct Gauge {
    used: AtomicUsize,
    most: usize,
}

impl Gauge {
    fn take(&self, amount: usize) -> bool {
        let more = |used: usize| used.checked_add(amount).filter(|sum| *sum <= self.most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    fn give_back(&self, amount: usize) {
        self.used.fetch_sub(amount, Ordering::Relaxed);
    }
}

/// A place for one webhook; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    permits: &'a Permits,
    bytes: usize,
}

impl Permits {
    pub(super) fn new(webhooks: usize, bytes: usize) -> Self {
        let gauge = |most| Gauge { used: AtomicUsize::new(0), most };
        Self { webhooks: gauge(webhooks), bytes: gauge(bytes) }
    }

    /// A place, if there is one.
    pub(super) fn take(&self) -> Option<Permit<'_>> {
        self.webhooks.take(1).then(|| Permit { permits: self, bytes: 0 })
    }
}

impl Permit<'_> {
    /// Room for a body, if there is.
    pub(super) fn add_bytes(&mut self, bytes: usize) -> bool {
        let taken = self.permits.bytes.take(bytes);
        self.bytes += if taken { bytes } else { 0 };
        taken
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.permits.webhooks.give_back(1);
        self.permits.bytes.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_bytes_are_bounded_and_given_back() {
        let permits = Permits::new(2, 10);
        let mut one = permits.take().unwrap();
        let mut two = permits.take().unwrap();
        assert!(permits.take().is_none());
        assert!(one.add_bytes(8));
        assert!(!two.add_bytes(3));
        drop(one);
        assert!(two.add_bytes(10));
        drop(two);
        assert!(permits.take().unwrap().add_bytes(10));
    }
}
