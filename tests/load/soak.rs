//! Hours in minutes: a relay and CLIs under a steady load with failures and lost links, whose memory and descriptors
//! must not grow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at, sleep};

use crate::harness::{App, Cli, Figures, Relay, Transport, Wire, count, run, say};

/// Webhooks a second in all.
const RATE: u32 = 200;
const SENDERS: u32 = 20;

/// How often everything is weighed.
const SAMPLE: Duration = Duration::from_secs(5);

/// Most growth, in MiB in 10 minutes, and the shortest run that tells: caches have to level off first.
const MOST_GROWTH: f64 = 1.0;
const LEAST_TELLING: usize = 10;

/// How many more descriptors the busiest moment of the second half may have.
const MORE_DESCRIPTORS: usize = 6;

/// How often a connection of a sender's is given up for another: after so many webhooks.
const PER_CONNECTION: usize = 500;

/// The steady one; the one that is held still for so long that its link dies; the one that is killed.
const ENDPOINTS: [&str; 3] = ["steady", "frozen", "killed"];

/// How often each answer came.
type Answers = Arc<Mutex<BTreeMap<(u16, String), usize>>>;

/// What one process took over time, from when all of it had levelled off.
#[derive(Default)]
struct Course {
    samples: Vec<(f64, Figures)>,
}

impl Course {
    /// Growth by the method of least squares, in MiB in 10 minutes.
    fn growth(&self) -> f64 {
        let count = self.samples.len() as f64;
        let mean = |of: fn(&(f64, Figures)) -> f64| self.samples.iter().map(of).sum::<f64>() / count;
        let (time, size) = (mean(|sample| sample.0), mean(|sample| sample.1.mib()));
        let sum = |of: &dyn Fn(&(f64, Figures)) -> f64| self.samples.iter().map(of).sum::<f64>();
        let together = sum(&|sample| (sample.0 - time) * (sample.1.mib() - size));
        let alone = sum(&|sample| (sample.0 - time).powi(2));
        600.0 * together / alone
    }

    /// Most descriptors in a half: the first one, and the second. They come and go with what is under way.
    fn descriptors(&self) -> [usize; 2] {
        let (first, second) = self.samples.split_at(self.samples.len() / 2);
        [first, second].map(|half| half.iter().map(|sample| sample.1.descriptors).max().unwrap_or_default())
    }
}

