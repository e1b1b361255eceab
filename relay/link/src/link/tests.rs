use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt, StreamExt};
use muxhook_protocol::frame::{Notice, PART_SIZE};
use muxhook_protocol::{DeliveryId, Headers, Outcome, Reply};
use tokio::io::{DuplexStream, ReadBuf, duplex};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::heartbeat::HEARTBEAT;

const LIMITS: Limits = Limits { max_body: 1 << 20, max_open: LARGE_AT_ONCE, max_queue: 1 << 20 };

async fn socket<S: AsyncRead + AsyncWrite + Unpin>(stream: S, role: Role) -> WebSocketStream<S> {
    WebSocketStream::from_raw_socket(stream, role, Some(websocket_config(1024))).await
}

/// Two links with little room between them.
async fn pair() -> [Link<DuplexStream>; 2] {
    let (here, there) = duplex(1024);
    [
        Link::new(socket(here, Role::Client).await, LIMITS),
        Link::new(socket(there, Role::Server).await, LIMITS),
    ]
}

fn notice(code: &str) -> Outgoing {
    Outgoing::control(&Frame::Notice(Notice { code: code.into(), message: String::new() }))
}

fn code(frame: Frame) -> String {
    match frame {
        Frame::Notice(notice) => notice.code,
        other => panic!("not a notice: {other:?}"),
    }
}

fn answer(size: usize) -> Outcome {
    let body = (0..size).map(|at| (at / 11) as u8).collect();
    Outcome::Replied(Reply { status: 200, headers: Headers::default(), body, truncated: false })
}

fn large(number: u64, size: usize) -> Outgoing {
    Outgoing::outcome(DeliveryId::new(number, &[0; 10]), &answer(size))
}

/// The far side's next frame, while the near side writes.
async fn carried(near: &mut Link<DuplexStream>, far: &mut Link<DuplexStream>) -> Frame {
    tokio::select! {
        frame = far.next() => frame.unwrap(),
        never = near.next() => panic!("{never:?}"),
    }
}

