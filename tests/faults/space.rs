//! A disk that is full, and has room again.

use std::fs;
use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{
    App, ENDPOINT, Ledger, Listener, Load, Mount, Relay, Verdict, Wire, count, fill, hand_over, post, run,
    say,
};

/// An endpoint that somebody listens on all the time.
const LIVE: &str = "live";

/// Webhooks that are held before the disk is full: some pages of a catch-up.
const HELD: usize = 300;

/// Webhooks that are live before anything is to be held: more than a small disk has room for.
const LIVE_FIRST: usize = 6000;

/// How often room is asked for, once there is some, and how long is waited in between.
const ASKED: usize = 200;
const BETWEEN: Duration = Duration::from_millis(25);

#[test]
fn a_full_disk_refuses_and_heals_by_itself() {
    let rounds = count("MUXHOOK_FAULT_FULL", 3);
    run(rounds, Duration::from_secs(30), async {
        for round in 0..rounds {
            // Where exactly it is full differs each time.
            let Some(disk) = Mount::tmpfs((6 << 20) + fastrand::usize(0..1024) * 4096) else { return };
            fill_and_heal(&disk, round % 2 == 0).await;
        }
    });
}

/// `by_itself`: the journal takes all the room, and somebody else's file goes away; else that file grew.
async fn fill_and_heal(disk: &Mount, by_itself: bool) {
    let filler = disk.path().join("filler");
    let (ledger, app) = (Ledger::new(), App::start().await);
    let (live_ledger, live_app) = (Ledger::new(), App::start().await);
    let relay = Relay::start(&disk.path().join("data")).await;
    relay.claim(LIVE).await;
    let listener = Listener::on(LIVE, &relay, &live_app, &[]).await;
    if by_itself {
        fs::write(&filler, vec![0; 3 << 20]).unwrap();
    }
    let rounds = if by_itself { 1 } else { 2 };
    for _ in 0..rounds {
        let load = Load::start(relay.addr, ENDPOINT, &ledger, 16);
        ledger.more_answers(fastrand::usize(1..100)).await;
        if !by_itself {
            fill(&filler);
        }
        let before = refusals(&ledger);
        while refusals(&ledger) < before + 200 {
            ledger.more_answers(20).await;
            forwards(&relay, &live_ledger).await;
        }
        load.finish().await;
        forwards(&relay, &live_ledger).await;
        let _ = fs::remove_file(&filler);
        heals(&relay, &ledger).await;
    }
    drop(listener);
    live_ledger.check(&live_app);
    hand_over(&relay, &app, &ledger).await;
    say(&format!("full disk: {}", ledger.figures(&app)));
    ledger.check(&app);
    let refused = ledger.refused();
    assert!(
        refused.keys().all(|status| [503, 507].contains(status)) && refused.contains_key(&507),
        "{refused:?}"
    );
    let log = relay.kill().await;
    assert!(!log.contains("panicked"), "{log}");
}

/// What is owed goes out from a full disk too, and not again and again because nobody can write that it did.
#[test]
fn a_full_disk_hands_over_what_it_holds() {
    run(1, Duration::from_secs(30), async {
        let Some(disk) = Mount::tmpfs(6 << 20) else { return };
        let filler = disk.path().join("filler");
        let (ledger, app) = (Ledger::new(), App::start().await);
        let relay = Relay::start(&disk.path().join("data")).await;
        let load = Load::start(relay.addr, ENDPOINT, &ledger, 16);
        ledger.more_answers(HELD).await;
        load.finish().await;
        fill(&filler);
        let owed = ledger.acknowledged().len();
        let listener = Listener::start(&relay, &app, &[]).await;
        app.until_distinct(owed).await;
        fs::remove_file(&filler).unwrap();
        listener.kill().await;
        heals(&relay, &ledger).await;
        hand_over(&relay, &app, &ledger).await;
        say(&format!("full disk, catch-up: {}", ledger.figures(&app)));
        ledger.check(&app);
        // The last that the first listener had in hand, and no more.
        assert!(app.arrived() <= app.distinct() + 1, "handed over again: {}", ledger.figures(&app));
    });
}

