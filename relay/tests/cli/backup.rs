//! `backup`, and a relay that starts on what it made.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::harness::{Serving, account, held, relay, run, stderr, stdout, until, with_endpoint};

/// Unpacks with the system's own tar.
fn restore(archive: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let done = Command::new("tar").arg("xf").arg(archive).arg("-C").arg(dir.path()).status().unwrap();
    assert!(done.success());
    dir
}

fn owed(dir: &Path) -> u64 {
    let report = stdout(run(&["check", "--json"], dir).code(0));
    let journal = report.lines().find(|line| line.contains(r#""check":"journal.db""#)).unwrap();
    serde_json::from_str::<serde_json::Value>(journal).unwrap()["owed"].as_u64().unwrap()
}

#[test]
fn a_relay_starts_on_a_backup_that_was_made_while_another_wrote() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = to.path().join("relay.tar");
    let secret = with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    let url = serving.public_url();
    let (is_over, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let (before, after) = thread::scope(|scope| {
        let write = || {
            while !is_over.load(Ordering::SeqCst) {
                held(&url, &"x".repeat(20_000));
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
        };
        let writers = [(); 3].map(|()| scope.spawn(write));
        let so_many = |least| {
            while acknowledged.load(Ordering::SeqCst) < least {
                if writers.iter().any(thread::ScopedJoinHandle::is_finished) {
                    is_over.store(true, Ordering::SeqCst);
                    panic!("a webhook was not held");
                }
                thread::yield_now();
            }
        };
        so_many(20);
        let before = acknowledged.load(Ordering::SeqCst);
        let made = run(&["backup", archive.to_str().unwrap()], dir.path());
        let after = acknowledged.load(Ordering::SeqCst);
        // Still writing: the copy held nobody up for good.
        so_many(after + 3);
        is_over.store(true, Ordering::SeqCst);
        let said = stderr(&made.success());
        assert!(said.starts_with(&format!("{} holds the relay's data (", archive.display())), "{said}");
        (before, after)
    });
    drop(serving);
    assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = to.path().read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["relay.tar"], "nothing of the work is left");

    let restored = restore(&archive);
    let found = owed(restored.path());
    // Each writer may have had one more held than it had counted.
    assert!((before..=after + 3).contains(&found), "{before} {found} {after}");
    let mut serving = Serving::start(restored.path(), &[], &[]);
    let keeping = until(&mut serving, "keeping webhooks");
    assert!(keeping.contains(&format!("owed={found} ")), "{keeping}");
    let url = serving.public_url();
    assert_eq!(account(&url, &secret), "default");
    held(&url, "{}");
}

#[test]
fn a_backup_of_a_stopped_relay_replaces_nothing_unless_told_to() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    with_endpoint(dir.path());
    let mut serving = Serving::start(dir.path(), &[], &[]);
    held(&serving.public_url(), "{}");
    drop(serving);

    let archive = to.path().join("relay.tar");
    fs::write(&archive, "precious").unwrap();
    let path = archive.to_str().unwrap();
    let refused = run(&["backup", path], dir.path()).code(1);
    assert_eq!(stderr(&refused), format!("error: {path} is there already: give --force to replace it\n"));
    assert_eq!(fs::read(&archive).unwrap(), b"precious");
    run(&["backup", "--force", path], dir.path()).success();
    assert_eq!(owed(restore(&archive).path()), 1, "a killed relay's write-ahead log is in it");

    // The same through stdout.
    let mut piped = relay();
    let piped =
        piped.args(["backup", "-", "--data-dir"]).arg(dir.path()).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(piped.status.code(), Some(0));
    fs::write(&archive, piped.stdout).unwrap();
    assert_eq!(owed(restore(&archive).path()), 1);
    let left = dir.path().read_dir().unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.filter(|name| name.contains("backup")).count(), 0);
}

#[test]
fn what_can_not_be_copied_leaves_no_file() {
    let (dir, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = to.path().join("relay.tar");
    let path = archive.to_str().unwrap();
    let missing = run(&["backup", path], &dir.path().join("none")).code(1);
    assert!(stderr(&missing).starts_with("error: there is no relay's data in "), "{}", stderr(&missing));
    with_endpoint(dir.path());
    fs::write(dir.path().join("journal.db"), "x".repeat(5000)).unwrap();
    let damaged = run(&["backup", path], dir.path()).code(1);
    assert!(stderr(&damaged).contains("or its beginning is damaged: "), "{}", stderr(&damaged));
    let nowhere = run(&["backup", "/nowhere/relay.tar"], dir.path()).code(1);
    assert!(stderr(&nowhere).starts_with("error: /nowhere can't be written: "), "{}", stderr(&nowhere));
    assert_eq!(to.path().read_dir().unwrap().count(), 0);
}
