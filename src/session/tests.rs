//! The session against a scripted relay: over pipes where time is paused, over real sockets otherwise.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use muxhook_protocol::frame::{Backlog, Limits, MAX_MESSAGE, Refused, RefusedCode, Restarting};
use muxhook_protocol::{Frame, Headers, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::*;
use crate::dial::tests::Authority;
use crate::dial::{DialOptions, Dialer};

/// Connections as pipes; the relay's ends come out of the [`Relay`].
#[derive(Clone)]
struct Pipes(mpsc::Sender<(DuplexStream, RelayUrl)>);

impl Connect for Pipes {
    type Stream = DuplexStream;

    async fn connect(&self, relay: &RelayUrl) -> Result<DuplexStream, DialError> {
        let (near, far) = duplex(64 * 1024);
        match self.0.send((far, relay.clone())).await {
            Ok(()) => Ok(near),
            Err(_) => Err(DialError::transient("nobody there")),
        }
    }
}

struct Relay(mpsc::Receiver<(DuplexStream, RelayUrl)>);

impl Relay {
    async fn pipe(&mut self) -> DuplexStream {
        self.0.recv().await.unwrap().0
    }

    /// Accepts the next connection, and answers the upgrade with these bytes.
    async fn answers(&mut self, answer: &str) {
        let mut pipe = self.pipe().await;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(pipe.read_u8().await.unwrap());
        }
        pipe.write_all(answer.as_bytes()).await.unwrap();
    }

    /// Accepts the next connection and reads its greeting.
    async fn greeted(&mut self) -> Peer<DuplexStream> {
        Peer::accept(self.pipe().await).await
    }

    /// Accepts the next connection and welcomes it.
    async fn welcomed(&mut self) -> Peer<DuplexStream> {
        let mut peer = self.greeted().await;
        peer.send(&welcome()).await;
        peer
    }
}

/// The relay's side of one connection.
struct Peer<S> {
    ws: WebSocketStream<S>,
    path: String,
    headers: HeaderMap,
    hello: Hello,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    async fn accept(stream: S) -> Self {
        let (mut path, mut headers) = (String::new(), HeaderMap::new());
        #[allow(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
        let upgrade = |request: &Request, mut response: Response| {
            (path, headers) = (request.uri().to_string(), request.headers().clone());
            response.headers_mut().insert("sec-websocket-protocol", "muxhook.v1".parse().unwrap());
            Ok(response)
        };
        let mut ws = accept_hdr_async(stream, upgrade).await.unwrap();
        let Some(Ok(Message::Binary(first))) = ws.next().await else { panic!("no greeting") };
        let Ok(Frame::Hello(hello)) = Frame::decode(first) else { panic!("no hello") };
        Self { ws, path, headers, hello }
    }

    async fn send(&mut self, frame: &Frame) {
        self.ws.send(Message::Binary(frame.encode())).await.unwrap();
    }

    async fn deliver(&mut self, number: u64, attempt: u32) {
        self.send(&delivery(number, attempt)).await;
    }

    /// The next frame; answers pings on the way.
    async fn frame(&mut self) -> Frame {
        loop {
            if let Message::Binary(bytes) = self.ws.next().await.unwrap().unwrap() {
                return Frame::decode(bytes).unwrap();
            }
        }
    }

    async fn outcome(&mut self) -> DeliveryId {
        match self.frame().await {
            Frame::Outcome { id, .. } => id,
            other => panic!("no outcome: {other:?}"),
        }
    }

    /// Reads and answers pings until the other side is gone.
    async fn linger(&mut self) {
        while let Some(Ok(_)) = self.ws.next().await {}
    }
}

fn id(number: u64) -> DeliveryId {
    DeliveryId::new(number, &[0; 10])
}

fn delivery(number: u64, attempt: u32) -> Frame {
    let delivery = Delivery {
        id: id(number),
        seq: number,
        received_at: number,
        attempt,
        method: "POST".into(),
        path: "".into(),
        query: None,
        headers: Headers::default(),
        owed: false,
        replayed: false,
        body: Bytes::from_static(b"{}"),
    };
    Frame::Deliver { delivery: Box::new(delivery), size: 2 }
}

