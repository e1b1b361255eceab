//! Listeners and observers that take nothing of what they are sent, and a listener beside them that does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muxhook_protocol::frame::{Ack, Role};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::harness::{Deaf, Listener, Pinging, Relay, Told, Transport, Wire, count, run, say};

const MINUTE: Duration = Duration::from_secs(60);

/// Who is deaf: each asks for another way of answering the sender.
const KINDS: [(Role, Ack); 3] =
    [(Role::Listener, Ack::App), (Role::Listener, Ack::Relay), (Role::Observer, Ack::App)];

/// Bytes of a webhook to each kind, and to the one beside. Where a sender waits for the app, few webhooks come: they have
/// to fill what the system takes before the relay is to wait.
const LARGE: [usize; 3] = [256 * 1024, 64 * 1024, 64 * 1024];
const SMALL: usize = 2 * 1024;

/// Most resident memory, in MiB: 256 of what waits for sessions, 256 of webhooks in flight, 64 of history that waits for
/// the disk, for each of 1,000 sessions 192 KiB of its WebSocket's buffers, and a third of it all for what the allocator
/// has taken and does not use.
const MOST: f64 = (256.0 + 256.0 + 64.0 + 192.0) * 4.0 / 3.0;

/// When a webhook has its answer at the latest: the reply deadline, and some time for a machine that is busy.
const LATEST: Duration = Duration::from_secs(8);

/// How long a sender of each kind waits after one that is held, since it is not the disk that is loaded here: where the app
/// answers, the session was given up.
const HELD_PAUSE: [Duration; 3] = [MINUTE, Duration::from_millis(500), MINUTE];

/// How often each answer came, and the slowest.
#[derive(Default)]
struct Answers {
    times: BTreeMap<(u16, String), usize>,
    slowest: Duration,
}

/// Posts to these endpoints in turn, for ever.
async fn flood(
    relay: SocketAddr,
    endpoints: Arc<[String]>,
    first: usize,
    (size, pause): (usize, Duration),
    answers: Arc<Mutex<Answers>>,
) {
    let body = vec![b'x'; size];
    let mut at = first;
    loop {
        let Some(mut wire) = Wire::connect(relay).await else { return };
        loop {
            at += 1;
            let (asked, line) = (Instant::now(), format!("POST /h/{}", endpoints[at % endpoints.len()]));
            let Some(answer) = wire.ask(&line, "", &body).await else { break };
            let by = answer.get("muxhook-answer").unwrap_or_default().to_owned();
            let is_held = by == "held";
            {
                let mut answers = answers.lock().unwrap();
                answers.slowest = answers.slowest.max(asked.elapsed());
                *answers.times.entry((answer.status(), by)).or_default() += 1;
            }
            if is_held {
                sleep(pause).await;
            }
        }
    }
}

/// A webhook every 50 ms to whoever is well.
async fn probe(relay: SocketAddr, answers: Arc<Mutex<Answers>>) {
    let mut ticks = interval(Duration::from_millis(50));
    let mut wire = Wire::connect(relay).await.unwrap();
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        let Some(answer) = wire.ask("POST /h/healthy", "", &[b'y'; SMALL]).await else {
            // A connection that was idle for 10 s: whoever sends here had no turn for so long.
            wire = Wire::connect(relay).await.unwrap();
            continue;
        };
        let by = answer.get("muxhook-answer").unwrap_or_default().to_owned();
        let mut answers = answers.lock().unwrap();
        answers.slowest = answers.slowest.max(asked.elapsed());
        *answers.times.entry((answer.status(), by)).or_default() += 1;
    }
}

/// How many sessions were given up: by the watchdog that sees nothing taken for 15 s, or for room.
fn given_up(relay: &Relay) -> usize {
    let causes = ["nothing could be sent for 15 s", "the relay closed it"];
    relay.log().lines().filter(|line| causes.iter().any(|cause| line.contains(cause))).count()
}

