//! When too much waits for all sessions together, those that are behind by the most are ended for the others' sake. What
//! they had in hand is as that of a link that is lost.

use std::cmp::Reverse;
use std::time::Duration;

use muxhook_protocol::Frame;
use muxhook_protocol::frame::{Refused, RefusedCode};
use muxhook_protocol::parts::Outgoing;
use tokio::time::sleep;

use crate::registry::Registry;

/// How long those that were ended have to give their room back, before others are.
const PAUSE: Duration = Duration::from_millis(100);

/// Makes room whenever it is short. Never ends.
pub(super) async fn keep(registry: &Registry) {
    loop {
        registry.room().is_short().await;
        let ended = relieve(registry);
        if ended > 0 {
            tracing::warn!(
                ended,
                "too much waited to be sent: the sessions that are behind by the most were ended"
            );
        }
        sleep(PAUSE).await;
    }
}

/// Ends sessions until half of the room is free again. How many that were.
fn relieve(registry: &Registry) -> usize {
    let mut behind: Vec<_> = registry.all().into_iter().map(|seat| (seat.outbox.waiting(), seat)).collect();
    behind.sort_by_key(|(waiting, _)| Reverse(*waiting));
    let (mut too_much, mut ended) = (registry.room().beyond_half(), 0);
    for (waiting, seat) in behind {
        if too_much == 0 || waiting == 0 {
            break;
        }
        let message = "the relay has no room left for what waits to be sent to this session".to_owned();
        let last = Refused { code: RefusedCode::Internal, message, fatal: false };
        registry.evict(&seat, Outgoing::control(&Frame::Refused(last)));
        (too_much, ended) = (too_much.saturating_sub(waiting), ended + 1);
    }
    ended
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use bytes::Bytes;
    use muxhook_protocol::frame::{Ack, Owed, Role};
    use muxhook_protocol::{DeliveryId, Headers, Outcome, Reply};
    use tokio::time::timeout;

    use super::*;
    use crate::accounts::{AccountName, Address, Pass};
    use crate::registry::{Most, Seat, Wishes};

    fn large() -> Outgoing {
        let body = Bytes::from(vec![0; 1 << 20]);
        let reply = Reply { status: 200, headers: Headers::new(), body, truncated: false };
        Outgoing::outcome(DeliveryId::new(1, &[0; 10]), &Outcome::Replied(reply))
    }

    fn seat(registry: &Registry, number: u64) -> Arc<Seat> {
        let wishes = Wishes { role: Role::Observer, ack: Ack::App, owed: Owed::Deliver };
        let endpoint = format!("shop-{number}").parse().unwrap();
        let address = Address { account: AccountName::default(), endpoint };
        let pass = Pass::of(AccountName::default());
        let seat = Seat::new(number, address, pass, format!("cli-{number}"), wishes, 0, registry.room());
        let most = Most { on_endpoint: 8, of_account: 1000 };
        registry.enter(&seat.address.endpoint.clone(), Arc::clone(&seat), most).unwrap();
        seat
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_take_nothing_make_room_for_one_who_is_not_behind() {
        let registry = Registry::default();
        let well = seat(&registry, 0);
        well.send(large()).unwrap();
        let deaf: Vec<_> = (1..=60).map(|number| seat(&registry, number)).collect();
        // However one fills it after the other, there is some left in the end.
        for seat in &deaf {
            while registry.room().used() < 255 << 20 && seat.send(large()).is_ok() {}
            let _ = timeout(PAUSE / 2, keep(&registry)).await;
        }
        assert!(registry.room().used() <= 192 << 20, "{} used", registry.room().used());
        let live: Vec<_> = registry.all().iter().map(|seat| seat.session).collect();
        assert!(live.contains(&0), "who has the least is left");
        assert!(live.len() < 10, "{live:?}");
        well.send(large()).unwrap();
        let mut taken = Vec::new();
        poll_fn(|cx| deaf[0].outbox.poll_take(cx, (0, usize::MAX), |frame| taken.push(frame))).await;
        assert_eq!(taken.len(), 1, "the last word alone");
        assert!(matches!(Frame::decode(taken[0].first().clone()), Ok(Frame::Refused(last)) if !last.fatal));
    }
}
