//! Never stuck: large bodies, full windows and peers that read nothing hold up nobody else.

use muxhook_protocol::Frame;
use muxhook_protocol::frame::{Hello, Role};
use tokio::join;

use crate::harness::{Cli, Neighbour, Relay, echo, hello, replied, skipped, soon};

/// Copies of 64 KiB that a relay keeps for a session, at the least.
const KEPT: usize = 900;

#[tokio::test]
async fn small_deliveries_pass_a_large_one() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let body: String = (0..5 << 20).map(|i| char::from(b'a' + (i / 999 % 26) as u8)).collect();
    let smalls = async {
        // Once the relay has all of the large one, it is on its way in parts.
        soon(async { while relay.live("shop").await != (1, 0) {} }).await;
        let mut client = relay.connect().await;
        for number in 0..50 {
            assert_eq!(client.post("shop", &number.to_string()).await.status, 200);
        }
    };
    let order = async {
        let mut order = Vec::new();
        for _ in 0..51 {
            let delivery = cli.handle(skipped()).await;
            assert!(delivery.body.len() < 3 || *delivery.body == *body.as_bytes());
            order.push(delivery.body.len());
        }
        order
    };
    let (large, (), order) = join!(relay.post("shop", &body), smalls, order);
    assert_eq!(large.by(), (200, "skipped"));
    let place = order.iter().position(|length| *length == body.len()).unwrap();
    assert!(place > 0, "the large one came first: {order:?}");
}

#[tokio::test]
async fn a_full_window_is_busy_and_told_and_opens_again() {
    let relay = Relay::with(|config| config.limits.in_flight = 2).await;
    let mut cli = relay.listen("shop").await;
    assert_eq!(cli.welcome.limits.in_flight, 2);
    let act = async {
        let (one, two) = (cli.delivery().await, cli.delivery().await);
        let refused = relay.post("shop", "third").await;
        assert_eq!((refused.error(), refused.get("retry-after")), ((503, "busy".into()), "5"));
        match cli.next().await.unwrap() {
            Frame::Notice(notice) => {
                assert_eq!(notice.code, "busy");
                assert!(notice.message.contains("503"), "{}", notice.message);
            }
            other => panic!("{other:?}"),
        }
        // A flood is told of once: what comes next is a delivery.
        assert_eq!(relay.post("shop", "fourth").await.status, 503);
        cli.settle(one.id, replied(200, &[], ""));
        cli.confirmed().await;
        let (fifth, _) = join!(relay.post("shop", "fifth"), cli.handle(replied(201, &[], "")));
        assert_eq!(fifth.by(), (201, "app"));
        cli.settle(two.id, replied(200, &[], ""));
        cli.confirmed().await;
    };
    let (one, two, ()) = join!(relay.post("shop", "one"), relay.post("shop", "two"), act);
    assert_eq!([one.by(), two.by()], [(200, "app"), (200, "app")]);
}

#[tokio::test]
async fn what_is_in_hand_over_a_reconnect_fills_the_window() {
    let relay = Relay::with(|config| config.limits.in_flight = 1).await;
    let greeting = hello("shop");
    let mut cli = relay.dial(greeting.clone()).await;
    let act = async {
        let id = cli.delivery().await.id;
        drop(cli);
        let cli = relay.dial(Hello { resume: vec![id], ..greeting }).await;
        assert_eq!(relay.post("shop", "second").await.error(), (503, "busy".into()));
        cli.settle(id, replied(200, &[], "first"));
        cli.confirmed().await;
    };
    let (first, ()) = join!(relay.post("shop", "first"), act);
    assert_eq!(first.text(), "first");
}

#[tokio::test]
async fn a_cli_that_reads_nothing_is_busy_in_the_end_and_holds_up_nobody() {
    let relay = Relay::with(|config| {
        config.limits.reply_deadline = std::time::Duration::from_millis(100);
        config.limits.in_flight = u32::MAX;
    })
    .await;
    let neighbour = Neighbour::of(&relay).await;
    // Nothing moves on this link from here on.
    let (_link, _welcome) = relay.greet(hello("shop")).await;
    let body = "x".repeat(4 << 20);
    let mut client = relay.connect().await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(client.post("shop", &body).await.status);
        neighbour.is_well().await;
        if statuses.last() == Some(&503) {
            break;
        }
    }
    assert_eq!(statuses.pop(), Some(503), "160 MiB were kept for a CLI that reads nothing: {statuses:?}");
    assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 504), "{statuses:?}");
}

#[tokio::test]
async fn an_observer_that_read_nothing_for_long_gets_what_was_kept() {
    let relay = Relay::with(|config| config.limits.in_flight = u32::MAX).await;
    let greeting = Hello { role: Role::Observer, ..hello("shop") };
    let (link, welcome) = relay.greet(greeting).await;
    // Far more than sockets and queues hold between them, in far more pieces than one batch takes.
    let body = "x".repeat(64 << 10);
    let mut client = relay.connect().await;
    for _ in 0..1300 {
        assert_eq!(client.post("shop", &body).await.by(), (200, "none"));
    }
    // Then it reads again, and gets what was kept: all of it, and what comes after.
    let mut cli = Cli::over(link, welcome);
    let mut copies = 0;
    while {
        let delivery = cli.delivery().await;
        copies += 1;
        &*delivery.body != b"probe"
    } {
        if copies == KEPT {
            assert_eq!(relay.post("shop", "probe").await.by(), (200, "none"));
        }
    }
    assert!(copies < 1300, "{copies}: 81 MiB were kept for an observer that reads nothing");
}

#[tokio::test]
async fn a_slow_app_holds_up_no_other_webhook() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let act = async {
        let slow = cli.delivery().await;
        for _ in 0..49 {
            let delivery = cli.delivery().await;
            cli.settle(delivery.id, echo(&delivery));
        }
        slow.id
    };
    let others = async {
        let mut client = relay.connect().await;
        for number in 0..49 {
            assert_eq!(client.post("shop", &number.to_string()).await.text(), number.to_string());
        }
    };
    let mut slow = relay.connect().await;
    slow.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    let (id, ()) = join!(act, others);
    cli.settle(id, replied(200, &[], "at last"));
    assert_eq!(slow.response().await.text(), "at last");
    drop::<Cli>(cli);
}
