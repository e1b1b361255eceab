//! A listener that asks for the past gets it, in order, beside what is live.

use muxhook_protocol::frame::{Hello, Owed, Since};
use muxhook_protocol::{Delivery, Frame, Outcome};
use tokio::join;

use crate::harness::{Cli, Relay, hello, replied, soon, unreachable_app};

fn ok() -> Outcome {
    replied(200, &[], "")
}

fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.body).unwrap()
}

/// A relay with a history of these, each answered by an app; the `seq` of each.
async fn with_history(bodies: &[&str]) -> (Relay, Vec<u64>) {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut seqs = Vec::new();
    for body in bodies {
        let (answer, delivery) = join!(relay.post("shop", body), cli.handle(ok()));
        assert_eq!(answer.by(), (200, "app"));
        seqs.push(delivery.seq);
    }
    drop(cli);
    // History is written a moment later.
    soon(async { while recorded(&relay).await < bodies.len() {} }).await;
    (relay, seqs)
}

async fn recorded(relay: &Relay) -> usize {
    let token = relay.token.reveal();
    let request = format!(
        "GET /_relay/v1/endpoints/shop/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let page: serde_json::Value = serde_json::from_slice(&relay.ask(request).await.body).unwrap();
    page["events"].as_array().unwrap().len()
}

async fn since(relay: &Relay, since: Since) -> Cli {
    relay.dial(Hello { since: Some(since), ..hello("shop") }).await
}

#[tokio::test]
async fn all_of_it_comes_again_in_order_and_marked() {
    let (relay, seqs) = with_history(&["one", "two", "three"]).await;
    let mut cli = since(&relay, Since::default()).await;
    for (body, seq) in ["one", "two", "three"].iter().zip(seqs) {
        let delivery = cli.handle(ok()).await;
        let marks = (delivery.replayed, delivery.owed, delivery.attempt);
        assert_eq!((text(&delivery), delivery.seq, marks), (*body, seq, (true, false, 2)));
        assert!(matches!(cli.next().await.unwrap(), Frame::Past { after } if after == seq));
    }
    let Frame::Past { after } = cli.next().await.unwrap() else { panic!("the past has an end") };
    assert_eq!(after, cli.welcome.seq);
    let (answer, live) = join!(relay.post("shop", "live"), cli.handle(ok()));
    assert_eq!((answer.by(), live.replayed), ((200, "app"), false));
}

#[tokio::test]
async fn a_part_of_it_is_bounded_on_both_sides() {
    let (relay, seqs) = with_history(&["one", "two", "three"]).await;
    let mut cli = since(&relay, Since { at: 0, after: seqs[0], until: Some(seqs[1]) }).await;
    assert_eq!(text(&cli.handle(ok()).await), "two");
    let (_, live) = join!(relay.post("shop", "live"), cli.handle(ok()));
    assert_eq!(text(&live), "live");
    let mut cli = since(&relay, Since { at: u64::MAX / 2, ..Since::default() }).await;
    let (_, live) = join!(relay.post("shop", "later"), cli.handle(ok()));
    assert_eq!(text(&live), "later");
}

#[tokio::test]
async fn live_ones_do_not_wait_behind_it_and_others_are_not_bothered() {
    let (relay, _) = with_history(&["one", "two"]).await;
    let mut other = relay.listen("shop").await;
    let mut cli = since(&relay, Since::default()).await;
    let one = cli.delivery().await;
    let (answer, _, live) = join!(relay.post("shop", "live"), other.handle(ok()), cli.handle(ok()));
    assert_eq!((answer.by(), text(&live)), ((200, "app"), "live"));
    cli.settle(one.id, replied(500, &[], ""));
    assert_eq!(text(&cli.handle(unreachable_app()).await), "two", "whatever comes of it, the next follows");
}

#[tokio::test]
async fn what_is_owed_comes_once() {
    let (relay, _) = with_history(&["one"]).await;
    relay.gone("shop").await;
    assert_eq!(relay.post("shop", "owed").await.by(), (200, "held"));
    let mut cli = since(&relay, Since::default()).await;
    let mut seen = [cli.handle(ok()).await, cli.handle(ok()).await];
    seen.sort_by_key(|delivery| delivery.seq);
    assert_eq!(
        seen.each_ref().map(|delivery| (text(delivery), delivery.owed)),
        [("one", false), ("owed", true)]
    );
    let (_, live) = join!(relay.post("shop", "live"), cli.handle(ok()));
    assert_eq!(text(&live), "live");
}

#[tokio::test]
async fn a_listener_that_wants_nothing_owed_gives_it_up() {
    let relay = Relay::start().await;
    drop(relay.listen("shop").await);
    relay.gone("shop").await;
    assert_eq!(relay.post("shop", "owed").await.by(), (200, "held"));
    let mut cli = relay.dial(Hello { owed: Owed::Discard, ..hello("shop") }).await;
    assert_eq!(cli.welcome.owed.count, 0);
    let (_, live) = join!(relay.post("shop", "live"), cli.handle(ok()));
    assert_eq!(text(&live), "live");
}
