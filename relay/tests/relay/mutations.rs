//! Requests by the thousand, most of them broken by a rule or by chance, against a relay that runs: it never panics,
//! never hangs, and carries nothing but what `judge` reads, byte for byte.
//!
//! A seed and a number make a case, whatever came before it. `scripts/mutate [SEED] [COUNT]` runs as many as it is told.

mod maker;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::conversation::{Book, converse};
use crate::harness::{Client, RelayProcess};
use crate::judge::{End, delivered, judge};

/// Connections at once. Each has an app of its own, so that what comes to it is known to come of one case.
const LANES: usize = 64;

/// A connection that is still open by then hangs: the relay gives a sender 10 s for a word.
const HANG: Duration = Duration::from_secs(40);

/// Cases of the ordinary suite.
const FEW: u64 = 1_500;

/// What came of all cases.
#[derive(Debug, Default)]
struct Tally {
    connections: AtomicU64,
    answers: AtomicU64,
    carried: AtomicU64,
    refused: AtomicU64,
}

struct Run {
    seed: u64,
    count: u64,
    next: AtomicU64,
    tally: Tally,
}

#[tokio::test]
async fn some_mutated_requests() {
    mutate(1, FEW).await;
}

#[tokio::test]
#[ignore = "takes minutes: scripts/mutate"]
async fn many_mutated_requests() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    mutate(number("MUXHOOK_MUTATE_SEED").unwrap_or(1), number("MUXHOOK_MUTATE_COUNT").unwrap_or(1_000_000))
        .await;
}

async fn mutate(seed: u64, count: u64) {
    let mut relay = RelayProcess::start(&["--hold=off", "--retention=0s"]).await;
    let run = Arc::new(Run { seed, count, next: AtomicU64::new(0), tally: Tally::default() });
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        // Two names are not one byte apart.
        let endpoint = format!("lane-{}", format!("{lane:02}").repeat(10));
        let book = Book::of(relay.listen(&endpoint).await);
        lanes.push(tokio::spawn(drive(Arc::clone(&run), relay.addr, endpoint, book)));
    }
    let faults: Vec<String> =
        join_all(lanes).await.into_iter().filter_map(|lane| lane.unwrap().err()).collect();
    assert!(relay.is_alive(), "the relay has ended: {}", relay.log());
    assert_eq!(relay.log().matches("panicked").count(), 0, "{}", relay.log());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let _ = writeln!(std::io::stderr(), "seed {seed}, {count} cases: {:?}", run.tally);
    let Tally { carried, refused, .. } = &run.tally;
    assert!(carried.load(Ordering::Relaxed) > count / 4, "{:?}", run.tally);
    assert!(refused.load(Ordering::Relaxed) > count / 10, "{:?}", run.tally);
}

/// Takes one case after the other until there is none left.
async fn drive(run: Arc<Run>, relay: SocketAddr, endpoint: String, book: Book) -> Result<(), String> {
    loop {
        let number = run.next.fetch_add(1, Ordering::Relaxed);
        if number >= run.count {
            return Ok(());
        }
        let case = maker::case(run.seed, number, &endpoint);
        if let Err(fault) = one(&run.tally, relay, (number, &endpoint), &case, &book).await {
            run.next.store(run.count, Ordering::Relaxed);
            let bytes = case.bytes.escape_ascii();
            return Err(format!("seed {}, case {number}: {fault}\n{bytes}", run.seed));
        }
    }
}

/// One connection. Each comes from an address of its own: one that fails so often would not be heard.
async fn one(
    tally: &Tally,
    relay: SocketAddr,
    (number, endpoint): (u64, &str),
    case: &maker::Case,
    book: &Book,
) -> Result<(), String> {
    let (requests, end) = judge(&case.bytes);
    let [.., high, middle, low] = number.to_be_bytes();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::new(127, 1 + high % 250, middle, low), 0).into()).unwrap();
    let mut client = Client::new(socket.connect(relay).await.map_err(|error| error.to_string())?);
    let answers = timeout(HANG, converse(&mut client, &case.bytes, &requests, end));
    let answers =
        answers.await.map_err(|_| format!("it hangs; by the judge {} requests, {end:?}", requests.len()))?;
    let came = book.take();
    let expected: Vec<_> = requests.iter().filter_map(|request| request.essence(endpoint)).collect();
    let mut left = expected.iter();
    for delivery in came.iter().map(delivered) {
        if !left.any(|one| *one == delivery) {
            return Err(format!("this was carried: {delivery:?}\nof {expected:?}\n{end:?}"));
        }
    }
    let is_first_sure =
        requests.first().is_some_and(|first| first.is_plain && first.essence(endpoint).is_some());
    let least = if case.is_whole { expected.len() } else { usize::from(is_first_sure) };
    if came.len() < least {
        return Err(format!("{} of at least {least} were carried; {expected:?}\n{end:?}", came.len()));
    }
    for (count, more) in [
        (&tally.connections, 1),
        (&tally.answers, answers),
        (&tally.carried, came.len()),
        (&tally.refused, usize::from(matches!(end, End::Refused(_)))),
    ] {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }
    Ok(())
}
