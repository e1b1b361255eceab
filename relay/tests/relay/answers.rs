//! Who answers the sender: the table, as far as it holds without a journal.

use muxhook_protocol::{Frame, Outcome, Reply};
use tokio::join;

use crate::harness::{Relay, hello, refused, replied, short_deadline, skipped, unreachable_app};

/// A relay that holds nothing, and whose deadline is short enough to wait for.
fn without_hold(config: &mut muxhook_relay::config::Config) {
    short_deadline(config);
    config.hold = false;
}

#[tokio::test]
async fn the_apps_own_answer_reaches_the_sender() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let answer = replied(207, &[("x-app", b"yes"), ("content-type", b"application/json")], "{\"ok\":1}");
    let (response, delivery) = join!(relay.post("shop", "hello"), cli.handle(answer));
    assert_eq!(response.by(), (207, "app"));
    assert_eq!((response.get("x-app"), response.get("content-type")), ("yes", "application/json"));
    assert_eq!(response.text(), "{\"ok\":1}");
    assert_eq!(
        (&*delivery.body, delivery.attempt, delivery.owed, delivery.replayed),
        (&b"hello"[..], 1, false, false)
    );
}

#[tokio::test]
async fn an_apps_error_is_its_answer_too() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let (response, _) =
        join!(relay.post("shop", ""), cli.handle(replied(503, &[("retry-after", b"7")], "down")));
    assert_eq!((response.by(), response.get("retry-after"), response.text()), ((503, "app"), "7", "down"));
}

#[tokio::test]
async fn an_app_that_is_not_there_is_a_502_that_names_the_cause() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let (response, _) = join!(relay.post("shop", ""), cli.handle(unreachable_app()));
    assert_eq!(response.error(), (502, "app_unreachable".into()));
    assert!(response.text().contains("nothing listens on localhost:3000 (refused)"), "{}", response.text());
}

#[tokio::test]
async fn an_app_without_an_answer_by_the_deadline_is_a_504_and_its_outcome_late() {
    let relay = Relay::with(short_deadline).await;
    let mut cli = relay.listen("shop").await;
    let (response, delivery) = join!(relay.post("shop", ""), cli.delivery());
    assert_eq!(response.error(), (504, "app_timeout".into()));
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id: delivery.id });
    cli.settle(delivery.id, replied(200, &[], "late"));
    // What comes late changes nothing: the next webhook gets its own answer.
    let (response, _) = join!(relay.post("shop", ""), cli.handle(replied(201, &[], "next")));
    assert_eq!((response.by(), response.text()), ((201, "app"), "next"));
}

#[tokio::test]
async fn a_sender_that_hangs_up_makes_the_outcome_late() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut sender = relay.connect().await;
    sender.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    let id = cli.delivery().await.id;
    drop(sender);
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id });
}

#[tokio::test]
async fn a_lost_link_that_does_not_come_back_is_a_503() {
    let relay = Relay::with(without_hold).await;
    let mut cli = relay.listen("shop").await;
    let lost = async {
        cli.delivery().await;
        drop(cli);
    };
    let (response, ()) = join!(relay.post("shop", ""), lost);
    assert_eq!(response.error(), (503, "link_lost".into()));
    assert!(!response.get("retry-after").is_empty());
}

#[tokio::test]
async fn a_resumed_listener_answers_what_it_has_in_hand() {
    let relay = Relay::start().await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let resumed = async {
        let id = cli.delivery().await.id;
        drop(cli);
        let cli = relay.dial(muxhook_protocol::frame::Hello { resume: vec![id], ..greeting }).await;
        cli.settle(id, replied(200, &[], "kept"));
        cli
    };
    let (response, mut cli) = join!(relay.post("shop", "first"), resumed);
    assert_eq!((response.by(), response.text()), ((200, "app"), "kept"));
    // Had the first been sent again, it would have come before this one.
    let (_, next) = join!(relay.post("shop", "second"), cli.handle(skipped()));
    assert_eq!(&*next.body, b"second");
}

