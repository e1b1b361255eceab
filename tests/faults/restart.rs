//! The relay is told to end under load, and its successor is there at once, on the same socket: nobody is turned away.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::harness::{
    App, ENDPOINT, Ledger, Listener, Relay, Setting, Verdict, Wire, count, run, say, webhook,
};

/// Senders that keep their connections, and how often each of them sends.
const KEPT: usize = 10;
const EACH: Duration = Duration::from_millis(100);

/// How often a sender comes on a connection of its own.
const NEW: Duration = Duration::from_millis(10);

/// How long a relay that is told to end may take.
const MOST: Duration = Duration::from_secs(10);

#[test]
fn a_relay_that_is_told_to_end_under_load_and_its_successor_turn_nobody_away() {
    let cycles = count("MUXHOOK_FAULT_RESTARTS", 3);
    run(cycles, Duration::from_secs(30), async {
        let (data, ledger, app) = (tempfile::tempdir().unwrap(), Ledger::new(), App::start().await);
        // This test plays systemd: the socket is there before the relay, and after it.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let socket = socket.listen(4096).unwrap().into_std().unwrap();
        let setting = Setting::default().socket(socket);

        let mut relay = Relay::with(data.path(), &setting).await;
        let listener = Listener::start(&relay, &app, &[]).await;
        let load = Senders::start(relay.addr, &ledger);
        let mut ends = Vec::new();
        for cycle in 0..cycles {
            ledger.more_answers(100).await;
            sleep(Duration::from_micros(fastrand::u64(0..100_000))).await;
            relay.terminate();
            let ended = async {
                let began = Instant::now();
                let log = relay.ended().await;
                assert!(!log.contains("panicked") && log.contains(r#""drained":true"#), "{log}");
                began.elapsed()
            };
            let successor = Relay::try_start(data.path(), &setting);
            let (end, successor) = tokio::join!(ended, successor);
            ends.push(end);
            relay = successor.unwrap_or_else(|refusal| panic!("{refusal:?}"));
            listener.until_times("reconnected", cycle + 1).await;
        }
        ledger.more_answers(100).await;
        let seen = load.finish().await;
        // What was held while nobody listened is owed to the app, and the listener is here.
        for number in ledger.acknowledged() {
            app.until(number).await;
        }
        let longest = ends.iter().max().unwrap();
        say(&format!(
            "SIGTERM under load, {cycles} cycles: {seen:?}, longest wait for an answer {:?}; down within {longest:?}; {}",
            seen.longest,
            ledger.figures(&app)
        ));
        ledger.check(&app);
        assert!(seen.failures.is_empty(), "{seen:?}");
        assert!(ledger.refused().is_empty(), "{:?}", ledger.refused());
        assert!(seen.kept > 0 && seen.new > 0 && !ledger.acknowledged().is_empty(), "no load: {seen:?}");
        assert!(*longest < MOST, "{ends:?}");
    });
}

/// 200 webhooks a second: half of them over connections that are kept, half over new ones.
struct Senders {
    stop: CancellationToken,
    senders: JoinSet<()>,
    seen: Arc<Mutex<Seen>>,
}

/// What became of the requests, as their senders saw it.
#[derive(Debug, Default)]
struct Seen {
    /// Answered, on a connection that had been used before.
    kept: usize,
    /// Answered, on a new one.
    new: usize,
    /// How often an answer was said to be the last of its connection.
    last: usize,
    failures: BTreeMap<&'static str, usize>,
    longest: Duration,
}

impl Senders {
    fn start(addr: SocketAddr, ledger: &Ledger) -> Self {
        let (stop, seen, mut senders) = (CancellationToken::new(), Arc::default(), JoinSet::new());
        for number in 0..KEPT {
            let sender = Sender { addr, ledger: ledger.clone(), seen: Arc::clone(&seen) };
            let keep = sender.keep(EACH * u32::try_from(number).unwrap() / KEPT as u32, stop.clone());
            senders.spawn(keep);
        }
        let sender = Sender { addr, ledger: ledger.clone(), seen: Arc::clone(&seen) };
        senders.spawn(sender.come_anew(stop.clone()));
        Self { stop, senders, seen }
    }

    /// Lets each sender have the answer that it waits for.
    async fn finish(self) -> Seen {
        self.stop.cancel();
        self.senders.join_all().await;
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

#[derive(Clone)]
struct Sender {
    addr: SocketAddr,
    ledger: Ledger,
    seen: Arc<Mutex<Seen>>,
}

impl Sender {
    /// Sends over one connection for as long as the relay lets it, and then over the next.
    async fn keep(self, offset: Duration, stop: CancellationToken) {
        sleep(offset).await;
        let (mut due, mut kept) = (interval(EACH), None::<Wire>);
        while stop.run_until_cancelled(due.tick()).await.is_some() {
            // As every client's pool does: a connection that was seen to end is not sent on.
            kept = match kept.take().filter(|wire| !wire.has_ended()) {
                Some(wire) => self.ask(wire, true).await,
                None => match self.connect().await {
                    Some(wire) => self.ask(wire, false).await,
                    None => None,
                },
            };
        }
    }

    async fn come_anew(self, stop: CancellationToken) {
        let (mut due, mut all) = (interval(NEW), JoinSet::new());
        while stop.run_until_cancelled(due.tick()).await.is_some() {
            let sender = self.clone();
            all.spawn(async move {
                if let Some(wire) = sender.connect().await {
                    sender.ask(wire, false).await;
                }
            });
            while all.try_join_next().is_some() {}
        }
        all.join_all().await;
    }

    async fn connect(&self) -> Option<Wire> {
        let wire = Wire::connect(self.addr).await;
        if wire.is_none() {
            self.failed("not connected");
        }
        wire
    }

    /// One webhook, and its answer; the connection, if it may be used again.
    async fn ask(&self, mut wire: Wire, is_kept: bool) -> Option<Wire> {
        let (number, began) = (self.ledger.number(), Instant::now());
        let Some(answer) = wire.ask(&format!("POST /h/{ENDPOINT}"), "", &webhook::body(number)).await else {
            self.failed(if is_kept { "kept connection ended" } else { "new connection ended" });
            return None;
        };
        if let Verdict::Refused(_) = self.ledger.answered(number, &answer) {
            self.failed("refused");
        }
        let is_last = answer.get("connection") == Some("close");
        let mut seen = self.seen.lock().unwrap();
        seen.longest = seen.longest.max(began.elapsed());
        *(if is_kept { &mut seen.kept } else { &mut seen.new }) += 1;
        seen.last += usize::from(is_last);
        (!is_last).then_some(wire)
    }

    fn failed(&self, kind: &'static str) {
        *self.seen.lock().unwrap().failures.entry(kind).or_default() += 1;
    }
}
