use std::net::Ipv4Addr;

use bytes::Bytes;
use muxhook_protocol::frame::{Backlog, Limits};
use muxhook_protocol::{DeliveryId, Failure, Headers, Reply};
use tokio::net::TcpListener;

use super::*;

const NOW: u64 = 1_790_000_000_000;

fn welcome(owed: u64, seq: u64) -> Welcome {
    Welcome {
        endpoint: "shop".parse().unwrap(),
        public_url: "https://relay.test/h/shop".into(),
        account: "me".into(),
        session: 1,
        server: "test".into(),
        others: 0,
        owed: Backlog { count: owed, oldest_at: (owed > 0).then_some(NOW - 7_500_000) },
        seq,
        holds: None,
        history: None,
        limits: Limits { in_flight: 4, max_body: 1024 },
    }
}

fn delivery(seq: u64, attempt: u32, owed: bool, replayed: bool) -> Delivery {
    Delivery {
        id: DeliveryId::new(seq, &[0; 10]),
        seq,
        received_at: NOW,
        attempt,
        method: "POST".into(),
        path: "".into(),
        query: None,
        headers: Headers::new(),
        owed,
        replayed,
        body: Bytes::new(),
    }
}

fn answered(status: u16) -> Outcome {
    Outcome::Replied(Reply { status, headers: Headers::new(), body: Bytes::new(), truncated: false })
}

fn failed(reason: FailReason) -> Outcome {
    Outcome::Failed(Failure { reason, message: "because".into() })
}

fn target(port: u16) -> Arc<Target> {
    Arc::new(Target::parse(&format!("http://127.0.0.1:{port}")).unwrap())
}

/// One that owed deliveries go to, as it begins with so many of them, numbered from 1.
fn begun(owed: u64) -> Catchup {
    let mut catchup = Catchup::new(Owed::Deliver, false);
    catchup.linked(&welcome(owed, owed), true, true, NOW);
    catchup
}

/// An owed delivery comes and goes.
fn pass(catchup: &mut Catchup, seq: u64, outcome: &Outcome) -> Option<String> {
    catchup.arrived();
    catchup.settled(&delivery(seq, 1, true, false), outcome).map(|notice| notice.message)
}

