//! Never stuck: large bodies, full windows and peers that read nothing hold up nobody else.

use futures_util::future::select_all;
use futures_util::{SinkExt, StreamExt};
use muxhook_protocol::Frame;
use muxhook_protocol::frame::{Hello, Role};
use muxhook_protocol::parts::Assembler;
use tokio::join;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Cli, Neighbour, Relay, echo, hello, replied, soon, upgrade};

/// Copies of 64 KiB that a relay keeps for a session, at the least.
const KEPT: usize = 900;

#[tokio::test]
async fn small_deliveries_pass_a_large_one() {
    // More than sockets hold between them.
    const LARGE: usize = 24 << 20;
    let relay = Relay::with(|config| config.limits.max_body = LARGE).await;
    let mut socket = upgrade(relay.addr, &relay.token).await.unwrap();
    socket.send(Message::Binary(Frame::Hello(hello("shop")).encode())).await.unwrap();
    let mut observer = relay.observe("shop").await;
    relay.wait_for("shop", (1, 1)).await;
    let mut assembler = Assembler::new(LARGE as u64, 1);
    let mut sender = relay.connect().await;
    sender.send(format!("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n")).await;
    sender.send("x".repeat(LARGE)).await;
    assert_eq!(observer.delivery().await.body.len(), LARGE);

    // The large one is on its way to a listener that reads nothing yet, and then there are small ones.
    let mut senders = Vec::new();
    for _ in 0..50 {
        let mut sender = relay.connect().await;
        sender.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nsmall").await;
        senders.push(sender);
        observer.delivery().await;
    }
    let mut order = Vec::new();
    while order.len() < 51 {
        let Some(Ok(Message::Binary(message))) = soon(socket.next()).await else { panic!("{order:?}") };
        let whole = assembler.accept(Frame::decode(message).unwrap()).unwrap();
        if let Some(Frame::Deliver { delivery, .. }) = whole {
            order.push(delivery.body.len());
        }
    }
    assert_eq!(order, [vec![5; 50], vec![LARGE]].concat());
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
    const LARGE: usize = 4 << 20;
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    // Nothing moves on this link from here on.
    let _unmoved = relay.greet(hello("shop")).await;
    let webhook =
        format!("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: {LARGE}\r\n\r\n{}", "x".repeat(LARGE));
    let mut senders = Vec::new();
    for _ in 0..40 {
        let mut sender = relay.connect().await;
        sender.send(&webhook).await;
        neighbour.is_well().await;
        senders.push(sender);
    }
    // The first answer is no deadline's: the relay kept what it may keep for one session, and turned away the rest.
    let answers = senders.iter_mut().map(|sender| Box::pin(sender.response()));
    let (first, at, _) = select_all(answers).await;
    assert_eq!(first.error(), (503, "busy".into()));
    assert!(at >= 8, "only {at} were kept");
    neighbour.is_well().await;
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
