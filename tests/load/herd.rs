//! Everybody comes back: the relay was killed, or told to end, and is there again.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::harness::{Figures, Listeners, Relay, Told, Transport, count, run, say};

const MINUTE: Duration = Duration::from_secs(60);

/// All must be back by then.
const MOST: Duration = Duration::from_secs(30);

/// How long a supervisor takes to start a relay that was killed.
const SUPERVISOR: Duration = Duration::from_secs(1);

/// How a relay ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// `kill -9`.
    Killed,
    /// SIGTERM.
    Told,
}

/// What was seen while all came back.
#[derive(Default)]
struct Seen {
    /// How many came back in each second since the relay was there again.
    seconds: Vec<usize>,
    /// Attempts that led to nothing, once the relay was there again.
    failed: usize,
    /// Most connections that waited to be accepted.
    queue: usize,
    last: Duration,
}

impl Seen {
    fn back_after(&mut self, time: Duration) {
        let second = usize::try_from(time.as_secs()).unwrap();
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, 0);
        }
        self.seconds[second] += 1;
        self.last = self.last.max(time);
    }

    fn tell(&self, began: Figures, ended: Figures) {
        for (second, count) in self.seconds.iter().enumerate() {
            say(&format!("  second {second:2}: {count:5} {}", "#".repeat(count.div_ceil(50))));
        }
        say(&format!(
            "  the last after {:.1} s; {} attempts failed; at most {} waited to be accepted; {:.1} s of processor time; {:.1} MiB",
            self.last.as_secs_f64(),
            self.failed,
            self.queue,
            (ended.processor - began.processor).as_secs_f64(),
            ended.mib(),
        ));
    }
}

/// Watches how many connections wait to be accepted.
struct Queue {
    most: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Queue {
    /// On a thread of its own: the system takes long to list all connections.
    fn watch(port: u16) -> Self {
        let queue = Self { most: Arc::default(), stop: Arc::default() };
        let (most, stop) = (Arc::clone(&queue.most), Arc::clone(&queue.stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                most.fetch_max(accept_queue(port), Ordering::Relaxed);
                std::thread::park_timeout(Duration::from_millis(200));
            }
        });
        queue
    }

    fn most(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.most.load(Ordering::Relaxed)
    }
}

/// What `/proc/net/tcp` calls the receive queue of a listening socket.
fn accept_queue(port: u16) -> usize {
    let table = File::open("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    let queue = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let is_it = fields.next()?.ends_with(&local) && fields.nth(1)? == "0A";
        let queue = fields.next()?.split_once(':')?.1;
        is_it.then(|| usize::from_str_radix(queue, 16).ok())?
    };
    // Listening sockets come first: the rest need not be made.
    BufReader::new(table).lines().map_while(Result::ok).find_map(|line| queue(&line)).unwrap_or_default()
}

async fn herd(transport: Transport, end: End, listeners: usize) -> Seen {
    let mut relay = Relay::start(transport, &[]).await;
    let mut crowd = Listeners::gather(&relay, 0, listeners).await;
    match end {
        End::Killed => {
            relay.kill();
            sleep(SUPERVISOR).await;
        }
        End::Told => relay.stop().await,
    }
    relay.start_again().await;
    let (start, began) = (Instant::now(), relay.figures());
    let queue = Queue::watch(relay.addr.port());
    let (mut seen, mut away) = (Seen::default(), vec![true; listeners]);
    while away.contains(&true) {
        let event = crowd.next().await;
        away[event.number] = event.told == Told::Lost;
        match event.told {
            Told::Live => seen.back_after(event.at.saturating_duration_since(start)),
            Told::Lost => seen.failed += usize::from(event.at > start),
        }
    }
    seen.queue = queue.most();
    say(&format!("{transport:?}, {listeners} listeners come back, the relay was {end:?}:"));
    seen.tell(began, relay.figures());
    seen
}

async fn all_come_back(transport: Transport) {
    let listeners = count("MUXHOOK_LOAD_LISTENERS", 9_500);
    for end in [End::Killed, End::Told] {
        let seen = herd(transport, end, listeners).await;
        assert!(seen.last <= MOST, "the last was back after {:?}", seen.last);
    }
}

#[test]
#[ignore = "by scripts/load"]
fn herd_plain() {
    run(10 * MINUTE, all_come_back(Transport::Plain));
}

#[test]
#[ignore = "by scripts/load"]
fn herd_tls() {
    run(10 * MINUTE, all_come_back(Transport::Tls));
}

#[test]
fn two_hundred_come_back_however_the_relay_ended() {
    run(2 * MINUTE, async {
        for (transport, end) in [(Transport::Tls, End::Killed), (Transport::Plain, End::Told)] {
            herd(transport, end, 200).await;
        }
    });
}
