//! `check`: what is said of data that is whole, and of data that is not.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{Serving, held, run, stderr, stdout, with_endpoint};

const BODY: &str = r#"{"type":"video.asset.ready","id":"a-body-that-stands-alone"}"#;

/// A data folder of a relay that has ended, and owes three webhooks.
fn owing() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let url = serving.public_url();
    for body in ["{}", BODY, "{}"] {
        held(&url, body);
    }
    serving.signal("TERM");
    assert_eq!(serving.end().0, Some(0));
    dir
}

/// What `check --json` says of the thing.
fn finding(report: &str, check: &str) -> serde_json::Value {
    let mut lines = report.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.find(|line| line["check"] == check).unwrap()
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for name in ["relay.db", "journal.db"] {
        fs::copy(from.join(name), to.path().join(name)).unwrap();
    }
    to
}

#[test]
fn whole_data_is_counted_beside_a_running_relay_and_left_alone() {
    let dir = owing();
    let before = fs::read(dir.path().join("journal.db")).unwrap();
    let text = stdout(run(&["check"], dir.path()).code(0));
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("config      ok     listens on 127.0.0.1:8080, holds and keeps a history"),
        "{text}"
    );
    assert_eq!(lines[1], "relay.db    ok     1 account, 1 token, 1 endpoint");
    assert!(
        lines[2].starts_with("journal.db  ok     3 owed (the oldest came 0 min ago), 0 in the history, "),
        "{text}"
    );
    assert!(lines[2].ends_with(" of webhooks, all as they came"), "{text}");
    assert!(lines[3].starts_with("disk        ok     "), "{text}");
    assert_eq!(fs::read(dir.path().join("journal.db")).unwrap(), before);

    let mut serving = Serving::start(dir.path(), &[], &[]);
    let url = serving.public_url();
    held(&url, "{}");
    let report = stdout(run(&["check", "--json"], dir.path()).code(0));
    let journal = finding(&report, "journal.db");
    assert_eq!((&journal["ok"], &journal["owed"], &journal["damaged"]), (&true.into(), &4.into(), &0.into()));
    assert!(journal["oldest_owed_at"].is_u64() && journal["bytes"].as_u64() > Some(60), "{journal}");
    let relay = finding(&report, "relay.db");
    assert_eq!(
        (&relay["accounts"], &relay["tokens"], &relay["endpoints"]),
        (&1.into(), &1.into(), &1.into())
    );
    held(&url, "{}");
}

#[test]
fn a_flipped_bit_in_a_body_is_found_and_the_cure_is_told() {
    let dir = owing();
    let file = dir.path().join("journal.db");
    let mut bytes = fs::read(&file).unwrap();
    let at = bytes.windows(BODY.len()).position(|window| window == BODY.as_bytes()).unwrap();
    bytes[at + 40] ^= 1;
    fs::write(&file, bytes).unwrap();
    let refused = run(&["check"], dir.path()).code(1);
    assert_eq!(stderr(&refused), "error: 1 thing is wrong\n");
    let text = stdout(refused);
    let expected = "journal.db  wrong  1 of 3 webhooks is not what came, 1 of them owed: a damaged webhook is never delivered\n                   \
        what to do: stop the relay, move journal.db, journal.db-wal and journal.db-shm away, and restore a backup";
    assert!(text.contains(expected), "{text}");
    let report = stdout(run(&["check", "--json"], dir.path()).code(1));
    assert_eq!(finding(&report, "journal.db")["damaged"], 1);
}

#[test]
fn no_damage_anywhere_makes_it_fall() {
    let dir = owing();
    let whole = fs::read(dir.path().join("journal.db")).unwrap();
    let mut told = 0;
    // The head of the file, then a place in each quarter of each page; cut at every page too.
    let places = (0..100).step_by(7).chain((100..whole.len()).step_by(1021));
    let flipped = places.map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        (format!("byte {at} flipped"), bytes)
    });
    let cut = (0..whole.len()).step_by(4096).map(|at| (format!("cut at {at}"), whole[..at].to_vec()));
    for (what, bytes) in flipped.chain(cut) {
        let copy = copy(dir.path());
        fs::write(copy.path().join("journal.db"), &bytes).unwrap();
        let checked = run(&["check", "--json"], copy.path());
        let code = checked.get_output().status.code();
        assert!(matches!(code, Some(0 | 1)), "{what}: {code:?} {}", stderr(&checked));
        let found = finding(&stdout(checked), "journal.db");
        assert_eq!(found["ok"], code == Some(0), "{what}: {found}");
        told += usize::from(code == Some(1));
        assert_eq!(fs::read(copy.path().join("journal.db")).unwrap(), bytes, "{what}: it was written");
    }
    assert!(told > 10, "damage was found {told} times only");
}

#[test]
fn data_of_an_older_relay_is_not_brought_up_to_date_here() {
    let dir = owing();
    let journal = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
    let version: i64 = journal.query_row("PRAGMA user_version", (), |row| row.get(0)).unwrap();
    journal.pragma_update(None, "user_version", version + 1).unwrap();
    let text = stdout(run(&["check"], dir.path()).code(1));
    assert!(text.contains("was written by a newer muxhook-relay"), "{text}");
    fs::write(dir.path().join("journal.db"), "").unwrap();
    let text = stdout(run(&["check"], dir.path()).code(0));
    assert!(text.contains("journal.db  ok     it has no tables yet: the next start makes them"), "{text}");
    assert_eq!(fs::metadata(dir.path().join("journal.db")).unwrap().len(), 0);
}

#[test]
fn a_config_that_is_wrong_is_told_and_the_data_looked_at_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    run(&["token", "create"], dir.path()).success();
    let refused = run(&["check", "--retention=9000h"], dir.path()).code(1);
    let text = stdout(refused);
    assert!(
        text.starts_with("config      wrong  --retention must be between 0s and 2160h (90 days)\n"),
        "{text}"
    );
    assert!(text.contains("\nrelay.db    ok     1 account, 1 token, 0 endpoints\n"), "{text}");
    assert!(text.contains("\njournal.db  ok     there is none: nothing was kept yet\n"), "{text}");

    let text =
        stdout(run(&["check", "--tls-cert=/nowhere.pem", "--tls-key=/nowhere.pem"], dir.path()).code(1));
    assert!(text.starts_with("config      wrong  ") && text.contains("/nowhere.pem can't be read"), "{text}");
    let nowhere = dir.path().join("nowhere");
    let text = stdout(run(&["check"], &nowhere).code(1));
    assert!(
        text.contains(&format!("\ndata        wrong  there is no folder {}\n", nowhere.display())),
        "{text}"
    );
    assert!(!text.contains(".db "), "{text}");
    assert!(!nowhere.exists());
}
