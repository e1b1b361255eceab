use futures_util::SinkExt;
use muxhook_link::{DEAD_AFTER, Now, websocket_config};
use muxhook_protocol::frame::{Ack, Owed, Role};
use muxhook_protocol::{DeliveryId, Outcome};
use tempfile::TempDir;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role as Side;

use super::*;
use crate::accounts::AccountName;
use crate::config::{self, Live};
use crate::dispatch::{Answer, Keeping, Request};
use crate::journal::{self, Address};

struct Fixture {
    sessions: Arc<Sessions>,
    pass: Pass,
    _dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::keeping(|_| Keeping::default())
    }

    fn keeping(keeping: impl FnOnce(&std::path::Path) -> Keeping) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Arc::new(Accounts::open(dir.path(), Now::system()).unwrap());
        let token = accounts.create_token(&AccountName::default(), "").unwrap();
        let pass = accounts.authenticate(token.secret.reveal()).unwrap().unwrap();
        let registry = Arc::new(Registry::default());
        let limits = config::Limits { in_flight: 8, max_body: 1 << 20, ..Default::default() };
        let sessions = Sessions {
            accounts,
            registry: Arc::clone(&registry),
            dispatch: Arc::new(Dispatch::new(registry, keeping(dir.path()), 8, [0; 8], Now::system())),
            settings: Arc::new(Settings::new(Live { limits, trusted_proxies: Default::default() })),
            per_endpoint: 8,
            claims: Semaphore::new(CLAIMS_AT_ONCE),
            public_url: "http://relay.example".parse().unwrap(),
            holds: true,
            history: false,
        };
        Self { sessions: Arc::new(sessions), pass, _dir: dir }
    }

    /// A session, and the CLI's end of its socket.
    async fn begin(&self) -> (JoinHandle<Ended>, WebSocketStream<DuplexStream>) {
        let (here, there) = duplex(64 * 1024);
        let config = Some(websocket_config(READ_BUFFER));
        let here = WebSocketStream::from_raw_socket(Metered::new(here, 0), Side::Server, config).await;
        let run = Arc::clone(&self.sessions).run(self.pass.clone(), here);
        (tokio::spawn(run), WebSocketStream::from_raw_socket(there, Side::Client, config).await)
    }

    /// A session that stands on `shop`.
    async fn live(&self) -> (JoinHandle<Ended>, Link<DuplexStream>) {
        let (session, socket) = self.begin().await;
        let mut link =
            Link::new(socket, muxhook_link::Limits { max_body: 1 << 20, max_open: 8, max_queue: 1 << 20 });
        link.send(Outgoing::control(&Frame::Hello(hello())));
        assert!(matches!(link.next().await, Ok(Frame::Welcome(_))));
        (session, link)
    }

    fn live_count(&self) -> usize {
        self.sessions.registry.all().len()
    }

    /// A webhook on `shop` with the usual deadline.
    async fn webhook(&self) -> Answer {
        let request = Request {
            path: String::new(),
            query: None,
            method: http::Method::POST,
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            received_at: 0,
            arrived: Instant::now(),
            deadline: Instant::now() + Duration::from_millis(4500),
        };
        let address = Address { account: AccountName::default(), endpoint: "shop".parse().unwrap() };
        tokio::select! {
            delivered = self.sessions.dispatch.deliver(&address, request) => delivered.answer,
            () = self.sessions.dispatch.sweep() => unreachable!(),
        }
    }
}

