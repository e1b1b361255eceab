//! Whether events come in the order of their object's life. Mux promises none: an app that relies on it works until it
//! does not.

use jiff::Timestamp;
use muxhook_protocol::mux::catalogue::Place;

use super::memory::Memory;

/// Object id → how far each of its lives has come. The last 20,000 objects are remembered.
#[derive(Debug, Default)]
pub struct Order(Memory<Vec<Reached>>);

/// How far one life of an object has come. An object has few: its own, its master's, its renditions'.
#[derive(Debug)]
struct Reached {
    life: &'static str,
    step: u8,
    /// When the latest event of that step was made, as far as that is known.
    latest: Option<Timestamp>,
}

impl Order {
    /// Takes in an event at `place` in a life of `object`; `true` when one was seen before that comes after it: of a
    /// later step, or of the same step and made later. `made` reads when the event was made, and is asked only where
    /// that counts.
    pub fn is_broken(
        &mut self,
        object: &str,
        place: Place,
        made: impl FnOnce() -> Option<Timestamp>,
    ) -> bool {
        self.0.about(object, |lives| match lives.iter_mut().find(|reached| reached.life == place.life) {
            Some(reached) => reached.take(place.step, made),
            None => {
                lives.push(Reached { life: place.life, step: place.step, latest: made() });
                false
            }
        })
    }
}

impl Reached {
    fn take(&mut self, step: u8, made: impl FnOnce() -> Option<Timestamp>) -> bool {
        if step < self.step {
            return true;
        }
        let (before, made) = (if step == self.step { self.latest } else { None }, made());
        // Of two unknown times neither is earlier.
        let broken = made.is_some() && made < before;
        (self.step, self.latest) = (step, before.max(made));
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::MOST;
    use super::*;

    const OWN: &str = "asset";

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    /// Which of these events, each a life, a step and when it was made, break the order.
    fn broken(events: &[(&'static str, u8, Option<Timestamp>)]) -> Vec<bool> {
        let mut order = Order::default();
        let place = |life, step| Place { life, step };
        events.iter().map(|(life, step, made)| order.is_broken("a1", place(life, *step), || *made)).collect()
    }

    #[test]
    fn a_step_behind_a_later_one_breaks_it() {
        let events = [(OWN, 0, at(1)), (OWN, 2, at(3)), (OWN, 1, at(9)), (OWN, 0, at(1)), (OWN, 2, at(4))];
        assert_eq!(broken(&events), [false, false, true, true, false]);
    }

    #[test]
    fn within_a_step_the_time_tells() {
        let events = [(OWN, 1, at(5)), (OWN, 1, at(5)), (OWN, 1, at(7)), (OWN, 1, at(6)), (OWN, 1, at(7))];
        assert_eq!(broken(&events), [false, false, false, true, false]);
        let later_step = [(OWN, 1, at(9)), (OWN, 2, at(3)), (OWN, 2, at(4))];
        assert_eq!(broken(&later_step), [false; 3], "another step's time says nothing");
    }

    #[test]
    fn an_unknown_time_is_not_held_against_anybody() {
        let events = [(OWN, 1, None), (OWN, 1, at(5)), (OWN, 1, None), (OWN, 1, at(4))];
        assert_eq!(broken(&events), [false, false, false, true]);
    }

    #[test]
    fn lives_and_objects_are_apart() {
        assert_eq!(broken(&[(OWN, 3, at(3)), ("master", 0, at(1)), (OWN, 2, at(2))]), [false, false, true]);
        let mut order = Order::default();
        let place = |step| Place { life: OWN, step };
        assert!(!order.is_broken("a1", place(3), || None));
        assert!(!order.is_broken("a2", place(0), || None));
        assert!(order.is_broken("a1", place(0), || None));
    }

    #[test]
    fn the_time_is_not_read_where_the_step_tells() {
        let mut order = Order::default();
        let place = |step| Place { life: OWN, step };
        order.is_broken("a1", place(1), || at(1));
        assert!(order.is_broken("a1", place(0), || unreachable!("read for nothing")));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut order = Order::default();
        let mut take =
            |object: usize, step| order.is_broken(&object.to_string(), Place { life: OWN, step }, || None);
        (0..MOST + 1).for_each(|object| assert!(!take(object, 5)));
        assert!(take(1, 0));
        assert!(!take(0, 0), "forgotten");
        assert_eq!(order.0.len(), MOST);
    }
}
