//! A wall clock that steps by a day while the relay runs, and between its runs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::harness::{App, ENDPOINT, Ledger, Load, Relay, Setting, hand_over, run, say, shim};

const HOUR: i64 = 60 * 60;

/// Webhooks between two steps.
const SOME: usize = 20;

#[test]
fn what_is_owed_outlives_a_clock_that_steps_by_a_day() {
    run(1, Duration::from_secs(30), async {
        let folder = tempfile::tempdir().unwrap();
        let (data, setting) = (folder.path().join("data"), clock(folder.path()));
        let (ledger, app) = (Ledger::new(), App::start().await);
        let mut relay = Relay::with(&data, &setting).await;
        for hours in [0, 24, -24, 25, 0] {
            step(folder.path(), hours);
            hold(&relay, &ledger).await;
        }
        // A step back between two runs.
        relay.kill().await;
        step(folder.path(), -24);
        relay = Relay::with(&data, &setting).await;
        hold(&relay, &ledger).await;
        step(folder.path(), 24);
        hand_over(&relay, &app, &ledger).await;
        say(&format!("clock steps: {}", ledger.figures(&app)));
        ledger.check(&app);
        let order = app.order();
        let turned = order.windows(2).find(|two| two[0].number >= two[1].number);
        assert!(turned.is_none(), "not in order of arrival: {turned:?}");
    });
}

/// A time that the relay did not see pass counts as far as the clock goes on.
#[test]
fn what_is_owed_ends_after_a_day_whatever_the_clock_did_before() {
    run(1, Duration::from_secs(30), async {
        let folder = tempfile::tempdir().unwrap();
        let (data, setting) = (folder.path().join("data"), clock(folder.path()));
        let (ledger, app) = (Ledger::new(), App::start().await);
        // Held when the clock was a day ahead.
        step(folder.path(), 24);
        let relay = Relay::with(&data, &setting).await;
        hold(&relay, &ledger).await;
        relay.kill().await;
        // Set right, and nearly a day passes: still owed, not over early.
        for hours in [0, 24 + 23] {
            step(folder.path(), hours);
            let relay = Relay::with(&data, &setting).await;
            hold(&relay, &ledger).await;
            relay.kill().await;
        }
        let held = ledger.acknowledged();
        // More than a day passes: everything of before is over.
        step(folder.path(), 24 + 23 + 25);
        let relay = Relay::with(&data, &setting).await;
        hand_over(&relay, &app, &ledger).await;
        let kept: Vec<_> = held.iter().filter(|&&number| app.times(number) > 0).collect();
        assert!(kept.is_empty(), "owed for more than a day: {} of {}", kept.len(), held.len());
    });
}

fn clock(folder: &Path) -> Setting {
    step(folder, 0);
    shim().with("MUXHOOK_FAULT_CLOCK", folder.join("clock"))
}

fn step(folder: &Path, hours: i64) {
    // At once, never in part.
    fs::write(folder.join("clock.new"), (hours * HOUR).to_string()).unwrap();
    fs::rename(folder.join("clock.new"), folder.join("clock")).unwrap();
}

/// One sender, so that the order of arrival is the order of numbers.
async fn hold(relay: &Relay, ledger: &Ledger) {
    let load = Load::start(relay.addr, ENDPOINT, ledger, 1);
    ledger.more_answers(SOME).await;
    load.finish().await;
    assert!(ledger.refused().is_empty(), "{:?}\n{}", ledger.refused(), relay.log());
}