#[tokio::test]
async fn what_a_lost_link_swallowed_is_sent_again_once_in_order() {
    let relay = Relay::start().await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let again = async {
        let (one, two) = (cli.delivery().await, cli.delivery().await);
        drop(cli);
        let mut cli = relay.dial(greeting).await;
        assert_eq!(
            (cli.handle(replied(200, &[], "1")).await.id, cli.handle(skipped()).await.id),
            (one.id, two.id)
        );
        cli
    };
    let second = async {
        tokio::task::yield_now().await;
        relay.post("shop", "two").await
    };
    let (first, second, mut cli) = join!(relay.post("shop", "one"), second, again);
    let answers = [first.by(), second.by()];
    assert!(answers.contains(&(200, "app")) && answers.contains(&(200, "skipped")), "{answers:?}");
    let (_, next) = join!(relay.post("shop", "third"), cli.handle(skipped()));
    assert_eq!(&*next.body, b"third");
}

#[tokio::test]
async fn a_listener_that_resumes_too_late_is_told_so() {
    let relay = Relay::with(without_hold).await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let lost = async {
        let id = cli.delivery().await.id;
        drop(cli);
        id
    };
    let (response, id) = join!(relay.post("shop", ""), lost);
    assert_eq!(response.error().0, 503);
    let mut cli = relay.dial(muxhook_protocol::frame::Hello { resume: vec![id], ..greeting }).await;
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id });
}

#[tokio::test]
async fn an_endpoint_that_nobody_made_is_unknown() {
    let relay = Relay::start().await;
    for name in ["nobody", "", "x", "UPPER", "a%62c", "-abc"] {
        assert_eq!(relay.post(name, "").await.error(), (404, "unknown_endpoint".into()), "{name}");
    }
}

#[tokio::test]
async fn a_skip_and_a_look_are_200_that_say_what_they_are() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let (response, _) = join!(relay.post("shop", ""), cli.handle(skipped()));
    assert_eq!((response.by(), response.text()), ((200, "skipped"), ""));

    let mut observer = relay.observe("looked-at").await;
    let (response, copy) = join!(relay.post("looked-at", "x"), observer.delivery());
    assert_eq!((response.by(), response.text()), ((200, "none"), ""));
    assert_eq!(&*copy.body, b"x");
}

#[tokio::test]
async fn a_refusal_is_a_401_of_the_relays_own() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let (response, _) = join!(relay.post("shop", "{}"), cli.handle(refused()));
    assert_eq!(response.error(), (401, "signature_refused".into()));
    assert_eq!(response.by(), (401, "relay"));
    assert!(response.text().contains(r#"there is no \"mux-signature\" header"#), "{}", response.text());
    // It is settled: the next webhook is a matter of its own.
    let (response, _) = join!(relay.post("shop", "{}"), cli.handle(replied(200, &[], "ok")));
    assert_eq!(response.by(), (200, "app"));
}

#[tokio::test]
async fn an_observers_refusal_refuses_nothing() {
    let relay = Relay::start().await;
    let (mut observer, mut cli) = (relay.observe("shop").await, relay.listen("shop").await);
    let settle = async {
        observer.handle(refused()).await;
        observer.confirmed().await;
        cli.handle(replied(202, &[], "")).await;
    };
    let (response, ()) = join!(relay.post("shop", "x"), settle);
    assert_eq!(response.by(), (202, "app"));
}

#[tokio::test]
async fn an_observer_gets_copies_and_settles_nothing() {
    let relay = Relay::start().await;
    let (mut observer, mut cli) = (relay.observe("shop").await, relay.listen("shop").await);
    let meddle = async {
        let copy = observer.handle(replied(200, &[], "an observer's")).await;
        let delivery = cli.delivery().await;
        assert_eq!(copy, delivery);
        // A mark of its own: the observer's outcome has been read when this is answered.
        let (probe, _) = join!(relay.post("shop", "probe"), async {
            observer.delivery().await;
            let probe = cli.delivery().await;
            cli.settle(probe.id, skipped());
        });
        assert_eq!(probe.by(), (200, "skipped"));
        cli.settle(delivery.id, replied(202, &[], "the listener's"));
    };
    let (response, ()) = join!(relay.post("shop", "x"), meddle);
    assert_eq!((response.by(), response.text()), ((202, "app"), "the listener's"));
}

#[tokio::test]
async fn an_answer_too_large_is_cut_and_says_so() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let headers = [("content-type", &b"text/csv"[..])].into_iter().collect();
    let cut = Outcome::Replied(Reply { status: 200, headers, body: "".into(), truncated: true });
    let (response, _) = join!(relay.post("shop", ""), cli.handle(cut));
    assert_eq!((response.by(), response.get("muxhook-truncated"), response.text()), ((200, "app"), "1", ""));
}
