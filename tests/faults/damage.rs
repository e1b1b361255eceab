//! A journal whose file is damaged while no relay runs.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use crate::harness::{
    App, ENDPOINT, Ledger, Listener, Load, Relay, Setting, Verdict, count, post_one, run, say,
};

const DATABASE: &str = "journal.db";
const LOG: &str = "journal.db-wal";

/// Enough that the write-ahead log begins anew at least once.
const WEBHOOKS: usize = 600;

/// How long a relay whose journal has closed is watched for what it may hand over nevertheless.
const WATCHED: Duration = Duration::from_millis(300);

/// What it says when the journal closes.
const CLOSES: &str = "the journal failed";

/// One of these is in each sentence that says what to do.
const CURES: [&str; 3] = ["backup", "move ", "relay check"];

/// What is done to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// A bit at this offset is turned round.
    Flip(u64),
    /// It ends here.
    Cut(u64),
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Refused,
    /// It served, and held what came.
    Served,
    /// It served until it came upon the damage.
    Closed,
}

#[test]
fn a_damaged_journal_hands_over_nothing_wrong() {
    // Each 4 KiB and as many flips, or a sample of both.
    let sample = count("MUXHOOK_FAULT_DAMAGES", 24);
    run(sample.min(10_000), Duration::from_secs(20), async {
        let (checkpointed, killed) = journals().await;
        let mut tally = Vec::new();
        for (data, file) in [(&checkpointed, DATABASE), (&killed, LOG), (&killed, DATABASE)] {
            let damages = damages(&data.path().join(file), sample.div_ceil(3));
            for damage in damages {
                let found = harm(data.path(), file, damage).await;
                tally.push(found);
            }
        }
        let of = |found| tally.iter().filter(|other| **other == found).count();
        let (served, refused) = (of(Found::Served), of(Found::Refused));
        say(&format!(
            "damaged journal, {} times: {served} served, {refused} refused, 0 wrong bodies",
            tally.len()
        ));
    });
}

/// A journal that was closed in order, and one that was not.
async fn journals() -> (TempDir, TempDir) {
    let folder = || tempfile::tempdir().unwrap();
    let (checkpointed, killed) = (folder(), folder());
    let ledger = Ledger::new();
    let relay = Relay::start(checkpointed.path()).await;
    let load = Load::start(relay.addr, ENDPOINT, &ledger, 8);
    ledger.more_answers(WEBHOOKS).await;
    load.finish().await;
    relay.freeze().await;
    copy(checkpointed.path(), killed.path());
    relay.thaw();
    relay.stop().await;
    assert!(fs::metadata(killed.path().join(LOG)).unwrap().len() > 0);
    (checkpointed, killed)
}

fn damages(file: &Path, sample: usize) -> Vec<Damage> {
    let size = fs::metadata(file).unwrap().len();
    let mut cuts: Vec<Damage> = (0..size.div_ceil(4096)).map(|page| Damage::Cut(page * 4096)).collect();
    fastrand::shuffle(&mut cuts);
    cuts.truncate(sample.div_ceil(2));
    let flips = (0..cuts.len()).map(|turn| {
        // The head of the file more often than its size gives.
        let end = if turn % 4 == 0 { size.min(8192) } else { size };
        Damage::Flip(fastrand::u64(0..end))
    });
    let flips: Vec<Damage> = flips.collect();
    [cuts, flips].concat()
}

async fn harm(data: &Path, file: &str, damage: Damage) -> Found {
    let harmed = tempfile::tempdir().unwrap();
    copy(data, harmed.path());
    apply(&harmed.path().join(file), damage);
    let what = format!("{damage:?} of {file}");
    let (ledger, app) = (Ledger::after(1_000_000), App::start().await);
    let mut found = serve(harmed.path(), &ledger, &app, &what).await;
    if found == Found::Closed {
        // It may have acknowledged what it can't hand over: it must not go on like that.
        found = serve(harmed.path(), &ledger, &app, &what).await;
        assert_ne!(found, Found::Closed, "{what}: a start on the damaged journal goes as the one before");
    }
    found
}

/// A relay on the folder, until it has handed over what it can.
async fn serve(data: &Path, ledger: &Ledger, app: &App, what: &str) -> Found {
    let relay = match Relay::try_start(data, &Setting::default()).await {
        Ok(relay) => relay,
        Err(refusal) => {
            assert_eq!(refusal.code, Some(1), "{what}: {refusal:?}");
            assert!(refusal.log.contains(DATABASE), "{what}: {refusal:?}");
            check_words(what, &refusal.log);
            return Found::Refused;
        }
    };
    let (last, verdict) = post_one(relay.addr, ENDPOINT, ledger).await;
    let listener = Listener::start(&relay, app, &[]).await;
    let found = tokio::select! {
        () = app.until(last), if verdict == Verdict::Held => Found::Served,
        () = relay.says(CLOSES) => Found::Closed,
    };
    if found == Found::Closed {
        let _ = timeout(WATCHED, app.until(u64::MAX)).await;
    }
    drop(listener);
    assert_eq!(app.strange(), 0, "{what}: a body arrived that nobody had sent");
    let log = relay.kill().await;
    match found {
        Found::Closed => check_words(what, &log),
        Found::Served | Found::Refused => assert!(!log.contains("panicked"), "{what}: {log}"),
    }
    found
}

fn check_words(what: &str, log: &str) {
    assert!(!log.contains("panicked"), "{what}: {log}");
    assert!(CURES.iter().any(|cure| log.contains(cure)), "{what}: it does not say what to do: {log}");
}

fn apply(path: &Path, damage: Damage) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    match damage {
        Damage::Cut(size) => file.set_len(size).unwrap(),
        Damage::Flip(offset) => {
            let mut byte = [0];
            file.read_exact_at(&mut byte, offset).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << fastrand::u8(0..8))], offset).unwrap();
        }
    }
}

/// Copies the files of a folder; not SQLite's shared memory, which it makes anew.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() && !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