/// `deaf` sessions are flooded by so many `senders` for each kind. The most memory, in MiB.
async fn unread(deaf: usize, senders: [usize; 3], is_over: impl Fn(&Relay, Instant) -> bool) -> f64 {
    let relay = Relay::start(Transport::Plain, &[]).await;
    let mut healthy = Listener::new(&relay, relay.dialer(), "healthy");
    assert_eq!(healthy.next().await, Told::Live);
    let before = relay.figures();
    let (theirs, own) = (Arc::new(Mutex::new(Answers::default())), Arc::new(Mutex::new(Answers::default())));
    let (mut players, mut crowd) = (JoinSet::new(), Vec::new());
    players.spawn(async move { panic!("the healthy one was disturbed: {:?}", healthy.next().await) });
    let mut targets = Vec::new();
    for (role, ack) in KINDS {
        let name = |number| format!("{role:?}-{ack:?}-{number}").to_lowercase();
        let endpoints: Arc<[String]> = (0..deaf / 3).map(name).collect();
        for endpoint in endpoints.iter() {
            crowd.push(Deaf::greet(&relay, endpoint, role, ack).await);
        }
        targets.push(endpoints);
    }
    let pinging = Pinging::for_all(&crowd);
    for ((endpoints, senders), webhook) in targets.iter().zip(senders).zip(LARGE.into_iter().zip(HELD_PAUSE))
    {
        for number in 0..senders {
            players.spawn(flood(relay.addr, Arc::clone(endpoints), number, webhook, Arc::clone(&theirs)));
        }
    }
    players.spawn(probe(relay.addr, Arc::clone(&own)));
    let (began, mut most, mut ticks) = (Instant::now(), before.mib(), interval(Duration::from_millis(250)));
    while !is_over(&relay, began) {
        tokio::select! {
            _ = ticks.tick() => most = most.max(relay.figures().mib()),
            ended = players.join_next() => panic!("a player ended: {ended:?}"),
        }
    }
    let took = began.elapsed();
    drop(players);
    tell(deaf, took, most, (&theirs.lock().unwrap(), &own.lock().unwrap()));
    drop((pinging, crowd));
    sleep(Duration::from_secs(2)).await;
    say(&format!(
        "  two seconds later: {:.1} MiB, {} descriptors (before: {})",
        relay.figures().mib(),
        relay.figures().descriptors,
        before.descriptors
    ));
    check(&theirs.lock().unwrap(), &own.lock().unwrap());
    most
}

fn tell(deaf: usize, took: Duration, most: f64, (theirs, own): (&Answers, &Answers)) {
    say(&format!("{deaf} deaf sessions, flooded for {:.1} s: at most {most:.1} MiB", took.as_secs_f64()));
    for (whose, answers) in [("theirs", theirs), ("the healthy one's", own)] {
        say(&format!("  {whose}: {:?}, the slowest {:.2} s", answers.times, answers.slowest.as_secs_f64()));
    }
}

fn check(theirs: &Answers, own: &Answers) {
    let is_expected = |(status, by): &(u16, String)| {
        matches!((status, &**by), (200, "held" | "none") | (503 | 504 | 507, "relay"))
    };
    assert!(theirs.times.keys().all(is_expected), "{:?}", theirs.times);
    assert_eq!(
        own.times.keys().collect::<Vec<_>>(),
        [&(200, "app".to_owned())],
        "the healthy one was disturbed"
    );
    assert!(theirs.slowest.max(own.slowest) < LATEST, "too late");
}

#[test]
#[ignore = "by scripts/load"]
fn unread_by_a_thousand() {
    let deaf = count("MUXHOOK_LOAD_UNREAD", 1000);
    run(3 * MINUTE, async move {
        let most = unread(deaf, [900, 600, 64], |relay, _| given_up(relay) >= deaf / 3 * 3).await;
        assert!(most <= MOST, "above {MOST} MiB");
    });
}

#[test]
fn sixty_deaf_sessions_disturb_nobody() {
    run(2 * MINUTE, async {
        unread(60, [60, 20, 20], |_, began| began.elapsed() > Duration::from_secs(3)).await;
    });
}
