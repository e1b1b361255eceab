//! Which events a run has seen: a bounded memory, the oldest forgotten first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use muxhook_protocol::DeliveryId;

/// How many events are remembered: a busy environment's day.
const MOST: usize = 20_000;

/// Event id → the delivery that brought it first.
#[derive(Debug, Default)]
pub(super) struct Seen {
    first: HashMap<Arc<str>, DeliveryId>,
    order: VecDeque<Arc<str>>,
}

impl Seen {
    /// The delivery that brought `event` before this one; `None` when this is the first, or is that one again.
    pub(super) fn first(&mut self, event: &str, delivery: DeliveryId) -> Option<DeliveryId> {
        if let Some(first) = self.first.get(event) {
            return Some(*first).filter(|first| *first != delivery);
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.first.remove(&oldest);
        }
        let event: Arc<str> = event.into();
        self.order.push_back(Arc::clone(&event));
        self.first.insert(event, delivery);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded() {
        let mut seen = Seen::default();
        let id = |number: usize| DeliveryId::new(number as u64, &[0; 10]);
        for number in 0..MOST + 2 {
            assert_eq!(seen.first(&number.to_string(), id(number)), None);
        }
        assert_eq!((seen.first.len(), seen.order.len()), (MOST, MOST));
        assert_eq!(seen.first("2", id(9)), Some(id(2)));
        assert_eq!(seen.first("0", id(9)), None, "forgotten");
    }
}
