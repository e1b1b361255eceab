//! Figures, not faults: what holding costs, and what the journal costs those who are live.
//!
//! `cargo test --release --test faults -- --ignored --nocapture measure`

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::harness::{App, ENDPOINT, Ledger, Listener, Relay, Setting, TOKEN, Verdict, Wire, post, run, say};

const SENDERS: usize = 64;

#[expect(clippy::disallowed_methods, reason = "what is measured here is real time")]
fn now() -> Instant {
    Instant::now()
}

/// Of sorted durations, in milliseconds.
fn quantile(sorted: &[Duration], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1000.0
}

/// The median of a write of 4 KiB and a sync of it, in milliseconds.
fn sync_p50(folder: &Path) -> f64 {
    let mut file = OpenOptions::new().create(true).append(true).open(folder.join("probe")).unwrap();
    let mut took: Vec<_> = (0..200)
        .map(|_| {
            let began = now();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    quantile(&took, 0.5)
}

/// Each sender as fast as it is answered, for a while. How long each answer took, sorted.
async fn saturate(relay: &Relay, ledger: &Ledger, wanted: Verdict, time: Duration) -> Vec<Duration> {
    let mut senders = JoinSet::new();
    let until = now() + time;
    for _ in 0..SENDERS {
        let (addr, ledger) = (relay.addr, ledger.clone());
        senders.spawn(async move {
            let (mut wire, mut took) = (Wire::connect(addr).await.unwrap(), Vec::new());
            while now() < until {
                let began = now();
                assert_eq!(post(&mut wire, ENDPOINT, &ledger).await.unwrap().1, wanted);
                took.push(began.elapsed());
            }
            took
        });
    }
    let mut took = senders.join_all().await.concat();
    took.sort_unstable();
    took
}

/// So many a second in all, each sender in its turn. How long each answer took from when it was due, sorted.
async fn pace(relay: &Relay, ledger: &Ledger, rate: u32, time: Duration) -> Vec<Duration> {
    let mut senders = JoinSet::new();
    let gap = Duration::from_secs(1) * SENDERS as u32 / rate;
    let start = tokio::time::Instant::now();
    for number in 0..SENDERS as u32 {
        let (addr, ledger) = (relay.addr, ledger.clone());
        senders.spawn(async move {
            let (mut wire, mut took) = (Wire::connect(addr).await.unwrap(), Vec::new());
            let mut ticks = tokio::time::interval_at(start + gap * number / SENDERS as u32, gap);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while start.elapsed() < time {
                let due = ticks.tick().await;
                assert_eq!(post(&mut wire, ENDPOINT, &ledger).await.unwrap().1, Verdict::App);
                took.push(due.elapsed());
            }
            took
        });
    }
    let mut took = senders.join_all().await.concat();
    took.sort_unstable();
    took
}

/// What the relay says of history that it had no time to write.
async fn dropped(relay: &Relay) -> String {
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    let mut wire = Wire::connect(relay.addr).await.unwrap();
    let answer =
        wire.ask(&format!("GET /_relay/v1/endpoints/{ENDPOINT}/events?limit=1"), &token, b"").await.unwrap();
    let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    page.get("dropped")
        .map_or_else(|| "no history".to_owned(), |rows| format!("{rows} rows of history dropped"))
}

#[test]
#[ignore = "measures for half a minute"]
fn measure_holding() {
    run(1, Duration::from_secs(120), async {
        for round in 1..=3 {
            let folder = tempfile::tempdir().unwrap();
            let sync = sync_p50(folder.path());
            let relay = Relay::start(folder.path()).await;
            let time = Duration::from_secs(6);
            let took = saturate(&relay, &Ledger::new(), Verdict::Held, time).await;
            say(&format!(
                "held, round {round}: {:.0}/s, p50 {:.2} ms, p99 {:.2} ms, slowest {:.1} ms; fdatasync p50 {sync:.2} ms",
                took.len() as f64 / time.as_secs_f64(),
                quantile(&took, 0.5),
                quantile(&took, 0.99),
                quantile(&took, 1.0),
            ));
        }
    });
}

#[test]
#[ignore = "measures for a minute"]
fn measure_the_journal_beside_what_is_live() {
    run(1, Duration::from_secs(240), async {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let off = Setting::default().arg("--hold").arg("off").arg("--retention").arg("0s");
        let app = App::start().await;
        for (name, rate) in [("5,000/s", 5_000), ("as fast as can be", 0)] {
            for round in 1..=3 {
                for (which, folder, setting) in
                    [("on ", &folders[0], Setting::default()), ("off", &folders[1], off.clone())]
                {
                    let relay = Relay::with(folder.path(), &setting).await;
                    let listener = Listener::start(&relay, &app, &[]).await;
                    let (ledger, time) = (Ledger::new(), Duration::from_secs(4));
                    let took = match rate {
                        0 => saturate(&relay, &ledger, Verdict::App, time).await,
                        rate => pace(&relay, &ledger, rate, time).await,
                    };
                    say(&format!(
                        "live, {name}, journal {which}, round {round}: {:.0}/s, p50 {:.3} ms, p99 {:.3} ms; {}",
                        took.len() as f64 / time.as_secs_f64(),
                        quantile(&took, 0.5),
                        quantile(&took, 0.99),
                        dropped(&relay).await,
                    ));
                    listener.kill().await;
                }
            }
        }
    });
}
