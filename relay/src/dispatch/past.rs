//! A listener asks for the past when it comes: the history goes out to it alone, the oldest first, one at a time.

use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::frame::Since;
use muxhook_protocol::history::Fate;
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{Delivery, Frame};
use tokio::time::{Instant, sleep, timeout};

use super::pending::Concluded;
use super::{Answer, Dispatch};
use crate::journal::history::Query;
use crate::registry::Seat;

/// How many deliveries are looked up at once.
const PAGE: usize = 100;

/// How often it is seen to that the listener is still there.
const LOOK: Duration = Duration::from_secs(5);

/// How soon it is tried again to hand a delivery out.
const AGAIN: Duration = Duration::from_millis(50);

/// Longest time that one delivery waits for its outcome; the listener's own `--timeout` is shorter.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

impl Dispatch {
    /// Hands a listener what it asked for of the past, as long as it is there. What is owed is left out: that comes by
    /// itself.
    pub fn hand_out_past(self: &Arc<Self>, seat: &Arc<Seat>, since: Since) {
        let until = since.until.unwrap_or_else(|| self.latest_seq());
        tokio::spawn(Arc::clone(self).go_through(Arc::clone(seat), since, until));
    }

    async fn go_through(self: Arc<Self>, seat: Arc<Seat>, since: Since, until: u64) {
        let mut query = Query {
            since: Some(since.at),
            after: Some(since.after),
            ascending: true,
            limit: PAGE,
            ..Query::default()
        };
        loop {
            let Some(page) = self.keeper.past(&seat.address, query.clone()).await else { return };
            for row in page.rows {
                if row.seq > until {
                    return done(&seat, until);
                }
                if row.fate == Fate::Owed {
                    continue;
                }
                let found = self.keeper.content(&seat.address, row.delivery).await;
                if let Some(delivery) = found
                    && !self.hand_once_more(&seat, delivery).await
                {
                    return;
                }
                done(&seat, row.seq);
            }
            let Some(next) = page.next else { return done(&seat, until) };
            query.from = Some(next);
        }
    }

    /// Hands one delivery to a listener, and waits for what comes of it; `false` when the listener is gone.
    async fn hand_once_more(&self, seat: &Arc<Seat>, delivery: Delivery) -> bool {
        let id = delivery.id;
        let frame = Outgoing::delivery(&Delivery { owed: false, replayed: true, ..delivery });
        let to = [Arc::clone(seat)];
        let deadline = Instant::now() + PATIENCE;
        let mut waiting = loop {
            if !self.is_there(seat) {
                return false;
            }
            // It may be on its way for another reason, and not to this listener, or no longer: so it is waited for.
            match self.pending.open_again(id, &seat.address.endpoint, &frame, &to, deadline) {
                Some(waiting) => break waiting,
                None => sleep(AGAIN).await,
            }
        };
        while seat.deliver(frame.clone(), self.window).is_err() {
            if !self.is_there(seat) || deadline <= Instant::now() {
                return false;
            }
            // It has as much in hand as it may.
            sleep(AGAIN).await;
        }
        self.keeper.handed(id);
        self.work.notify_one();
        loop {
            if let Ok(Concluded { answer, attempts, .. }) = timeout(LOOK, waiting.answer()).await {
                self.keeper.replayed(&seat.address, id, attempts);
                return answer != Answer::GoingDown;
            }
            if !self.is_there(seat) {
                return false;
            }
        }
    }

    fn is_there(&self, seat: &Seat) -> bool {
        let seats = self.registry.seats(&seat.address.endpoint);
        seats.is_some_and(|seats| seats.iter().any(|other| other.session == seat.session))
    }
}

/// Tells a listener how far its past is done with, so that it goes on there when its link breaks. One that has no room
/// for this gets some of it once more then.
fn done(seat: &Seat, after: u64) {
    let _ = seat.send(Outgoing::control(&Frame::Past { after }));
}
