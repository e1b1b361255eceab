//! Power cuts: what the disk had taken at a moment is all that is left.
//!
//! The relay's disk is an ext4 in a file. In mid-load the relay is held still, so that the file stands for one
//! moment, and the file is copied: the copy lacks what the system had in memory alone.

use std::fs;
use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{App, ENDPOINT, Image, Ledger, Load, Relay, Setting, count, hand_over, run, say, shim};

const CONNECTIONS: usize = 64;

/// Bytes of the disk.
const DISK: u64 = 96 << 20;

/// Webhooks that a disk takes before it begins to lie.
const HONEST: usize = 100;

/// How often the control may fail to lose anything.
const TRIES: usize = 5;

#[test]
fn a_power_cut_takes_nothing_that_was_acknowledged() {
    let cuts = count("MUXHOOK_FAULT_CUTS", 10);
    if !is_allowed() {
        return;
    }
    run(cuts, Duration::from_secs(20), async {
        let mut acknowledged = 0;
        for cut in 0..cuts {
            let disk = if cut % 2 == 0 { Disk::Honest } else { Disk::Torn };
            let found = cut_power(disk).await;
            assert_eq!(found.lost, 0, "of {} acknowledged, in cut {cut}, {disk:?}", found.acknowledged);
            acknowledged += found.acknowledged;
        }
        say(&format!("power cut, {cuts} times: {acknowledged} acknowledged, 0 lost"));
    });
}

#[test]
fn a_disk_that_lies_loses_and_this_test_sees_it() {
    if !is_allowed() {
        return;
    }
    run(TRIES, Duration::from_secs(20), async {
        for attempt in 1..=TRIES {
            let found = cut_power(Disk::Lying).await;
            say(&format!(
                "power cut, control {attempt}: {} acknowledged, {} lost",
                found.acknowledged, found.lost
            ));
            if found.lost > 0 {
                // What was acknowledged before the lies began.
                assert!(found.lost <= found.acknowledged - HONEST, "{} lost", found.lost);
                return;
            }
        }
        panic!("no cut took anything from a disk that syncs nothing: the cuts cut nothing");
    });
}

/// Whether this user may mount files as disks; if not, says so.
fn is_allowed() -> bool {
    let mounted = Image::ext4(8 << 20).and_then(|image| image.mount());
    mounted
        .map_err(|why| say(&format!("skipped: no disk image can be mounted here, so no power is cut: {why}")))
        .is_ok()
}

/// What kind of disk it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    Honest,
    /// Before some syncs it has taken a part of what is to be synced, and not the rest.
    Torn,
    /// From some moment on it takes nothing, and says that it has.
    Lying,
}

struct Cut {
    acknowledged: usize,
    lost: usize,
}

async fn cut_power(kind: Disk) -> Cut {
    let (ledger, app) = (Ledger::new(), App::start().await);
    let image = Image::ext4(DISK).unwrap();
    let disk = image.mount().unwrap();
    let lie = disk.path().join("lie");
    let setting = match kind {
        Disk::Honest => Setting::default(),
        Disk::Torn => shim().with("MUXHOOK_FAULT_TEAR", "1"),
        Disk::Lying => shim().with("MUXHOOK_FAULT_LIE", &lie),
    };
    let relay = Relay::with(&disk.path().join("data"), &setting).await;
    let load = Load::start(relay.addr, ENDPOINT, &ledger, CONNECTIONS);
    if kind == Disk::Lying {
        ledger.more_answers(HONEST).await;
        fs::write(lie, "").unwrap();
    }
    ledger.more_answers(fastrand::usize(50..1000)).await;
    sleep(Duration::from_micros(fastrand::u64(0..10_000))).await;
    relay.freeze().await;
    let copy = image.copy();
    // The senders read what the relay had answered before it froze: all of that counts.
    relay.kill().await;
    load.broken().await;
    drop(disk);

    let acknowledged = ledger.acknowledged().len();
    let disk = copy.mount().unwrap();
    let lost = match Relay::try_start(&disk.path().join("data"), &Setting::default()).await {
        Ok(relay) => {
            relay.claim(ENDPOINT).await;
            hand_over(&relay, &app, &ledger).await;
            relay.kill().await;
            assert_eq!(app.strange(), 0, "bodies arrived that nobody had sent");
            ledger.lost(&app).len()
        }
        Err(refusal) => {
            say(&format!("after the cut the relay refused: {refusal:?}"));
            acknowledged
        }
    };
    Cut { acknowledged, lost }
}