/// A body: most have 2 KiB, some are tiny, some large, a few huge.
fn body(number: u64) -> Vec<u8> {
    let size = match number {
        n if n % 5000 == 4999 => 1 << 20,
        n if n % 100 == 99 => 64 << 10,
        n if n % 3 == 0 => 100,
        _ => 2048,
    };
    let begin =
        format!(r#"{{"type":"video.asset.ready","id":"{number:016x}","data":{{"id":"a","passthrough":""#);
    format!("{begin}{}\"}}}}", "x".repeat(size)).into_bytes()
}

/// One of those who share the rate, each in its turn.
async fn send(relay: std::net::SocketAddr, place: u32, start: Instant, answers: Answers) {
    let gap = Duration::from_secs(1) * SENDERS / RATE;
    let mut ticks = interval_at(start + gap * place / SENDERS, gap);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut number = u64::from(place);
    loop {
        let mut wire = Wire::connect(relay).await.expect("the relay listens");
        for _ in 0..PER_CONNECTION {
            ticks.tick().await;
            number += u64::from(SENDERS);
            let endpoint = ENDPOINTS[(number / u64::from(SENDERS) % 3) as usize];
            let answer =
                wire.ask(&format!("POST /h/{endpoint}"), "", &body(number)).await.expect("an answer");
            let by = answer.get("muxhook-answer").unwrap_or_default().to_owned();
            *answers.lock().unwrap().entry((answer.status(), by)).or_default() += 1;
        }
    }
}

/// A listener that is killed every minute, and away for some seconds.
async fn killed(mut cli: Cli, relay: Arc<Relay>, app: Arc<App>) {
    loop {
        sleep(Duration::from_secs(55)).await;
        drop(cli);
        sleep(Duration::from_secs(5)).await;
        cli = Cli::start(&relay, ENDPOINTS[2], &app).await;
    }
}

/// Holds a listener still for so long that the relay gives its link up, every other minute.
async fn frozen(cli: Arc<Cli>) {
    loop {
        sleep(Duration::from_secs(100)).await;
        cli.freeze();
        sleep(Duration::from_secs(20)).await;
        cli.thaw();
    }
}

async fn soak(minutes: usize) {
    let relay = Arc::new(Relay::start(Transport::Plain, &["--retention", "3m"]).await);
    let app = Arc::new(App::start().await);
    let steady = Cli::start(&relay, ENDPOINTS[0], &app).await;
    let still = Arc::new(Cli::start(&relay, ENDPOINTS[1], &app).await);
    let (answers, start) = (Answers::default(), Instant::now());
    let mut players = JoinSet::new();
    let third = Cli::start(&relay, ENDPOINTS[2], &app).await;
    players.spawn(killed(third, Arc::clone(&relay), Arc::clone(&app)));
    players.spawn(frozen(Arc::clone(&still)));
    for place in 0..SENDERS {
        players.spawn(send(relay.addr, place, start, Arc::clone(&answers)));
    }
    let minute = Duration::from_secs(60);
    let end = minute * u32::try_from(minutes).unwrap();
    // A third of the time, ten minutes at most, is for caches and the journal to level off.
    let level = (end / 3).min(10 * minute);
    let mut courses = [
        ("relay", Course::default()),
        ("steady listener", Course::default()),
        ("frozen listener", Course::default()),
    ];
    let mut ticks = interval(SAMPLE);
    let mut told = start;
    while start.elapsed() < end {
        tokio::select! {
            _ = ticks.tick() => {}
            ended = players.join_next() => panic!("a player ended: {ended:?}\n{}", relay.log()),
        }
        let figures = [relay.figures(), steady.figures(), still.figures()];
        let now = start.elapsed().as_secs_f64();
        if start.elapsed() >= level {
            courses
                .iter_mut()
                .zip(figures)
                .for_each(|((_, course), figures)| course.samples.push((now, figures)));
        }
        if told.elapsed() >= minute {
            told += minute;
            let words: Vec<_> =
                figures.iter().map(|now| format!("{:.1} MiB/{} fds", now.mib(), now.descriptors)).collect();
            let sent: usize = answers.lock().unwrap().values().sum();
            say(&format!(
                "{:.0} min: {sent} sent, {} reached the app; relay {}",
                now / 60.0,
                app.arrived(),
                words.join(", ")
            ));
        }
    }
    drop(players);
    say(&format!(
        "answers: {:?}; the frozen listener's link stood {} times",
        answers.lock().unwrap(),
        still.links()
    ));
    judge(&courses, minutes);
    check(&answers.lock().unwrap(), minutes);
}

fn check(answers: &BTreeMap<(u16, String), usize>, minutes: usize) {
    let strange: Vec<_> = answers.keys().filter(|(status, by)| !is_expected(*status, by)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let sent: usize = answers.values().sum();
    assert!(sent >= minutes * 60 * RATE as usize * 95 / 100, "only {sent} were sent");
}

/// What the app says, what the relay holds, and what it says of an app that hangs up or is too slow.
fn is_expected(status: u16, by: &str) -> bool {
    matches!((status, by), (200 | 500, "app") | (200, "held") | (502 | 504, "relay"))
}

fn judge(courses: &[(&str, Course); 3], minutes: usize) {
    for (name, course) in courses {
        let [first, last] = course.descriptors();
        say(&format!(
            "{name}: {:+.2} MiB in 10 minutes, at most {first} and then {last} descriptors",
            course.growth()
        ));
    }
    for (name, course) in courses.iter().filter(|_| minutes >= LEAST_TELLING) {
        let [first, last] = course.descriptors();
        assert!(course.growth() < MOST_GROWTH, "{name} grows");
        assert!(last <= first + MORE_DESCRIPTORS, "{name}: descriptors are not flat");
    }
}

#[test]
#[ignore = "by scripts/soak"]
fn soak_for_long() {
    let minutes = count("MUXHOOK_SOAK_MINUTES", 30);
    run(Duration::from_secs(60) * u32::try_from(minutes + 5).unwrap(), soak(minutes));
}
