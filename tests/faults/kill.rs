//! `kill -9` of the relay, under load.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{App, ENDPOINT, Ledger, Listener, Load, Relay, count, hand_over, run, say};

const CONNECTIONS: usize = 64;

#[test]
fn a_relay_that_is_killed_under_load_loses_nothing_that_it_acknowledged() {
    let cycles = count("MUXHOOK_FAULT_CYCLES", 20);
    run(cycles, Duration::from_secs(10), async {
        let data = tempfile::tempdir().unwrap();
        let (ledger, app) = (Ledger::new(), App::start().await);
        for cycle in 0..cycles {
            let relay = Relay::start(data.path()).await;
            // Every other time somebody listens, who wants the relay to answer first.
            let listener = match cycle % 2 {
                0 => None,
                _ => Some(Listener::start(&relay, &app, &["--ack", "relay"]).await),
            };
            let load = Load::start(relay.addr, ENDPOINT, &ledger, CONNECTIONS);
            ledger.more_answers(fastrand::usize(1..400)).await;
            sleep(Duration::from_micros(fastrand::u64(0..20_000))).await;
            let log = relay.kill().await;
            load.broken().await;
            assert!(!log.contains("panicked"), "{log}");
            drop(listener);
        }
        let relay = Relay::start(data.path()).await;
        hand_over(&relay, &app, &ledger).await;
        say(&format!("kill -9, {cycles} cycles: {}", ledger.figures(&app)));
        ledger.check(&app);
        assert!(ledger.acknowledged().len() > cycles, "hardly anything was acknowledged");
    });
}
