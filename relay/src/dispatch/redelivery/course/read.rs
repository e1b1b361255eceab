//! What reads of the journal bring.

use std::sync::Arc;

use muxhook_protocol::Delivery;
use tokio::time::Instant;

use super::Course;
use crate::registry::Seat;

impl Course {
    /// What was read behind `after`.
    pub(in crate::dispatch::redelivery) fn found(&mut self, after: u64, found: Vec<Delivery>) {
        self.reading = false;
        let settled = std::mem::take(&mut self.settled);
        // Rewound meanwhile: what was read is read again, in its place.
        if self.cursor != after {
            return;
        }
        if let Some(last) = found.last() {
            self.cursor = last.seq;
            self.more = true;
        }
        self.page.extend(found.into_iter().filter(|delivery| !settled.contains(&delivery.id)));
    }

    /// What was read of the delivery `seq`, whose turn has come again; `None`: it is owed no more.
    pub(in crate::dispatch::redelivery) fn again(
        &mut self,
        seq: u64,
        found: Option<Delivery>,
    ) -> Option<(Box<Delivery>, Vec<Arc<Seat>>)> {
        self.reading = false;
        let settled = std::mem::take(&mut self.settled);
        let Some(delivery) = found.filter(|delivery| delivery.seq == seq && !settled.contains(&delivery.id))
        else {
            self.plan.drop(seq);
            return None;
        };
        if self.is_replayed(delivery.id) {
            // The end of that puts it back.
            return None;
        }
        let (to, has) = self.whom(delivery.id);
        if to.is_empty() && has.is_empty() {
            // It waits in turn for somebody who wants it.
            self.plan.drop(seq);
            self.rewind(seq - 1);
            return None;
        }
        if !has.is_empty() {
            self.begin(delivery.id, seq, has);
        }
        if to.is_empty() {
            return None;
        }
        Some((Box::new(delivery), to))
    }

    /// A read failed, of the one with that `seq` whose turn had come again: it is asked for once more.
    pub(in crate::dispatch::redelivery) fn unread(&mut self, again: Option<u64>, now: Instant) {
        self.reading = false;
        self.settled.clear();
        match again {
            Some(seq) => self.plan.put_back(seq, now),
            None => self.more = true,
        }
    }
}
