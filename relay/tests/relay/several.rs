//! Several listeners on one endpoint: each gets every delivery, and one answer goes to the sender.

use muxhook_protocol::{Delivery, Frame};
use tokio::join;

use crate::harness::{Cli, Relay, Response, refused, replied, short_deadline, skipped, unreachable_app};

/// Two listeners, and one webhook that both have in hand.
async fn both<T>(relay: &Relay, act: impl AsyncFnOnce(Pair) -> T) -> (Response, T) {
    let (mut one, mut two) = (relay.listen("shop").await, relay.listen("shop").await);
    let act = async {
        let delivery = one.delivery().await;
        assert_eq!(two.delivery().await, delivery);
        act(Pair { one, two, delivery }).await
    };
    join!(relay.post("shop", "x"), act)
}

struct Pair {
    one: Cli,
    two: Cli,
    delivery: Delivery,
}

#[tokio::test]
async fn the_first_2xx_answers_at_once_and_the_other_is_not_late() {
    let relay = Relay::start().await;
    let (response, mut pair) = both(&relay, async |pair| {
        pair.two.settle(pair.delivery.id, replied(202, &[], "two"));
        pair
    })
    .await;
    assert_eq!((response.by(), response.text()), ((202, "app"), "two"));
    // `Answered` would have come before the next delivery.
    let next = async {
        assert_eq!(&*pair.one.handle(skipped()).await.body, b"next");
        pair.two.handle(skipped()).await;
    };
    join!(relay.post("shop", "next"), next);
}

#[tokio::test]
async fn without_a_2xx_the_last_failure_answers_once_all_have() {
    let relay = Relay::start().await;
    let (response, ()) = both(&relay, async |pair| {
        pair.one.settle(pair.delivery.id, replied(500, &[], "one"));
        pair.one.confirmed().await;
        pair.two.settle(pair.delivery.id, replied(404, &[], "two"));
        pair.two.confirmed().await;
    })
    .await;
    assert_eq!((response.by(), response.text()), ((404, "app"), "two"));
}

#[tokio::test]
async fn a_later_2xx_makes_up_for_a_failure() {
    let relay = Relay::start().await;
    let (response, ()) = both(&relay, async |pair| {
        pair.one.settle(pair.delivery.id, unreachable_app());
        pair.one.confirmed().await;
        pair.two.settle(pair.delivery.id, replied(200, &[], "two"));
        pair.two.confirmed().await;
    })
    .await;
    assert_eq!((response.by(), response.text()), ((200, "app"), "two"));
}

#[tokio::test]
async fn a_refusal_stands_unless_another_listener_takes_it() {
    for (other, expected) in [(replied(200, &[], ""), (200, "app")), (skipped(), (401, "relay"))] {
        let relay = Relay::start().await;
        let (response, ()) = both(&relay, async |pair| {
            pair.one.settle(pair.delivery.id, refused());
            pair.one.confirmed().await;
            pair.two.settle(pair.delivery.id, other);
            pair.two.confirmed().await;
        })
        .await;
        assert_eq!(response.by(), expected);
    }
}

#[tokio::test]
async fn a_skip_leaves_the_answer_to_the_others() {
    for skip_first in [true, false] {
        let relay = Relay::start().await;
        let (response, ()) = both(&relay, async |pair| {
            let outcomes = [skipped(), replied(422, &[], "decided")];
            let [one, two] = if skip_first {
                outcomes
            } else {
                outcomes.into_iter().rev().collect::<Vec<_>>().try_into().unwrap()
            };
            pair.one.settle(pair.delivery.id, one);
            pair.one.confirmed().await;
            pair.two.settle(pair.delivery.id, two);
            pair.two.confirmed().await;
        })
        .await;
        assert_eq!((response.by(), response.text()), ((422, "app"), "decided"), "{skip_first}");
    }
}

#[tokio::test]
async fn all_skip() {
    let relay = Relay::start().await;
    let (response, ()) = both(&relay, async |pair| {
        pair.one.settle(pair.delivery.id, skipped());
        pair.two.settle(pair.delivery.id, skipped());
        pair.two.confirmed().await;
    })
    .await;
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn a_lost_listener_holds_up_no_2xx() {
    let relay = Relay::start().await;
    let (response, ()) = both(&relay, async |pair| {
        drop(pair.one);
        pair.two.settle(pair.delivery.id, replied(200, &[], "two"));
        pair.two.confirmed().await;
    })
    .await;
    assert_eq!((response.by(), response.text()), ((200, "app"), "two"));
}

#[tokio::test]
async fn at_the_deadline_the_latest_failure_answers() {
    let relay = Relay::with(short_deadline).await;
    let (response, pair) = both(&relay, async |pair| {
        pair.two.settle(pair.delivery.id, replied(500, &[], "two"));
        pair
    })
    .await;
    assert_eq!((response.by(), response.text()), ((500, "app"), "two"));
    let mut pair = pair;
    let told = pair.one.next().await.unwrap();
    assert_eq!(told, Frame::Answered { id: pair.delivery.id }, "its outcome will be late");
}

#[tokio::test]
async fn a_skip_beside_a_lost_link_is_no_answer() {
    let relay = Relay::with(|config| {
        short_deadline(config);
        config.hold = false;
    })
    .await;
    let (response, _pair) = both(&relay, async |mut pair| {
        pair.two.settle(pair.delivery.id, skipped());
        let Pair { one, two, .. } = &mut pair;
        two.confirmed().await;
        one.lose().await;
        pair
    })
    .await;
    assert_eq!(response.error(), (503, "link_lost".into()));
}

#[tokio::test]
async fn a_skip_beside_a_busy_listener_is_no_answer() {
    let relay = Relay::with(|config| config.limits.in_flight = 1).await;
    let (_, (response, failed)) = both(&relay, async |mut pair| {
        // The first listener has as much in hand as it may; the second one alone gets the next.
        pair.two.settle(pair.delivery.id, skipped());
        pair.two.confirmed().await;
        let (response, _) = join!(relay.post("shop", "next"), pair.two.handle(skipped()));
        assert!(matches!(pair.two.next().await, Ok(Frame::Notice(notice)) if notice.code == "busy"));
        let (failed, _) = join!(relay.post("shop", "third"), pair.two.handle(replied(500, &[], "")));
        pair.one.settle(pair.delivery.id, skipped());
        pair.one.confirmed().await;
        (response, failed)
    })
    .await;
    assert_eq!(response.error(), (503, "busy".into()));
    assert_eq!(failed.by(), (500, "app"));
}