#[tokio::test]
async fn a_mark_is_confirmed_after_what_was_sent_before_it() {
    let [mut near, mut far] = pair().await;
    near.send(large(1, 5 * PART_SIZE));
    let mark = near.mark();
    near.send(notice("later"));
    let mut whole = false;
    for _ in 0..10_000 {
        let polled = poll_fn(|cx| {
            assert!(near.poll_next(cx).is_pending());
            Poll::Ready(far.poll_next(cx))
        });
        whole |= matches!(polled.await, Poll::Ready(Ok(Frame::Outcome { .. })));
        assert!(whole || near.confirmed() < mark, "confirmed before it was read");
        if near.confirmed() == mark {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("never confirmed");
}

#[tokio::test]
async fn only_so_many_large_bodies_are_under_way() {
    let [mut near, mut far] = pair().await;
    for number in 0..3 * LARGE_AT_ONCE as u64 {
        near.send(large(number, 2 * PART_SIZE));
    }
    let whole = answer(2 * PART_SIZE);
    for _ in 0..3 * LARGE_AT_ONCE {
        let frame = carried(&mut near, &mut far).await;
        assert!(matches!(frame, Frame::Outcome { ref outcome, .. } if *outcome == whole));
    }
}

#[tokio::test]
async fn a_small_frame_passes_a_large_one() {
    let [mut near, mut far] = pair().await;
    near.send(large(1, 10 * PART_SIZE));
    poll_fn(|cx| {
        assert!(near.poll_next(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    near.send(notice("small"));
    assert_eq!(code(carried(&mut near, &mut far).await), "small");
    assert!(
        matches!(carried(&mut near, &mut far).await, Frame::Outcome { size, .. } if size == 10 * PART_SIZE as u64)
    );
}

#[tokio::test]
async fn a_next_given_up_loses_nothing() {
    let [mut near, mut far] = pair().await;
    near.send(large(1, 3 * PART_SIZE));
    near.send(notice("small"));
    let mut frames = Vec::new();
    while frames.len() < 2 {
        // Each future is polled once and dropped, wherever it stands.
        let polled = poll_fn(|cx| {
            assert!(pin!(near.next()).poll(cx).is_pending());
            Poll::Ready(pin!(far.next()).poll(cx))
        });
        match polled.await {
            Poll::Ready(frame) => frames.push(frame.unwrap()),
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
    assert_eq!(code(frames.remove(0)), "small");
    assert!(matches!(&frames[0], Frame::Outcome { outcome, .. } if *outcome == answer(3 * PART_SIZE)));
}

#[tokio::test]
async fn room_is_what_waits_to_be_written_and_comes_back() {
    let [mut near, mut far] = pair().await;
    assert_eq!(near.room(), LIMITS.max_queue);
    near.send(large(1, 1 << 20));
    assert_eq!(near.room(), 0, "one frame may go beyond");
    near.send(notice("small"));
    carried(&mut near, &mut far).await;
    assert_eq!(near.room(), 0, "the large one is under way");
    carried(&mut near, &mut far).await;
    assert_eq!(near.room(), LIMITS.max_queue);
    for _ in 0..1000 {
        near.send(notice(""));
    }
    assert!(near.room() < LIMITS.max_queue - 1000 * size_of::<Outgoing>(), "nothing is free of charge");
}

#[tokio::test]
async fn closing_writes_everything_first() {
    let [mut near, mut far] = pair().await;
    near.send(large(1, 3 * PART_SIZE));
    for number in 0..300 {
        near.send(notice(&number.to_string()));
    }
    let read = async {
        let (mut notices, mut bodies) = (0, 0);
        loop {
            match far.next().await {
                Ok(Frame::Notice(_)) => notices += 1,
                Ok(Frame::Outcome { .. }) => bodies += 1,
                Ok(other) => panic!("{other:?}"),
                Err(LinkError::Closed) => return (notices, bodies),
                Err(other) => panic!("{other}"),
            }
        }
    };
    let ((), read) = tokio::join!(near.close(), read);
    assert_eq!(read, (300, 1));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_nobody_for_long() {
    let [mut near, far] = pair().await;
    near.send(large(1, 3 * PART_SIZE));
    let begun = Instant::now();
    near.close().await;
    assert_eq!(begun.elapsed(), GOODBYE);
    drop(far);
}

#[tokio::test]
async fn a_rejected_peer_is_told_why() {
    let (here, there) = duplex(1 << 20);
    let mut near = Link::new(socket(here, Role::Server).await, LIMITS);
    let mut far = socket(there, Role::Client).await;
    near.send(notice("never sent"));
    let told = async {
        let told = far.next().await;
        drop(far);
        told
    };
    let why = format!("{}é and more", "x".repeat(122));
    let ((), told) = tokio::join!(near.reject(&why), told);
    match told {
        Some(Ok(Message::Close(Some(close)))) => {
            assert_eq!((u16::from(close.code), &*close.reason), (1002, &*"x".repeat(122)));
        }
        other => panic!("{other:?}"),
    }
}

/// Counts what is written.
struct Counted<S> {
    inner: S,
    writes: Arc<AtomicUsize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn frames_queued_together_go_out_as_one_write() {
    let (here, there) = duplex(1 << 20);
    let writes = Arc::new(AtomicUsize::new(0));
    let here = Counted { inner: here, writes: Arc::clone(&writes) };
    let mut near = Link::new(socket(here, Role::Client).await, LIMITS);
    let mut far = Link::new(socket(there, Role::Server).await, LIMITS);
    for batch in 1..=3 {
        for _ in 0..50 {
            near.send(notice("one of many"));
        }
        near.mark();
        poll_fn(|cx| {
            assert!(near.poll_next(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert_eq!(writes.load(Ordering::Relaxed), batch);
    }
    for _ in 0..150 {
        assert_eq!(code(far.next().await.unwrap()), "one of many");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_pinged_and_given_up() {
    let (here, there) = duplex(1024);
    let mut near = Link::new(socket(here, Role::Client).await, LIMITS);
    let mut far = socket(there, Role::Server).await;
    let begun = Instant::now();
    let pinged = async {
        // Taken from the socket by hand: a WebSocket would answer by itself.
        let mut head = [0; 2];
        tokio::io::AsyncReadExt::read_exact(far.get_mut(), &mut head).await.unwrap();
        assert_eq!((head[0] & 0x0f, begun.elapsed()), (9, HEARTBEAT));
        pending().await
    };
    let error = tokio::select! {
        ended = near.next() => ended.unwrap_err(),
        () = pinged => unreachable!(),
    };
    assert!(matches!(error, LinkError::Silent), "{error}");
    assert_eq!(begun.elapsed(), DEAD_AFTER);
    assert_eq!(error.to_string(), "nothing was heard for 15 s");
}

#[tokio::test(start_paused = true)]
async fn a_dead_peer_is_given_up_however_much_the_system_still_takes() {
    // The socket's buffers take all of it; nobody reads.
    let (here, there) = duplex(64 << 20);
    let mut near = Link::new(socket(here, Role::Client).await, LIMITS);
    let begun = Instant::now();
    let error = loop {
        near.send(large(1, 2 * PART_SIZE));
        tokio::select! {
            ended = near.next() => break ended.unwrap_err(),
            () = sleep(Duration::from_secs(2)) => {}
        }
    };
    assert!(matches!(error, LinkError::Silent), "{error}");
    assert_eq!(begun.elapsed(), DEAD_AFTER);
    drop(there);
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_lives_on() {
    let [mut near, mut far] = pair().await;
    let begun = Instant::now();
    tokio::select! {
        ended = near.next() => panic!("{ended:?}"),
        ended = far.next() => panic!("{ended:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
    assert_eq!(begun.elapsed(), Duration::from_secs(3600));
    near.send(notice("still here"));
    assert_eq!(code(carried(&mut near, &mut far).await), "still here");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_must_prove_itself_has_no_longer_than_that() {
    let [mut near, far] = pair().await;
    let begun = Instant::now();
    near.check(Duration::from_secs(5));
    assert!(matches!(near.next().await, Err(LinkError::Silent)));
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    drop(far);

    let [mut near, mut far] = pair().await;
    near.check(Duration::from_secs(5));
    tokio::select! {
        ended = near.next() => panic!("{ended:?}"),
        ended = far.next() => panic!("{ended:?}"),
        () = sleep(Duration::from_secs(60)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_talks_but_takes_nothing_is_given_up() {
    let (here, there) = duplex(1024);
    let mut near = Link::new(socket(here, Role::Client).await, LIMITS);
    let (mut far, begun) = (socket(there, Role::Server).await, Instant::now());
    near.send(large(1, 5 * PART_SIZE));
    let talk = async {
        loop {
            sleep(Duration::from_secs(3)).await;
            far.send(Message::Pong(Bytes::new())).await.unwrap();
        }
    };
    let error = tokio::select! {
        ended = near.next() => ended.unwrap_err(),
        () = talk => unreachable!(),
    };
    assert!(matches!(error, LinkError::Stalled), "{error}");
    assert_eq!(begun.elapsed(), DEAD_AFTER);
}

/// Lets the far side take 1 KiB each 100 ms, until it has `frames`; how long it took.
async fn slowly(near: &mut Link<DuplexStream>, far: &mut Link<DuplexStream>, mut frames: usize) -> Duration {
    let begun = Instant::now();
    while frames > 0 {
        poll_fn(|cx| {
            match near.poll_next(cx) {
                Poll::Pending => {}
                Poll::Ready(ended) => panic!("after {:?}: {ended:?}", begun.elapsed()),
            }
            while let Poll::Ready(frame) = far.poll_next(cx) {
                frame.unwrap();
                frames -= 1;
            }
            Poll::Ready(())
        })
        .await;
        sleep(Duration::from_millis(100)).await;
    }
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_slow_peer_is_not_a_stalled_one() {
    let [mut near, mut far] = pair().await;
    near.send(large(1, 500 * 1024));
    assert!(slowly(&mut near, &mut far, 1).await > 3 * DEAD_AFTER);

    let [mut near, mut far] = pair().await;
    for _ in 0..10 {
        near.send(large(1, 50 * 1024));
    }
    assert!(slowly(&mut near, &mut far, 10).await > 3 * DEAD_AFTER);
}

/// A server's link, and the client's raw end of its stream.
async fn served() -> (Link<Metered<DuplexStream>>, DuplexStream) {
    let (here, there) = duplex(1 << 20);
    (Link::of_server(socket(Metered::new(here, 0), Role::Server).await, LIMITS), there)
}

#[tokio::test(start_paused = true)]
async fn what_large_frames_have_grown_is_given_back_at_rest() {
    let (mut near, there) = served().await;
    let mut far = Link::new(socket(there, Role::Client).await, LIMITS);
    for round in 0..3 {
        near.send(large(round, 50_000));
        tokio::select! {
            frame = far.next() => assert!(matches!(frame, Ok(Frame::Outcome { .. })), "{frame:?}"),
            never = near.next() => panic!("{never:?}"),
        }
        far.send(large(round, 40_000));
        tokio::select! {
            frame = near.next() => assert!(matches!(frame, Ok(Frame::Outcome { .. })), "{frame:?}"),
            never = far.next() => panic!("{never:?}"),
        }
        assert!(near.rest.moved > 90_000);
        let quiet = async { tokio::join!(near.next(), far.next()) };
        assert!(timeout(3 * HEARTBEAT, quiet).await.is_err(), "nothing is said");
        assert_eq!(near.rest.moved, 0, "round {round}");
    }
}

/// A message as a client sends it, with a mask of zeros.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut message = vec![0x80 | opcode, 0x80 | if payload.len() < 126 { length[1] } else { 126 }];
    if payload.len() >= 126 {
        message.extend(length);
    }
    message.extend([0; 4]);
    message.extend(payload);
    message
}

#[tokio::test]
async fn what_was_read_of_a_frame_is_never_given_back() {
    const PING: u8 = 9;
    const BINARY: u8 = 2;
    let (mut near, mut there) = served().await;
    let frame = large(1, 40_000).first().to_vec();
    let message = masked(BINARY, &frame);
    let ping = masked(PING, b"");
    for at in [1, 3, 7, 8, 9, 5000, message.len() - 1] {
        there.write_all(&[&message[..], &ping].concat()).await.unwrap();
        assert!(matches!(near.next().await, Ok(Frame::Outcome { .. })));
        // A second ping with nothing before it but the first: the link is at rest, were it not for what comes with it.
        there.write_all(&[&ping[..], &message[..at]].concat()).await.unwrap();
        let whole = timeout(Duration::from_millis(20), near.next()).await;
        assert!(whole.is_err() && near.rest.moved > 0, "cut at {at}");
        there.write_all(&message[at..]).await.unwrap();
        assert!(matches!(near.next().await, Ok(Frame::Outcome { .. })), "cut at {at}");
        there.write_all(&[&ping[..], &ping].concat()).await.unwrap();
        assert!(timeout(Duration::from_millis(20), near.next()).await.is_err());
        assert_eq!(near.rest.moved, 0, "cut at {at}");
    }
}
