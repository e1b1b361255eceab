//! Requests that two programs could read differently. Each goes to the relay alone, where the table says how many of
//! its requests are carried, and through each proxy. An app never gets anything but what RFC 9112 reads in it, byte for
//! byte, and what only looks like a request, within another one's body, reaches nobody.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures_util::future::join_all;
use muxhook_protocol::Delivery;
use tokio::time::timeout;

use super::cases::{Case, cases, puts_right};
use super::front::Front;
use super::{SENDER, fronts};
use crate::conversation::{Book, converse};
use crate::harness::{RelayProcess, soon};
use crate::judge::{Request, delivered, judge};

/// How long a proxy may be silent before its sender takes it that there is nothing more to come. What would come later
/// is still counted, with the last of the cases.
const SILENCE: Duration = Duration::from_millis(400);

/// The requests of each case that may come to the app, by the number of the case.
fn readings(cases: &[Case]) -> Vec<Vec<Request>> {
    let reading = |case: &Case| {
        let requests = judge(&case.bytes).0;
        assert!(requests.iter().all(|request| request.essence("victim").is_none()), "{}", show(case));
        requests.into_iter().filter(|request| request.essence("shop").is_some()).collect()
    };
    cases.iter().map(reading).collect()
}

fn show(case: &Case) -> String {
    format!("{}: {}", case.what, case.bytes.escape_ascii())
}

/// Whether what came is some of what may come, in that order, byte for byte.
fn is_among(came: &[Delivery], readings: &[Request]) -> bool {
    let mut left = readings.iter();
    came.iter().all(|delivery| {
        left.any(|request| {
            // A proxy may leave out what the sender says is the connection's, or may not.
            let named = request.named();
            request.essence("shop").map(|all| all.without(&named))
                == Some(delivered(delivery).without(&named))
        })
    })
}

#[tokio::test]
async fn the_relay_alone_carries_what_is_a_request_and_nothing_else() {
    let relay = RelayProcess::start(&["--trusted-proxy=127.0.0.1"]).await;
    let (shop, victim) = (Book::of(relay.listen("shop").await), Book::of(relay.listen("victim").await));
    let cases = cases();
    let mut wrong = Vec::new();
    for (case, reading) in cases.iter().zip(readings(&cases)) {
        let (requests, end) = judge(&case.bytes);
        let mut client = relay.connect().await;
        soon(converse(&mut client, &case.bytes, &requests, end)).await;
        let came = shop.take();
        let is_exact = came
            .iter()
            .map(|one| Some(delivered(one)))
            .eq(reading.iter().take(came.len()).map(|one| one.essence("shop")));
        if came.len() != case.carried || !is_exact {
            wrong.push(format!("{} carried, {end:?}, {}\n", came.len(), show(case)));
        }
        assert_eq!(victim.take(), [], "{}", show(case));
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[tokio::test]
async fn through_a_proxy_nothing_more_comes_than_is_a_request() {
    let cases = cases();
    let readings = readings(&cases);
    let mut wrong = Vec::new();
    for (relay, front) in fronts().await {
        let (shop, victim) = (Book::of(relay.listen("shop").await), Book::of(relay.listen("victim").await));
        // Each has a sender of its own: one that fails so often is not heard.
        let all =
            (1..).zip(&cases).map(|(last, case)| send(&front, Ipv4Addr::new(127, 0, 1, last), &case.bytes));
        join_all(all).await;
        // Whatever was under way is behind the relay when this one is.
        let last = front.ask(SENDER, "POST /h/shop/0/ HTTP/1.1\r\nhost: hooks.example.com\r\n\r\n").await;
        assert_eq!(last.by(), (200, "app"), "{}", front.name);
        let mut sorted: BTreeMap<usize, (Vec<Delivery>, usize)> = BTreeMap::new();
        for delivery in shop.take() {
            let sender = number(&delivery);
            sorted.entry(sender).or_default().0.push(delivery);
        }
        for delivery in victim.take() {
            sorted.entry(number(&delivery)).or_default().1 += 1;
        }
        for (number, (case, reading)) in cases.iter().zip(&readings).enumerate() {
            let (came, hidden) = sorted.remove(&number).unwrap_or_default();
            // Behind what is refused a proxy may begin anew: the relay sees that as a request because the proxy does.
            let is_hidden = hidden > 0 && case.carried > 0;
            let is_right = if puts_right(front.name, &case.what) {
                came.len() <= 1
            } else {
                came.len() <= case.carried && is_among(&came, reading) && !is_hidden
            };
            if !is_right {
                wrong.push(format!("{}: {}, and {came:?} came, {hidden} hidden\n", front.name, show(case)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// The number of the case that a delivery comes of, by the address that the proxy names. A request that the proxy took
/// for a part of another has no such word of it.
fn number(delivery: &Delivery) -> usize {
    let named = super::values(delivery, "x-forwarded-for");
    assert_eq!(named.len(), 1, "past the proxy: {delivery:?}");
    let address: Ipv4Addr = std::str::from_utf8(named[0]).unwrap().parse().unwrap();
    let [127, 0, 1, last] = address.octets() else { return usize::MAX };
    usize::from(last) - 1
}

/// Sends bytes, and listens until there is silence.
async fn send(front: &Front, source: Ipv4Addr, bytes: &[u8]) {
    let mut client = front.connect(source).await;
    client.try_send(bytes).await;
    for _ in 0..2 {
        while let Ok(Some(_)) = timeout(SILENCE, client.read_response(false)).await {}
        client.try_finish().await;
    }
}
