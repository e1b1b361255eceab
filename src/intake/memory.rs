//! What a run remembers by id: bounded, the oldest forgotten first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many ids are remembered: a busy environment's day.
pub(super) const MOST: usize = 20_000;

/// Id → what is known of it.
#[derive(Debug, Default)]
pub(super) struct Memory<V> {
    known: HashMap<Arc<str>, V>,
    order: VecDeque<Arc<str>>,
}

impl<V: Default> Memory<V> {
    /// Reads and changes what is known of `id`; nothing is known of a new one. The id is copied, so that it keeps no
    /// body in memory.
    pub(super) fn about<R>(&mut self, id: &str, tell: impl FnOnce(&mut V) -> R) -> R {
        if let Some(known) = self.known.get_mut(id) {
            return tell(known);
        }
        if self.order.len() >= MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        let mut new = V::default();
        let told = tell(&mut new);
        let id: Arc<str> = id.into();
        self.order.push_back(Arc::clone(&id));
        self.known.insert(id, new);
        told
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.known.len(), self.order.len());
        self.known.len()
    }
}
