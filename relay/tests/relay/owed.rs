//! What the relay acknowledges itself, it owes: held, handed out in order, and again until an app accepts it.

use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::frame::{Ack, Hello, Owed};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{Delivery, Frame};
use tokio::join;

use crate::harness::{
    Cli, Relay, echo, hello, refused, replied, short_deadline, skipped, soon, unreachable_app,
};

/// A relay that owes these bodies on `shop`.
async fn owing(bodies: &[&str]) -> Relay {
    let relay = Relay::start().await;
    hold(&relay, bodies).await;
    relay
}

async fn hold(relay: &Relay, bodies: &[&str]) {
    drop(relay.listen("shop").await);
    relay.gone("shop").await;
    for body in bodies {
        assert_eq!(relay.post("shop", body).await.by(), (200, "held"));
    }
}

fn ok() -> muxhook_protocol::Outcome {
    replied(200, &[], "")
}

fn text(delivery: &Delivery) -> &str {
    std::str::from_utf8(&delivery.body).unwrap()
}

/// Nothing more is owed: what comes next is live.
async fn nothing_is_owed(relay: &Relay, cli: &mut Cli) {
    let (answer, live) = join!(relay.post("shop", "live"), cli.handle(ok()));
    assert_eq!((answer.by(), text(&live), live.owed), ((200, "app"), "live", false));
}

/// How much a listener that comes now is told.
async fn told(relay: &Relay) -> u64 {
    relay.dial(Hello { owed: Owed::Later, ..hello("shop") }).await.welcome.owed.count
}

