//! What the relay keeps: what it is asked for, and what it is told.

use super::*;

/// A delivery of the past.
fn replayed(number: u64) -> Frame {
    let Frame::Deliver { mut delivery, size } = delivery(number, 2) else { unreachable!() };
    delivery.replayed = true;
    Frame::Deliver { delivery, size }
}

/// Accepts the next connection, and says that so many deliveries were numbered.
async fn welcomed_at(relay: &mut Relay, seq: u64) -> Peer<DuplexStream> {
    let mut peer = relay.greeted().await;
    let Frame::Welcome(mut welcome) = welcome() else { unreachable!() };
    welcome.seq = seq;
    peer.send(&Frame::Welcome(welcome)).await;
    peer
}

/// A session of such settings, live where so many deliveries were numbered.
async fn live_at(
    seq: u64,
    change: impl FnOnce(&mut Settings),
) -> (Session<Pipes>, Relay, Peer<DuplexStream>) {
    let (mut session, mut relay) = session_with(change);
    let (signal, peer) = tokio::join!(session.next(), welcomed_at(&mut relay, seq));
    assert!(matches!(signal.unwrap(), Signal::Live { down: None, .. }));
    (session, relay, peer)
}

/// Loses the link, and gives back the next one.
async fn again(
    session: &mut Session<Pipes>,
    relay: &mut Relay,
    peer: Peer<DuplexStream>,
    seq: u64,
) -> Peer<DuplexStream> {
    drop(peer);
    lost(session).await;
    let (signal, peer) = tokio::join!(session.next(), welcomed_at(relay, seq));
    assert!(matches!(signal.unwrap(), Signal::Live { down: Some(_), .. }));
    peer
}

#[tokio::test(start_paused = true)]
async fn who_answers_is_said_with_every_greeting_and_what_is_owed_is_discarded_once() {
    let wishes = |settings: &mut Settings| (settings.ack, settings.owed) = (Ack::Relay, Owed::Discard);
    let (mut session, mut relay, peer) = live_at(9, wishes).await;
    assert_eq!((peer.hello.ack, peer.hello.owed, peer.hello.since), (Ack::Relay, Owed::Discard, None));
    let peer = again(&mut session, &mut relay, peer, 9).await;
    assert_eq!((peer.hello.ack, peer.hello.owed), (Ack::Relay, Owed::Deliver));
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_nobody_answered_asked_for_nothing() {
    let (mut session, mut relay) = session_with(|settings| settings.owed = Owed::Discard);
    let greeting = async { drop(relay.greeted().await) };
    tokio::join!(lost(&mut session), greeting);
    let (_, peer) = tokio::join!(session.next(), relay.welcomed());
    assert_eq!(peer.hello.owed, Owed::Discard);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_for_later_stays_so() {
    let (mut session, mut relay, peer) = live_at(9, |settings| settings.owed = Owed::Later).await;
    let peer = again(&mut session, &mut relay, peer, 9).await;
    assert_eq!(peer.hello.owed, Owed::Later);
}

#[tokio::test(start_paused = true)]
async fn the_past_goes_on_where_it_was_and_ends_where_it_ended_at_first() {
    let past = Since { at: 77, after: 0, until: None };
    let (mut session, mut relay, mut peer) = live_at(9, |settings| settings.since = Some(past)).await;
    assert_eq!(peer.hello.since, Some(past));
    for number in [3, 4] {
        peer.send(&replayed(number)).await;
        assert_eq!(delivered(&mut session).await, id(number));
        peer.send(&Frame::Past { after: number }).await;
    }
    // Neither what arrives now nor what somebody replays of it has to do with the past that was asked for.
    peer.deliver(12, 1).await;
    assert_eq!(delivered(&mut session).await, id(12));
    for number in [8, 10] {
        peer.send(&replayed(number)).await;
        assert_eq!(delivered(&mut session).await, id(number));
    }

    let mut peer = again(&mut session, &mut relay, peer, 12).await;
    assert_eq!(peer.hello.since, Some(Since { at: 77, after: 4, until: Some(9) }));
    peer.send(&replayed(9)).await;
    assert_eq!(delivered(&mut session).await, id(9));
    peer.send(&Frame::Past { after: 9 }).await;
    let peer = again(&mut session, &mut relay, peer, 12).await;
    assert_eq!(peer.hello.since, None, "all of it has come");
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_owed_is_handed_out_again_as_another_attempt() {
    let (mut session, _relay, mut peer) = live().await;
    peer.deliver(1, 1).await;
    assert_eq!(delivered(&mut session).await, id(1));
    session.settle(id(1), &replied());
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(1));
    peer.deliver(1, 2).await;
    assert_eq!(delivered(&mut session).await, id(1));
    peer.deliver(1, 3).await;
    peer.deliver(2, 1).await;
    assert_eq!(delivered(&mut session).await, id(2), "what is in hand is not handed out beside itself");
    session.settle(id(1), &replied());
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(1));
}

#[tokio::test(start_paused = true)]
async fn the_relay_is_told_that_the_app_is_there_and_tells_of_gaps() {
    let (mut session, mut relay, mut peer) = live().await;
    peer.deliver(5, 1).await;
    delivered(&mut session).await;
    session.settle(id(5), &replied());
    session.reachable();
    assert_eq!(
        while_quiet(&mut session, peer.outcome()).await,
        id(5),
        "what said that it is away comes first"
    );
    assert_eq!(while_quiet(&mut session, peer.frame()).await, Frame::Reachable);
    let gap = Gap { from_seq: 3, to_seq: 9, count: 2, why: "older than 24 h".into() };
    peer.send(&Frame::Gap(gap.clone())).await;
    assert!(matches!(session.next().await.unwrap(), Signal::Gap(told) if told == gap));
    drop(peer);
    lost(&mut session).await;
    session.reachable();
    let (_, mut peer) = tokio::join!(session.next(), relay.welcomed());
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(5), "sent again");
    peer.deliver(1, 1).await;
    delivered(&mut session).await;
    session.settle(id(1), &replied());
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(1), "without a link nothing is told");
}