fn replied() -> Outcome {
    Outcome::Replied(Reply { status: 200, headers: Headers::default(), body: "ok".into(), truncated: false })
}

fn welcome() -> Frame {
    Frame::Welcome(Welcome {
        endpoint: "shop".parse().unwrap(),
        public_url: "https://relay.test/h/shop".into(),
        account: "me".into(),
        session: 1,
        server: "test".into(),
        others: 0,
        owed: Backlog::default(),
        seq: 0,
        holds: None,
        history: None,
        limits: Limits { in_flight: 4, max_body: 1024 },
    })
}

fn settings(relay: &str) -> Settings {
    Settings {
        relay: RelayUrl::parse(relay, true).unwrap(),
        token: Secret::new("hunter2"),
        endpoint: None,
        prefer: vec!["kiosk".parse().unwrap()],
        role: Role::Listener,
        ack: Ack::App,
        owed: Owed::Deliver,
        since: None,
        agent: "muxhook/test".into(),
        retry: true,
    }
}

fn session_with(change: impl FnOnce(&mut Settings)) -> (Session<Pipes>, Relay) {
    session_at(Now::from_fn(|| 0), change)
}

fn session_at(now: Now, change: impl FnOnce(&mut Settings)) -> (Session<Pipes>, Relay) {
    let (sender, receiver) = mpsc::channel(1);
    let mut settings = settings("http://relay.test");
    change(&mut settings);
    (Session::with(settings, Pipes(sender), now, || u32::MAX), Relay(receiver))
}

/// A session that stands, and the relay's side of it.
async fn live() -> (Session<Pipes>, Relay, Peer<DuplexStream>) {
    let (mut session, mut relay) = session_with(|_| ());
    let (signal, peer) = tokio::join!(session.next(), relay.welcomed());
    assert!(matches!(signal.unwrap(), Signal::Live { down: None, .. }));
    (session, relay, peer)
}

/// Does `work` while the session runs, which has nothing to tell meanwhile.
async fn while_quiet<C: Connect, T>(session: &mut Session<C>, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        signal = session.next() => panic!("not quiet: {signal:?}"),
    }
}

async fn delivered<C: Connect>(session: &mut Session<C>) -> DeliveryId {
    match session.next().await.unwrap() {
        Signal::Deliver(delivery) => delivery.id,
        other => panic!("no delivery: {other:?}"),
    }
}

async fn lost<C: Connect>(session: &mut Session<C>) -> (String, Duration) {
    match session.next().await.unwrap() {
        Signal::Lost { reason, retry_in } => (reason, retry_in),
        other => panic!("not lost: {other:?}"),
    }
}

#[tokio::test]
async fn greets_over_tcp() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let dialer = Dialer::new(DialOptions::default()).unwrap();
    let mut session = Session::new(settings(&url), dialer);
    let relay = async {
        let mut peer = Peer::accept(listener.accept().await.unwrap().0).await;
        peer.send(&welcome()).await;
        peer
    };
    let (signal, mut peer) = tokio::join!(session.next(), relay);
    let Signal::Live { welcome, down: None } = signal.unwrap() else { panic!("not live") };
    assert_eq!(welcome.public_url, "https://relay.test/h/shop");
    assert_eq!(peer.path, "/_relay/v1/connect");
    assert_eq!(peer.headers["authorization"], "Bearer hunter2");
    assert_eq!(peer.headers["sec-websocket-protocol"], "muxhook.v1");
    assert_eq!(peer.headers["user-agent"], "muxhook/test");
    assert_eq!(peer.headers["host"].to_str().unwrap(), url.trim_start_matches("http://"));
    assert_eq!((&*peer.hello.agent, peer.hello.role), ("muxhook/test", Role::Listener));
    assert_eq!((&peer.hello.endpoint, &*peer.hello.prefer), (&None, &["kiosk".parse().unwrap()][..]));
    assert_eq!(peer.hello.resume, []);
    assert_eq!(peer.hello.listener.len(), 26);
    peer.deliver(1, 1).await;
    assert_eq!(delivered(&mut session).await, id(1));
    session.settle(id(1), &replied());
    let frame = while_quiet(&mut session, peer.frame()).await;
    assert_eq!(frame, Frame::Outcome { id: id(1), outcome: replied(), size: 2 });
}