#[tokio::test]
async fn what_nobody_takes_is_held_and_delivered_in_order_of_arrival() {
    let relay = owing(&["one", "two", "three"]).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(cli.welcome.owed.count, 3);
    assert!(cli.welcome.owed.oldest_at.is_some() && cli.welcome.seq > 0);
    for body in ["one", "two", "three"] {
        let delivery = cli.handle(ok()).await;
        let marks = (delivery.owed, delivery.replayed, delivery.attempt);
        assert_eq!((text(&delivery), marks), (body, (true, false, 1)));
    }
    nothing_is_owed(&relay, &mut cli).await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn an_account_is_told_what_each_of_its_endpoints_is_owed() {
    let relay = owing(&["one", "two"]).await;
    let token = relay.token.reveal();
    let request =
        format!("GET /_relay/v1/endpoints HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
    let owed = async || {
        let body: serde_json::Value = serde_json::from_slice(&relay.ask(request.clone()).await.body).unwrap();
        body["endpoints"][0]["owed"].clone()
    };
    let two = owed().await;
    assert!(two["count"] == 2 && two["oldest_at"].as_u64().is_some_and(|at| at > 0), "{two}");
    let mut cli = relay.listen("shop").await;
    cli.handle(ok()).await;
    cli.handle(ok()).await;
    soon(async { while owed().await["count"] != 0 {} }).await;
}

#[tokio::test]
async fn a_held_request_is_delivered_as_it_came() {
    let relay = owing(&[]).await;
    let body = (0..200_000).map(|byte| (byte % 251) as u8).collect::<Vec<u8>>();
    let head = format!(
        "POST /h/shop/deep/er?x=%20&y HTTP/1.1\r\nhost: x\r\nx-odd: \u{e9}\r\nmux-signature: t=1,v1=2\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer = relay.ask([head.as_bytes(), &body].concat()).await;
    assert_eq!(answer.by(), (200, "held"));
    let delivery = relay.listen("shop").await.handle(ok()).await;
    assert_eq!((&*delivery.path, delivery.query.as_deref()), ("/deep/er", Some("x=%20&y")));
    assert_eq!(delivery.headers.get("x-odd"), Some("\u{e9}".as_bytes()));
    assert_eq!(delivery.headers.get("mux-signature"), Some(&b"t=1,v1=2"[..]));
    assert_eq!(delivery.body, body);
}

#[tokio::test]
async fn one_is_out_at_a_time_and_live_ones_do_not_wait() {
    let relay = owing(&["one", "two"]).await;
    let mut cli = relay.listen("shop").await;
    let one = cli.delivery().await;
    let (answer, live) = join!(relay.post("shop", "live"), cli.handle(ok()));
    assert_eq!((answer.by(), text(&live)), ((200, "app"), "live"));
    cli.settle(one.id, ok());
    assert_eq!(text(&cli.handle(ok()).await), "two");
}

#[tokio::test]
async fn what_the_app_fails_at_is_tried_again_and_the_next_goes_on() {
    let relay = owing(&["bad", "good"]).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(text(&cli.handle(replied(500, &[], "")).await), "bad");
    assert_eq!(text(&cli.handle(ok()).await), "good");
    let again = cli.handle(ok()).await;
    assert_eq!((text(&again), again.attempt, again.owed), ("bad", 2, true));
    nothing_is_owed(&relay, &mut cli).await;
}

#[tokio::test]
async fn while_the_app_is_away_nothing_owed_is_sent() {
    let relay = owing(&["one", "two"]).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(text(&cli.handle(unreachable_app()).await), "one");
    nothing_is_owed(&relay, &mut cli).await;
    cli.send(Outgoing::control(&Frame::Reachable));
    let one = cli.handle(ok()).await;
    assert_eq!((text(&one), one.attempt), ("one", 2));
    assert_eq!(text(&cli.handle(ok()).await), "two");
    nothing_is_owed(&relay, &mut cli).await;
}

#[tokio::test]
async fn what_one_listener_skips_is_still_owed_to_the_others() {
    let relay = owing(&["one", "two"]).await;
    let mut picky = relay.listen("shop").await;
    assert_eq!(text(&picky.handle(skipped()).await), "one");
    assert_eq!(text(&picky.handle(ok()).await), "two");
    nothing_is_owed(&relay, &mut picky).await;
    let mut other = relay.listen("shop").await;
    assert_eq!(other.welcome.owed.count, 1);
    let one = other.handle(ok()).await;
    assert_eq!((text(&one), one.attempt), ("one", 2));
    let (answer, _, to_picky) = join!(relay.post("shop", "live"), other.handle(ok()), picky.delivery());
    assert_eq!((answer.by(), text(&to_picky)), ((200, "app"), "live"), "it is not offered what it left out");
}

#[tokio::test]
async fn each_listener_gets_each_and_one_acceptance_settles() {
    let relay = owing(&["one", "two"]).await;
    let mut left = relay.listen("shop").await;
    let one = left.delivery().await;
    let mut right = relay.listen("shop").await;
    assert_eq!(text(&right.handle(replied(500, &[], "")).await), "one");
    left.settle(one.id, ok());
    let (to_left, to_right) = join!(left.delivery(), right.delivery());
    assert_eq!((text(&to_left), text(&to_right)), ("two", "two"));
    right.settle(to_right.id, ok());
    right.confirmed().await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn a_signature_that_is_refused_settles_it() {
    let relay = owing(&["forged", "true"]).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(text(&cli.handle(refused()).await), "forged");
    assert_eq!(text(&cli.handle(ok()).await), "true");
    nothing_is_owed(&relay, &mut cli).await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn a_listener_that_dies_with_one_in_hand_loses_nothing() {
    let relay = owing(&["one", "two"]).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(text(&cli.delivery().await), "one");
    cli.lose().await;
    let mut cli = relay.listen("shop").await;
    let one = cli.handle(ok()).await;
    assert_eq!((text(&one), one.attempt), ("one", 2));
    assert_eq!(text(&cli.handle(ok()).await), "two");
    nothing_is_owed(&relay, &mut cli).await;
}

#[tokio::test]
async fn a_listener_that_comes_back_keeps_what_it_has_in_hand() {
    let relay = owing(&["one", "two"]).await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let one = cli.delivery().await;
    cli.lose().await;
    let mut cli = relay.dial(Hello { resume: vec![one.id], ..greeting }).await;
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id: one.id });
    cli.settle(one.id, ok());
    assert_eq!(text(&cli.handle(ok()).await), "two");
    nothing_is_owed(&relay, &mut cli).await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn a_failure_brought_back_is_tried_again() {
    let relay = owing(&["one"]).await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let one = cli.delivery().await;
    cli.lose().await;
    let mut cli = relay.dial(Hello { resume: vec![one.id], ..greeting }).await;
    cli.settle(one.id, replied(503, &[], ""));
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id: one.id });
    let again = cli.handle(ok()).await;
    assert_eq!((text(&again), again.attempt), ("one", 2));
    nothing_is_owed(&relay, &mut cli).await;
}

#[tokio::test]
async fn what_a_lost_link_leaves_without_an_answer_is_held() {
    let relay = Relay::with(short_deadline).await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let lost = async {
        let delivery = cli.delivery().await;
        cli.lose().await;
        delivery
    };
    let (answer, lost) = join!(relay.post("shop", "one"), lost);
    assert_eq!(answer.by(), (200, "held"));
    // The CLI still has it, and brings what came of it.
    let back = relay.dial(Hello { resume: vec![lost.id], ..greeting }).await;
    assert_eq!(back.welcome.owed.count, 1);
    back.settle(lost.id, ok());
    back.confirmed().await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn what_a_lost_listener_had_goes_to_the_next() {
    let relay = Relay::with(short_deadline).await;
    let mut cli = relay.listen("shop").await;
    let lost = async {
        cli.delivery().await;
        cli.lose().await;
    };
    let (answer, ()) = join!(relay.post("shop", "one"), lost);
    assert_eq!(answer.by(), (200, "held"));
    let mut next = relay.listen("shop").await;
    let one = next.handle(ok()).await;
    assert_eq!((text(&one), one.attempt, one.owed), ("one", 2, true));
    nothing_is_owed(&relay, &mut next).await;
}

#[tokio::test]
async fn what_a_listener_left_out_is_not_offered_to_it_when_another_was_lost_with_it() {
    let relay = Relay::with(short_deadline).await;
    let (mut picky, mut cli) = (relay.listen("shop").await, relay.listen("shop").await);
    let lost = async {
        cli.delivery().await;
        cli.lose().await;
    };
    let (answer, one, ()) = join!(relay.post("shop", "one"), picky.handle(skipped()), lost);
    assert_eq!((answer.by(), text(&one)), ((200, "held"), "one"));
    nothing_is_owed(&relay, &mut picky).await;
    let mut other = relay.listen("shop").await;
    assert_eq!(text(&other.handle(ok()).await), "one");
    let (answer, _, to_picky) = join!(relay.post("shop", "live"), other.handle(ok()), picky.delivery());
    assert_eq!((answer.by(), text(&to_picky)), ((200, "app"), "live"), "it is not offered what it left out");
}

#[tokio::test]
async fn with_ack_relay_the_sender_does_not_wait_for_the_app() {
    let relay = Relay::start().await;
    let mut cli = relay.dial(Hello { ack: Ack::Relay, ..hello("shop") }).await;
    assert_eq!(relay.post("shop", "one").await.by(), (200, "held"));
    let one = cli.handle(replied(500, &[], "")).await;
    assert_eq!((text(&one), one.attempt, one.owed), ("one", 1, true));
    assert_eq!(relay.post("shop", "two").await.by(), (200, "held"));
    assert_eq!(text(&cli.handle(ok()).await), "two");
    let again = cli.handle(ok()).await;
    assert_eq!((text(&again), again.attempt), ("one", 2));
    cli.confirmed().await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn many_at_once_with_ack_relay_are_each_delivered_once() {
    let relay = Arc::new(Relay::start().await);
    let mut cli = relay.dial(Hello { ack: Ack::Relay, ..hello("shop") }).await;
    let post = |number: usize| {
        let relay = Arc::clone(&relay);
        async move { assert_eq!(relay.post("shop", &number.to_string()).await.by(), (200, "held")) }
    };
    let posts = futures_util::future::join_all((0..100).map(post));
    let seen = async {
        let mut seen = Vec::new();
        for _ in 0..100 {
            let delivery = cli.handle(ok()).await;
            assert_eq!(delivery.attempt, 1);
            seen.push(text(&delivery).parse::<usize>().unwrap());
        }
        seen.sort_unstable();
        seen
    };
    let (_, seen) = join!(posts, seen);
    assert!(seen.into_iter().eq(0..100));
    cli.confirmed().await;
    assert_eq!(told(&relay).await, 0);
}

#[tokio::test]
async fn a_listener_that_wants_them_later_is_sent_none() {
    let relay = owing(&["one"]).await;
    let mut cli = relay.dial(Hello { owed: Owed::Later, ..hello("shop") }).await;
    assert_eq!(cli.welcome.owed.count, 1);
    nothing_is_owed(&relay, &mut cli).await;
    drop(cli);
    assert_eq!(text(&relay.listen("shop").await.delivery().await), "one");
}

#[tokio::test]
async fn an_observer_is_sent_nothing_that_is_owed() {
    let relay = owing(&["one"]).await;
    let mut observer = relay.observe("shop").await;
    assert_eq!(relay.post("shop", "two").await.by(), (200, "none"));
    assert_eq!(text(&observer.delivery().await), "two");
    assert_eq!(text(&relay.listen("shop").await.delivery().await), "one");
}

#[tokio::test]
async fn what_is_owed_outlives_the_relay() {
    let mut relay = owing(&["one", "two"]).await;
    let (dir, token) = (Arc::clone(&relay.dir), relay.token.clone());
    relay.shutdown.cancel();
    soon(&mut relay.run).await.unwrap();
    let relay = Relay::on(dir, token, |_| ()).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(cli.welcome.owed.count, 2);
    assert_eq!(text(&cli.handle(ok()).await), "one");
    assert_eq!(text(&cli.handle(ok()).await), "two");
    nothing_is_owed(&relay, &mut cli).await;
}

#[tokio::test]
async fn what_is_in_flight_when_the_relay_goes_down_is_held() {
    let mut relay = Relay::with(|config| {
        config.limits.grace = Duration::from_millis(100);
        config.limits.reply_deadline = Duration::from_secs(3600);
    })
    .await;
    let mut cli = relay.listen("shop").await;
    let mut sender = relay.connect().await;
    sender.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\none").await;
    cli.delivery().await;
    relay.shutdown.cancel();
    assert_eq!(sender.response().await.by(), (200, "held"));
    soon(&mut relay.run).await.unwrap();
    let relay = Relay::on(Arc::clone(&relay.dir), relay.token.clone(), |_| ()).await;
    assert_eq!(text(&relay.listen("shop").await.delivery().await), "one");
}

#[tokio::test]
async fn another_account_gets_nothing_that_was_owed_to_the_one_before() {
    let relay = owing(&["secret"]).await;
    assert!(
        relay
            .accounts
            .delete_endpoint(&muxhook_relay::accounts::AccountName::default(), &"shop".parse().unwrap())
            .unwrap()
    );
    let stranger = relay.stranger();
    let mut cli = Cli::dial(relay.addr, &stranger, hello("shop")).await.unwrap();
    assert_eq!(cli.welcome.owed.count, 0);
    nothing_is_owed(&relay, &mut cli).await;
}

#[tokio::test]
async fn without_holding_the_sender_is_told_to_try_again() {
    let relay = Relay::with(|config| config.hold = false).await;
    drop(relay.listen("shop").await);
    relay.gone("shop").await;
    let response = relay.post("shop", "").await;
    assert_eq!(response.error(), (503, "no_listener".into()));
    assert!(response.get("retry-after").parse::<u32>().is_ok());
    let _app = relay.dial(Hello { ack: Ack::Relay, ..hello("shop") }).await.serve(echo);
    assert_eq!(relay.post("shop", "x").await.by(), (200, "app"), "the app answers, since the relay can't");
}
