//! Clients that are slow in every way, many at once: each is gone soon, nothing of it stays, and nobody else feels it.
//! What it does to a good client's time is measured by `scripts/slow`, and asserted there alone.
#![cfg(test)]
#![cfg(target_os = "linux")]

mod clients;
#[allow(
    dead_code,
    unused_imports,
    reason = "it is the other tests' harness, and more than what is needed here"
)]
#[path = "../relay/harness/mod.rs"]
mod harness;
mod sender;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use muxhook_relay::accounts::Token;
use tokio::time::{Instant, sleep};

use clients::{Clients, Kind};
use harness::{Cli, Relay, echo, hello, replied};
use sender::Sender;

/// More than a slow reader's buffers take.
const ANSWER: usize = 64 << 10;

/// How long after its beginning a slow client is gone at the latest.
const GONE: Duration = Duration::from_secs(15);

/// The file descriptors of a process.
fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Waits until a process has no more descriptors than that.
async fn back_to(pid: u32, count: usize) {
    harness::soon(async {
        while descriptors(pid) > count {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A listener whose app echoes.
async fn good_app(addr: SocketAddr, token: &Token) {
    Cli::dial(addr, token, hello("good")).await.unwrap().serve(echo);
}

/// A listener whose app says much.
async fn large_app(addr: SocketAddr, token: &Token) {
    Cli::dial(addr, token, hello("large")).await.unwrap().serve(|_| replied(200, &[], vec![b'x'; ANSWER]));
}

/// Every day: few of each kind, and short times.
#[tokio::test]
async fn slow_clients_are_gone_and_leave_nothing_behind() {
    const SHORT: Duration = Duration::from_millis(500);
    let relay = Relay::with(|config| {
        config.admin = Some((Ipv4Addr::LOCALHOST, 0).into());
        let limits = &mut config.limits;
        (limits.head_timeout, limits.unread_timeout, limits.reply_deadline) = (SHORT, SHORT, SHORT);
    })
    .await;
    good_app(relay.addr, &relay.token).await;
    large_app(relay.addr, &relay.token).await;
    let mut sender = Sender::new(relay.addr, "good").await;
    sender.post().await;
    let open = relay.counted("connections").await;
    let before = descriptors(std::process::id());

    let clients = Clients::begin(relay.addr, 30, Duration::ZERO).await;
    harness::soon(async { while relay.counted("connections").await != open {} }).await;
    sender.post().await;
    let ended = clients.end().await;
    assert_eq!(ended.len(), 90);
    // Of this process, which is the relay's and the clients' alike.
    back_to(std::process::id(), before).await;
    assert_eq!(relay.counted("connections_failed_total{reason=\"slow_head\"}").await, 30);
    assert_eq!(relay.counted("connections_failed_total{reason=\"slow_reader\"}").await, 30);
    sender.post().await;
}

/// The relay's own program, as an operator starts it.
struct Program {
    child: Child,
    addr: SocketAddr,
    token: Token,
    _dir: tempfile::TempDir,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_muxhook-relay"))
            .env_clear()
            .args(["serve", "--listen=127.0.0.1:0", "--data-dir"])
            .arg(dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || told.next().unwrap().unwrap();
        let addr = line().rsplit_once("//").unwrap().1.trim_end_matches(" --plain").parse().unwrap();
        let token = Token::given(line().strip_prefix("token: ").unwrap()).unwrap();
        Self { child, addr, token, _dir: dir }
    }

    fn descriptors(&self) -> usize {
        descriptors(self.child.id())
    }

    /// Its resident memory, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// Slow clients and the app that answers some of them, on a thread of their own: what the good client feels is to be the
/// relay's doing.
struct Crowd(tokio::runtime::Handle);

impl Crowd {
    fn start(addr: SocketAddr, token: &Token) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (handle, token) = (runtime.handle().clone(), token.clone());
        // It ends with the process.
        std::thread::spawn(move || {
            runtime.block_on(async {
                large_app(addr, &token).await;
                std::future::pending::<()>().await;
            });
        });
        Self(handle)
    }
}

/// How often the good client is measured without slow clients and with them.
const ROUNDS: usize = 3;

/// How many slow clients of each kind there are at once.
const EACH: usize = 1000;

/// Over how long they come.
const COME: Duration = Duration::from_secs(4);

/// Thousands of them against the program, by `scripts/slow`.
#[tokio::test]
#[ignore = "takes a minute and an idle machine: scripts/slow"]
async fn thousands_of_slow_clients_slow_down_nobody() {
    let program = Program::start();
    good_app(program.addr, &program.token).await;
    let crowd = Crowd::start(program.addr, &program.token);
    let mut sender = Sender::new(program.addr, "good").await;
    sender.measure(Duration::from_secs(2)).await;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let before = program.descriptors();
        let calm = sender.measure(Duration::from_secs(6)).await;

        let (addr, began) = (program.addr, Instant::now());
        let clients = crowd.0.spawn(Clients::begin(addr, EACH, COME));
        let busy = sender.measure(COME).await;
        let (most, memory) = (program.descriptors(), program.memory());
        let clients = clients.await.unwrap();
        let rest = sender.measure_until(async {
            back_to(program.child.id(), before).await;
        });
        let (rest, ()) = rest.await;
        let all_gone = began.elapsed();
        let ended = crowd.0.spawn(clients.end()).await.unwrap();
        let slowest = |kind| {
            ended.iter().filter(|end| end.0 == kind).map(|end| end.1).max().unwrap_or_default().as_secs_f64()
        };
        assert_eq!(ended.len(), 3 * EACH);
        let busy = busy.and(rest);
        say(&format!(
            "round {round}: alone p50 {:.2} ms p99 {:.2} ms ({} posts); beside {} slow clients p50 {:.2} ms p99 {:.2} ms ({} \
             posts); descriptors {before} -> {most} -> {}; memory {} MiB; heads gone after {:.1} s, bodies after {:.1} s, \
             everybody {:.1} s after the first came, {:.1} s after the last",
            calm.at(50),
            calm.at(99),
            calm.len(),
            3 * EACH,
            busy.at(50),
            busy.at(99),
            busy.len(),
            program.descriptors(),
            memory / 1024,
            slowest(Kind::Head),
            slowest(Kind::Body),
            all_gone.as_secs_f64(),
            (all_gone - COME).as_secs_f64(),
        ));
        assert!(most > before + 2 * EACH, "they were there at once: {most}");
        assert!(all_gone < GONE + COME, "{all_gone:?}");
        for kind in [Kind::Head, Kind::Body] {
            assert!(slowest(kind) < GONE.as_secs_f64(), "{kind:?}: {}", slowest(kind));
        }
        alone.push(calm.at(99));
        beside.push(busy.at(99));
    }
    let (alone, beside) = (median(&mut alone), median(&mut beside));
    say(&format!("median p99: alone {alone:.2} ms, beside them {beside:.2} ms: {:.2} times", beside / alone));
    assert!(beside <= 2.0 * alone, "a good client's p99 has more than doubled");
}

/// Tells figures past the test harness's capture.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "slow: {text}");
}

fn median(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}