#[tokio::test]
async fn greets_over_tls_with_a_root_of_ones_own() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("localhost", 2020, 2100);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let mut session = Session::new(settings(&url), authority.dialer());
    let relay = async {
        let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut peer = Peer::accept(stream).await;
        peer.send(&welcome()).await;
        peer
    };
    let (signal, mut peer) = tokio::join!(session.next(), relay);
    assert!(matches!(signal.unwrap(), Signal::Live { down: None, .. }));
    tokio::join!(session.close(), peer.linger());
}

/// What the session makes of a relay that answers the upgrade with these bytes.
async fn answered_with(answer: &str) -> (Result<Signal, Ended>, Session<Pipes>, Relay) {
    let (mut session, mut relay) = session_with(|_| ());
    let (signal, ()) = tokio::join!(session.next(), relay.answers(answer));
    (signal, session, relay)
}

#[tokio::test]
async fn an_answer_that_is_no_upgrade_ends_the_session() {
    let mut said = String::new();
    for answer in [
        "HTTP/1.1 401 x\r\n\r\n",
        "HTTP/1.1 403 x\r\n\r\n",
        "HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<h1>Hello</h1>",
        "HTTP/1.1 301 x\r\nlocation: https://elsewhere.test/\r\n\r\n",
        "HTTP/1.1 426 x\r\n\r\n{\"error\":\"upgrade_required\",\"message\":\"this takes a WebSocket\"}",
        "HTTP/1.1 101 x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let (signal, mut session, _relay) = answered_with(answer).await;
        said += &format!("{}\n  {}\n", answer.lines().next().unwrap(), signal.unwrap_err());
        let more = tokio::time::timeout(Duration::ZERO, session.next()).await;
        assert!(more.is_err(), "it goes on after its end");
    }
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_token_that_is_not_good_for_it_is_told_what_would_be() {
    let body = r#"{"error":"scope","message":"this token has not the scope listen"}"#;
    let answer = format!("HTTP/1.1 403 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (signal, _session, _relay) = answered_with(&answer).await;
    let message = "this token has not the scope listen".to_owned();
    assert_eq!(signal.unwrap_err(), Ended::Refused { code: RefusedCode::Forbidden, message });
}

#[tokio::test]
async fn a_right_that_ends_ends_a_live_session_for_good() {
    let (mut session, _relay, mut peer) = live().await;
    let message = "the token was revoked".to_owned();
    let refused =
        Frame::Refused(Refused { code: RefusedCode::Forbidden, message: message.clone(), fatal: true });
    let (signal, ()) = tokio::join!(session.next(), peer.send(&refused));
    let ended = signal.unwrap_err();
    assert_eq!(ended, Ended::Refused { code: RefusedCode::Forbidden, message });
    assert_eq!(crate::error::Error::from(ended).kind(), crate::error::Kind::Refused);
}

#[tokio::test]
async fn a_websocket_of_something_else_is_no_relay() {
    let (mut session, mut relay) = session_with(|_| ());
    let other = async { tokio_tungstenite::accept_async(relay.pipe().await).await.unwrap() };
    let (signal, _other) = tokio::join!(session.next(), other);
    let said = signal.unwrap_err().to_string();
    assert_eq!(
        said,
        "what answers at http://relay.test is no muxhook relay: its WebSocket does not speak muxhook.v1"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_mend_is_waited_out() {
    for (answer, expected, wait) in [
        ("HTTP/1.1 502 x\r\n\r\n", "the relay at http://relay.test answered 502 Bad Gateway", 200),
        (
            "HTTP/1.1 503 x\r\nretry-after: 5\r\n\r\n{\"error\":\"x\",\"message\":\"no room\"}",
            "the relay at http://relay.test answered 503 Service Unavailable (no room)",
            5000,
        ),
        (
            "HTTP/1.1 429 x\r\nretry-after: 99999999999999\r\n\r\n",
            "the relay at http://relay.test answered 429 Too Many Requests",
            300_000,
        ),
        ("HTTP/1.1 10", "the relay at http://relay.test closed the connection without an answer", 200),
    ] {
        let (signal, mut session, mut relay) = answered_with(answer).await;
        let Signal::Lost { reason, retry_in } = signal.unwrap() else { panic!("not lost") };
        assert_eq!((&*reason, retry_in), (expected, Duration::from_millis(wait)));
        let from = Instant::now();
        let (signal, _peer) = tokio::join!(session.next(), relay.welcomed());
        assert!(matches!(signal.unwrap(), Signal::Live { down: None, .. }));
        assert!(from.elapsed() >= retry_in, "too soon");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_relay_is_given_up_after_its_time() {
    let (mut session, mut relay) = session_with(|_| ());
    let from = Instant::now();
    let ((reason, _), _pipe) = tokio::join!(lost(&mut session), relay.pipe());
    assert_eq!(reason, "the relay at http://relay.test gave no answer to the upgrade within 10 s");
    assert!((10..11).contains(&from.elapsed().as_secs()));
    let from = Instant::now();
    let ((reason, _), _peer) = tokio::join!(lost(&mut session), relay.greeted());
    assert_eq!(reason, "the relay at http://relay.test gave no answer to the greeting within 10 s");
    assert!((10..11).contains(&from.elapsed().as_secs()));
}

/// Messages that no relay sends.
fn nonsense() -> [(Message, &'static str); 4] {
    [
        (Message::text("hello"), "a text message"),
        (Message::binary(b"hello".as_slice()), "without the newline"),
        (Message::binary(b"{}\n".as_slice()), "a frame's head"),
        (Message::binary(vec![b'x'; MAX_MESSAGE + 1]), "Message too long"),
    ]
}

#[tokio::test]
async fn nonsense_in_place_of_a_welcome_ends_the_session() {
    for (message, said) in nonsense() {
        let (mut session, mut relay) = session_with(|_| ());
        let talking = async {
            let mut peer = relay.greeted().await;
            // The session may hang up in the middle of it.
            let _ = peer.ws.send(message).await;
        };
        let (signal, ()) = tokio::join!(session.next(), talking);
        let ended = signal.unwrap_err();
        assert!(matches!(ended, Ended::NotARelay { .. }), "{ended}");
        assert!(ended.to_string().contains(said), "{ended}");
    }
}

#[tokio::test]
async fn nonsense_from_a_live_relay_loses_the_link_alone() {
    for (message, said) in nonsense() {
        let (mut session, mut relay, mut peer) = live().await;
        let ((reason, _), _) = tokio::join!(lost(&mut session), peer.ws.send(message));
        assert!(reason.contains(said), "{reason}");
        let (signal, _peer) = tokio::join!(session.next(), relay.welcomed());
        assert!(matches!(signal.unwrap(), Signal::Live { down: Some(_), .. }));
    }
}

#[tokio::test]
async fn frames_out_of_place_lose_the_link_and_unknown_ones_do_not() {
    let (mut session, _relay, mut peer) = live().await;
    peer.ws.send(Message::binary(b"{\"frame\":\"from_the_future\",\"x\":1}\n".as_slice())).await.unwrap();
    peer.send(&Frame::Answered { id: id(7) }).await;
    assert!(matches!(session.next().await.unwrap(), Signal::Answered(seen) if seen == id(7)));
    let notice = Notice { code: "too_large".into(), message: "a body above 5 MiB".into() };
    peer.send(&Frame::Notice(notice.clone())).await;
    assert!(matches!(session.next().await.unwrap(), Signal::Notice(seen) if seen == notice));
    peer.send(&welcome()).await;
    assert!(lost(&mut session).await.0.ends_with("it sent a frame out of place"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_the_session_only_if_it_is_fatal() {
    let (mut session, mut relay) = session_with(|_| ());
    let mut refuse = async |code, fatal| {
        let refused = Refused { code, message: "because".into(), fatal };
        relay.greeted().await.send(&Frame::Refused(refused)).await;
    };
    let ((reason, _), ()) = tokio::join!(lost(&mut session), refuse(RefusedCode::TooManySessions, false));
    assert_eq!(reason, "the relay refused: because");
    let (signal, ()) = tokio::join!(session.next(), refuse(RefusedCode::EndpointTaken, true));
    let expected = Ended::Refused { code: RefusedCode::EndpointTaken, message: "because".into() };
    assert_eq!(signal.unwrap_err(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_sent_again_and_a_delivery_not_handed_out_twice() {
    let (mut session, mut relay, mut peer) = live().await;
    let listener = peer.hello.listener.clone();
    for number in [1, 2] {
        peer.deliver(number, 1).await;
        assert_eq!(delivered(&mut session).await, id(number));
    }
    session.settle(id(1), &replied());
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(1), "read, but never confirmed");
    drop(peer);
    let (reason, retry_in) = lost(&mut session).await;
    assert_eq!(reason, "the link to the relay is lost: the other side closed the connection");
    assert_eq!(retry_in, Duration::from_millis(200));
    let (signal, mut peer) = tokio::join!(session.next(), relay.welcomed());
    assert!(matches!(signal.unwrap(), Signal::Live { down: Some(down), .. } if down >= retry_in));
    assert_eq!(peer.hello.resume, [id(1), id(2)]);
    assert_eq!(peer.hello.listener, listener);
    assert_eq!(peer.hello.prefer, ["shop".parse().unwrap(), "kiosk".parse().unwrap()]);
    peer.deliver(1, 1).await;
    peer.deliver(2, 1).await;
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(1));
    session.settle(id(2), &replied());
    assert_eq!(while_quiet(&mut session, peer.outcome()).await, id(2));
    peer.deliver(3, 1).await;
    assert_eq!(delivered(&mut session).await, id(3), "and nothing of the earlier ones");
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_outcome_is_forgotten() {
    let (mut session, mut relay, mut peer) = live().await;
    peer.deliver(1, 1).await;
    delivered(&mut session).await;
    session.settle(id(1), &replied());
    let _ = while_quiet(&mut session, tokio::time::timeout(Duration::from_secs(12), peer.linger())).await;
    drop(peer);
    lost(&mut session).await;
    let (_, peer) = tokio::join!(session.next(), relay.welcomed());
    assert_eq!(peer.hello.resume, []);
}

#[tokio::test]
async fn more_outcomes_than_the_link_queues_all_arrive() {
    let (mut session, mut relay) = session_with(|_| ());
    let wide = async {
        let mut peer = relay.greeted().await;
        let Frame::Welcome(mut welcome) = welcome() else { unreachable!() };
        welcome.limits.in_flight = 2000;
        peer.send(&Frame::Welcome(welcome)).await;
        peer
    };
    let (_, mut peer) = tokio::join!(session.next(), wide);
    for number in 0..2000 {
        peer.deliver(number, 1).await;
        assert_eq!(delivered(&mut session).await, id(number));
    }
    for number in 0..2000 {
        session.settle(id(number), &replied());
    }
    let reading = async {
        for number in 0..2000 {
            assert_eq!(peer.outcome().await, id(number));
        }
    };
    while_quiet(&mut session, reading).await;
}

#[tokio::test]
async fn a_relay_that_floods_is_cut_off() {
    let (mut session, _relay, mut peer) = live().await;
    for number in 0..8 {
        peer.deliver(number, 1).await;
        delivered(&mut session).await;
    }
    peer.deliver(8, 1).await;
    let (reason, _) = lost(&mut session).await;
    assert!(reason.ends_with("it sent far more deliveries at once than the 4 it said"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_link_is_noticed() {
    let (mut session, _relay, _peer) = live().await;
    let from = Instant::now();
    let (reason, _) = lost(&mut session).await;
    assert_eq!(reason, "the link to the relay is lost: nothing was heard for 15 s");
    assert_eq!(from.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn an_idle_link_is_kept() {
    let (mut session, _relay, mut peer) = live().await;
    let day = Duration::from_secs(24 * 3600);
    let _ = while_quiet(&mut session, tokio::time::timeout(day, peer.linger())).await;
}

#[tokio::test(start_paused = true)]
async fn waits_grow_until_a_link_stood_for_long() {
    let (mut session, mut relay, peer) = live().await;
    drop(peer);
    let mut waits = Vec::new();
    for _ in 0..9 {
        waits.push(lost(&mut session).await.1.as_millis());
        let from = Instant::now();
        let (signal, peer) = tokio::join!(session.next(), relay.welcomed());
        signal.unwrap();
        drop(peer);
        assert_eq!(from.elapsed().as_millis(), waits[waits.len() - 1]);
    }
    assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
    lost(&mut session).await;
    let (_, mut peer) = tokio::join!(session.next(), relay.welcomed());
    let long = tokio::time::timeout(Duration::from_secs(30), peer.linger());
    let _ = while_quiet(&mut session, long).await;
    drop(peer);
    assert_eq!(lost(&mut session).await.1.as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_restarts_says_when_to_come_back() {
    let (mut session, mut relay, mut peer) = live().await;
    // However often in a row: it is no failure that waits grow with.
    for _ in 0..6 {
        peer.send(&Frame::Restarting(Restarting { reconnect_in_ms: 1234 })).await;
        drop(peer);
        let (reason, retry_in) = lost(&mut session).await;
        assert_eq!((&*reason, retry_in.as_millis()), ("the relay is restarting", 1234));
        let signal;
        (signal, peer) = tokio::join!(session.next(), relay.welcomed());
        assert!(matches!(signal.unwrap(), Signal::Live { down: Some(down), .. } if down.as_millis() == 1234));
    }
}

#[tokio::test]
async fn without_retry_the_first_failure_ends_it() {
    let (mut session, relay) = session_with(|settings| settings.retry = false);
    drop(relay);
    let ended = session.next().await.unwrap_err();
    assert_eq!(ended, Ended::Unreachable { reason: "nobody there".into() });
    let (mut session, mut relay) = session_with(|settings| settings.retry = false);
    let (_, peer) = tokio::join!(session.next(), relay.welcomed());
    drop(peer);
    assert!(matches!(session.next().await.unwrap_err(), Ended::Unreachable { .. }));
}

#[tokio::test(start_paused = true)]
async fn what_would_have_ended_it_is_waited_out_once_it_was_live() {
    let (mut session, mut relay, peer) = live().await;
    drop(peer);
    lost(&mut session).await;
    let missing = relay.answers("HTTP/1.1 404 x\r\n\r\n");
    let ((reason, _), ()) = tokio::join!(lost(&mut session), missing);
    assert!(reason.contains("is no muxhook relay: it answered 404 Not Found"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn being_dropped_in_the_middle_loses_nothing() {
    let (mut session, mut relay) = session_with(|_| ());
    let hasty = async {
        loop {
            tokio::select! {
                biased;
                signal = session.next() => return signal.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let (signal, mut peer) = tokio::join!(hasty, relay.welcomed());
    assert!(matches!(signal, Signal::Live { .. }));
    peer.deliver(1, 1).await;
    while tokio::time::timeout(Duration::ZERO, session.next()).await.is_err() {}
    session.settle(id(1), &replied());
    let reading = peer.outcome();
    tokio::pin!(reading);
    while tokio::time::timeout(Duration::ZERO, &mut reading).await.is_err() {
        assert!(tokio::time::timeout(Duration::ZERO, session.next()).await.is_err());
    }
}

#[tokio::test]
async fn closing_sends_what_is_settled_gives_up_the_rest_and_says_goodbye() {
    let (mut session, _relay, mut peer) = live().await;
    for number in [1, 2] {
        peer.deliver(number, 1).await;
        delivered(&mut session).await;
    }
    session.settle(id(1), &replied());
    let farewell = async {
        assert_eq!(peer.outcome().await, id(1));
        assert_eq!(peer.outcome().await, id(2));
        assert!(matches!(peer.ws.next().await, Some(Ok(Message::Close(_)))));
        peer.linger().await;
    };
    tokio::join!(session.close(), farewell);
    assert!(tokio::time::timeout(Duration::ZERO, session.next()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_dead_relay() {
    let (mut session, _relay, _peer) = live().await;
    let from = Instant::now();
    session.close().await;
    assert!(from.elapsed() <= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn another_relay_is_dialled_from_the_next_attempt_on() {
    let (mut session, mut relay, peer) = live().await;
    drop(peer);
    lost(&mut session).await;
    session.set_relay(RelayUrl::parse("http://moved.test:1", true).unwrap(), Secret::new("other"));
    assert_eq!(session.relay().origin(), "http://moved.test:1");
    let moved = async {
        let (pipe, url) = relay.0.recv().await.unwrap();
        (Peer::accept(pipe).await, url)
    };
    let (peer, url) = while_quiet(&mut session, moved).await;
    assert_eq!(url.origin(), "http://moved.test:1");
    assert_eq!(peer.headers["authorization"], "Bearer other");
    assert_eq!(peer.headers["host"], "moved.test:1");
}

#[tokio::test(start_paused = true)]
async fn after_sleep_a_live_link_must_prove_itself() {
    static WALL: AtomicU64 = AtomicU64::new(0);
    let (mut session, mut relay) = session_at(Now::from_fn(|| WALL.load(Ordering::Relaxed)), |_| ());
    let (_, mut peer) = tokio::join!(session.next(), relay.welcomed());
    let proving = tokio::time::timeout(Duration::from_secs(6), peer.linger());
    WALL.store(3_600_000, Ordering::Relaxed);
    let _ = while_quiet(&mut session, proving).await;
    let from = Instant::now();
    WALL.store(7_200_000, Ordering::Relaxed);
    lost(&mut session).await;
    assert!(from.elapsed() <= Duration::from_secs(10), "a tick and the time for a proof");
}

#[tokio::test(start_paused = true)]
async fn after_sleep_an_attempt_begins_anew() {
    static WALL: AtomicU64 = AtomicU64::new(0);
    let (mut session, mut relay) = session_at(Now::from_fn(|| WALL.load(Ordering::Relaxed)), |_| ());
    let _before = while_quiet(&mut session, relay.pipe()).await;
    let from = Instant::now();
    WALL.store(3_600_000, Ordering::Relaxed);
    let (signal, _peer) = tokio::join!(session.next(), relay.welcomed());
    assert!(matches!(signal.unwrap(), Signal::Live { .. }));
    assert!(from.elapsed() <= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn after_sleep_no_wait_goes_on() {
    static WALL: AtomicU64 = AtomicU64::new(0);
    let (mut session, mut relay) = session_at(Now::from_fn(|| WALL.load(Ordering::Relaxed)), |_| ());
    let busy = relay.answers("HTTP/1.1 503 x\r\nretry-after: 300\r\n\r\n");
    let ((_, retry_in), ()) = tokio::join!(lost(&mut session), busy);
    assert_eq!(retry_in.as_secs(), 300);
    let from = Instant::now();
    WALL.store(3_600_000, Ordering::Relaxed);
    let (signal, _peer) = tokio::join!(session.next(), relay.welcomed());
    assert!(matches!(signal.unwrap(), Signal::Live { .. }));
    assert!(from.elapsed() <= Duration::from_secs(5));
}

#[tokio::test]
async fn the_token_is_nowhere_to_be_seen() {
    let (signal, session, _relay) = answered_with("HTTP/1.1 401 x\r\n\r\n").await;
    let seen = format!("{:?} {:?}", signal.unwrap_err(), session.settings);
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[test]
fn a_session_may_move_between_threads() {
    fn check<T: Send>(_: impl FnOnce(&'static mut Session) -> T) {}
    check(Session::next);
}

mod owed;