/// What is said when nothing more comes.
async fn said_when_quiet(catchup: &mut Catchup) -> Vec<String> {
    assert_eq!(catchup.next().await, Turn::Quiet);
    catchup.over().into_iter().map(|notice| notice.message).collect()
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_told_with_what_becomes_of_it() {
    let mut said = String::new();
    for (owed, forwards, count) in [
        (Owed::Deliver, true, 7),
        (Owed::Deliver, true, 1),
        (Owed::Later, true, 7),
        (Owed::Later, true, 1),
        (Owed::Discard, true, 7),
        (Owed::Later, false, 1200),
        (Owed::Deliver, true, 0),
    ] {
        let told = Catchup::new(owed, false).linked(&welcome(count, 9), forwards, true, NOW);
        said += &format!("{}\n", told.map(|notice| notice.message).unwrap_or_default());
    }
    insta::assert_snapshot!(said, @r"
    7 events arrived while you were away (oldest 2h 05m ago): they are delivered now, in order of arrival
    1 event arrived while you were away (oldest 2h 05m ago): it is delivered now
    7 events arrived while you were away (oldest 2h 05m ago): they are kept for later, as --owed says
    1 event arrived while you were away (oldest 2h 05m ago): it is kept for later, as --owed says
    7 events arrived while you were away (oldest 2h 05m ago): they are given up, as --owed says
    1,200 events arrived while you were away (oldest 2h 05m ago): they are kept for a listener with an app (--forward-to)
    ");
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_all_have_been_here() {
    let mut catchup = begun(4);
    assert_eq!(catchup.progress(), Some((0, 4)));
    assert_eq!(pass(&mut catchup, 1, &answered(200)), None);
    assert_eq!(pass(&mut catchup, 2, &answered(500)), None);
    assert_eq!(pass(&mut catchup, 3, &Outcome::Skipped { filter: "x".into() }), None);
    assert_eq!(catchup.progress(), Some((3, 4)));
    let said = pass(&mut catchup, 4, &failed(FailReason::Timeout)).unwrap();
    assert_eq!(
        said,
        "caught up: 4 events, 1 of them kept from your app, 2 refused by your app and tried again later"
    );
    assert_eq!(catchup.progress(), None);
    assert_eq!(pass(&mut catchup, 2, &answered(200)), None, "said once");
    assert!(!catchup.is_waiting());
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_meanwhile_counts_once() {
    let mut catchup = begun(3);
    pass(&mut catchup, 1, &answered(500));
    pass(&mut catchup, 2, &answered(500));
    pass(&mut catchup, 1, &answered(500));
    assert_eq!(catchup.progress(), Some((2, 3)));
    pass(&mut catchup, 2, &answered(204));
    assert_eq!(catchup.progress(), Some((2, 3)));
    let said = pass(&mut catchup, 3, &answered(200)).unwrap();
    assert_eq!(said, "caught up: 3 events, 1 refused by your app and tried again later");
}

#[tokio::test(start_paused = true)]
async fn it_is_over_when_nothing_more_comes() {
    let mut catchup = begun(3);
    pass(&mut catchup, 1, &answered(200));
    let from = Instant::now();
    assert_eq!(
        said_when_quiet(&mut catchup).await,
        ["caught up: 1 of 3 events; the others come later, or another listener has them"]
    );
    assert_eq!(from.elapsed(), QUIET);
    assert!(!catchup.is_waiting());
}

#[tokio::test(start_paused = true)]
async fn it_is_not_quiet_while_the_app_has_something_or_the_link_is_lost() {
    let mut catchup = begun(3);
    assert!(catchup.is_waiting());
    catchup.arrived();
    assert!(!catchup.is_waiting(), "the app may take as long as it likes");
    catchup.settled(&delivery(1, 1, true, false), &answered(200));
    assert!(catchup.is_waiting());
    catchup.unlinked();
    assert!(!catchup.is_waiting());
    assert_eq!(catchup.linked(&welcome(2, 3), true, false, NOW), None, "told by the line on the link");
    assert_eq!(catchup.progress(), Some((1, 3)), "it goes on");
    pass(&mut catchup, 2, &answered(200));
    assert_eq!(pass(&mut catchup, 3, &answered(200)).unwrap(), "caught up: 3 events");
}

#[tokio::test(start_paused = true)]
async fn the_past_that_was_asked_for_is_counted() {
    let mut catchup = Catchup::new(Owed::Deliver, true);
    catchup.linked(&welcome(0, 9), true, true, NOW);
    for seq in [3, 9, 10] {
        catchup.arrived();
        catchup.settled(&delivery(seq, 2, false, true), &answered(200));
    }
    let said = said_when_quiet(&mut catchup).await;
    assert_eq!(said, ["2 events of the past were delivered again, as --since asks"]);
    let mut catchup = Catchup::new(Owed::Deliver, true);
    catchup.linked(&welcome(0, 9), true, true, NOW);
    let said = said_when_quiet(&mut catchup).await;
    assert_eq!(said, ["the history holds nothing of what --since asks for"]);
    let mut catchup = Catchup::new(Owed::Deliver, true);
    catchup.linked(&Welcome { history: Some(false), ..welcome(0, 9) }, true, true, NOW);
    assert!(!catchup.is_waiting(), "there is no history to wait for");
}

#[test]
fn live_is_what_arrives_now() {
    let mut catchup = Catchup::new(Owed::Deliver, false);
    catchup.horizon = 5;
    for (live, delivery) in [
        (true, delivery(6, 1, false, false)),
        (true, delivery(5, 1, false, false)),
        // Owed by choice (--ack relay), and here at once.
        (true, delivery(6, 1, true, false)),
        (false, delivery(6, 2, true, false)),
        (false, delivery(5, 1, true, false)),
        (false, delivery(6, 2, false, true)),
        // What was under way when the relay went down, and comes once more: its sender may wait.
        (true, delivery(6, 2, false, false)),
    ] {
        assert_eq!(catchup.is_live(&delivery), live, "{delivery:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_given_up_once_and_what_is_kept_stays_so() {
    let mut catchup = Catchup::new(Owed::Discard, false);
    catchup.linked(&welcome(3, 9), true, true, NOW);
    assert_eq!(catchup.progress(), None);
    catchup.linked(&welcome(2, 12), true, false, NOW);
    assert_eq!(catchup.progress(), Some((0, 2)));
    let mut catchup = Catchup::new(Owed::Later, false);
    catchup.linked(&welcome(3, 9), true, true, NOW);
    catchup.linked(&welcome(3, 9), true, false, NOW);
    assert_eq!(catchup.progress(), None);
}

#[tokio::test]
async fn an_app_that_is_away_is_looked_for_until_it_is_there() {
    let app = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let target = target(app.local_addr().unwrap().port());
    let mut catchup = begun(3);
    assert_eq!(pass(&mut catchup, 1, &failed(FailReason::Refused)), None);
    assert_eq!(catchup.progress(), Some((0, 3)), "it comes again");
    let said = catchup.away(&target).unwrap().message;
    assert_eq!(
        said,
        format!("your app is not there: 3 events wait; {} is looked for every 2 s", target.url())
    );
    assert_eq!(catchup.away(&target), None, "said once");
    // Without a link nobody is looked for, and with the next one it goes on.
    catchup.unlinked();
    assert!(!catchup.is_waiting());
    catchup.linked(&welcome(3, 3), true, false, NOW);
    assert!(catchup.is_away_from(&target));
    assert_eq!(catchup.next().await, Turn::Back);
    assert_eq!(catchup.back().unwrap().code, "app_back");
    assert_eq!(catchup.back(), None);
    assert!(!catchup.is_away_from(&target));
}

#[tokio::test(start_paused = true)]
async fn nothing_ends_while_the_app_is_away() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let mut catchup = begun(1);
    pass(&mut catchup, 1, &failed(FailReason::Refused));
    catchup.away(&target(closed));
    let hour = tokio::time::timeout(Duration::from_secs(3600), catchup.next()).await;
    assert!(hour.is_err(), "{hour:?}");
}
