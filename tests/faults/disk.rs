//! A disk whose syncs and writes fail.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::harness::{
    App, ENDPOINT, Ledger, Listener, Load, Relay, Verdict, Wire, count, hand_over, post, post_one, run, say,
    shim,
};

/// An endpoint that somebody listens on all the time.
const LIVE: &str = "live";

/// Webhooks that may be written until a checkpoint is due: many times its size.
const MOST_UNNOTICED: usize = 30_000;

#[test]
fn a_sync_that_fails_closes_the_journal_until_a_restart() {
    fails("sync");
}

#[test]
fn a_write_that_fails_closes_the_journal_until_a_restart() {
    fails("write");
}

/// Nobody waits for this sync: it is the journal's own, of its file, and fails while all others go well.
#[test]
fn a_checkpoint_that_fails_closes_the_journal_until_a_restart() {
    fails("checkpoint");
}

fn fails(call: &str) {
    let rounds = count("MUXHOOK_FAULT_ERRORS", 2);
    run(rounds, Duration::from_secs(20), async {
        for _ in 0..rounds {
            fail_once(call).await;
        }
    });
}

async fn fail_once(call: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (data, trigger) = (folder.path().join("data"), folder.path().join("trigger"));
    let (ledger, live_ledger, app) = (Ledger::new(), Ledger::new(), App::start().await);
    let relay = Relay::with(&data, &shim().with("MUXHOOK_FAULT_TRIGGER", &trigger)).await;
    relay.claim(LIVE).await;
    let live_app = App::start().await;
    let listener = Listener::on(LIVE, &relay, &live_app, &[]).await;
    let load = Load::start(relay.addr, ENDPOINT, &ledger, 16);
    ledger.more_answers(fastrand::usize(20..300)).await;
    forwards(&relay, &live_ledger).await;

    set(&trigger, call);
    if call == "checkpoint" {
        // It comes when enough has been written.
        until_refused(&ledger).await;
    }
    all_refused(&relay, &ledger, 50).await;
    load.finish().await;
    forwards(&relay, &live_ledger).await;
    fs::remove_file(&trigger).unwrap();
    // What was lost on the way to the disk can't be known: a restart alone finds out.
    all_refused(&relay, &ledger, 20).await;
    forwards(&relay, &live_ledger).await;
    drop(listener);
    let log = relay.kill().await;
    assert!(!log.contains("panicked"), "{log}");
    live_ledger.check(&live_app);

    let relay = Relay::start(&data).await;
    let (_, verdict) = post_one(relay.addr, ENDPOINT, &ledger).await;
    assert_eq!(verdict, Verdict::Held, "after a restart");
    hand_over(&relay, &app, &ledger).await;
    say(&format!("failing {call}: {}", ledger.figures(&app)));
    ledger.check(&app);
}

fn set(trigger: &Path, call: &str) {
    // At once, never in part.
    let other = trigger.with_extension("new");
    fs::write(&other, call).unwrap();
    fs::rename(other, trigger).unwrap();
}

/// Waits for the first webhook that is refused, whatever else happens until then.
async fn until_refused(ledger: &Ledger) {
    let mut answers = 0;
    while ledger.refused().is_empty() {
        ledger.more_answers(10).await;
        answers += 10;
        assert!(answers < MOST_UNNOTICED, "nobody noticed that the file can't be synced");
    }
}

/// Webhooks that begin now are refused, each of them.
async fn all_refused(relay: &Relay, ledger: &Ledger, webhooks: usize) {
    let mut wire = Wire::connect(relay.addr).await.expect("the relay listens");
    for _ in 0..webhooks {
        let answer = post(&mut wire, ENDPOINT, ledger).await;
        let (_, verdict) = answer.unwrap_or_else(|| panic!("no answer\n{}", relay.log()));
        assert_eq!(verdict, Verdict::Refused(503), "{}", relay.log());
    }
}

/// Whoever listens still gets everything.
async fn forwards(relay: &Relay, ledger: &Ledger) {
    let mut wire = Wire::connect(relay.addr).await.expect("the relay listens");
    for _ in 0..20 {
        let (_, verdict) = post(&mut wire, LIVE, ledger).await.expect("an answer");
        assert_eq!(verdict, Verdict::App, "{}", relay.log());
    }
}