/// What it takes by itself never fills a small disk so far that it can't be written what an app has accepted: that
/// gives way to what comes next.
#[test]
fn a_small_disk_is_of_use_again_once_the_app_has_accepted_what_was_on_it() {
    run(1, Duration::from_secs(60), async {
        let Some(disk) = Mount::tmpfs(4 << 20) else { return };
        let (ledger, app) = (Ledger::new(), App::start().await);
        let relay = Relay::start(&disk.path().join("data")).await;
        let (mut before, mut owed) = (0, Vec::new());
        for _ in 0..3 {
            let refused = refusals(&ledger);
            let load = Load::start(relay.addr, ENDPOINT, &ledger, 16);
            while refusals(&ledger) < refused + 200 {
                ledger.more_answers(20).await;
            }
            load.finish().await;
            let all = ledger.acknowledged().len();
            owed.push(all - before);
            before = all;
            let listener = Listener::start(&relay, &app, &[]).await;
            app.until_distinct(all).await;
            listener.kill().await;
            heals(&relay, &ledger).await;
        }
        let _listener = Listener::start(&relay, &app, &[]).await;
        app.until_distinct(ledger.acknowledged().len()).await;
        say(&format!("small disk, held in turn: {owed:?}: {}", ledger.figures(&app)));
        ledger.check(&app);
        assert!(app.arrived() <= app.distinct() + 6, "handed over again: {}", ledger.figures(&app));
        // Each that is turned away makes room for itself alone, and each round ends after 200 of them.
        assert!(owed.iter().all(|held| *held >= 40), "{owed:?}");
    });
}

/// History that waits for a quieter time gives way to what is to be held, while much is live too.
#[test]
fn a_small_disk_that_live_traffic_has_filled_still_holds() {
    run(1, Duration::from_secs(60), async {
        let Some(disk) = Mount::tmpfs(4 << 20) else { return };
        let (live_ledger, live_app) = (Ledger::new(), App::start().await);
        let (ledger, app) = (Ledger::new(), App::start().await);
        let relay = Relay::start(&disk.path().join("data")).await;
        relay.claim(LIVE).await;
        let listener = Listener::on(LIVE, &relay, &live_app, &[]).await;
        let load = Load::start(relay.addr, LIVE, &live_ledger, 16);
        live_ledger.more_answers(LIVE_FIRST).await;
        let mut wire = Wire::connect(relay.addr).await.expect("the relay listens");
        let mut held = 0;
        for _ in 0..100 {
            let (_, verdict) = post(&mut wire, ENDPOINT, &ledger).await.expect("an answer");
            held += usize::from(verdict == Verdict::Held);
        }
        load.finish().await;
        say(&format!("small disk, much is live: {held} of 100 held"));
        assert!(held >= 50, "{held} of 100 held\n{}", relay.log());
        drop(listener);
        live_ledger.check(&live_app);
        hand_over(&relay, &app, &ledger).await;
        ledger.check(&app);
    });
}

fn refusals(ledger: &Ledger) -> usize {
    ledger.refused().values().sum()
}

async fn heals(relay: &Relay, ledger: &Ledger) {
    let mut wire = Wire::connect(relay.addr).await.expect("the relay listens");
    for _ in 0..ASKED {
        let (_, verdict) = post(&mut wire, ENDPOINT, ledger).await.expect("an answer");
        if verdict == Verdict::Held {
            return;
        }
        sleep(BETWEEN).await;
    }
    panic!("there is room, and nothing is held\n{}", relay.log());
}

async fn forwards(relay: &Relay, ledger: &Ledger) {
    let mut wire = Wire::connect(relay.addr).await.expect("the relay listens");
    for _ in 0..5 {
        let (_, verdict) = post(&mut wire, LIVE, ledger).await.expect("an answer");
        assert_eq!(verdict, Verdict::App, "{}", relay.log());
    }
}