fn hello() -> Hello {
    Hello {
        agent: "test/1".into(),
        endpoint: Some("shop".parse().unwrap()),
        prefer: Vec::new(),
        listener: "cli".into(),
        role: Role::Listener,
        ack: Ack::App,
        owed: Owed::Deliver,
        since: None,
        resume: Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_does_not_greet_is_let_go() {
    let fixture = Fixture::new();
    let (session, _socket) = fixture.begin().await;
    let begun = Instant::now();
    let ended = session.await.unwrap();
    assert!(matches!(ended, Ended::NoGreeting), "{ended}");
    // The goodbye, which nobody answers either, takes a second at most.
    assert!(
        (GREETING..=GREETING + Duration::from_secs(1)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_sends_trifles_instead_of_a_greeting_is_let_go_all_the_same() {
    let fixture = Fixture::new();
    let (session, mut socket) = fixture.begin().await;
    let drip = async {
        loop {
            sleep(Duration::from_secs(2)).await;
            if socket.send(Message::Ping("still here".into())).await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    let ended = tokio::select! {
        ended = session => ended.unwrap(),
        () = drip => unreachable!(),
    };
    assert!(matches!(ended, Ended::NoGreeting), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_falls_silent_loses_its_seat() {
    let fixture = Fixture::new();
    let (session, link) = fixture.live().await;
    assert_eq!(fixture.live_count(), 1);
    let begun = Instant::now();
    let ended = session.await.unwrap();
    assert!(matches!(ended, Ended::Link(LinkError::Silent)), "{ended}");
    assert_eq!((begun.elapsed(), fixture.live_count()), (DEAD_AFTER, 0));
    drop(link);
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_answers_pings_keeps_its_seat() {
    let fixture = Fixture::new();
    let (session, mut link) = fixture.live().await;
    tokio::select! {
        frame = link.next() => panic!("{frame:?}"),
        () = sleep(Duration::from_secs(3600)) => {}
    }
    assert_eq!((session.is_finished(), fixture.live_count()), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_waits_for_its_deadline_and_no_longer() {
    let fixture = Fixture::new();
    let (_session, mut link) = fixture.live().await;
    let begun = Instant::now();
    let app = async {
        assert!(matches!(link.next().await, Ok(Frame::Deliver { .. })));
        link.next().await
    };
    let (answer, told) = tokio::join!(fixture.webhook(), app);
    assert_eq!(answer, Answer::TooLate);
    assert!(matches!(told, Ok(Frame::Answered { .. })));
    let took = begun.elapsed();
    assert!((4500..4600).contains(&took.as_millis()), "{took:?}");
    assert_eq!(fixture.sessions.dispatch.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_only_a_lost_link_could_answer_ends_as_lost() {
    let fixture = Fixture::new();
    let (session, mut link) = fixture.live().await;
    let lose = async move {
        assert!(matches!(link.next().await, Ok(Frame::Deliver { .. })));
        drop(link);
        session.await.unwrap()
    };
    let (answer, ended) = tokio::join!(fixture.webhook(), lose);
    assert_eq!(answer, Answer::LinkLost);
    assert!(matches!(ended, Ended::Link(LinkError::Closed)), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn a_closed_session_writes_what_waits_first() {
    let fixture = Fixture::new();
    let (session, mut link) = fixture.live().await;
    let seat = fixture.sessions.registry.all().remove(0);
    let id = |number| DeliveryId::new(number, &[0; 10]);
    for number in 0..500 {
        seat.send(Outgoing::control(&Frame::Answered { id: id(number) })).unwrap();
    }
    fixture.sessions.close_all();
    for number in 0..500 {
        assert_eq!(link.next().await.unwrap(), Frame::Answered { id: id(number) });
    }
    assert!(matches!(link.next().await, Err(LinkError::Closed)));
    drop(link);
    assert!(matches!(session.await.unwrap(), Ended::Closed));
}

#[tokio::test(start_paused = true)]
async fn outcomes_of_many_deliveries_open_the_window_again() {
    let fixture = Fixture::new();
    let (_session, mut link) = fixture.live().await;
    for _ in 0..3 {
        let app = async {
            let mut ids = Vec::new();
            while ids.len() < 8 {
                match link.next().await.unwrap() {
                    Frame::Deliver { delivery, .. } => ids.push(delivery.id),
                    Frame::Notice(_) => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(fixture.webhook().await, Answer::Busy);
            for id in ids {
                link.send(Outgoing::outcome(id, &Outcome::Skipped { filter: String::new() }));
            }
            // Until the relay has read them.
            let mark = link.mark();
            while link.confirmed() < mark {
                tokio::select! {
                    frame = link.next() => panic!("{frame:?}"),
                    () = sleep(Duration::from_millis(1)) => {}
                }
            }
        };
        let webhooks = async {
            let all: Vec<_> = (0..8).map(|_| fixture.webhook()).collect();
            futures_util::future::join_all(all).await
        };
        let (answers, ()) = tokio::join!(webhooks, app);
        assert_eq!(answers, vec![Answer::Skipped; 8]);
    }
}

#[tokio::test]
async fn a_listener_that_went_before_it_read_of_a_gap_is_told_again() {
    let mut journal = None;
    let fixture = Fixture::keeping(|dir| {
        let limits = journal::Limits { owed_for: Duration::ZERO, ..journal::Limits::default() };
        let opened = Arc::new(journal::Journal::open(dir, limits, Now::system()).unwrap());
        journal = Some(Arc::clone(&opened));
        Keeping { journal: Some(opened), holds: true }
    });
    let journal = journal.unwrap();
    fixture
        .sessions
        .accounts
        .claim_endpoint(&AccountName::default(), Some(&"shop".parse().unwrap()))
        .unwrap();
    assert!(matches!(fixture.webhook().await, Answer::Held));
    let address = Address { account: AccountName::default(), endpoint: "shop".parse().unwrap() };
    while journal.gaps(&address).await.unwrap().is_empty() {
        journal.maintain();
        sleep(Duration::from_millis(5)).await;
    }

    let (session, mut gone) = fixture.begin().await;
    gone.send(Message::binary(Outgoing::control(&Frame::Hello(hello())).head().to_vec())).await.unwrap();
    while fixture.live_count() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    drop(gone);
    session.await.unwrap();
    assert_eq!(journal.gaps(&address).await.unwrap().len(), 1, "it did not read of it");

    let (session, mut link) = fixture.live().await;
    let told = link.next().await;
    assert!(matches!(&told, Ok(Frame::Gap(gap)) if gap.count == 1), "{told:?}");
    // Its answer to what comes behind the gap goes out.
    assert!(tokio::time::timeout(Duration::from_millis(200), link.next()).await.is_err());
    drop(link);
    session.await.unwrap();
    assert_eq!(journal.gaps(&address).await.unwrap(), [], "nobody is told twice");
}

/// A socket that has the session panic when it is told to.
struct Trap(DuplexStream, Arc<std::sync::atomic::AtomicBool>);

impl AsyncRead for Trap {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        assert!(!self.1.load(std::sync::atomic::Ordering::Relaxed), "a defect");
        pin!(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Trap {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        pin!(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        pin!(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        pin!(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_session_that_panics_leaves_its_seat_and_harms_no_other() {
    let fixture = Fixture::new();
    let (here, there) = duplex(64 * 1024);
    let sprung = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (config, trap) =
        (Some(websocket_config(READ_BUFFER)), Metered::new(Trap(here, Arc::clone(&sprung)), 0));
    let here = WebSocketStream::from_raw_socket(trap, Side::Server, config).await;
    let session = tokio::spawn(Arc::clone(&fixture.sessions).run(fixture.pass.clone(), here));
    let mut there = WebSocketStream::from_raw_socket(there, Side::Client, config).await;
    there.send(Message::binary(Outgoing::control(&Frame::Hello(hello())).head().to_vec())).await.unwrap();
    while fixture.live_count() == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    sprung.store(true, std::sync::atomic::Ordering::Relaxed);
    there.send(Message::binary("x")).await.unwrap();
    assert!(session.await.unwrap_err().is_panic());
    assert_eq!(fixture.live_count(), 0, "webhooks would go to nobody");
    assert!(matches!(fixture.webhook().await, Answer::NoListener));

    let (session, link) = fixture.live().await;
    assert_eq!(fixture.live_count(), 1, "the next one is as well off as ever");
    drop(link);
    session.await.unwrap();
}

#[test]
fn many_come_back_over_a_longer_time_than_a_few() {
    let seconds = [0, 5, 2_000, 9_500, 20_000, usize::MAX].map(|count| return_spread(count).as_secs_f64());
    assert_eq!(seconds, [2.0, 2.0, 2.0, 9.5, 20.0, 20.0]);
}
