//! Which events a run has seen.

use muxhook_protocol::DeliveryId;

use super::memory::Memory;

/// Event id → the delivery that brought it first.
#[derive(Debug, Default)]
pub(super) struct Seen(Memory<Option<DeliveryId>>);

impl Seen {
    /// The delivery that brought `event` before this one; `None` when this is the first, or is that one again.
    pub(super) fn first(&mut self, event: &str, delivery: DeliveryId) -> Option<DeliveryId> {
        self.0.about(event, |first| Some(*first.get_or_insert(delivery)).filter(|first| *first != delivery))
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MOST;
    use super::*;

    #[test]
    fn the_memory_is_bounded() {
        let mut seen = Seen::default();
        let id = |number: usize| DeliveryId::new(number as u64, &[0; 10]);
        for number in 0..MOST + 2 {
            assert_eq!(seen.first(&number.to_string(), id(number)), None);
        }
        assert_eq!(seen.0.len(), MOST);
        assert_eq!(seen.first("2", id(9)), Some(id(2)));
        assert_eq!(seen.first("0", id(9)), None, "forgotten");
    }
}
